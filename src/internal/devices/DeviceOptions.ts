/**
 * A device as its author gives it: its options, what its driver asks of it, and what it says to that.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { DeviceFault } from "./DeviceFault.ts"
import type { Refusal } from "./Refusal.ts"

/**
 * What the driver asks for: one chain of buffers, which are the device's until it completes them.
 *
 * @since 0.2.0
 * @category models
 */
export interface Request {
  /** The queue that it came by, from 0. */
  readonly queue: number
  /** What the driver has written: a copy. */
  readonly bytes: Uint8Array
  /** How many bytes the driver has room for in the answer. */
  readonly room: number
  /**
   * Gives the buffers back now, with an answer of at most {@link Request.room} bytes: what is longer is cut. To be called
   * once, in a handler of the device's guest or in its program; later calls do nothing, nor those for a kernel that is gone.
   */
  readonly complete: (answer?: Uint8Array) => void
}

/**
 * What becomes of a request: completed now, so many ns from now, by an Effect on the program's time, or when
 * {@link Request.complete} is called.
 *
 * @since 0.2.0
 * @category models
 */
export type Answer =
  | Uint8Array
  | { readonly after: bigint; readonly answer?: Uint8Array }
  | Effect.Effect<Uint8Array | void>
  | Refusal
  | void

/**
 * What a device's functions can use, in the turn of the device's guest. Times are in ns of that guest's.
 *
 * @since 0.2.0
 * @category models
 */
export interface Bus {
  readonly now: () => bigint
  /** Does something so many ns from now, from 0 to 2^62; undo with the result. Another delay is thrown as an `OptionError`. */
  readonly after: (delay: bigint, action: () => void) => () => void
  /** Has the driver read the configuration again. */
  readonly configChanged: () => void
}

/**
 * What happens to a device.
 *
 * @since 0.2.0
 * @category models
 */
export type Report =
  /** A kernel has connected: `kernel` is its process, for people. */
  | { readonly _tag: "Connected"; readonly device: string; readonly kernel: string }
  /** Its driver is at work. */
  | { readonly _tag: "Ready"; readonly device: string }
  /** Another kernel was refused, as there is one already. */
  | { readonly _tag: "Refused"; readonly device: string; readonly kernel: string }
  /** The kernel has hung up, or is dead. */
  | { readonly _tag: "Left"; readonly device: string }
  /** It has broken a rule, and was hung up on. */
  | { readonly _tag: "Broken"; readonly device: string; readonly fault: DeviceFault }

/**
 * The options of a device.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** The path of the unix socket to listen on: at most 107 bytes. */
  readonly path: string
  /** What it is called in reports and errors. Default: its path. */
  readonly name?: string
  /** The ID of its kind, as virtio has them: 1 network, 2 block, 3 console, 4 entropy. 1 to 2^16 − 1. */
  readonly id: number
  /** How many queues it has, 1 to 64. */
  readonly queues: number
  /** The bits of its features, 0 to 23 and 50 to 63, and of the queues 28 (indirect) and 29 (event index). Default: 28. */
  readonly features?: bigint
  /** Its configuration, for a driver that has accepted these features: at most 256 bytes. Default: none. */
  readonly config?: (features: bigint) => Uint8Array
  /** How long a request takes to get to the device, in ns from 0 to 2^62 if it is a `bigint`. Default: 0. */
  readonly latency?: Duration.Input
  /** Takes a request, in a turn of the device's guest. */
  readonly handle: (request: Request, bus: Bus) => Answer
  /** The driver begins anew, or its kernel is gone: requests that were kept are of no use any more. */
  readonly onReset?: (bus: Bus) => void
  /** Told what happens, at once. */
  readonly onReport?: (report: Report) => void
  /** For how long the kernel may not answer a call, in real time, before it is hung up on. Default: 30 seconds. */
  readonly patience?: Duration.Input
}

/**
 * A device that listens, and serves one kernel at a time.
 *
 * @since 0.2.0
 * @category models
 */
export interface VirtioDevice {
  readonly name: string
  /** The word for the kernel's command line: `virtio_uml.device=PATH:ID`. */
  readonly option: string
  readonly bus: Bus
  /** The features that the driver has accepted, while it is at work. */
  readonly features: () => bigint | undefined
  /** Ends when the first kernel that connects is gone; fails if it broke a rule. */
  readonly ended: Effect.Effect<void, DeviceFault>
}
