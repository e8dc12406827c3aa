/**
 * Processes as descriptors (pidfd_open(2)): they tell when a process is dead, even if its children hold on to its
 * sockets. Unlike a number, a descriptor never comes to mean another process.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { clearInterval, setInterval } from "node:timers"
import { invariant } from "../../../core/Fault.ts"
import { acquire, Descriptor } from "./Descriptor.ts"
import { attempt, Libc, orFail } from "./Libc.ts"
import { SyscallError } from "./SyscallError.ts"
import { peerNow, peerOf } from "./UnixSocket.ts"

/** The number of pidfd_open(2), the same on all processors. glibc has a function for it from 2.36 on only. */
const SYS_PIDFD_OPEN = 434n

// poll(2): struct pollfd is a descriptor, the events that are asked for, and those that are there.
const POLLFD_BYTES = 8
const POLLIN = 1
/** How many are looked at in one call: Linux takes no more than the process may have open. */
const MOST = 256

/** A process, until the scope closes. `ESRCH`: there is none with this number. */
export const open = (pid: number): Effect.Effect<Descriptor, SyscallError, Libc | Scope.Scope> =>
  acquire("pidfd_open", `process ${pid}`, (functions) => functions.syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n))

// socket(7), unix(7): the same on x86-64 and arm64.
const SOL_SOCKET = 1
/** From Linux 6.5 on. */
const SO_PEERPIDFD = 77
// Where the result of getsockopt(2) and its length are, in the scratch memory.
const RESULT = 0
const LENGTH = 8

/**
 * The process that has connected to a unix socket, until the scope closes. Where Linux is older than 6.5 it is looked
 * for by its number, which may be another's by then if it was dead already.
 */
export const ofPeer = (fd: number): Effect.Effect<Descriptor, SyscallError, Libc | Scope.Scope> =>
  Effect.catch(
    acquire("getsockopt", `descriptor ${fd}, SO_PEERPIDFD`, (functions, { scratch: { view, at } }) => {
      view.setUint32(LENGTH, 4, true)
      const result = functions.getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, at(RESULT), at(LENGTH))
      return result < 0 ? result : view.getInt32(RESULT, true)
    }),
    (error) => error.code === "ENOPROTOOPT" ? Effect.flatMap(peerOf(fd), ({ pid }) => open(pid)) : Effect.fail(error),
  )

/**
 * Which of these can be read now, by their places; one call for up to 256 of them, and never one that waits. A process
 * can be "read" when it is dead, a listener when somebody waits to be accepted, a socket when something has arrived or
 * it has ended.
 */
export const readableNow = (
  libc: Libc,
  descriptors: ReadonlyArray<{ readonly fd: number }>,
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

/** What the system says of a process that is dead and that nobody waits for any more; before Linux 6.10 or so, the second. */
const GONE = ["ESRCH", "EINVAL"]

/**
 * Whether the process is dead that has connected to a unix socket, at once. A child of it may hold the connection. `false`
 * where that can't be told.
 */
export const isPeerDeadNow = (libc: Libc, fd: number): boolean => {
  const { scratch: { view, at } } = libc
  view.setUint32(LENGTH, 4, true)
  const asked = attempt(
    libc,
    "getsockopt",
    `descriptor ${fd}, SO_PEERPIDFD`,
    (functions) => functions.getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, at(RESULT), at(LENGTH)),
  )
  let process: number | SyscallError
  if (!(asked instanceof SyscallError)) process = view.getInt32(RESULT, true)
  else if (asked.code !== "ENOPROTOOPT") return GONE.includes(asked.code)
  else {
    // Linux before 6.5: the number may be another's by now, and then it is taken to be alive.
    const peer = peerNow(libc, fd)
    if (peer instanceof SyscallError || peer.pid === 0) return false
    process = attempt(
      libc,
      "pidfd_open",
      `process ${peer.pid}`,
      (functions) => functions.syscall(SYS_PIDFD_OPEN, BigInt(peer.pid), 0n),
    )
    if (process instanceof SyscallError) return process.code === "ESRCH"
  }
  const descriptor = new Descriptor(libc, process)
  const readable = readableNow(libc, [descriptor])
  descriptor.close()
  return !(readable instanceof SyscallError) && readable.length > 0
}

/** Tells of processes that they are dead. */
export interface Watcher {
  /** Has `onEnd` called once, when the process is dead, in real time; what is returned takes it back. */
  readonly watch: (process: Descriptor, onEnd: () => void) => () => void
}

/** How often it is looked, in ms, while any process is watched: a call for each 256 of them. */
export const INTERVAL_MS = 20

/**
 * Watches processes, until the scope closes. None of the runtimes waits for such a descriptor by itself. That something
 * is watched doesn't keep a program from ending.
 */
export const watcher: Effect.Effect<Watcher, never, Libc | Scope.Scope> = Effect.flatMap(Libc, (libc) =>
  Effect.map(
    Effect.acquireRelease(Effect.sync(() => new Watching(libc)), (watching) => Effect.sync(() => watching.end())),
    (watching): Watcher => ({ watch: (process, onEnd) => watching.watch({ process, onEnd }) }),
  ))

interface Watched {
  readonly process: Descriptor
  readonly onEnd: () => void
}

class Watching {
  readonly #libc: Libc
  readonly #watched = new Set<Watched>()
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(libc: Libc) {
    this.#libc = libc
  }

  watch(watched: Watched): () => void {
    this.#watched.add(watched)
    this.#timer ??= setInterval(() => this.#look(), INTERVAL_MS).unref()
    return () => this.#forget(watched)
  }

  end(): void {
    this.#watched.clear()
    this.#stop()
  }

  #look(): void {
    const all = [...this.#watched]
    const dead = readableNow(this.#libc, all.map(({ process }) => process))
    invariant(!(dead instanceof SyscallError), "poll only fails for what it is given, and that is right")
    for (const index of dead) {
      const watched = all[index]!
      // Who was told before may have taken it back.
      if (!this.#watched.has(watched)) continue
      this.#forget(watched)
      watched.onEnd()
    }
  }

  #forget(watched: Watched): void {
    this.#watched.delete(watched)
    if (this.#watched.size === 0) this.#stop()
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
