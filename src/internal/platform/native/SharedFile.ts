/**
 * Memory that processes share: a file without a name (memfd_create(2)), mapped into each of them.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Os from "node:os"
import { Tagged } from "../../core/Tagged.ts"
import { Descriptor } from "./Descriptor.ts"
import { attempt, Libc, mapShared, orFail } from "./Libc.ts"
import { SyscallError } from "./SyscallError.ts"

/** Memory of another process's that can't be used. */
export class SharedFileError extends Tagged<"SharedFileError"> {
  /** Its length, in bytes. */
  readonly bytes: number
  constructor(bytes: number, why: string) {
    super("SharedFileError", `shared memory of ${bytes} bytes can't be used: ${why}`)
    this.bytes = bytes
  }
}

/** Memory that is shared, until the scope closes that it was made in. */
export interface SharedFile {
  /** To be sent to other processes. */
  readonly descriptor: Descriptor
  /** The memory itself. Others write to it at any moment: whatever is read from it is input, and is read once. */
  readonly buffer: ArrayBuffer
}

// memfd_create(2), fcntl(2), lseek(2).
const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
const F_ADD_SEALS = 1033
const F_GET_SEALS = 1034
const F_SEAL_SEAL = 1
const F_SEAL_SHRINK = 2
const F_SEAL_GROW = 4
const SEEK_END = 2

/** The longest name, as the system has it. */
const MAX_NAME_BYTES = 249

const encoder = new TextEncoder()

/** A memory's descriptor, for who sees to it that it is closed: see {@link create}. It isn't mapped. */
export const unmappedNow = (libc: Libc, name: string, bytes: number): Descriptor | SyscallError => {
  const given = `${JSON.stringify(name)}, ${bytes} bytes`
  const encoded = encoder.encode(`${name}\0`)
  if (encoded.length > MAX_NAME_BYTES + 1) return new SyscallError("memfd_create", Os.constants.errno.EINVAL, given)
  const { scratch } = libc
  scratch.bytes.set(encoded)
  const fd = attempt(
    libc,
    "memfd_create",
    given,
    (functions) => functions.memfd_create(scratch.at(0), MFD_CLOEXEC | MFD_ALLOW_SEALING),
  )
  if (fd instanceof SyscallError) return fd
  const descriptor = new Descriptor(libc, fd)
  const sized = attempt(libc, "ftruncate", given, (functions) => functions.ftruncate(fd, BigInt(bytes)))
  const seals = BigInt(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)
  const sealed = sized instanceof SyscallError
    ? sized
    : attempt(libc, "fcntl", `${given}, F_ADD_SEALS`, (functions) => functions.fcntl(fd, F_ADD_SEALS, seals))
  if (!(sealed instanceof SyscallError)) return descriptor
  descriptor.close()
  return sealed
}

/**
 * Makes memory of so many bytes, all 0. It is sealed: a process that gets its descriptor can write to it, but neither shorten
 * it, which would have a SIGBUS end all who read there, nor lengthen it. `name` is for people: `/proc/PID/maps` shows
 * it.
 */
export const create = (name: string, bytes: number): Effect.Effect<SharedFile, SyscallError, Libc | Scope.Scope> =>
  Effect.gen(function* () {
    const libc = yield* Libc
    const descriptor = yield* Effect.acquireRelease(
      Effect.suspend(() => orFail(unmappedNow(libc, name, bytes))),
      (descriptor) => Effect.sync(() => descriptor.close()),
    )
    return { descriptor, buffer: yield* mapShared(descriptor.fd, bytes) }
  })

/**
 * Maps memory that another process has sent a descriptor of. It must have `least` to `most` bytes, and be sealed
 * against being shortened: a read beyond the end of a file that was shortened ends the process.
 */
export const attach = (
  descriptor: Descriptor,
  { least, most }: { readonly least: number; readonly most: number },
): Effect.Effect<SharedFile, SharedFileError | SyscallError, Libc | Scope.Scope> =>
  Effect.gen(function* () {
    const libc = yield* Libc
    const { fd } = descriptor
    const size = attempt(libc, "lseek", `descriptor ${fd}, 0, SEEK_END`, ({ lseek }) => lseek(fd, 0n, SEEK_END))
    // A socket or a pipe has no length.
    const bytes = yield* orFail(size)
    if (bytes < least || bytes > most) {
      return yield* Effect.fail(new SharedFileError(bytes, `it must have ${least} to ${most} bytes`))
    }
    const seals = attempt(libc, "fcntl", `descriptor ${fd}, F_GET_SEALS`, ({ fcntl }) => fcntl(fd, F_GET_SEALS, 0n))
    // Files of other kinds have no seals.
    if (seals instanceof SyscallError || (seals & F_SEAL_SHRINK) === 0) {
      return yield* Effect.fail(new SharedFileError(bytes, "it isn't sealed, so it may be shortened at any moment"))
    }
    return { descriptor, buffer: yield* mapShared(fd, bytes) }
  })
