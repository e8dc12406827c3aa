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
import * as Effect from "effect/Effect"
import type { Options, VirtioDevice } from "../internal/devices/DeviceOptions.ts"
import { build } from "../internal/devices/Build.ts"
import { type Making, only, serve } from "../internal/devices/Serving.ts"

export {
  type Answer,
  type Bus,
  type Options,
  type Report,
  type Request,
  type VirtioDevice,
} from "../internal/devices/DeviceOptions.ts"
export type { Making } from "../internal/devices/Serving.ts"
export { type Refusal, refuse } from "../internal/devices/Refusal.ts"
export { DeviceFault, type Rule } from "../internal/devices/DeviceFault.ts"

/**
 * Makes a device that listens until the scope closes; simulated time doesn't move before it does.
 *
 * Fails with an `OptionError` for an option that can't be, with a `ListenError` where the path can't be listened on, and
 * with `NativeUnavailable` where libc can't be called: it needs Linux, and Deno with `--allow-ffi`, Bun, or Node from 26
 * on. What a kernel does wrong costs the device that kernel only, and is a {@link Report} and a warning in the log.
 *
 * **When to use**
 *
 * Use it for a device that isn't here yet. Cards, disks, consoles and entropy are `NetworkDevice`, `BlockDevice`,
 * `ConsoleDevice` and `EntropyDevice`.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import * as VirtioDevice from "guest-clock/devices/VirtioDevice"
 *
 * // A source of entropy that gives zeros, a microsecond later.
 * const program = Effect.gen(function* () {
 *   const device = yield* VirtioDevice.make({
 *     path: "/tmp/zeros.sock",
 *     id: 4,
 *     queues: 1,
 *     latency: "1 micros",
 *     handle: ({ room }) => new Uint8Array(room),
 *   })
 *   yield* device.ended
 * })
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): Making<VirtioDevice> =>
  Effect.gen(function* () {
    const { device, hosted } = yield* build(options)
    yield* serve(options.path, only(hosted))
    return device
  })
