/**
 * Matches each sending of a message with the arrival or loss of each of its copies.
 *
 * @module
 */
import type { SentCopy, WorldNote } from "../../services/Tracer.ts"
import { dataText } from "./Texts.ts"
import type { Message } from "./Lanes.ts"

type Note<Tag extends WorldNote["_tag"]> = Extract<WorldNote, { readonly _tag: Tag }>

/** When something was, on whose clock, and which record tells of it. */
export interface Where {
  readonly lane: number
  readonly at: bigint
  readonly real: bigint
  readonly record: number
}

/** So many messages that were lost are remembered, to tell which were sent again. */
const REMEMBERED = 4096

/** What a message is, for filters: the tag of its schema's union, its `type`, or nothing. */
const kindOf = (message: unknown): string => {
  if (typeof message !== "object" || message === null) return ""
  const { _tag, type, kind } = message as { readonly [field: string]: unknown }
  return [_tag, type, kind].find((each) => typeof each === "string") as string | undefined ?? ""
}

/** Matches messages with their arrivals. */
export class Messages {
  readonly #tell: (message: Message) => void
  readonly #underWay = new Map<string, Message>()
  /** By sender, link, receiver and content: the record of the last one that was lost. */
  readonly #lost = new Map<string, number>()

  constructor(tell: (message: Message) => void) {
    this.#tell = tell
  }

  /** A message leaves for the lane `to`; `sender` names it apart from those of other runs. */
  sent(sender: string, { link, id, message, title, copies, lost }: Note<"Sent">, from: Where, to: number): void {
    const text = dataText(message)
    const key = `${sender} ${to} ${link} ${text}`
    const again = this.#lost.get(key)
    this.#lost.delete(key)
    const made = (copy: number, { delay, duplicate, corrupted }: SentCopy): Message => ({
      link,
      from: from.lane,
      to,
      id,
      copy,
      kind: kindOf(message),
      text,
      title: title ?? "",
      at: from.at,
      real: from.real,
      toAt: from.at + delay,
      toReal: from.real,
      lost: undefined,
      isOnItsWay: true,
      isDuplicate: duplicate === true,
      isCorrupted: corrupted === true,
      again,
      record: from.record,
      toRecord: from.record,
    })
    if (lost !== undefined) this.#isLost(key, { ...made(0, { delay: 0n }), lost })
    copies.forEach((copy, index) => this.#underWay.set(`${sender} ${id} ${index}`, made(index, copy)))
  }

  #isLost(key: string, message: Message): void {
    this.#lost.set(key, message.record)
    if (this.#lost.size > REMEMBERED) this.#lost.delete(this.#lost.keys().next().value!)
    this.#tell(message)
  }

  /** A copy of a message has arrived. */
  arrived(sender: string, { id, copy, message }: Note<"Arrived">, at: Where): void {
    const sent = this.#take(`${sender} ${id} ${copy}`)
    if (sent === undefined) return
    const text = message === undefined ? sent.text : dataText(message)
    this.#tell({ ...sent, text, isOnItsWay: false, toAt: at.at, toReal: at.real, toRecord: at.record })
  }

  /** A copy that was on its way is lost: seen by its receiver, or by its sender as that has left. */
  lost(sender: string, { id, copy, why, link }: Note<"Lost">, at: Where): void {
    const sent = this.#take(`${sender} ${id} ${copy}`)
    if (sent === undefined) return
    const isAtReceiver = at.lane === sent.to
    const end = isAtReceiver ? { isOnItsWay: false, toAt: at.at, toReal: at.real, toRecord: at.record } : {}
    this.#isLost(`${sender} ${sent.to} ${link} ${sent.text}`, { ...sent, ...end, lost: why })
  }

  #take(key: string): Message | undefined {
    const sent = this.#underWay.get(key)
    this.#underWay.delete(key)
    return sent
  }

  /** There is no more: what is still under way has nowhere to arrive. */
  close(): void {
    for (const message of this.#underWay.values()) this.#tell(message)
    this.#underWay.clear()
  }
}
