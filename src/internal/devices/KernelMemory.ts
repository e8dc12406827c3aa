/**
 * A kernel's memory, by the descriptors that it sent: read and written by calls, and not mapped. A mapping would end this
 * process by SIGBUS if the kernel, or a process that claims to be one, shortened its file; a call merely fails.
 *
 * @module
 */
import type { Memory, Region } from "../virtio/Memory.ts"
import { type Violation, violation } from "../virtio/Violation.ts"
import type { Descriptor } from "../platform/native/Descriptor.ts"
import { attempt, type Libc, SCRATCH_BYTES } from "../platform/native/Libc.ts"
import { SyscallError } from "../platform/native/SyscallError.ts"

const SEEK_END = 2

/** Memory whose files these are, one a region; they stay the caller's to close. A file that is too short can't be. */
export const make = (
  libc: Libc,
  regions: ReadonlyArray<Region>,
  files: ReadonlyArray<Descriptor>,
): Memory | Violation => {
  const { scratch } = libc
  for (const [index, { bytes, offset }] of regions.entries()) {
    const { fd } = files[index]!
    const length = attempt(libc, "lseek", `descriptor ${fd}, 0, SEEK_END`, ({ lseek }) => lseek(fd, 0n, SEEK_END))
    if (length instanceof SyscallError) return violation("BadRegion", `region ${index} is no file: ${length.message}`)
    if (BigInt(length) < offset + bytes) {
      return violation("BadRegion", `region ${index} of ${bytes} bytes from ${offset} on; its file has ${length}`)
    }
  }
  /** Moves bytes by way of the scratch memory, whose address is known. */
  const move = (
    name: "pread" | "pwrite",
    index: number,
    offset: number,
    bytes: number,
    part: (at: number, length: number) => void,
  ): boolean => {
    const { fd } = files[index]!
    for (let at = 0; at < bytes;) {
      const length = Math.min(bytes - at, SCRATCH_BYTES)
      if (name === "pwrite") part(at, length)
      const moved = attempt(
        libc,
        name,
        `descriptor ${fd}, ${length} bytes at ${offset + at}`,
        (functions) => functions[name](fd, scratch.at(0), BigInt(length), BigInt(offset + at)),
      )
      if (moved instanceof SyscallError || moved === 0) return false
      if (name === "pread") part(at, moved)
      at += moved
    }
    return true
  }
  return {
    regions,
    access: {
      read: (index, offset, into) =>
        move("pread", index, offset, into.length, (at, length) => into.set(scratch.bytes.subarray(0, length), at)),
      write: (index, offset, from) =>
        move("pwrite", index, offset, from.length, (at, length) => scratch.bytes.set(from.subarray(at, at + length))),
    },
  }
}
