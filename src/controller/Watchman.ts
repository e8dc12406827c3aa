/**
 * Says what a calendar waits for when it has waited for long: clients that aren't
 * there yet, one that keeps the turn, or nothing at all.
 *
 * @module
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ClientStatus, Status } from "./Status.ts"
import { formatClient, nameOf } from "./Status.ts"
import type { News } from "./Switchboard.ts"

/** Something that people who watch a calendar want to know. */
export type Report =
  | News
  /** Fewer clients than expected have started, and `here` have. */
  | { readonly _tag: "Missing"; readonly missing: number; readonly here: ReadonlyArray<ClientStatus> }
  /** A client has had the turn for long; told again whenever that has doubled. */
  | { readonly _tag: "LongTurn"; readonly client: ClientStatus }
  /** Connections were closed at once, as there are too many: `refused` of them since the beginning. */
  | { readonly _tag: "Refused"; readonly why: string; readonly refused: number }
  /** Nobody runs, and nobody has asked for a time. */
  | { readonly _tag: "Deadlock"; readonly time: bigint; readonly clients: ReadonlyArray<ClientStatus> }

/** A guest of a world that waits. */
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

/** Why there is nothing more to come: nobody has asked for a time. */
export class CalendarDeadlock extends Error {
  readonly _tag: "CalendarDeadlock"
  override readonly name: "CalendarDeadlock"
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
      guests.length === 0
        ? `${at} nobody runs, and nobody has asked for a time:${listed(clients.map(formatClient))}`
        : `${at} ${who}, and nothing is due:${listed(guests.flatMap(linesOf))}`,
    )
    this._tag = "CalendarDeadlock"
    this.name = "CalendarDeadlock"
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
      return `${nameOf(report.client)} has started (${report.client.from})`
    case "Left":
      return `${nameOf(report.client)} has left after ${report.client.turns} turns`
    case "Dropped":
      return report.client.from === "unix" ? report.why : `${report.why} (${report.client.from})`
    case "Missing":
      return `waiting for ${report.missing} more clients to start; here is ${
        list(report.here.filter(({ state }) => state === "held"))
      }`
    case "LongTurn":
      return `everybody waits: ${formatClient(report.client)}`
    case "Refused":
      return `connections are refused: ${report.why}; ${report.refused} were until now`
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

/** The shortest and the longest time between two looks. */
const LOOK_MS = { least: 10, most: 500 }

/** Looks at the status every now and then, for good. */
export const watch = (
  status: () => Status,
  patience: Patience,
  say: (report: Report) => Effect.Effect<void>,
): Effect.Effect<never> => {
  const after = {
    slow: Duration.toMillis(patience.slowTurnAfter),
    missing: Duration.toMillis(patience.missingAfter),
    deadlock: Duration.toMillis(patience.deadlockAfter),
  }
  const everyMs = Math.max(LOOK_MS.least, Math.min(LOOK_MS.most, ...Object.values(after).map((ms) => ms / 4)))
  let missingAt = after.missing
  let slow: { readonly connection: number; readonly turns: number; at: number } | undefined
  let still: { readonly messages: number; readonly sinceMs: number; said: boolean } | undefined

  const look = Effect.suspend(() => {
    const now = status()
    const reports: Array<Report> = []
    if (now.missing === 0) missingAt = now.realMs + after.missing
    else if (now.realMs >= missingAt) {
      missingAt = now.realMs + 2 * Math.max(after.missing, now.realMs)
      reports.push({ _tag: "Missing", missing: now.missing, here: now.clients })
    }
    const running = now.clients.find(({ state }) => state === "running")
    if (running === undefined || running.connection !== slow?.connection || running.turns !== slow.turns) {
      slow = running && { connection: running.connection, turns: running.turns, at: after.slow }
    }
    if (slow !== undefined && running?.turnMs !== undefined && running.turnMs >= slow.at) {
      slow.at = 2 * running.turnMs
      reports.push({ _tag: "LongTurn", client: running })
    }
    if (!now.deadlocked) still = undefined
    else if (still?.messages !== now.messages) still = { messages: now.messages, sinceMs: now.realMs, said: false }
    else if (!still.said && now.realMs - still.sinceMs >= after.deadlock) {
      still.said = true
      reports.push({ _tag: "Deadlock", time: now.time, clients: now.clients })
    }
    return Effect.forEach(reports, say, { discard: true })
  })
  return Effect.forever(Effect.andThen(Effect.sleep(everyMs), look))
}
