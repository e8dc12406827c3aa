/**
 * The least that a clock and a scheduler can be: a binary heap of numbers behind
 * Effect's `Clock` and `Scheduler`. No guest, no nanoseconds, no old states, no
 * reports: what is left is what Effect's fibers cost themselves.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"

interface Sleeper {
  readonly at: number
  readonly place: number
  resume: (() => void) | undefined
}

const before = (a: Sleeper, b: Sleeper): boolean => a.at < b.at || (a.at === b.at && a.place < b.place)

class BareHeap implements Clock.Clock, Scheduler.Scheduler, Scheduler.SchedulerDispatcher {
  readonly executionMode = "async" as const
  #now = 0
  #places = 0
  readonly #heap: Array<Sleeper> = []
  readonly #tasks: Array<() => void> = []
  #running = false

  shouldYield(fiber: { readonly currentOpCount: number }): boolean {
    return fiber.currentOpCount >= 2048
  }
  makeDispatcher(): this {
    return this
  }
  scheduleTask(task: () => void): void {
    this.#tasks.push(task)
    this.#start()
  }
  flush(): void {}

  currentTimeMillisUnsafe(): number {
    return this.#now
  }
  currentTimeNanosUnsafe(): bigint {
    return BigInt(Math.round(this.#now * 1e6))
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.currentTimeNanosUnsafe()
  }
  readonly currentTimeMillis = Effect.sync(() => this.#now)
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = this.currentTimeNanos

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const ms = Duration.toMillis(duration)
    return Effect.callback<void>((resume) => {
      const sleeper: Sleeper = { at: this.#now + ms, place: this.#places++, resume: () => resume(Effect.void) }
      this.#push(sleeper)
      this.#start()
      return Effect.sync(() => {
        sleeper.resume = undefined
      })
    })
  }

  #start(): void {
    if (this.#running) return
    this.#running = true
    setImmediate(() => this.#run())
  }

  #run(): void {
    for (let moves = 0; moves < 1000; moves++) {
      for (let i = 0; i < this.#tasks.length; i++) this.#tasks[i]?.()
      this.#tasks.length = 0
      const next = this.#pop()
      if (next === undefined) {
        this.#running = false
        return
      }
      this.#now = next.at
      next.resume?.()
    }
    setImmediate(() => this.#run())
  }

  #push(sleeper: Sleeper): void {
    const heap = this.#heap
    let hole = heap.length
    heap.push(sleeper)
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      const other = heap[parent]!
      if (before(other, sleeper)) break
      heap[hole] = other
      hole = parent
    }
    heap[hole] = sleeper
  }

  #pop(): Sleeper | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let hole = 0
    for (let child = 1; child < heap.length; child = 2 * hole + 1) {
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (before(last, heap[child]!)) break
      heap[hole] = heap[child]!
      hole = child
    }
    heap[hole] = last
    return first
  }
}

/** Runs a program on a bare heap. */
export const run = <A, E>(program: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const heap = new BareHeap()
    const context = Context.make(Clock.Clock, heap as Clock.Clock)
    return Effect.provideContext(program, Context.add(context, Scheduler.Scheduler, heap))
  })
