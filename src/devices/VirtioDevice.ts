/**
 * A device of a User-Mode Linux kernel, as a program in TypeScript on simulated time: the kernel's virtio driver asks,
 * plain functions or Effects answer, and when they do is up to them, to the nanosecond (SPEC 9.5).
 *
 * The program is a guest of the kernel's calendar. It listens on a unix socket, which the kernel is told of by
 * `virtio_uml.device=PATH:ID` on its command line.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 * import * as VirtioDevice from "guest-clock/devices/VirtioDevice"
 *
 * // Entropy that isn't: each request gets 1, 2, 3, …, a millisecond after it was made.
 * const program = Effect.gen(function* () {
 *   const device = yield* VirtioDevice.make({
 *     path: "/tmp/counter.sock",
 *     id: 4,
 *     queues: 1,
 *     handle: ({ room }) => ({ after: 1_000_000n, answer: Uint8Array.from({ length: room }, (_, at) => at + 1) }),
 *   })
 *   console.log(device.option) // virtio_uml.device=/tmp/counter.sock:4
 *   yield* device.ended
 * })
 * const guest = VirtualTime.run(Effect.scoped(program))
 * await Effect.runPromise(Effect.provide(guest, Mode.external({ socket: "/tmp/calendar.sock", id: 0n })))
 * ```
 *
 * @module
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { OptionError } from "../core/Fault.ts"
import { GuestClock } from "../GuestClock.ts"
import type { Bus, Options } from "../internal/devices/DeviceOptions.ts"
import { Hosted } from "../internal/devices/Hosted.ts"
import { serve } from "../internal/devices/Serving.ts"
import type { NativeUnavailable } from "../internal/platform/native/Libc.ts"
import type { ListenError } from "../internal/platform/SocketFile.ts"
import { badDuration, badName, badNanos, badWhole } from "../internal/services/Checks.ts"
import { inNanos } from "../internal/services/Times.ts"
import type { DeviceFault } from "../internal/devices/DeviceFault.ts"

export {
  type Answer,
  type Bus,
  type Options,
  type Refusal,
  refuse,
  type Report,
  type Request,
} from "../internal/devices/DeviceOptions.ts"
export { DeviceFault, type Rule } from "../internal/devices/DeviceFault.ts"

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

/** The longest time that a device may take: half of all times. */
const LONGEST = 1n << 62n

/** Bits that aren't the device's own: those of queues that are built, and those of the transport. */
const QUEUE_FEATURES = (1n << 28n) | (1n << 29n)
const OTHERS_FEATURES = ((1n << 50n) - 1n) & ~((1n << 24n) - 1n) & ~QUEUE_FEATURES

const badIn = (options: Options): OptionError | undefined => {
  const { name, path, id, queues, features = 0n, latency = 0n, patience = 0, handle, config } = options
  const bad = badName("name", name ?? path) ?? badWhole("id", id, 1, 0xffff) ?? badWhole("queues", queues, 1, 64) ??
    badDuration("patience", patience)
  if (bad !== undefined) return bad
  if (typeof features !== "bigint" || features < 0n || features >= 1n << 64n || (features & OTHERS_FEATURES) !== 0n) {
    return new OptionError("features", features, "it is a bigint of the bits 0 to 23, 28, 29 and 50 to 63")
  }
  for (const [option, given] of [["handle", handle], ["config", config ?? (() => {})]] as const) {
    if (typeof given !== "function") return new OptionError(option, given, "it is a function")
  }
  try {
    return badNanos("latency", inNanos(latency, "latency"), 0n, LONGEST)
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
}

/**
 * Makes a device that listens until the scope closes; simulated time doesn't move before it does.
 *
 * Fails with an `OptionError` for an option that can't be, with a `ListenError` where the path can't be listened on, and
 * with `NativeUnavailable` where libc can't be called: it needs Linux, and Deno with `--allow-ffi`, Bun, or Node from 26
 * on. What a kernel does wrong costs the device that kernel only, and is a {@link Report} and a warning in the log.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  options: Options,
): Effect.Effect<VirtioDevice, OptionError | ListenError | NativeUnavailable, GuestClock | Scope.Scope> =>
  Effect.gen(function* () {
    const bad = badIn(options)
    if (bad !== undefined) return yield* Effect.fail(bad)
    const { path, id, name = path, features = 1n << 28n, latency = 0n, patience = "30 seconds" } = options
    const hosted = new Hosted(yield* GuestClock, yield* Effect.context<never>(), {
      ...options,
      name,
      features,
      latency: inNanos(latency),
      patienceMs: Duration.toMillis(Duration.fromInputUnsafe(patience)),
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => hosted.stop()))
    yield* serve(path, hosted)
    return {
      name,
      option: `virtio_uml.device=${path}:${id}`,
      bus: hosted.bus,
      features: () => hosted.features,
      ended: hosted.ended,
    }
  })
