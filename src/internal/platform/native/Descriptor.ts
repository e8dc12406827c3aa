/**
 * A file descriptor that is closed exactly once: when its scope closes, or before.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Os from "node:os"
import { invariant } from "../../../core/Fault.ts"
import type { Functions } from "./Functions.ts"
import { attempt, Libc, orFail } from "./Libc.ts"
import { SyscallError } from "./SyscallError.ts"

/** A descriptor of the system's, and whose it is to close. */
export class Descriptor {
  #fd: number
  readonly #libc: Libc

  constructor(libc: Libc, fd: number) {
    this.#libc = libc
    this.#fd = fd
  }

  /** Its number; -1 once it was closed or given away, so that a later call fails and can't reach another file. */
  get fd(): number {
    return this.#fd
  }

  /** Its number, for somebody who closes it from now on: `new net.Socket({ fd })`. */
  giveAway(): number {
    const fd = this.#fd
    this.#fd = -1
    return fd
  }

  /** Closes it, unless that was done. */
  close(): void {
    const fd = this.giveAway()
    if (fd < 0) return
    // Never tried again: whatever the result, Linux has closed it, and the number may be another file's by now.
    const result = this.#libc.functions.close(fd)
    invariant(
      result === 0 || this.#libc.errno() !== Os.constants.errno.EBADF,
      `descriptor ${fd} is this object's alone to close`,
    )
  }
}

const close = (descriptor: Descriptor) => Effect.sync(() => descriptor.close())

/** The descriptor that a function returns, until the scope closes. */
export const acquire = (
  syscall: string,
  given: string,
  run: (functions: Functions, libc: Libc) => number,
): Effect.Effect<Descriptor, SyscallError, Libc | Scope.Scope> =>
  Effect.flatMap(Libc, (libc) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const fd = attempt(libc, syscall, given, (functions) => run(functions, libc))
        return orFail(fd instanceof SyscallError ? fd : new Descriptor(libc, fd))
      }),
      close,
    ))

/** Several descriptors that come at once, until the scope closes: `take` returns all of them. */
export const acquireAll = <A extends { readonly descriptors: ReadonlyArray<Descriptor> }>(
  take: (libc: Libc) => A | SyscallError,
): Effect.Effect<A, SyscallError, Libc | Scope.Scope> =>
  Effect.flatMap(Libc, (libc) =>
    Effect.acquireRelease(
      Effect.suspend(() => orFail(take(libc))),
      ({ descriptors }) => Effect.sync(() => descriptors.forEach((descriptor) => descriptor.close())),
    ))

/** fcntl(2): the lowest number from an argument on, closed when another program is executed. */
const F_DUPFD_CLOEXEC = 1030
/** Above standard input, output and error. */
const LOWEST = 3n

/** Duplicates a descriptor, as dup(2), synchronously: the caller closes the copy. */
export const duplicateNow = (libc: Libc, fd: number): Descriptor | SyscallError => {
  const copy = attempt(
    libc,
    "fcntl",
    `descriptor ${fd}, F_DUPFD_CLOEXEC`,
    ({ fcntl }) => fcntl(fd, F_DUPFD_CLOEXEC, LOWEST),
  )
  return copy instanceof SyscallError ? copy : new Descriptor(libc, copy)
}
