/**
 * Reports what a calendar waits for when it has waited for long: clients that haven't started, a client that keeps the
 * turn, or a request from anybody.
 *
 * @module
 */
import * as Duration from "effect/Duration"
import { Tagged } from "../core/Tagged.ts"
import { later } from "../platform/EventLoop.ts"
import type { ClientStatus, Status } from "../../calendar/Status.ts"
import { formatClient, nameOf, originOf } from "../../calendar/Status.ts"
import type { News } from "./Interpreter.ts"

/**
 * Something that people who watch a calendar want to know.
 *
 * @since 0.1.0
 * @category models
 */
export type Report =
  | News
  /** Fewer clients than expected have started, and `here` have. */
  | { readonly _tag: "Missing"; readonly missing: number; readonly here: ReadonlyArray<ClientStatus> }
  /** A client has had the turn for long; told again whenever that has doubled. */
  | { readonly _tag: "LongTurn"; readonly client: ClientStatus }
  /** Connections were closed at once, as there are too many: `refused` of them since the beginning. */
  | { readonly _tag: "Refused"; readonly why: string; readonly refused: number }
  /** Somebody has written into the shared memory what nobody may; told once a second at most. */
  | { readonly _tag: "Scribbled"; readonly what: string }
  /** Nobody runs, and nobody has asked for a time. */
  | { readonly _tag: "Deadlock"; readonly time: bigint; readonly clients: ReadonlyArray<ClientStatus> }

/**
 * A guest of a world that waits.
 *
 * @since 0.1.0
 * @category models
 */
export interface WaitingGuest {
  readonly guest: string
  /** Its fibers, for people: where each is, and what it waits for. */
  readonly fibers: ReadonlyArray<string>
}

/** Digits in groups of three. */
const grouped = (nanos: bigint): string => String(nanos).replace(/\B(?=(\d{3})+$)/g, ",")

/** The most lines that a message has of what waits. */
const MOST_LISTED = 100

const listed = (lines: ReadonlyArray<string>): string => {
  const more = lines.length - MOST_LISTED
  return [...lines.slice(0, MOST_LISTED), ...more > 0 ? [`… and ${more} more`] : []].map((line) => `\n  ${line}`).join(
    "",
  )
}

const linesOf = ({ guest, fibers }: WaitingGuest): ReadonlyArray<string> =>
  fibers.length === 0 ? [`${guest}: none of its fibers waits`] : fibers.map((fiber) => `${guest}: ${fiber}`)

/**
 * Why there is nothing more to come: nobody has asked for a time.
 *
 * @since 0.1.0
 * @category errors
 */
export class CalendarDeadlock extends Tagged<"CalendarDeadlock"> {
  readonly clients: ReadonlyArray<ClientStatus>
  /** The calendar's time, in ns. */
  readonly time: bigint
  /** The guests that wait for each other, where it is a world's calendar. */
  readonly guests: ReadonlyArray<WaitingGuest>
  /** `ended` is how many guests besides have ended. */
  constructor(clients: ReadonlyArray<ClientStatus>, time: bigint, guests: ReadonlyArray<WaitingGuest> = [], ended = 0) {
    const at = `at ${grouped(time)} ns`
    const left = ended === 0 ? "" : " that haven't ended"
    const who = guests.length === 1
      ? `the guest${left.replace("haven't", "hasn't")} waits`
      : `all ${guests.length} guests${left} wait for each other`
    super(
      "CalendarDeadlock",
      guests.length === 0
        ? `${at} nobody runs, and nobody has asked for a time:${listed(clients.map(formatClient))}`
        : `${at} ${who}, and nothing is due:${listed(guests.flatMap(linesOf))}`,
    )
    this.clients = clients
    this.time = time
    this.guests = guests
  }

  /** The same of a world, of whose guests some wait and some have ended. */
  of(guests: ReadonlyArray<WaitingGuest>, ended: number): CalendarDeadlock {
    return new CalendarDeadlock(this.clients, this.time, guests, ended)
  }
}

const list = (clients: ReadonlyArray<ClientStatus>): string =>
  clients.length === 0 ? "nobody" : clients.map(nameOf).join(", ")

