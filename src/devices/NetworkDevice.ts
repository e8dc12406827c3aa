/**
 * A network card of a kernel (virtio 1.2, section 5.1): Ethernet frames in and out, at exact times. What is beyond it,
 * wires, a switch, other machines, is the program's.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { NetworkDevice, Options } from "../internal/devices/CardOptions.ts"
import { buildCard } from "../internal/devices/Card.ts"
import { type Making, only, serve } from "../internal/devices/Serving.ts"

export { type NetworkDevice, type Options, type Stats } from "../internal/devices/CardOptions.ts"

/**
 * Makes a network card that listens until the scope closes. Fails as {@link VirtioDevice.make} does, and with an
 * `OptionError` for an address or an MTU that can't be.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import * as NetworkDevice from "guest-clock/devices/NetworkDevice"
 *
 * // A wire between two kernels: 0.5 ms each way.
 * const program = Effect.gen(function* () {
 *   const left = yield* NetworkDevice.make({ path: "/tmp/left.sock", mac: "02:00:00:00:00:01" })
 *   const right = yield* NetworkDevice.make({ path: "/tmp/right.sock", mac: "02:00:00:00:00:02" })
 *   left.onFrame((frame) => left.bus.after(500_000n, () => right.receive(frame)))
 *   right.onFrame((frame) => right.bus.after(500_000n, () => left.receive(frame)))
 *   yield* Effect.all([left.ended, right.ended])
 * })
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): Making<NetworkDevice> =>
  Effect.gen(function* () {
    const { card, hosted } = yield* buildCard(options)
    yield* serve(options.path, only(hosted))
    return card
  })
