/**
 * A network card as its owner sees it: its options, its counts and what can be done with it.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import type * as VirtioDevice from "./DeviceOptions.ts"

/**
 * The options of a network card.
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
