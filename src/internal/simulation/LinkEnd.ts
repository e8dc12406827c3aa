/**
 * A guest's end of a link, while it runs.
 *
 * @module
 */
import type * as Statistics from "../../simulation/Statistics.ts"
import { Channel, type Settings } from "./Channel.ts"
import * as Link from "../../simulation/Link.ts"
import { Mailbox } from "./Mailbox.ts"
import type { Random } from "../../simulation/Random.ts"
import type { Arrival, OnArrival } from "./Self.ts"
import { type Codec, codecOf, type Wire } from "./LinkCodec.ts"

/** One guest's end of one link. */
export class LinkEnd {
  readonly link: Link.Any
  readonly codec: Codec
  /** What has arrived, and nobody has taken yet. */
  readonly arrived = new Mailbox<Arrival<unknown>>()
  /** How many bytes a message has. Throws an `OptionError` where its link's option `size` says what can't be. */
  readonly size: (message: unknown, wire: Wire) => number
  handler: OnArrival<unknown> | undefined = undefined
  pluggedIn = true
  readonly #guest: string
  readonly #settings: Settings
  readonly #chance: Random
  readonly #channels = new Map<string, Channel>()
  readonly #counters: { [what: string]: Statistics.Counter | undefined } = {
    sent: undefined,
    lost: undefined,
    arrived: undefined,
  }
  #peers: ReadonlyArray<string> | undefined = undefined

  /** `random` is the world's. */
  constructor(guest: string, link: Link.Any, random: Random) {
    this.#guest = guest
    this.link = link
    const codec = this.codec = codecOf(link)
    const { size } = link.options
    this.size = size === undefined ? (_, wire) => codec.bytes(wire) : Link.sizeOf(link, size)
    this.#settings = Link.settingsOf(link)
    this.#chance = random.fork(`link ${link.name}`)
  }

  /** The guests at the other ends: computed on first use, as a link may have a thousand ends. */
  get peers(): ReadonlyArray<string> {
    return this.#peers ??= this.link.options.ends.filter((end) => end !== this.#guest)
  }

  /** The way to a peer: made when it is used first. */
  channel(peer: string): Channel {
    const made = this.#channels.get(peer)
    if (made !== undefined) return made
    const channel = new Channel(this.#settings, this.#chance.fork(`${this.#guest} → ${peer}`))
    this.#channels.set(peer, channel)
    return channel
  }

  /** Counts what became of a message. A program may have something else of that name: then that is all there is. */
  count(what: "sent" | "lost" | "arrived", statistics: Statistics.Statistics): void {
    const counter = this.#counters[what] ??= statistics.counterIfFree(`${this.link.name} ${what}`)
    counter?.add()
  }
}
