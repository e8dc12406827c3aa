/**
 * A calendar's status, and who blocks it: as values, as text for people and as JSON.
 *
 * @module
 */
import { NONE } from "../core/Nanos.ts"

/**
 * What a client does, as its calendar sees it.
 *
 * @since 0.1.0
 * @category models
 */
export type ClientState =
  /** It has connected and not said START yet. */
  | "connected"
  /** It is held back until it is let in. */
  | "held"
  /** It has the turn: everybody waits for it. */
  | "running"
  /** It waits for the time that it has asked for. */
  | "waiting"
  /** It waits for the world: it has asked for no time. */
  | "idle"
  /** Its connection is being ended: it has left or was dropped, and what it was sent last may still be read. */
  | "ending"

/**
 * The process that has connected to the calendar's unix socket, as it was then.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientProcess {
  /** 0 if it is in another PID namespace. */
  readonly pid: number
  /** The number of its effective user, and the name, if the system has one. */
  readonly user: number
  readonly userName: string | undefined
  /** The command with its arguments, at most 256 characters, for people; none, if the system doesn't tell. */
  readonly command: string | undefined
}

/**
 * One client.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientStatus {
  /** The ID from its START, if it has one. */
  readonly id: bigint | undefined
  /** The connection's number, from 0 on. */
  readonly connection: number
  /** Where it comes from: `unix`, a TCP address, or a name in this process. */
  readonly from: string
  /** Its process, if it is on a unix socket and native calls can be made. */
  readonly process: ClientProcess | undefined
  readonly state: ClientState
  /** When it wants to run, in the calendar's ns. */
  readonly request: bigint | undefined
  /** Its time 0, in the calendar's ns. */
  readonly offset: bigint
  /** Its last message, for people. */
  readonly lastMessage: string | undefined
  /** How long ago that came, in real ms. */
  readonly lastMessageMs: number | undefined
  /** For how long it has had the turn that it has now, in real ms. */
  readonly turnMs: number | undefined
  /** Whether it shares the calendar's memory. */
  readonly sharesMemory: boolean
  readonly turns: number
  /** How many of these were granted by shared memory. */
  readonly sharedTurns: number
  readonly requests: number
  readonly waits: number
  readonly updates: number
  /** The part of real time for which it had the turn: 0 to 1. */
  readonly share: number
  /** Why it was dropped, if it was: it broke a rule, kept the turn, didn't read, or somebody said so. */
  readonly dropped: string | undefined
}

/**
 * A calendar and its clients.
 *
 * @since 0.1.0
 * @category models
 */
export interface Status {
  /** The calendar's time, in ns. */
  readonly time: bigint
  /** Real ms since the calendar began. */
  readonly realMs: number
  readonly grants: number
  /** How many of these were by shared memory. */
  readonly sharedGrants: number
  /** Messages in both directions, ACKs included. */
  readonly messages: number
  /** How many more clients are needed before the first is let in. */
  readonly missing: number
  /** Nobody runs and nobody has asked for a time: only the world can go on from here. */
  readonly deadlocked: boolean
  readonly paused: boolean
  /** Simulated seconds a real second; none: as fast as it goes. */
  readonly pace: number | undefined
  /** How far it may go, if there is an end, in ns. */
  readonly until: bigint | undefined
  /** Why clients can't share memory and aren't identified, where it listens on a unix socket without native calls. */
  readonly withoutNative: string | undefined
  /** Those connected now. */
  readonly clients: ReadonlyArray<ClientStatus>
  /** Those who have left, as they were then: the last 1,000 of them. */
  readonly left: ReadonlyArray<ClientStatus>
  /** Those whose connections are being ended, as they were when that began. None is for more than a second. */
  readonly ending: ReadonlyArray<ClientStatus>
  /** The most connections at a time, if it listens: those of `clients` that are no guests in this process, and `ending`. */
  readonly maxClients: number | undefined
  /** How many connections were refused, as there were too many. */
  readonly refused: number
}

/**
 * What a client is called: its ID, or else its connection's number.
 *
 * @since 0.1.0
 * @category formatting
 */
export const nameOf = ({ id, connection }: Pick<ClientStatus, "id" | "connection">): string =>
  id === undefined || id === NONE ? `connection ${connection}` : `client ${id}`

/**
 * Where a client comes from, for people: `unix, PID 77 of root: linux mem=64M`, a TCP address, a name.
 *
 * @since 0.1.0
 * @category formatting
 */
