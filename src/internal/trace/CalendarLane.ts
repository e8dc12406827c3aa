/**
 * A calendar's lane: which client had the turn from when to when, and which waited, read off its records.
 *
 * @module
 */
import * as Message from "../../core/Message.ts"
import { Op } from "../../core/Message.ts"
import type { Heard } from "./GuestLane.ts"
import type { CalendarTransition, ProxyTransition } from "./Record.ts"
import type { Instant, Placed, Span } from "./Lanes.ts"

/** A turn, and whose it was. */
export interface Turn extends Span {
  readonly id: bigint
  /** The number of the WAIT that ended it, if one did. */
  readonly waitSeq: number | undefined
}

/** A client as its calendar saw it. */
export interface Client {
  readonly id: bigint
  turns: number
  /** START's number until it was let in. */
  start: number | undefined
  /** Since when it has waited or run. */
  since: { readonly at: bigint; readonly real: bigint; readonly place: number }
}

/** An interrupt: `of` was interrupted during the turn of `by`, and asked for the time with this number. */
export interface Interrupt {
  readonly by: bigint
  readonly of: bigint
  readonly seq: number
  readonly at: bigint
  readonly real: bigint
  readonly place: number
}

/** Told what a calendar did, and what it knows of its clients, by their IDs. */
export interface CalendarSink {
  readonly turn: (turn: Turn) => void
  readonly clientSpan: (id: bigint, span: Span) => void
  readonly instant: (instant: Instant) => void
  readonly interrupt: (interrupt: Interrupt) => void
  /** A message from or to a client; none of ACKs. */
  readonly heard: (id: bigint, heard: Heard) => void
}

/** What a calendar did, record by record. */
export class CalendarLane {
  readonly #sink: CalendarSink
  /** How many grants there were. */
  grants = 0
  /** When each client was let in, by ID. */
  readonly offsets = new Map<bigint, bigint>()
  readonly #byKey = new Map<number, Client>()
  readonly #all: Array<Client> = []
  #turn: number | undefined
  #now = { at: 0n, real: 0n, place: 0 }
  #before = this.#now

  constructor(sink: CalendarSink) {
    this.#sink = sink
  }

  get clients(): ReadonlyArray<Client> {
    return this.#all
  }

  take({ record, place }: Placed): void {
    const { what } = record
    this.#before = this.#now
    this.#now = { at: record.time, real: record.real, place }
    if (what._tag === "Report" || what._tag === "Mark") {
      const text = what._tag === "Report" ? what.text : ""
      const { at, real } = this.#now
      // Who comes and goes can be seen; what is out of order has to be.
      const kind = what._tag === "Mark" || what.name === "Joined" || what.name === "Left" ? "mark" : "report"
      this.#sink.instant({ kind, name: what.name, text, at, real, record: place })
    }
    if (what._tag !== "Transition") return
    const transition = what as CalendarTransition | ProxyTransition
    if (transition.name === "fromClient") this.#message(transition.input)
    if (transition.name === "fromCalendar") {
      const { client, op, seq } = transition.input
      this.#sent(client, Message.nameOf(op), seq)
    }
    if (transition.name === "left") this.#gone(transition.input.client)
    if (transition.name === "clientMessage" || transition.name === "asked") this.#message(transition.input)
    if (transition.name === "disconnected") this.#gone(transition.input.client)
    for (const command of transition.then) {
      const [verb, key = "", name = "", seq = ""] = command.split(" ", 4)
      if (verb === "Send") this.#sent(Number(key), name, Number(seq.slice(1)))
      if (verb === "Disconnect") this.#gone(Number(key))
      if (verb === "Breach") {
        const { at, real } = this.#now
        this.#sink.instant({
          kind: "report",
          name: "Breach",
          text: command.slice("Breach ".length),
          at,
          real,
          record: place,
        })
      }
    }
  }

  /** Ends what is under way. */
  close(): void {
    this.#endTurn()
    for (const client of this.#byKey.values()) this.#span(client, false)
  }

  #message({ client: key, op, seq, value }: { client: number; op: number; seq: number; value: bigint }): void {
    const known = this.#byKey.get(key)
    if (op === Op.Start && known === undefined) {
      const client = { id: value, turns: 0, start: seq, since: this.#now }
      this.#byKey.set(key, client)
      this.#all.push(client)
    }
    const client = this.#byKey.get(key)
    if (client === undefined || op === Op.Ack) return
    this.#note(client, "fromGuest", Message.nameOf(op), seq)
    if (op === Op.Wait && this.#turn === key) this.#endTurn(seq)
    const turn = this.#turn === undefined ? undefined : this.#byKey.get(this.#turn)
    if (op === Op.Get && turn !== undefined && this.#turn !== key && client.start === undefined) {
      this.#sink.interrupt({ by: turn.id, of: client.id, seq, ...this.#now })
    }
  }

  #note(client: Client, way: Heard["way"], name: string, seq: number): void {
    this.#sink.heard(client.id, { way, name, seq, ...this.#now })
  }

  #sent(key: number, name: string, seq: number): void {
    const client = this.#byKey.get(key)
    if (client === undefined) return
    if (name !== "Ack") this.#note(client, "toGuest", name, seq)
    const isLetIn = name === "Ack" && client.start === seq
    if (isLetIn) {
      client.start = undefined
      this.offsets.set(client.id, this.#now.at)
    }
    if (!isLetIn && name !== "Run") return
    this.#endTurn()
    this.#span(client, false)
    client.turns++
    this.grants++
    this.#turn = key
  }

  /** Since the last change the client has had the turn, or not. */
  #span(client: Client, hadTurn: boolean, at: bigint = this.#now.at): void {
    const { since } = client
    const { real } = this.#now
    client.since = { ...this.#now, at }
    if (at === since.at && real === since.real) return
    this.#sink.clientSpan(client.id, {
      doing: hadTurn ? "run" : "wait",
      from: since.at,
      to: at,
      realFrom: since.real,
      realTo: real,
      own: hadTurn,
      why: "",
      record: since.place,
    })
  }

  #endTurn(waitSeq?: number): void {
    const client = this.#turn === undefined ? undefined : this.#byKey.get(this.#turn)
    this.#turn = undefined
    if (client === undefined) return
    const { since: { at: from, real: realFrom, place } } = client
    // A WAIT may have been answered with the next grant: the turn was over before that.
    const { at: to } = waitSeq === undefined ? this.#now : this.#before
    const { real: realTo } = this.#now
    const { id } = client
    this.#sink.turn({ doing: "turn", from, to, realFrom, realTo, own: true, why: "", record: place, id, waitSeq })
    this.#span(client, true, to)
  }

  #gone(key: number): void {
    const client = this.#byKey.get(key)
    if (client === undefined) return
    if (this.#turn === key) this.#endTurn()
    else this.#span(client, false)
    this.#byKey.delete(key)
  }
}
