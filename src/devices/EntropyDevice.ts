/**
 * A source of entropy for a kernel (virtio 1.2, section 5.4), which a seed decides: a kernel that boots twice draws the
 * same.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "../simulation/Random.ts"
import * as VirtioDevice from "./VirtioDevice.ts"

/**
 * The options of a source of entropy.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends Pick<VirtioDevice.Options, "path" | "name" | "onReport" | "patience"> {
  /** What decides all of it: a whole number from 0 to 2^32 − 1. Default: 0. */
  readonly seed?: number
  /** How long a request takes. Default: 0. */
  readonly latency?: Duration.Input
}

/** The most bytes that one request is answered with. */
const MOST_BYTES = 65_536

/**
 * Makes a source of entropy that listens until the scope closes. Fails as {@link VirtioDevice.make} does, and with an
 * `OptionError` for a seed that can't be.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import * as EntropyDevice from "guest-clock/devices/EntropyDevice"
 *
 * const program = Effect.gen(function* () {
 *   const entropy = yield* EntropyDevice.make({ path: "/tmp/entropy.sock", seed: 7 })
 *   yield* entropy.ended
 * })
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): VirtioDevice.Making<VirtioDevice.VirtioDevice> =>
  Effect.gen(function* () {
    const { seed = 0, ...rest } = options
    const first = yield* Random.make(seed)
    const stream = "entropy"
    let random = first.fork(stream)
    return yield* VirtioDevice.make({
      ...rest,
      id: 4,
      queues: 1,
      handle: ({ room }) => Uint8Array.from({ length: Math.min(room, MOST_BYTES) }, () => random.bits() & 0xff),
      onReset: () => {
        random = first.fork(stream)
      },
    })
  })
