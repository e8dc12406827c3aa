/**
 * A process at the other end of a socket: `child.ts waits|shares SOCKET`.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import process from "node:process"
import * as Libc from "../../../src/internal/platform/native/Libc.ts"
import * as SharedFile from "../../../src/internal/platform/native/SharedFile.ts"
import * as UnixSocket from "../../../src/internal/platform/native/UnixSocket.ts"

const [what, path = ""] = process.argv.slice(2)
const encode = (text: string) => new TextEncoder().encode(text)
const received = (fd: number) =>
  Effect.retry(UnixSocket.receive(fd, 16), {
    while: ({ code }) => code === "EAGAIN" && Effect.as(Effect.sleep(1), true),
    times: 20_000,
  })

await Effect.runPromise(
  Effect.gen(function* () {
    const { fd } = yield* UnixSocket.connect(path)
    if (what === "waits") return void (yield* received(fd))
    yield* UnixSocket.send(fd, encode("START"))
    const { bytes, descriptors } = yield* received(fd)
    const { buffer } = yield* SharedFile.attach(descriptors[0]!, { least: 4096, most: 4096 })
    new BigUint64Array(buffer)[3] = BigInt(bytes.length)
    yield* UnixSocket.send(fd, encode(`${descriptors.length} descriptors`))
    yield* UnixSocket.send(fd, encode(new TextDecoder().decode((yield* received(fd)).bytes)))
    yield* received(fd)
  }).pipe(Effect.scoped, Effect.provide(Libc.layer)),
)
