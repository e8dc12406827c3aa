/**
 * Makes a copy of a message for each receiver, corrupted ones included, so that guests share no objects.
 *
 * @module
 */
import type { LinkEnd } from "./LinkEnd.ts"
import { BadValue, whyNot } from "./Failure.ts"
import type { Random } from "../../simulation/Random.ts"
import type { Packet } from "./Transport.ts"
import type { Wire } from "./LinkCodec.ts"

/** One guest's. What it throws says which message can't be, and why. */
export class Carrier {
  readonly #guest: string
  readonly #random: Random

  /** `random` is the world's. */
  constructor(guest: string, random: Random) {
    this.#guest = guest
    this.#random = random
  }

  bad({ link }: LinkEnd, message: unknown, error: unknown, what = "a message"): BadValue {
    const named = `${what} on the link ${JSON.stringify(link.name)}`
    return new BadValue(this.#guest, link.name, named, message, whyNot(error))
  }

  /** A message of the receiver's own. */
  #open(end: LinkEnd, wire: Wire, what?: string): unknown {
    try {
      return end.codec.open(wire)
    } catch (error) {
      throw this.bad(end, end.codec.json(wire), error, what)
    }
  }

  carried(end: LinkEnd, wire: Wire): Pick<Packet, "message" | "wire"> {
    return { message: this.#open(end, wire), wire }
  }

  /** What a message is corrupted to: a message as well. That it is none isn't the sender's mistake, but the link's. */
  corrupted(end: LinkEnd, wire: Wire, which: string): Wire {
    const { link, codec } = end
    const what = "what a message is corrupted to"
    const chance = this.#random.fork(`corrupt ${link.name} ${this.#guest} → ${which}`)
    let made: unknown
    try {
      made = link.options.corrupt!(this.#open(end, wire), chance)
      const corrupted = codec.wire(made)
      this.#open(end, corrupted, what)
      return corrupted
    } catch (error) {
      throw error instanceof BadValue ? error : this.bad(end, made, error, what)
    }
  }
}
