/**
 * A console of a kernel (virtio 1.2, section 5.3), which is `/dev/hvc0` there: what it prints, and what is typed, at exact
 * times.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { OptionError } from "../core/Fault.ts"
import * as VirtioDevice from "./VirtioDevice.ts"

/**
 * The options of a console.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends Pick<VirtioDevice.Options, "path" | "name" | "onReport" | "patience"> {
  /** Told what the kernel prints, in the turn of the device's guest: bytes of its own, and the time in ns. */
  readonly onOutput?: (bytes: Uint8Array, at: bigint) => void
  /** How long what is printed takes to the console. Default: 0: the driver does nothing else until it is there. */
  readonly latency?: Duration.Input
}

/**
 * A console.
 *
 * @since 0.2.0
 * @category models
 */
export interface ConsoleDevice extends VirtioDevice.VirtioDevice {
  /**
   * Types a text, or bytes. In the turn of the device's guest, a handler or its program, the kernel has it at this very ns;
   * from outside, at the calendar's now. At most 65,536 bytes wait for the driver to take them; more are an `OptionError`.
   */
  readonly type: (input: string | Uint8Array) => Effect.Effect<void, OptionError>
}

const [INPUT, OUTPUT] = [0, 1]

/** The most bytes that wait. */
const MOST_WAITING = 65_536

/**
 * Makes a console that listens until the scope closes. Fails as {@link VirtioDevice.make} does.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import * as ConsoleDevice from "guest-clock/devices/ConsoleDevice"
 *
 * const program = Effect.gen(function* () {
 *   const text = new TextDecoder()
 *   const console_ = yield* ConsoleDevice.make({
 *     path: "/tmp/console.sock",
 *     onOutput: (bytes, at) => console.log(at, text.decode(bytes)),
 *   })
 *   yield* Effect.sleep("2 seconds")
 *   yield* console_.type("date\n")
 *   yield* console_.ended
 * })
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): VirtioDevice.Making<ConsoleDevice> =>
  Effect.gen(function* () {
    const { onOutput, ...rest } = options
    let buffers: Array<VirtioDevice.Request> = []
    let waiting = new Uint8Array(0)
    const give = (): void => {
      while (waiting.length > 0) {
        const buffer = buffers.shift()
        if (buffer === undefined) return
        buffer.complete(waiting.slice(0, buffer.room))
        waiting = waiting.slice(buffer.room)
      }
    }
    const device = yield* VirtioDevice.make({
      ...rest,
      id: 3,
      queues: 2,
      handle: (request, bus) => {
        if (request.queue === OUTPUT) {
          onOutput?.(request.bytes, bus.now())
          return new Uint8Array(0)
        }
        if (request.queue !== INPUT) return
        buffers.push(request)
        give()
      },
      onReset: () => {
        buffers = []
      },
    })
    return {
      ...device,
      type: (input) =>
        Effect.suspend(() => {
          const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input
          const all = waiting.length + bytes.length
          if (all > MOST_WAITING) {
            return Effect.fail(
              new OptionError("input", `${bytes.length} bytes`, `at most ${MOST_WAITING} wait, those before included`),
            )
          }
          const more = new Uint8Array(all)
          more.set(waiting)
          more.set(bytes, waiting.length)
          waiting = more
          give()
          return Effect.void
        }),
    }
  })
