/**
 * Files of captured frames in the format pcapng (draft-ietf-opsawg-pcapng), with times in ns: Wireshark and tshark read
 * them. Pure: it makes a file's blocks as bytes, one after the other.
 *
 * @module
 */
import { OptionError } from "../core/Fault.ts"
import { NONE } from "../core/Nanos.ts"
import { field, viewOf } from "../internal/devices/Bytes.ts"
import { badName, badNanos } from "../internal/services/Checks.ts"

/** Types of blocks. */
const [SECTION, INTERFACE, PACKET] = [0x0a0d0d0a, 1, 6]
const BYTE_ORDER = 0x1a2b3c4d
const ETHERNET = 1
/** Options, by the block that they are in. */
const options = {
  end: 0,
  comment: 1,
  section: { application: 4 },
  interface: { name: 2, description: 3, resolution: 9 },
  packet: { flags: 2 },
} as const

/**
 * Where frames are captured.
 *
 * @since 0.2.0
 * @category models
 */
export interface Interface {
  /** A text of 1 character or more. */
  readonly name: string
  readonly description?: string
}

/**
 * A frame that was captured.
 *
 * @since 0.2.0
 * @category models
 */
export interface Packet {
  /** The number of its interface in the file, from 0 on. */
  readonly interface: number
  /** When, in ns since 1970, of 64 bits. */
  readonly time: bigint
  readonly frame: Uint8Array
  /** Whether it came in or went out there. Default: unknown. */
  readonly direction?: "in" | "out"
  /** What is to be said of it. */
  readonly comment?: string
}

const encoder = new TextEncoder()
/** The most bytes of an option. */
const MOST = 0xffff

const padded = (length: number): number => length + 3 & ~3

interface Option {
  readonly code: number
  readonly value: Uint8Array
}

/** A text, cut at a character if it is longer than an option can be. */
const text = (code: number, value: string | undefined): ReadonlyArray<Option> => {
  if (value === undefined) return []
  const bytes = encoder.encode(value)
  if (bytes.length <= MOST) return [{ code, value: bytes }]
  let end = MOST
  while ((bytes[end]! & 0xc0) === 0x80) end--
  return [{ code, value: bytes.subarray(0, end) }]
}

const word = (code: number, value: number): Option => {
  const bytes = new Uint8Array(4)
  viewOf(bytes).setUint32(0, value, true)
  return { code, value: bytes }
}

/** A block: its type, fields of 32 bits, data, and options. All numbers are little-endian. */
const block = (
  type: number,
  fields: ReadonlyArray<number>,
  data: Uint8Array | undefined,
  all: ReadonlyArray<Option>,
): Uint8Array => {
  const dataLength = data === undefined ? 0 : padded(data.length)
  const optionsLength = all.length === 0 ? 0 : all.reduce((sum, { value }) => sum + 4 + padded(value.length), 4)
  const length = 12 + fields.length * 4 + dataLength + optionsLength
  const bytes = new Uint8Array(length)
  const view = viewOf(bytes)
  view.setUint32(0, type, true)
  view.setUint32(4, length, true)
  let at = 8
  for (const value of fields) {
    view.setUint32(at, value, true)
    at += 4
  }
  if (data !== undefined) {
    bytes.set(data, at)
    at += dataLength
  }
  for (const { code, value } of all) {
    view.setUint16(at, code, true)
    view.setUint16(at + 2, value.length, true)
    bytes.set(value, at + 4)
    at += 4 + padded(value.length)
  }
  // The option that ends the others is 0, as the bytes are.
  view.setUint32(length - 4, length, true)
  return bytes
}

/**
 * The beginning of a file: a section of unknown length, made by `application`.
 *
 * @example
 * ```ts
 * import { Pcapng } from "guest-clock/devices"
 *
 * console.log(Pcapng.header().length % 4) // 0
 * ```
 *
 * @since 0.2.0
 * @category encoding
 */
export const header = (application = "guest-clock"): Uint8Array =>
  // Version 1.0; a length of −1 is one that isn't known.
  block(
    SECTION,
    [BYTE_ORDER, 1, 0xffff_ffff, 0xffff_ffff],
    undefined,
    text(options.section.application, application),
  )

/**
 * An interface, whose number is that of those before it. A name that can't be is thrown as an `OptionError`.
 *
 * @example
 * ```ts
 * import { Pcapng } from "guest-clock/devices"
 *
 * console.log(Pcapng.interfaceOf({ name: "router on lan" }).length % 4) // 0
 * ```
 *
 * @since 0.2.0
 * @category encoding
 */
export const interfaceOf = ({ name, description }: Interface): Uint8Array => {
  const bad = badName("the name of an interface", name)
  if (bad !== undefined) throw bad
  return block(INTERFACE, [ETHERNET, 0], undefined, [
    ...text(options.interface.name, name),
    ...text(options.interface.description, description),
    // Times are in units of 10^-9 s.
    { code: options.interface.resolution, value: Uint8Array.of(9) },
  ])
}

const DIRECTIONS = { in: 1, out: 2 } as const

/**
 * A frame, which stands behind its interface. What can't be is thrown as an `OptionError`.
 *
 * @example
 * ```ts
 * import { Pcapng } from "guest-clock/devices"
 *
 * const bytes = Pcapng.packet({ interface: 0, time: 1_000_000n, frame: new Uint8Array(60), direction: "out" })
 * console.log(bytes.length) // 104
 * ```
 *
 * @since 0.2.0
 * @category encoding
 */
export const packet = ({ interface: number, time, frame, direction, comment }: Packet): Uint8Array => {
  const bad = badNanos("time", time, 0n, NONE)
  if (bad !== undefined) throw bad
  if (!(frame instanceof Uint8Array)) throw new OptionError("frame", frame, "it is a Uint8Array")
  const [high, low] = [Number(time >> 32n), Number(time & 0xffff_ffffn)]
  return block(PACKET, [field("interface", number, 32), high, low, frame.length, frame.length], frame, [
    ...text(options.comment, comment),
    ...direction === undefined ? [] : [word(options.packet.flags, DIRECTIONS[direction])],
  ])
}
