/**
 * The four kinds of time a guest can have, as layers (SPEC 1).
 *
 * | layer | boot option | time advances |
 * | --- | --- | --- |
 * | {@link off} | none | with the host clock |
 * | {@link basic} | `time-travel` | with the host timer while busy; jumps to the next event when idle |
 * | {@link infCpu} | `time-travel=inf-cpu` | only by events and delays; work costs no time |
 * | {@link external} | `time-travel=ext:[ID:]PATH` | as inf-cpu, as far as the calendar allows |
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { GuestClock, Mode } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   const clock = yield* GuestClock.GuestClock
 *   yield* clock.ndelay(86_400_000_000_000n)
 *   console.log(yield* clock.now) // 86400000000000n
 * })
 * await Effect.runPromise(Effect.provide(program, Mode.infCpu()))
 * ```
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as BootOptions from "./core/BootOptions.ts"
import { BootOptionError, type ConnectError, type TimeOutOfRange } from "./core/Fault.ts"
import type { Mode } from "./core/Guest.ts"
import * as Nanos from "./core/Nanos.ts"
import * as GuestClock from "./GuestClock.ts"
import * as Cpu from "./platform/Cpu.ts"
import * as NativeClock from "./platform/NativeClock.ts"
import * as NativeTimer from "./platform/NativeTimer.ts"
import type { HostClock } from "./services/HostClock.ts"
import type { HostTimer } from "./services/HostTimer.ts"
import type { Interrupts } from "./services/Interrupts.ts"
import { Link, none } from "./services/Link.ts"

/** What every mode's layer gives a program: its clock, and the CPU whose interrupts it can mask and raise. */
export type Services = GuestClock.GuestClock | Interrupts

/** What a clock needs from the world. Each is a service, so a simulated or a recording one fits as well. */
export type World = Link | Interrupts | HostTimer | HostClock

/** What a guest can be booted with. */
export interface StartOptions {
  /** The wall clock at guest time 0, in ns since 1970, 0 … 2^64 − 1; otherwise the host's at boot. */
  readonly start?: bigint
}

/** Who a guest is to its calendar. */
export interface IdOptions {
  /** Tells this guest apart: 0 … 2^64 − 1, the last of which means it has no ID. */
  readonly id?: bigint
}

/** Where a guest's calendar is, and who the guest is to it. */
export interface ExternalOptions extends IdOptions {
  /** The path of the calendar's unix socket, at most 107 bytes; or its address on TCP. */
  readonly socket: string | { readonly host?: string; readonly port: number }
}

/**
 * The clock of a guest in any mode, in a world that the caller provides: a
 * recorded link, a host clock that a test moves. In external mode it is connected
 * as `id` and let in; in every mode it is booted.
 */
export const layer = (
  mode: Mode,
  options: { readonly start?: Nanos.Nanos; readonly id?: Nanos.Nanos } = {},
): Layer.Layer<GuestClock.GuestClock, GuestClock.ClockError, World> =>
  Layer.effect(
    GuestClock.GuestClock,
    Effect.gen(function* () {
      const { clock, connect, boot } = yield* GuestClock.make(mode)
      if (mode === "external") yield* connect(options.id ?? Nanos.NONE)
      yield* boot(options.start)
      return clock
    }),
  )

/** A layer of its own: Effect memoizes layers across nested `Effect.provide`s, and two guests would share one. */
const own = <A, R>(layer: Layer.Layer<A, never, R>): Layer.Layer<A, never, R> =>
  Layer.effectContext(Layer.build(Layer.fresh(layer)))

/** The host's clocks, and for one guest a timer of the host and a CPU. */
const host = (): Layer.Layer<HostTimer | HostClock | Interrupts> =>
  Layer.merge(Layer.provideMerge(own(NativeTimer.layer), NativeClock.layer), own(Cpu.layer))

const onHost = <E>(
  mode: Mode,
  link: Layer.Layer<Link, E>,
  options: { readonly start?: Nanos.Nanos; readonly id?: Nanos.Nanos } = {},
): Layer.Layer<Services, E | GuestClock.ClockError> =>
  Layer.provideMerge(Layer.provide(layer(mode, options), link), host())

const alone: Layer.Layer<Link> = Layer.succeed(Link, none)

/** A mode without a calendar boots without anything that could fail, but for its own options. */
const withStart = (mode: Mode, { start }: StartOptions): Layer.Layer<Services, TimeOutOfRange> => {
  const checked = start === undefined ? undefined : Nanos.make(start)
  if (checked !== undefined && Nanos.isMisuse(checked)) return Layer.effectContext(Effect.fail(checked))
  return Layer.orDie(onHost(mode, alone, checked === undefined ? {} : { start: checked }))
}

/** Time is the host's. */
export const off = (): Layer.Layer<Services> => Layer.orDie(onHost("off", alone))

/** Time jumps to the next event when the guest is idle. */
export const basic = (options: StartOptions = {}): Layer.Layer<Services, TimeOutOfRange> => withStart("basic", options)

/** Time moves by events and delays only: work costs none. */
export const infCpu = (options: StartOptions = {}): Layer.Layer<Services, TimeOutOfRange> =>
  withStart("inf-cpu", options)

/**
 * Time moves as far as the calendar at `socket` allows. The layer is there once
 * the calendar has let the guest in, and leaves when its scope closes.
 */
export const external = (
  options: ExternalOptions,
): Layer.Layer<Services, GuestClock.ClockError | ConnectError> => {
  // Loaded on demand: the other modes have no use for sockets.
  const connect = Effect.flatMap(
    Effect.promise(() => import("./platform/SocketLink.ts")),
    (SocketLink) => SocketLink.connect(options.socket),
  )
  return linked(connect, options)
}

/**
 * Time moves as far as the calendar allows that is at the other end of a link, which
 * is made for this guest: one in the same process, for example.
 */
export const linked = <E>(
  link: Effect.Effect<Link, E, Scope.Scope>,
  options: IdOptions = {},
): Layer.Layer<Services, GuestClock.ClockError | E> => {
  const id = Nanos.make(options.id ?? Nanos.NONE)
  if (Nanos.isMisuse(id)) return Layer.effectContext(Effect.fail(id as TimeOutOfRange))
  return onHost("external", Layer.effect(Link, link), { id })
}

/**
 * The mode that the boot options among `words` choose; other words are left
 * alone. Options that aren't allowed are a `BootOptionError`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { GuestClock, Mode } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   const clock = yield* GuestClock.GuestClock
 *   console.log(clock.mode, yield* clock.wallClock)
 * })
 * const boot = Mode.fromBootOptions(["time-travel=inf-cpu", "time-travel-start=1000"])
 * await Effect.runPromise(Effect.provide(program, boot)) // inf-cpu 1000n
 * ```
 */
export const fromBootOptions = (
  words: ReadonlyArray<string>,
): Layer.Layer<Services, GuestClock.ClockError | ConnectError | BootOptionError> => {
  const options = BootOptions.parse(words)
  if (options instanceof BootOptionError) return Layer.effectContext(Effect.fail(options))
  const { timeTravel, start } = options
  const boot = start === undefined ? {} : { start }
  switch (timeTravel.mode) {
    case "off":
      return off()
    case "basic":
      return basic(boot)
    case "inf-cpu":
      return infCpu(boot)
    case "external":
      return external({ socket: timeTravel.path, id: timeTravel.id })
  }
}
