/**
 * Services in memory, for tests and for guests in the same program: a link with both ends here, and a host whose clock
 * is moved by hand.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { LinkBroken } from "../core/Fault.ts"
import { HostClock } from "../services/HostClock.ts"
import { HostTimer } from "../services/HostTimer.ts"
import { type Link, type Readers, readers, waitsFor } from "../services/Link.ts"

/** One direction of a link. */
interface Pipe {
  readonly bytes: Array<Uint8Array>
  ended: boolean
  readonly readers: Readers
}

const pipe = (): Pipe => {
  const pipe: Pipe = { bytes: [], ended: false, readers: readers(() => pipe.bytes.length > 0 || pipe.ended) }
  return pipe
}

const END = new Uint8Array(0)

const end = (from: Pipe, to: Pipe): Link => ({
  ...waitsFor(from.readers.onReadable),
  write: (bytes) =>
    Effect.suspend(() => {
      if (to.ended) return Effect.fail(new LinkBroken("the other end has closed it"))
      // The caller may use its memory again.
      to.bytes.push(new Uint8Array(bytes))
      to.readers.wake()
      return Effect.void
    }),
  read: Effect.sync(() => from.bytes.shift() ?? END),
  close: Effect.sync(() => {
    for (const each of [from, to]) {
      each.ended = true
      each.readers.wake()
    }
  }),
})

/**
 * A link with both of its ends, which are closed with the scope. What is written
 * to one end is read at the other.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Memory from "guest-clock/platform/Memory"
 *
 * const program = Effect.gen(function*() {
 *   const [here, there] = yield* Memory.link
 *   yield* here.write(new Uint8Array([1, 2, 3]))
 *   yield* there.readable
 *   console.log((yield* there.read).length) // 3
 * })
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const link: Effect.Effect<readonly [Link, Link], never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const [there, back] = [pipe(), pipe()]
    return { ends: [end(back, there), end(there, back)] as const }
  }),
  ({ ends: [here] }) => here.close,
).pipe(Effect.map(({ ends }) => ends))

/**
 * A host whose clock moves when it is told to, and whose timer goes off then.
 *
 * @since 0.1.0
 * @category models
 */
export interface Host {
  /** Moves the clock on by `duration` ns, through each alarm that is due on the way. */
  readonly advance: (duration: bigint) => Effect.Effect<void>
  /** When the timer goes off next, in ns of the monotonic clock, if it is armed. */
  readonly alarmDue: () => bigint | undefined
  /** The host's clock and its timer. */
  readonly layer: Layer.Layer<HostClock | HostTimer>
}

/**
 * A host whose clocks stand at these times, in ns.
 *
 * @since 0.1.0
 * @category constructors
 */
export const host = (at: { readonly monotonic: bigint; readonly wall: bigint }): Host => {
  let elapsed = 0n
  let alarm: { readonly due: bigint; readonly interval: bigint | undefined } | undefined
  const listeners = new Set<Effect.Effect<void>>()
  const sleepers = new Set<() => void>()

  const monotonic = () => at.monotonic + elapsed
  const arm = (delay: bigint, interval?: bigint) =>
    Effect.sync(() => {
      alarm = { due: monotonic() + delay, interval }
    })

  const clock: HostClock = {
    monotonic,
    wall: () => at.wall + elapsed,
    sleepUntil: (time) =>
      Effect.suspend(() =>
        time <= monotonic() ? Effect.void : Effect.callback<void>((resume) => {
          const check = () => {
            if (time <= monotonic()) resume(Effect.void)
          }
          sleepers.add(check)
          return Effect.sync(() => sleepers.delete(check))
        })
      ),
  }
  const timer: HostTimer = {
    armOnce: (delay) => arm(delay),
    armEvery: (interval) => arm(interval, interval),
    disarm: Effect.sync(() => {
      alarm = undefined
    }),
    release: Effect.sync(() => {
      alarm = undefined
    }),
    onAlarm: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          listeners.add(listener)
        }),
        () => Effect.sync(() => listeners.delete(listener)),
      ),
  }

  const moveTo = (time: bigint) =>
    Effect.sync(() => {
      elapsed = time - at.monotonic
      for (const check of [...sleepers]) check()
    })
  const advance = (duration: bigint): Effect.Effect<void> =>
    Effect.gen(function* () {
      const until = monotonic() + duration
      while (alarm !== undefined && alarm.due <= until) {
        const { due, interval } = alarm
        alarm = interval === undefined ? undefined : { due: due + (interval > 0n ? interval : 1n), interval }
        yield* moveTo(due)
        yield* Effect.forEach(listeners, (listener) => listener, { discard: true })
      }
      yield* moveTo(until)
    })

  return {
    advance,
    alarmDue: () => alarm?.due,
    layer: Layer.merge(Layer.succeed(HostClock, clock), Layer.succeed(HostTimer, timer)),
  }
}