export const originOf = ({ from, process: client }: Pick<ClientStatus, "from" | "process">): string => {
  if (client === undefined) return from
  const { pid, user, userName, command } = client
  const of = `PID ${pid} of ${userName ?? `user ${user}`}`
  return `${from}, ${of}${command === undefined ? "" : `: ${command}`}`
}

/**
 * A time for people, in the largest unit that shows it whole: `90 s`, `1.5 ms`, `7 ns`.
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatTime = (nanos: bigint): string => {
  for (const [unit, size] of [["s", 1_000_000_000n], ["ms", 1_000_000n], ["µs", 1_000n]] as const) {
    if (nanos < size && nanos > -size) continue
    const rest = (nanos < 0n ? -nanos : nanos) % size
    const decimals = String(rest).padStart(String(size).length - 1, "0").replace(/0+$/, "")
    return `${nanos / size}${decimals === "" ? "" : `.${decimals}`} ${unit}`
  }
  return `${nanos} ns`
}

/**
 * A length of real time for people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatMs = (ms: number): string => ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`

const doing = (client: ClientStatus): string => {
  switch (client.state) {
    case "connected":
      return "has connected, and not sent START"
    case "held":
      return "is held back until it is let in"
    case "running":
      return `has the turn for ${formatMs(client.turnMs ?? 0)}`
    case "waiting":
      return `waits for ${formatTime(client.request ?? 0n)}`
    case "idle":
      return "waits, and has asked for no time"
    case "ending":
      return "is being hung up on"
  }
}

/**
 * A client as a line for people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatClient = (client: ClientStatus): string =>
  `${nameOf(client)} (${originOf(client)}) ${doing(client)}; ` +
  (client.lastMessage === undefined
    ? "it has said nothing yet"
    : `last message ${client.lastMessage}, ${formatMs(client.lastMessageMs ?? 0)} ago`)

/** Why time stands still, or nothing if it doesn't. */
const blocker = (status: Status): string | undefined => {
  const running = status.clients.find(({ state }) => state === "running")
  if (running !== undefined) return `${nameOf(running)} runs`
  if (status.missing > 0) return `${status.missing} more clients have to start`
  if (status.paused) return "paused"
  if (status.deadlocked) return "a deadlock: nobody has asked for a time"
  return undefined
}

/** How many of those who were dropped are listed: those that were last. */
const MOST_LISTED = 20

/** The clients that were dropped and why, as lines for people. */
const dropped = ({ left }: Status): ReadonlyArray<string> => {
  const all = left.filter((client) => client.dropped !== undefined)
  if (all.length === 0) return []
  const more = all.length - MOST_LISTED
  return [
    more > 0 ? `dropped were, after ${more} others:` : "dropped were:",
    ...all.slice(-MOST_LISTED).map((client) => `  ${client.dropped} (${originOf(client)})`),
  ]
}

/**
 * All of it for people: a line for the calendar, one for each client, and one for each that was dropped.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (status: Status): string => {
  const why = blocker(status)
  return [
    `at ${formatTime(status.time)}, ${status.grants} turns${
      status.sharedGrants === 0 ? "" : ` (${status.sharedGrants} by shared memory)`
    }, ${status.clients.length} clients` +
    (why === undefined ? "" : `: ${why}`),
    ...[...status.clients, ...status.ending].map((client) => `  ${formatClient(client)}`),
    ...dropped(status).map((line) => `  ${line}`),
    ...status.refused > 0
      ? [`  ${status.refused} connections were refused: at most ${status.maxClients} are taken`]
      : [],
  ].join("\n")
}

/**
 * What each client has done, those who have left included, as a table for people, and who was dropped and why.
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatSummary = (status: Status): string => {
  const head = ["client", "from", "requests", "waits", "updates", "turns", "by memory", "share"]
  const rows = [...status.left, ...status.clients].map((client) => [
    nameOf(client),
    client.from,
    ...[client.requests, client.waits, client.updates, client.turns, client.sharedTurns].map(String),
    `${(client.share * 100).toFixed(1)} %`,
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>) =>
    row.map((cell, column) => column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))
      .join("  ").trimEnd()
  return [...[head, ...rows].map(line), ...dropped(status)].join("\n")
}

/**
 * A value as JSON in which times of 64 bits are strings of digits.
 *
 * @since 0.1.0
 * @category formatting
 */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, part) => typeof part === "bigint" ? String(part) : part)
