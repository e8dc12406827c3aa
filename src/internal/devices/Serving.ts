/**
 * Listens on a device's socket, connects kernels to the device, and notices when a kernel is dead.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import { Admission } from "../platform/Admission.ts"
import { type Descriptor, duplicateNow } from "../platform/native/Descriptor.ts"
import * as Libc from "../platform/native/Libc.ts"
import * as Peer from "../platform/native/Peer.ts"
import * as Pidfd from "../platform/native/Pidfd.ts"
import { SyscallError } from "../platform/native/SyscallError.ts"
import { descriptorOf } from "../platform/native/UnixSocket.ts"
import { listen, type ListenError } from "../platform/SocketFile.ts"
import type { OptionError } from "../../core/Fault.ts"
import type { GuestClock } from "../../GuestClock.ts"
import { takingNoTime } from "../../VirtualTime.ts"
import type { Hosted } from "./Hosted.ts"
import { Poller } from "./Poller.ts"

/**
 * What makes a device, and how that can fail: the same for all kinds of devices.
 *
 * @since 0.2.0
 * @category models
 */
export type Making<Device> = Effect.Effect<
  Device,
  OptionError | ListenError | Libc.NativeUnavailable,
  GuestClock | Scope.Scope
>

/** How many may be connected beyond those that are served, to be told so. */
const MORE = 15

/**
 * The socket of a connection of the runtime's, for calls; the runtime closes its own. Nothing may have been read.
 */
const takeOver = (libc: Libc.Libc, connection: Net.Socket): Descriptor | undefined => {
  const fd = descriptorOf(connection)
  const copy = fd === undefined ? undefined : duplicateNow(libc, fd)
  connection.destroy()
  return copy instanceof SyscallError ? undefined : copy
}

/** `PID 123 (./linux mem=64M …)`, for people. */
const nameOf = (fd: number): Effect.Effect<string, never, Libc.Libc> =>
  Effect.match(Peer.identify(fd), {
    onSuccess: ({ pid, command }) => command === undefined ? `PID ${pid}` : `PID ${pid} (${command})`,
    onFailure: () => "somebody",
  })

/** Finds a free device for a kernel that has connected, and reports a kernel that there is none for. */
export interface Admitting {
  readonly admit: Effect.Effect<Hosted | undefined>
  readonly refused: (kernel: string) => void
}

/** One device for one path, which serves one kernel at a time. */
export const only = (hosted: Hosted): Admitting => ({
  admit: Effect.sync(() => hosted.isTaken ? undefined : hosted),
  refused: (kernel) => hosted.refused(kernel),
})

/** Listens for kernels, until the scope closes; at most so many, and some that are told so. */
export const serve = (
  path: string,
  { admit, refused }: Admitting,
  most = 1,
): Effect.Effect<void, ListenError | Libc.NativeUnavailable, Scope.Scope> =>
  takingNoTime(Effect.gen(function* () {
    const libc = yield* Libc.open
    const watcher = yield* Effect.provideService(Pidfd.watcher, Libc.Libc, libc)
    const poller = new Poller()
    const attend = (connection: Net.Socket) =>
      Effect.gen(function* () {
        const socket = takeOver(libc, connection)
        if (socket === undefined) return
        const kernel = yield* nameOf(socket.fd)
        const hosted = yield* admit
        if (hosted === undefined) {
          socket.close()
          return refused(kernel)
        }
        const running = yield* Effect.option(Pidfd.ofPeer(socket.fd))
        const session = hosted.connected(libc, socket, poller, kernel)
        const stop = running._tag === "None" ? () => {} : watcher.watch(running.value, () => session.end(undefined))
        yield* Effect.ensuring(
          hosted.hasLeft,
          Effect.sync(() => {
            stop()
            session.end(undefined)
          }),
        )
      }).pipe(Effect.scoped, Effect.provideService(Libc.Libc, libc))
    const run = yield* listen(path, new Admission(most + MORE))
    yield* Effect.forkScoped(run(attend), { startImmediately: true })
  }))
