/**
 * A guest: one simulated machine, with a clock and a CPU of its own and a program,
 * which is any Effect program. Its sleeps and time-outs are in its own simulated time.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { OptionError } from "../core/Fault.ts"
import type { GuestClock } from "../GuestClock.ts"
import { badKernel, type Options as KernelOptions } from "../internal/simulation/KernelOptions.ts"
import * as FiberExits from "../internal/platform/FiberExits.ts"
import type { Interrupts } from "../services/Interrupts.ts"
import { takingNoTime, type VirtualTime } from "../VirtualTime.ts"
import type { Self } from "../internal/simulation/Self.ts"

export { note, Self, stop } from "../internal/simulation/Self.ts"

/**
 * The services that a guest's program may use.
 *
 * @since 0.1.0
 * @category models
 */
export type Services = Self | GuestClock | Interrupts | VirtualTime | Scope.Scope

/**
 * The options of a guest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The world doesn't wait for it to end: it ends when all others have. Default: false. */
  readonly daemon?: boolean
  /** Each effectful read of the time costs 256 ns of it, so that polling loops end. Default: reads are free. */
  readonly readsCostTime?: boolean
  /** Steps of its program without time moving that are a livelock: a whole number, 1 or more. Default: 1,000,000. */
  readonly livelockAfter?: number
  /**
   * Whether a fiber that fails while nobody waits for it fails the guest, unless it is {@link unwatched}. Who joins it
   * later waits for it as well, if no time has passed. Default: true.
   */
  readonly watchesFibers?: boolean
}

/**
 * A guest of a world: a name, and what it runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Guest {
  readonly name: string
  readonly program: Effect.Effect<unknown, unknown, Services>
  readonly options: Options
  /** Whether it is a kernel: its world's calendar listens for that. */
  readonly hasKernel?: boolean
  /** What is wrong with what it was made of: its world fails with that. */
  readonly wrong?: OptionError | undefined
}

/**
 * A guest named `name`, of 1 character or more, that runs `program`, from time 0 of the world
 * on. What is wrong with it, its world says.
 *
 * **When to use**
 *
 * Use it for each machine of a world: a server, a client, a shop. Its processes are `Process.spawn`'s.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Effect.gen(function*() {
 *   const { now } = yield* Guest.Self
 *   yield* Effect.sleep("1 second")
 *   console.log(now()) // 1000000000n
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [shop] })))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(name: string, program: Effect.Effect<A, E, Services>, options: Options = {}): Guest => ({
  name,
  program,
  options,
})

/**
 * A guest that is a User-Mode Linux kernel: the world boots it when its time begins, with network cards on the world's
 * networks, and it ends when it has powered off. A kernel that panics, is killed or can't be started fails the guest, with
 * the last lines of its console. It is killed when the world ends before that. Kernels are started without address
 * randomisation of the host (`setarch -R`), so that the same world does the same to the ns.
 *
 * They run on Linux, in the process of their world's calendar: not with `Processes.layer`, and not in real time. What is
 * wrong with the options, its world says. docs/networks.md has more.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import { Guest, Network, World } from "guest-clock/simulation"
 *
 * const cable = Network.cable("cable", { ends: ["ann", "bob"], latency: "500 micros" })
 * const kernel = (name: string, words: ReadonlyArray<string>) =>
 *   Guest.kernel(name, { kernel: "./linux", initrd: "./init.cpio", networks: [cable], commandLine: words })
 * const guests = [kernel("ann", ["IP=10.0.0.1", "PING=10.0.0.2"]), kernel("bob", ["IP=10.0.0.2"])]
 * await Effect.runPromise(World.run(World.make({ guests, links: [cable] })))
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const kernel = (
  name: string,
  kernel: KernelOptions,
  options: Pick<Options, "daemon"> = {},
): Guest => {
  // Loaded on demand: in browsers there are neither kernels nor processes.
  const load = takingNoTime(Effect.promise(() => import("../devices/Kernel.ts")))
  const guest = make(name, Effect.flatMap(load, ({ program }) => program(kernel)), options)
  return { ...guest, hasKernel: true, wrong: badKernel(name, kernel) }
}

/**
 * Lets the fiber that runs `effect` fail by it while nobody waits for that, and those that it forks: somebody looks at it
 * later, or nobody has to. One that sees to its failures itself, by `Effect.exit` or `Effect.ignore`, doesn't need this.
 * A stream whose source may fail long before its reader gets there (`Stream.buffer`, `Stream.haltWhen`) does.
 *
 * @example
 * ```ts
 * import { Effect, Exit, Fiber } from "effect"
 * import { Guest, World } from "guest-clock/simulation"
 *
 * const guest = Guest.make("guest", Effect.gen(function*() {
 *   const job = Effect.andThen(Effect.sleep("1 second"), Effect.fail("no luck"))
 *   const fiber = yield* Effect.forkChild(Guest.unwatched(job))
 *   yield* Effect.sleep("1 minute")
 *   console.log(Exit.isFailure(yield* Fiber.await(fiber))) // true
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [guest] })))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const unwatched = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  FiberExits.unwatched(effect)
