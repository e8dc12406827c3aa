/**
 * What all codecs of frames need: addresses as texts and as bytes, Internet checksums, and checks of fields.
 *
 * @module
 */
import { OptionError } from "../../core/Fault.ts"

/** A view of these bytes: numbers are big-endian in all of these protocols, as a `DataView` has them by default. */
export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** The MAC address at `at`, as text. */
export const macAt = (bytes: Uint8Array, at: number): string => {
  let text = hex[bytes[at]!]!
  for (let i = 1; i < 6; i++) text += `:${hex[bytes[at + i]!]}`
  return text
}

/** The IPv4 address at `at`, as text. */
export const ipAt = (bytes: Uint8Array, at: number): string =>
  `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i
const IP = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

/**
 * Whether a text is a MAC address.
 *
 * @since 0.1.0
 * @category guards
 */
export const isMac = (text: unknown): text is string => typeof text === "string" && MAC.test(text)

/**
 * Whether a text is an IPv4 address.
 *
 * @since 0.1.0
 * @category guards
 */
export const isIp = (text: unknown): text is string => typeof text === "string" && IP.test(text)

/**
 * Checks a MAC address, and returns what is wrong.
 *
 * @since 0.1.0
 * @category addresses
 */
export const badMac = (option: string, given: unknown): OptionError | undefined =>
  isMac(given) ? undefined : new OptionError(option, given, 'it is a MAC address, as "02:00:00:00:00:01"')

/**
 * Checks an IPv4 address, and returns what is wrong.
 *
 * @since 0.1.0
 * @category addresses
 */
export const badIp = (option: string, given: unknown): OptionError | undefined =>
  isIp(given) ? undefined : new OptionError(option, given, 'it is an IPv4 address, as "10.0.0.1"')

/** Writes a MAC address. Another text is thrown as an `OptionError`. */
export const putMac = (bytes: Uint8Array, at: number, option: string, mac: string): void => {
  const bad = badMac(option, mac)
  if (bad !== undefined) throw bad
  for (let i = 0; i < 6; i++) bytes[at + i] = Number.parseInt(mac.slice(3 * i, 3 * i + 2), 16)
}

/** Writes an IPv4 address. Another text is thrown as an `OptionError`. */
export const putIp = (bytes: Uint8Array, at: number, option: string, ip: string): void => {
  const bad = badIp(option, ip)
  if (bad !== undefined) throw bad
  ip.split(".").forEach((part, i) => bytes[at + i] = Number(part))
}

/** A field: a whole number of so many bits. Another is thrown as an `OptionError`. */
export const field = (option: string, given: number, bits: number): number => {
  const most = 2 ** bits - 1
  if (Number.isInteger(given) && given >= 0 && given <= most) return given
  throw new OptionError(option, given, `it is a whole number from 0 to ${most}`)
}

/** Bytes, of which there are `most` at most. Others are thrown as an `OptionError`. */
export const payload = (option: string, given: Uint8Array, most: number): Uint8Array => {
  if (!(given instanceof Uint8Array)) throw new OptionError(option, given, "it is a Uint8Array")
  if (given.length <= most) return given
  throw new OptionError(option, `${given.length} bytes`, `it has ${most} bytes at most`)
}

/** The sum of 16-bit words, the last one padded with 0 (RFC 1071): to be added to, or to be folded. */
export const sum = (bytes: Uint8Array, start = 0): number => {
  let total = start
  const even = bytes.length & ~1
  for (let i = 0; i < even; i += 2) total += bytes[i]! << 8 | bytes[i + 1]!
  return even < bytes.length ? total + (bytes[even]! << 8) : total
}

/** The Internet checksum that goes with a sum (RFC 1071). Over data with its checksum in it, it is 0. */
export const fold = (total: number): number => {
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000)
  return ~total & 0xffff
}

/** The sum of the pseudo-header that UDP and TCP put before their own bytes. */
export const pseudoHeader = (source: string, destination: string, protocol: number, length: number): number => {
  const bytes = new Uint8Array(12)
  putIp(bytes, 0, "source", source)
  putIp(bytes, 4, "destination", destination)
  bytes[9] = protocol
  viewOf(bytes).setUint16(10, length)
  return sum(bytes)
}
