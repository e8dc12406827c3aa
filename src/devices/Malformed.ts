/**
 * A frame, or something in it, that isn't what its protocol says: a value with a reason.
 *
 * @module
 */
import { Tagged } from "../internal/core/Tagged.ts"

/**
 * What a codec returns instead of what it was to read. It is an `Error`, so it may go into an error channel.
 *
 * @example
 * ```ts
 * import { Ipv4, Malformed } from "guest-clock/devices"
 *
 * const read = Ipv4.decode(new Uint8Array(19))
 * if (read instanceof Malformed.Malformed) console.log(read.message)
 * // IPv4, byte 19: a header has 20 bytes, and there are 19
 * ```
 *
 * @since 0.2.0
 * @category errors
 */
export class Malformed extends Tagged<"Malformed"> {
  /** Whose rules it breaks: `Ethernet`, `ARP`, `IPv4`, `ICMP`, `UDP`, `TCP` or `NTP`. */
  readonly protocol: string
  /** Where, in bytes from the beginning of what was to be read. */
  readonly at: number
  readonly why: string
  constructor(protocol: string, at: number, why: string) {
    super("Malformed", `${protocol}, byte ${at}: ${why}`)
    this.protocol = protocol
    this.at = at
    this.why = why
  }
}

/**
 * Whether something is malformed.
 *
 * @example
 * ```ts
 * import { Arp, Malformed } from "guest-clock/devices"
 *
 * console.log(Malformed.isMalformed(Arp.decode(new Uint8Array(3)))) // true
 * ```
 *
 * @since 0.2.0
 * @category errors
 */
export const isMalformed = (given: unknown): given is Malformed => given instanceof Malformed

/**
 * A function that says what is malformed in one protocol.
 *
 * @since 0.1.0
 * @category errors
 */
export const of = (protocol: string) => (at: number, why: string): Malformed => new Malformed(protocol, at, why)