/** A report as a line for people. */
export const format = (report: Report): string => {
  switch (report._tag) {
    case "Joined":
      return `${nameOf(report.client)} has started (${originOf(report.client)})`
    case "Left":
      return `${nameOf(report.client)} has left after ${report.client.turns} turns`
    case "Dropped":
      return report.client.from === "unix" && report.client.process === undefined
        ? report.why
        : `${report.why} (${originOf(report.client)})`
    case "Missing":
      return `waiting for ${report.missing} more clients to start; here is ${
        list(report.here.filter(({ state }) => state === "held"))
      }`
    case "LongTurn":
      return `everybody waits: ${formatClient(report.client)}`
    case "Refused":
      return `connections are refused: ${report.why}; ${report.refused} were until now`
    case "Scribbled":
      return `somebody who has the shared memory writes into it what nobody may: ${report.what}`
    case "Deadlock":
      return `deadlock: at ${grouped(report.time)} ns nobody runs, and of ${report.clients.length} clients none has ` +
        "asked for a time"
  }
}

/** What is worth a warning in the log. */
export const isWarning = ({ _tag }: Report): boolean => _tag !== "Joined" && _tag !== "Left"

/** After how much real time each is said. */
export interface Patience {
  readonly slowTurnAfter: Duration.Duration
  readonly missingAfter: Duration.Duration
  readonly deadlockAfter: Duration.Duration
}

/** What is watched of a calendar, each at no cost. */
export interface Watched {
  /** Real ms since the calendar began. */
  readonly realMs: number
  /** Messages in both directions. */
  readonly messages: number
  /** How many clients are needed yet before the first is let in. */
  readonly missing: number
  /** Whether nobody runs, and nobody has asked for a time. */
  readonly isDeadlocked: boolean
  /** Whose turn it is, and for how long it has been, in real ms. */
  readonly turn: { readonly ms: number; readonly sinceMs: number } | undefined
  /** When the last message came, in real ms since the calendar began. */
  readonly lastMs: number
  /** Told when a turn begins, … */
  onTurn: (() => void) | undefined
  /** … and when there is none, after each thing that happens. */
  onRest: (() => void) | undefined
}

/** One thing that may be late: a timer while it may be, and none at rest. */
class Lateness {
  #cancel: (() => void) | undefined
  readonly #look: () => number | undefined

  /** `look` is done when something may be late: it says in how many ms it is to be done again, if at all. */
  constructor(look: () => number | undefined) {
    this.#look = look
  }

  /** Something may be late in so many ms, if it isn't waited for already. */
  await(ms: number): void {
    this.#cancel ??= later(Math.max(1, ms), () => {
      this.#cancel = undefined
      const again = this.#look()
      if (again !== undefined) this.await(again)
    })
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}

/**
 * Says what is late, until the result is called. Only while something can be is there a timer, one for each kind: turns
 * that follow each other quickly share one, and nobody is described but in a report.
 */
export const watch = (
  board: Watched,
  patience: Patience,
  describe: () => Status,
  say: (report: Report) => void,
): () => void => {
  const after = {
    slow: Duration.toMillis(patience.slowTurnAfter),
    missing: Duration.toMillis(patience.missingAfter),
    deadlock: Duration.toMillis(patience.deadlockAfter),
  }
  const missing = new Lateness(() => {
    if (board.missing === 0) return undefined
    say({ _tag: "Missing", missing: board.missing, here: describe().clients })
    return 2 * Math.max(after.missing, board.realMs)
  })
  /** The turn that was told of, and when it is to be told of again. */
  let slow: { readonly sinceMs: number; ms: number } | undefined
  const turn = new Lateness(() => {
    const { turn } = board
    if (turn === undefined) return undefined
    if (slow?.sinceMs !== turn.sinceMs) slow = { sinceMs: turn.sinceMs, ms: after.slow }
    if (turn.ms < slow.ms) return slow.ms - turn.ms
    slow.ms = 2 * turn.ms
    const client = describe().clients.find(({ state }) => state === "running")
    if (client !== undefined) say({ _tag: "LongTurn", client })
    return slow.ms - turn.ms
  })
  /** The messages there were when a deadlock was told of. */
  let said: number | undefined
  const deadlock = new Lateness(() => {
    if (!board.isDeadlocked || said === board.messages) return undefined
    const left = after.deadlock - (board.realMs - board.lastMs)
    if (left > 0) return left
    said = board.messages
    const { time, clients } = describe()
    say({ _tag: "Deadlock", time, clients })
    return undefined
  })

  board.onTurn = () => turn.await(after.slow)
  board.onRest = () => {
    if (board.isDeadlocked && said !== board.messages) deadlock.await(after.deadlock)
  }
  if (board.missing > 0) missing.await(after.missing)
  return () => {
    board.onTurn = board.onRest = undefined
    for (const each of [missing, turn, deadlock]) each.stop()
  }
}
