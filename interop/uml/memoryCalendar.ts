/**
 * A calendar that offers its memory to kernels: `memoryCalendar.ts SOCKET CLIENTS SLOTS ALL`, where CLIENTS are there
 * at the beginning, of ALL that come. Its sockets are the runtime's own; native calls make the memory and send START's
 * ACK with it. Prints what happened when all clients have left, as JSON.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import process from "node:process"
import * as Message from "../../src/core/Message.ts"
import * as SharedMemory from "../../src/core/SharedMemory.ts"
import * as Libc from "../../src/internal/platform/native/Libc.ts"
import * as SharedFile from "../../src/internal/platform/native/SharedFile.ts"
import { SyscallError } from "../../src/internal/platform/native/SyscallError.ts"
import * as UnixSocket from "../../src/internal/platform/native/UnixSocket.ts"
import { MemoryBoard } from "../../test/support/memoryBoard.ts"

const [path = "", clients = "", slots = "", all = ""] = process.argv.slice(2)

await Effect.runPromise(
  Effect.gen(function* () {
    const libc = yield* Libc.Libc
    const file = yield* SharedFile.create("calendar", SharedMemory.sizeOf(Number(slots)))
    // All 0, so of version 0: for those that there is no slot for.
    const none = yield* SharedFile.create("calendar-none", SharedMemory.sizeOf(2))
    const over = yield* Deferred.make<void, SyscallError>()
    const sockets: Array<Net.Socket> = []
    /** The calendar's time when each was let in. */
    const offsets: Array<string> = []
    let grants = 0
    let messages = 0
    let left = 0
    let isOpen = true
    const board = new MemoryBoard(SharedMemory.create(file.buffer, Number(slots)), Number(clients), {
      send: (client, message, isLetIn) => {
        messages++
        const socket = sockets[client]!
        const bytes = Message.encode(message)
        if (!isLetIn) return void socket.write(bytes)
        offsets.push(String(board.calendar.time))
        const memory = message.time === 0n ? none : file
        const fd = UnixSocket.descriptorOf(socket)!
        const sent = UnixSocket.sendNow(libc, fd, bytes, [memory.descriptor.fd, 2])
        if (sent instanceof SyscallError) Deferred.doneUnsafe(over, Effect.fail(sent))
      },
      onGone: (client) => {
        sockets[client]!.destroySoon()
        // Later, as the board isn't done with this one, and the memory goes with this program.
        if (++left === Number(all)) {
          setTimeout(() => Deferred.doneUnsafe(over, Effect.void))
        }
      },
      onTransition: (_, { commands }) => {
        for (const command of commands) {
          if (command._tag === "Send" && command.message.op === Message.Op.Run) grants++
        }
      },
    })
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        Net.createServer((socket) => {
          const key = sockets.push(socket) - 1
          board.connect(key)
          let parser = Message.parser
          socket.on("data", (chunk) => {
            const parsed = Message.parse(parser, chunk as Uint8Array)
            parser = parsed.parser
            for (const message of parsed.messages) {
              messages++
              board.say(key, message)
            }
          })
          socket.on("error", () => {})
          socket.on("close", () => {
            if (isOpen) board.hangUp(key)
          })
        }).listen(path, () => console.error("listening"))
      ),
      (server) => Effect.sync(() => void server.close()),
    )
    yield* Deferred.await(over)
    isOpen = false
    const { sharedTurns, violations, breaches, calendar: { time } } = board
    const { user, system } = process.cpuUsage()
    console.log(
      JSON.stringify({
        grants,
        messages,
        sharedTurns,
        violations,
        breaches: breaches.map(SharedMemory.format),
        time: String(time),
        offsets,
        cpuMs: Math.round((user + system) / 1000),
      }),
    )
  }).pipe(Effect.scoped, Effect.provide(Libc.layer)),
)
