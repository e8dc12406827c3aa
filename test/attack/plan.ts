/**
 * What honest clients in lockstep do, and when, known before it happens: a calendar
 * of its own, written from PROTOCOL alone, that nobody attacks.
 *
 * @module
 */
import { type Random, random } from "../support/random.ts"

/** What a client does in its turn, before it asks for the next one. */
export type Step =
  /** GET tells the time of its turn. */
  | { readonly _tag: "Get" }
  | { readonly _tag: "TimeOfDay" }
  /** All other clients of the plan hear this, before they run next. */
  | { readonly _tag: "Broadcast"; readonly value: bigint }
  /** It runs ahead to here, if it may, and says so by UPDATE. */
  | { readonly _tag: "Ahead"; readonly to: bigint }
  /**
   * It interrupts another client, which asks to be run at `at` and answers when that is acknowledged. A new
   * FREE_UNTIL for this it acknowledges only after `holdMs` of real time.
   */
  | { readonly _tag: "Signal"; readonly client: number; readonly at: bigint; readonly holdMs: number }
  /** It keeps the turn for some real time. */
  | { readonly _tag: "Pause"; readonly ms: number }

/** One turn. */
export interface Turn {
  readonly client: number
  readonly time: bigint
  /** The earliest request of the others as it begins: its FREE_UNTIL is never past that. */
  readonly limit: bigint | undefined
  readonly steps: ReadonlyArray<Step>
  /** What it asks for in the end, the last of which counts; with none of them, it waits for others. */
  readonly requests: ReadonlyArray<bigint>
}

interface Entry {
  readonly client: number
  readonly time: bigint
  readonly order: number
}

const isBefore = (a: Entry, b: Entry): boolean => a.time < b.time || a.time === b.time && a.order < b.order

/** Who is to run when: a binary heap, in which what was replaced stays until it comes up. */
class Schedule {
  readonly #heap: Array<Entry> = []
  readonly #current = new Map<number, Entry>()
  #order = 0

  /** A request, which replaces the client's earlier one; unchanged, it keeps its place. */
  request(client: number, time: bigint): void {
    if (this.#current.get(client)?.time === time) return
    const entry = { client, time, order: this.#order++ }
    this.#current.set(client, entry)
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      if (!isBefore(entry, heap[up]!)) break
      heap[at] = heap[up]!
      at = up
    }
    heap[at] = entry
  }

  timeOf(client: number): bigint | undefined {
    return this.#current.get(client)?.time
  }

  get first(): Entry | undefined {
    while (this.#heap.length > 0 && this.#current.get(this.#heap[0]!.client) !== this.#heap[0]) this.#pop()
    return this.#heap[0]
  }

  take(): Entry | undefined {
    const { first } = this
    if (first !== undefined) {
      this.#pop()
      this.#current.delete(first.client)
    }
    return first
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= heap.length) break
      const child = left + 1 < heap.length && isBefore(heap[left + 1]!, heap[left]!) ? left + 1 : left
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

/** All times are on this grid, and a little past it, so that many are the same, and none is somebody else's. */
const GRID = 100_000n
const PAST = 7n

/** How far somebody runs ahead in its turn, less than that. */
const AHEAD = 30_000

/** A time on the grid, so many cells from now, which nobody who runs now passes. */
const onGrid = (now: bigint, cells: number): bigint => {
  const at = now - now % GRID + GRID * BigInt(cells) + PAST
  return at > now + BigInt(AHEAD) ? at : at + GRID
}

/** The client that makes all others wait for a moment in each of its turns, so that nobody spins. */
const METRONOME = 0

/** Values of BROADCAST that are the plan's: no attacker draws any of these. */
const BROADCASTS = 0x5a_11_0000_0000_0000n

/** Whether a value of BROADCAST is a plan's. */
export const isPlanned = (value: bigint): boolean => value >> 48n === BROADCASTS >> 48n

/** How a plan is made. */
export interface Options {
  readonly clients: number
  readonly seed: number
  /** For how long the metronome keeps its turn, in real ms. */
  readonly pauseMs: number
  /** After how many turns each asks for no more, and is to leave; without end, if it isn't given. */
  readonly wakeUps?: number
  /** Whether they do more than to sleep. */
  readonly busy: boolean
}

/** All turns of the plan, one after the other. Clients are let in in order first, at 0. */
export const turns = function* ({ clients, seed, pauseMs, wakeUps, busy }: Options): Generator<Turn, void> {
  const dice = random(seed)
  const schedule = new Schedule()
  const had = new Array<number>(clients).fill(0)
  let broadcasts = 0n
  const turn = (client: number, time: bigint): Turn => {
    const limit = schedule.first?.time
    had[client]!++
    const steps: Array<Step> = []
    if (client === METRONOME && pauseMs > 0) steps.push({ _tag: "Pause", ms: pauseMs })
    while (busy && time > 0n && dice.bool(0.3)) steps.push(step(dice, client, time))
    for (const each of steps) {
      if (each._tag === "Signal") schedule.request(each.client, each.at)
    }
    const requests: Array<bigint> = []
    const isLast = wakeUps !== undefined && had[client]! > wakeUps
    // Some are devices: once they have been interrupted and have run, they wait for others again.
    const isDevice = busy && client % 4 === 3 && client !== METRONOME
    if (!isLast && !isDevice) {
      const next = () => onGrid(time, 1 + dice.int(5))
      if (busy && dice.bool(0.1)) requests.push(next())
      requests.push(next())
      if (busy && dice.bool(0.1)) requests.push(requests.at(-1)!)
    }
    for (const each of requests) schedule.request(client, each)
    return { client, time, limit, steps, requests }
  }
  const step = (dice: Random, client: number, time: bigint): Step => {
    switch (dice.int(5)) {
      case 0:
        return { _tag: "Get" }
      case 1:
        return { _tag: "TimeOfDay" }
      case 2:
        return { _tag: "Broadcast", value: BROADCASTS + broadcasts++ }
      case 3:
        return { _tag: "Ahead", to: time + BigInt(1 + dice.int(AHEAD)) }
      default: {
        const other = (client + 1 + dice.int(clients - 1)) % clients
        // Mostly before anybody else is to run, so that whoever runs has to hear of it.
        const at = dice.bool(0.7) ? time + BigInt(AHEAD + 1 + dice.int(60_000)) : onGrid(time, 1)
        const before = schedule.timeOf(other)
        // It only ever wants to be run earlier.
        if (before !== undefined && before < at) return { _tag: "Get" }
        return { _tag: "Signal", client: other, at, holdMs: dice.pick([0, 0, 1, 5]) }
      }
    }
  }
  for (let client = 0; client < clients; client++) yield turn(client, 0n)
  for (let next = schedule.take(); next !== undefined; next = schedule.take()) yield turn(next.client, next.time)
}
