/**
 * The error of a libc call that failed.
 *
 * @module
 */
import * as Os from "node:os"
import * as Util from "node:util"
import { Tagged } from "../../core/Tagged.ts"

/** Where two names have the same number, the one that the manual has first. */
const names = new Map<number, string>(
  Object.entries(Os.constants.errno).map(([name, number]) => [number, name] as const).reverse(),
)
names.set(Os.constants.errno.EAGAIN, "EAGAIN")
names.set(Os.constants.errno.EOPNOTSUPP, "EOPNOTSUPP")

/** The name of an error number, as in errno(3): `EBADF`; `errno 999` for one that has none. */
export const nameOf = (errno: number): string => names.get(errno) ?? `errno ${errno}`

const wordsFor = (errno: number): string => Util.getSystemErrorMap().get(-errno)?.[1] ?? "see errno(3)"

/**
 * A call that failed. `code` and `syscall` are as in the errors of `node:fs`; `errno` is the system's own number,
 * which is positive.
 */
export class SyscallError extends Tagged<"SyscallError"> {
  /** The error's name, as in errno(3): `EMFILE`. */
  readonly code: string
  readonly errno: number
  /** The function that failed: `memfd_create`. */
  readonly syscall: string
  /** `given` says what the function was given, for people. */
  constructor(syscall: string, errno: number, given: string) {
    super("SyscallError", `${syscall}(${given}) failed: ${nameOf(errno)}, ${wordsFor(errno)}`)
    this.code = nameOf(errno)
    this.errno = errno
    this.syscall = syscall
  }
}
