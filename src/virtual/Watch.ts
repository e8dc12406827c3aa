/**
 * Keeps an eye on the fibers that run on simulated time: which there are, and who
 * keeps busy while time stands still.
 *
 * @module
 */
import type * as Fiber from "effect/Fiber"
import * as Stuck from "./Stuck.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

/** How many fibers are remembered by number. */
const RECENT = 16_384

/** The fibers of one runner. */
export class Watch {
  /** Every fiber seen that may still be there, and by number those seen last: asking the set costs more. */
  readonly #fibers = new Set<AnyFiber>()
  // Filled, as Bun takes its time for what is far into an array with holes.
  readonly #recent: Array<AnyFiber | undefined> = new Array(RECENT).fill(undefined)
  #pruneAt = 1024
  /** The fiber that runs, as far as is known. */
  running: AnyFiber | undefined

  /** Steps and reads since time last moved. */
  #still = 0
  #stillAt = 0n
  #shares = new Map<AnyFiber, number>()
  readonly #time: { readonly now: bigint }
  readonly #livelockAfter: number

  constructor(time: { readonly now: bigint }, livelockAfter: number) {
    this.#time = time
    this.#livelockAfter = livelockAfter
  }

  /** This fiber runs. */
  note(fiber: AnyFiber): void {
    this.running = fiber
    const slot = fiber.id % RECENT
    if (this.#recent[slot] === fiber) return
    this.#recent[slot] = fiber
    this.#fibers.add(fiber)
    if (this.#fibers.size < this.#pruneAt) return
    for (const each of this.#fibers) if (each.pollUnsafe() !== undefined) this.#fibers.delete(each)
    this.#recent.fill(undefined)
    this.#pruneAt = Math.max(1024, this.#fibers.size * 2)
  }

  /** Counts a step or a read, and from half of what is allowed on, whose it is: a livelock, if it is one too many. */
  count(): Stuck.Livelock | undefined {
    return ++this.#still * 2 < this.#livelockAfter ? undefined : this.#look()
  }

  #look(): Stuck.Livelock | undefined {
    const { now } = this.#time
    // Time may also be moved by the program's own calls.
    if (now !== this.#stillAt) {
      this.moved()
      return undefined
    }
    const { running } = this
    if (running !== undefined) this.#shares.set(running, (this.#shares.get(running) ?? 0) + 1)
    if (this.#still < this.#livelockAfter) return undefined
    const [busiest] = [...this.#shares].sort(([, a], [, b]) => b - a)
    const livelock = new Stuck.Livelock(now, this.#still, busiest && Stuck.waiting(busiest[0], undefined))
    this.moved()
    return livelock
  }

  /** Time has moved. */
  moved(): void {
    this.#still = 0
    this.#stillAt = this.#time.now
    if (this.#shares.size > 0) this.#shares = new Map()
  }

  /** Every fiber that waits; those that sleep are listed with the time until which they do. */
  waiting(asleep: ReadonlyArray<Stuck.Waiting>): ReadonlyArray<Stuck.Waiting> {
    const until = new Map(asleep.map(({ fiber, asleepUntil }) => [fiber, asleepUntil]))
    return [...this.#fibers]
      .filter((fiber) => fiber.pollUnsafe() === undefined)
      .map((fiber) => Stuck.waiting(fiber, until.get(fiber.id)))
  }

  /** Interrupts every fiber that is still there. */
  interruptAll(): void {
    for (const fiber of [...this.#fibers]) fiber.interruptUnsafe()
  }
}
