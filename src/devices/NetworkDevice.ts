/**
 * A network card of a kernel (virtio 1.2, section 5.1): Ethernet frames in and out, at exact times. What is beyond it,
 * wires, a switch, other machines, is the program's.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { OptionError } from "../core/Fault.ts"
import type { GuestClock } from "../GuestClock.ts"
import { buildCard } from "../internal/devices/Card.ts"
import { only, serve } from "../internal/devices/Serving.ts"
import type { NativeUnavailable } from "../internal/platform/native/Libc.ts"
import type { ListenError } from "../internal/platform/SocketFile.ts"
import type * as VirtioDevice from "./VirtioDevice.ts"

/**
 * How a network card is.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends Pick<VirtioDevice.Options, "path" | "name" | "onReport" | "patience"> {
  /**
   * Its address, as `02:00:00:00:00:01`: neither that of a group nor 0. Default: one that its name decides, as a kernel
   * would draw another one each time.
   */
  readonly mac?: string
  /** The longest payload of a frame in bytes, 68 to 65,535. Default: 1500, and the driver isn't told. */
  readonly mtu?: number
  /** Whether the link is up at first. Default: true. */
  readonly linkUp?: boolean
  /** How long a frame takes from the driver to the card. Default: 0. */
  readonly latency?: Duration.Input
}

/**
 * What a card has done: frames that the driver sent, that it was given, and that were dropped on their way to it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Stats {
  readonly sent: number
  readonly received: number
  readonly dropped: number
}

/**
 * A network card.
 *
 * @since 0.2.0
 * @category models
 */
export interface NetworkDevice extends VirtioDevice.VirtioDevice {
  readonly mac: string
  /**
   * What becomes of each frame that the driver sends, in place of what did before: a plain function, called in the turn
   * of the device's guest, with a copy of the frame, without a checksum of its own (FCS), and the time in ns.
   */
  readonly onFrame: (handler: (frame: Uint8Array, at: bigint) => void) => void
  /**
   * Gives the driver a frame now, in the turn of the device's guest: a handler or its program. All frames of one ns are
   * one interrupt of the kernel's. `dropped`: the driver isn't at work, the link is down, 256 frames wait for buffers
   * already, or the frame is longer than the driver has room for.
   */
  readonly receive: (frame: Uint8Array) => "received" | "dropped"
  /** The link goes up or down, and the driver is told, in the turn of the device's guest. */
  readonly setLink: (isUp: boolean) => void
  readonly stats: () => Stats
}

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
export const make = (
  options: Options,
): Effect.Effect<NetworkDevice, OptionError | ListenError | NativeUnavailable, GuestClock | Scope.Scope> =>
  Effect.gen(function* () {
    const { card, hosted } = yield* buildCard(options)
    yield* serve(options.path, only(hosted))
    return card
  })
