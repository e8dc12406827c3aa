/**
 * Processes as descriptors (pidfd_open(2)): they tell when a process is dead, even if its children hold on to its
 * sockets. Unlike a number, a descriptor never comes to mean another process.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { acquire, type Descriptor } from "./Descriptor.ts"
import { attempt, Libc, orFail, SCRATCH_BYTES } from "./Libc.ts"
import { SyscallError } from "./SyscallError.ts"

/** The number of pidfd_open(2), the same on all processors. glibc has a function for it from 2.36 on only. */
const SYS_PIDFD_OPEN = 434n

// poll(2): struct pollfd is a descriptor, the events that are asked for, and those that are there.
const POLLFD_BYTES = 8
const POLLIN = 1
const MOST = SCRATCH_BYTES / POLLFD_BYTES

/** A process, until the scope closes. `ESRCH`: there is none with this number. */
export const open = (pid: number): Effect.Effect<Descriptor, SyscallError, Libc | Scope.Scope> =>
  acquire("pidfd_open", `process ${pid}`, (functions) => functions.syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n))

/**
 * Which of these can be read now, by their places; one call for up to 8192 of them, and never one that waits. A process can
 * be "read" when it is dead, a listener when somebody waits to be accepted, a socket when something has arrived or it has ended.
 */
export const readableNow = (
  libc: Libc,
  descriptors: ReadonlyArray<Descriptor>,
): ReadonlyArray<number> | SyscallError => {
  const { scratch: { view, at } } = libc
  const readable: Array<number> = []
  for (let from = 0; from < descriptors.length; from += MOST) {
    const some = descriptors.slice(from, from + MOST)
    some.forEach(({ fd }, index) => {
      view.setInt32(index * POLLFD_BYTES, fd, true)
      // With what is asked for, what there is is set to none.
      view.setInt32(index * POLLFD_BYTES + 4, POLLIN, true)
    })
    const count = attempt(
      libc,
      "poll",
      `${some.length} descriptors`,
      ({ poll }) => poll(at(0), BigInt(some.length), 0),
    )
    if (count instanceof SyscallError) return count
    if (count === 0) continue
    some.forEach((_, index) => {
      if (view.getUint16(index * POLLFD_BYTES + 6, true) !== 0) readable.push(from + index)
    })
  }
  return readable
}

/** The same as an effect. */
export const readable = (
  descriptors: ReadonlyArray<Descriptor>,
): Effect.Effect<ReadonlyArray<number>, SyscallError, Libc> =>
  Effect.flatMap(Libc, (libc) => orFail(readableNow(libc, descriptors)))
