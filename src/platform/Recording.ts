/**
 * Records what a guest does to its link, host timer and host clock, and plays it back. So a recorded run can be played
 * again through the real `GuestClock`, without a calendar.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Message from "../core/Message.ts"
import { HostClock } from "../services/HostClock.ts"
import { HostTimer } from "../services/HostTimer.ts"
import { Interrupts } from "../services/Interrupts.ts"
import { Link, type Ready } from "../services/Link.ts"

/**
 * What a guest did to the world. Messages are `masked`, if interrupts were, and `blocked`, if an exchange went on in a
 * revision that doesn't mask for that (SPEC 11.1).
 *
 * @since 0.1.0
 * @category models
 */
export type Output =
  | { readonly _tag: "Wrote"; readonly message: Message.Message; readonly masked: boolean; readonly blocked: boolean }
  | { readonly _tag: "DisarmedHostTimer" }
  | { readonly _tag: "ArmedHostTimerEvery"; readonly interval: bigint }
  | { readonly _tag: "ArmedHostTimerOnce"; readonly delay: bigint }

/**
 * What the link gave when it was read: a message, its end, or an end inside a message.
 *
 * @since 0.1.0
 * @category models
 */
export type Read =
  | { readonly _tag: "Message"; readonly message: Message.Message }
  | { readonly _tag: "End"; readonly leftover: number }

/**
 * What a poll came to: something is readable, or an interrupt arrived, whose handler is to run.
 *
 * @since 0.1.0
 * @category models
 */
export type Polled =
  | { readonly _tag: "Ready"; readonly ready: Ready }
  | { readonly _tag: "Interrupted"; readonly handler: Effect.Effect<void> }

/**
 * Takes what a guest does and gives what it hears. What is given is looked at when it is needed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tape {
  readonly output: (output: Output) => void
  readonly read: (masked: boolean, blocked: boolean) => Read
  readonly poll: (
    polled: { readonly withOther: boolean; readonly masked: boolean; readonly blocked: boolean },
  ) => Polled
}

const link = (tape: Tape): Layer.Layer<Link, never, Interrupts> =>
  Layer.effect(
    Link,
    Effect.gen(function* () {
      const interrupts = yield* Interrupts
      let ended = false
      return {
        write: (bytes) =>
          Effect.sync(() =>
            tape.output({
              _tag: "Wrote",
              message: Message.decode(bytes),
              masked: interrupts.context().masked,
              blocked: interrupts.isBlocked(),
            })
          ),
        readable: Effect.void,
        read: Effect.sync(() => {
          if (ended) return new Uint8Array(0)
          const read = tape.read(interrupts.context().masked, interrupts.isBlocked())
          if (read._tag === "Message") return Message.encode(read.message)
          ended = true
          return new Uint8Array(read.leftover)
        }),
        poll: (other) =>
          Effect.suspend(() => {
            const polled = tape.poll({
              withOther: other !== undefined,
              masked: interrupts.context().masked,
              blocked: interrupts.isBlocked(),
            })
            return polled._tag === "Ready"
              ? Effect.succeed(polled.ready)
              : Effect.andThen(interrupts.raise(polled.handler), Effect.never)
          }),
        close: Effect.void,
      }
    }),
  )

const hostTimer = (tape: Tape): Layer.Layer<HostTimer> =>
  Layer.succeed(HostTimer, {
    armOnce: (delay) => Effect.sync(() => tape.output({ _tag: "ArmedHostTimerOnce", delay })),
    armEvery: (interval) => Effect.sync(() => tape.output({ _tag: "ArmedHostTimerEvery", interval })),
    disarm: Effect.sync(() => tape.output({ _tag: "DisarmedHostTimer" })),
    release: Effect.void,
    onAlarm: () => Effect.void,
  })

/**
 * The link and the host timer on `tape`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (tape: Tape): Layer.Layer<Link | HostTimer, never, Interrupts> =>
  Layer.merge(link(tape), hostTimer(tape))

/**
 * A host whose clocks stand still, at these times in ns: who waits for a later time needn't.
 *
 * @since 0.1.0
 * @category layers
 */
export const stoppedClock = (at: { readonly monotonic: bigint; readonly wall: bigint }): Layer.Layer<HostClock> =>
  Layer.succeed(HostClock, {
    monotonic: () => at.monotonic,
    wall: () => at.wall,
    sleepUntil: () => Effect.void,
  })
