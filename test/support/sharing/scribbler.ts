/**
 * A client that shares memory and writes anything into it, from its first turn until it is killed, whether it was put
 * out or not: `scribbler.ts SOCKET ID`. It prints a line when it begins.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import process from "node:process"
import * as Message from "../../../src/core/Message.ts"
import * as SharedMemory from "../../../src/core/SharedMemory.ts"
import * as Libc from "../../../src/internal/platform/native/Libc.ts"
import * as SharedFile from "../../../src/internal/platform/native/SharedFile.ts"
import * as UnixSocket from "../../../src/internal/platform/native/UnixSocket.ts"
import { random } from "../random.ts"

const [path = "", id = ""] = process.argv.slice(2)

/** How much is written between two looks at the event loop. */
const AT_ONCE = 50

const received = (fd: number) =>
  Effect.retry(UnixSocket.receive(fd, Message.SIZE), {
    while: ({ code }) => code === "EAGAIN" && Effect.as(Effect.sleep(1), true),
  })

await Effect.runPromise(
  Effect.gen(function* () {
    const { fd } = yield* UnixSocket.connect(path)
    const say = (op: number, time: bigint, seq: number) => UnixSocket.send(fd, Message.encode({ op, seq, time }))
    yield* say(Message.Op.Start, BigInt(id), 1)
    const { bytes, descriptors } = yield* received(fd)
    const slot = Number(Message.decode(bytes).time & 0xffffn)
    const most = SharedMemory.sizeOf(SharedMemory.MAX_SLOTS)
    const file = yield* SharedFile.attach(descriptors[0]!, { least: SharedMemory.sizeOf(2), most })
    const attached = SharedMemory.attach(file.buffer)
    if (attached._tag === "Unusable" || !SharedMemory.join(attached.memory, slot)) throw new Error("nothing is shared")
    const { u32, u64, slots } = attached.memory
    yield* say(Message.Op.Wait, (1n << 64n) - 1n, 2)
    console.log("scribbling")
    const dice = random(Number(id))
    const write = () => {
      const now = u64[2]!
      const value = dice.pick([0n, 1n, now, now + 1n, now + dice.bigint(1n << 40n), dice.bigint(1n << 64n)])
      const at = dice.int(slots)
      dice.pick([
        () => u64[dice.int(4)] = value,
        () => u64[512 + 16 * at + dice.int(3)] = value,
        () => u32[1024 + 32 * at + dice.int(2)] = dice.int(4),
        () => u32[dice.int(u32.length)] = dice.int(2 ** 32),
      ])()
    }
    // It ends the turns that it is given, for as long as it is a client: what it wrote may have asked for one.
    const takeTurns = Effect.gen(function* () {
      const { messages } = Message.parse(Message.parser, (yield* UnixSocket.receive(fd, UnixSocket.MAX_BYTES)).bytes)
      for (const { op } of messages) if (op === Message.Op.Run) yield* say(Message.Op.Wait, (1n << 64n) - 1n, 3)
    }).pipe(Effect.scoped, Effect.ignore)
    while (true) {
      for (let count = 0; count < AT_ONCE; count++) write()
      yield* takeTurns
      yield* Effect.sleep(1)
    }
  }).pipe(Effect.scoped, Effect.provide(Libc.layer)),
)
