/**
 * Tells the world's journal and the guest's trace what happens at a guest.
 *
 * @module
 */
import type { SentCopy } from "../../services/Tracer.ts"
import type { Tell } from "./ProcessTrace.ts"
import type { Copy, Outcome } from "./Channel.ts"
import type { LinkEnd } from "./LinkEnd.ts"
import type * as Journal from "../../simulation/Journal.ts"
import type { Packet } from "./Transport.ts"
import type { Wire } from "./LinkCodec.ts"

const copyOf = ({ delay, isDuplicate, corrupted }: Copy): SentCopy => ({
  delay,
  ...isDuplicate && { duplicate: true as const },
  ...corrupted && { corrupted: true as const },
})

/** A guest's journal, and the way to its trace. */
export class Notes {
  readonly #guest: string
  readonly #keepsJournal: boolean
  readonly #journal: Array<Journal.Entry> = []
  /** Tells the guest's trace; none: it isn't traced. */
  tell: Tell | undefined
  #isOver = false
  /** The guest's Lamport stamp. */
  stamp = 0

  constructor(guest: string, keepsJournal: boolean) {
    this.#guest = guest
    this.#keepsJournal = keepsJournal
  }

  get journal(): Journal.Journal {
    return [...this.#journal]
  }

  /** Nothing more is noted down. */
  close(): void {
    this.#isOver = true
    this.tell = undefined
  }

  #enter(entry: Journal.Entry): void {
    if (this.#keepsJournal && !this.#isOver) this.#journal.push(entry)
  }

  /** What an entry says of a message. */
  #told(end: LinkEnd, peer: string, wire: Wire) {
    const title = this.#title(end, wire)
    const { link: { name: link }, codec } = end
    return { link, peer, message: codec.json(wire), ...title !== undefined && { title } }
  }

  /** What its link calls a message. */
  #title({ link: { options }, codec }: LinkEnd, wire: Wire): string | undefined {
    return options.title === undefined ? undefined : String(options.title(codec.open(wire)))
  }

  /** A message is sent to `to`: its number. */
  sent(end: LinkEnd, to: string, wire: Wire, time: bigint, { copies, lost, leaves }: Outcome): number {
    const stamp = ++this.stamp
    const { link: { name: link } } = end
    if (this.#keepsJournal) {
      const delays = copies.map(({ delay }) => delay)
      this.#enter({ _tag: "Sent", time, stamp, guest: this.#guest, ...this.#told(end, to, wire), delays })
    }
    const title = this.tell === undefined ? undefined : this.#title(end, wire)
    this.tell?.({
      _tag: "Sent",
      link,
      to,
      id: stamp,
      message: end.codec.json(wire),
      ...title !== undefined && { title },
      copies: copies.map(copyOf),
      ...lost !== undefined && { lost },
      ...leaves !== undefined && { leaves },
    })
    if (lost !== undefined) this.#lost(end, to, wire, lost, time)
    return stamp
  }

  #lost(end: LinkEnd, peer: string, wire: Wire, why: string, time: bigint): void {
    const stamp = ++this.stamp
    if (!this.#keepsJournal) return
    this.#enter({ _tag: "Lost", time, stamp, guest: this.#guest, ...this.#told(end, peer, wire), why })
  }

  /** A message that was on its way to this guest, or from it, is lost. */
  lostOnItsWay(end: LinkEnd, { from, to, wire, stamp: id, copy }: Packet, why: string, time: bigint): void {
    const peer = from === this.#guest ? to : from
    if (peer === from) this.stamp = Math.max(this.stamp, id)
    this.#lost(end, peer, wire, why, time)
    this.tell?.({ _tag: "Lost", link: end.link.name, from, to, id, copy, why })
  }

  arrived(end: LinkEnd, { from, wire, stamp: id, copy, isChanged }: Packet, time: bigint): void {
    const stamp = this.stamp = Math.max(this.stamp, id) + 1
    const { link: { name: link } } = end
    if (this.#keepsJournal) {
      this.#enter({ _tag: "Arrived", time, stamp, guest: this.#guest, ...this.#told(end, from, wire) })
    }
    this.tell?.({ _tag: "Arrived", link, from, id, copy, ...isChanged && { message: end.codec.json(wire) } })
  }

  noted(text: string, data: unknown, time: bigint): Extract<Journal.Entry, { readonly _tag: "Noted" }> {
    const note = { _tag: "Noted", time, stamp: ++this.stamp, guest: this.#guest, text, data } as const
    this.#enter(note)
    this.tell?.({ _tag: "Noted", text, ...data !== null && data !== undefined && { data } })
    return note
  }

  ended(time: bigint): void {
    this.#enter({ _tag: "Ended", time, stamp: ++this.stamp, guest: this.#guest })
    this.tell?.({ _tag: "Over" })
  }

  stopped(reason: string, time: bigint): void {
    this.#enter({ _tag: "Stopped", time, stamp: ++this.stamp, guest: this.#guest, reason })
    this.tell?.({ _tag: "Over", reason })
  }
}
