/**
 * The memory of a kernel: the regions of it that a device may reach, and what is at an address.
 *
 * @module
 */
import { type Violation, violation } from "./Violation.ts"

/** A region of the kernel's memory, which is part of a file. Addresses and lengths are in bytes. */
export interface Region {
  /** Its address to the kernel's devices: descriptors have those. */
  readonly guest: bigint
  /** Its address to the kernel's own process: those of rings are told in them. */
  readonly user: bigint
  readonly bytes: bigint
  /** Where it begins in its file. */
  readonly offset: bigint
}

/** Reads and writes the regions' files. */
export interface Access {
  /**
   * Reads as many bytes as fit `into` from the file of the region at `index`, from `offset` on in that file: whether
   * all of them were there.
   */
  readonly read: (index: number, offset: number, into: Uint8Array) => boolean
  /** Writes all of `from`, likewise. */
  readonly write: (index: number, offset: number, from: Uint8Array) => boolean
}

/** All of a kernel's memory that there is for a device. */
export interface Memory {
  readonly regions: ReadonlyArray<Region>
  readonly access: Access
}

/** A place in it: a region, and the offset in that region's file. */
export interface Place {
  readonly index: number
  readonly offset: number
}

/** The most regions that a kernel can name in a message. */
export const MAX_REGIONS = 8

const SPACE = 1n << 64n

/** Offsets in files are numbers here, which are exact up to 2^53. */
const MAX_OFFSET = BigInt(Number.MAX_SAFE_INTEGER)

const overlap = (a: bigint, b: bigint, aBytes: bigint, bBytes: bigint) => a < b + bBytes && b < a + aBytes

/** Checks regions, and returns what is wrong. */
export const badRegions = (regions: ReadonlyArray<Region>): Violation | undefined => {
  for (const [index, { guest, user, bytes, offset }] of regions.entries()) {
    const name = `region ${index} of ${bytes} bytes at ${hex(guest)}`
    if (bytes === 0n) return violation("BadRegion", `${name} is empty`)
    if (guest + bytes > SPACE || user + bytes > SPACE) {
      return violation("BadRegion", `${name} (to its kernel at ${hex(user)}) goes past the end of all addresses`)
    }
    if (offset + bytes > MAX_OFFSET) return violation("BadRegion", `${name} begins too far in its file, at ${offset}`)
    const other = regions.findIndex((each, at) =>
      at < index && (overlap(each.guest, guest, each.bytes, bytes) || overlap(each.user, user, each.bytes, bytes))
    )
    if (other >= 0) return violation("BadRegion", `${name} overlaps region ${other}`)
  }
  return undefined
}

const within = (
  regions: ReadonlyArray<Region>,
  address: bigint,
  bytes: number,
  kind: "guest" | "user",
): Place | undefined => {
  const wanted = BigInt(bytes)
  for (let index = 0; index < regions.length; index++) {
    const region = regions[index]!
    const from = address - region[kind]
    if (from >= 0n && from + wanted <= region.bytes) return { index, offset: Number(region.offset + from) }
  }
  return undefined
}

/** Where so many bytes from an address of the kernel's devices on are, if they all lie in one region. */
export const find = (regions: ReadonlyArray<Region>, address: bigint, bytes: number): Place | undefined =>
  within(regions, address, bytes, "guest")

/** The same of an address of the kernel's own process. */
export const findUser = (regions: ReadonlyArray<Region>, address: bigint, bytes: number): Place | undefined =>
  within(regions, address, bytes, "user")

/** An address for people. */
export const hex = (address: bigint): string => `0x${address.toString(16)}`

/** Memory that is this program's own, one array a region, from each file's start on. */
export const ofBytes = (regions: ReadonlyArray<Region>, files: ReadonlyArray<Uint8Array>): Memory => {
  const part = (index: number, offset: number, bytes: number) => {
    const file = files[index]
    return file !== undefined && offset + bytes <= file.length ? file.subarray(offset, offset + bytes) : undefined
  }
  return {
    regions,
    access: {
      read: (index, offset, into) => {
        const found = part(index, offset, into.length)
        if (found !== undefined) into.set(found)
        return found !== undefined
      },
      write: (index, offset, from) => {
        const found = part(index, offset, from.length)
        found?.set(from)
        return found !== undefined
      },
    },
  }
}
