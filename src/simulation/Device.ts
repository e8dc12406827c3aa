/**
 * Devices of a guest: what its program finds behind registers or a queue, with an
 * interrupt line to the guest's CPU. A device is made of plain functions that run at
 * exact times of the guest's clock.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 * import { Device } from "guest-clock/simulation"
 *
 * const program = Effect.gen(function*() {
 *   // Doubles what is written to it, after 300 ns.
 *   const doubler = yield* Device.registers("doubler", ({ after, irq }) => {
 *     let result = 0n
 *     return {
 *       OPERAND: { write: (value) => after(300n, () => { result = value * 2n; irq.raise() }) },
 *       RESULT: { read: () => result },
 *     }
 *   })
 *   yield* doubler.write("OPERAND", 21n)
 *   yield* doubler.irq.wait
 *   console.log(yield* doubler.read("RESULT")) // 42n
 * })
 * await Effect.runPromise(Effect.provide(VirtualTime.run(program), Mode.infCpu()))
 * ```
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { OptionError } from "../core/Fault.ts"
import { failedIn } from "../Event.ts"
import { type ClockError, event, GuestClock, type Handling } from "../GuestClock.ts"

/** What runs when a line is raised: an interrupt's handler, as of an event. */
export type OnInterrupt = (handling: Handling) => Effect.Effect<void, ClockError> | void

/**
 * A line from a device to the CPU, edge-triggered: each time it is raised, the handler
 * runs once, as an interrupt at the same ns. While the line is disabled, that is remembered.
 */
export interface InterruptLine {
  readonly name: string
  /** Whether it is high. */
  readonly isRaised: () => boolean
  /** Interrupts the CPU, unless the line is high already. */
  readonly raise: () => void
  /** Has it be low again: a device does when its interrupt was acknowledged. */
  readonly lower: () => void
  /** Has `handler` run when it is raised, in place of the one before. Without one, it only wakes who {@link wait}s. */
  readonly onInterrupt: (handler: OnInterrupt) => Effect.Effect<void>
  /** The CPU isn't interrupted until {@link enable}. */
  readonly disable: Effect.Effect<void>
  /** It is interrupted again: at once, if the line was raised meanwhile. */
  readonly enable: Effect.Effect<void>
  /** Waits until it is raised next, and its handler has run; at once if it is high. */
  readonly wait: Effect.Effect<void>
}

/** What a device's functions can use. Times are in ns of the guest's. */
export interface Bus {
  readonly irq: InterruptLine
  readonly now: () => bigint
  /** Does something so many ns from now; undo with the result. */
  readonly after: (delay: bigint, action: () => void) => () => void
}

const bus = (name: string, { direct }: GuestClock, onDelivered = () => {}): Bus => {
  const waiting = new Set<() => void>()
  let handler: OnInterrupt | undefined
  let [isRaised, isEnabled, isPending] = [false, true, false]
  const interrupt = event(`${name} interrupt`, (handling) => {
    if (!isEnabled) return
    isPending = false
    const rest = handler?.(handling)
    onDelivered()
    for (const wake of [...waiting]) wake()
    return rest
  })
  const deliver = () => direct.addEvent(interrupt, direct.now)
  const irq: InterruptLine = {
    name,
    isRaised: () => isRaised,
    raise: () => {
      if (isRaised) return
      isRaised = isPending = true
      if (isEnabled) deliver()
    },
    lower: () => {
      isRaised = false
    },
    onInterrupt: (next) =>
      Effect.sync(() => {
        handler = next
      }),
    disable: Effect.sync(() => {
      isEnabled = false
    }),
    enable: Effect.sync(() => {
      isEnabled = true
      if (isPending) deliver()
    }),
    wait: Effect.suspend(() =>
      isRaised && !isPending ? Effect.void : Effect.callback<void>((resume) => {
        const wake = () => {
          waiting.delete(wake)
          resume(Effect.void)
        }
        waiting.add(wake)
        return Effect.sync(() => waiting.delete(wake))
      })
    ),
  }
  return {
    irq,
    now: () => direct.now,
    after: (delay, action) => {
      const due = event(name, () => action())
      direct.addEvent(due, direct.now + delay)
      return () => {
        direct.deleteEvent(due)
      }
    },
  }
}

/** One register: what reading and writing it does. One that lacks a function can't be. */
export interface Register {
  readonly read?: () => bigint
  readonly write?: (value: bigint) => void
}

/** A device behind registers. */
export interface Registers<Name extends string> {
  readonly name: string
  readonly irq: InterruptLine
  /** Reads a register; one that can't be read is an `OptionError`. */
  readonly read: (register: Name) => Effect.Effect<bigint, ClockError | OptionError>
  /** Writes to a register a number of 64 bits; one that can't be written to is an `OptionError`. */
  readonly write: (register: Name, value: bigint) => Effect.Effect<void, ClockError | OptionError>
}

/** How a device is reached. */
export interface AccessOptions {
  /** How long the CPU is busy with each read or write, in ns. Default: 0. */
  readonly accessTime?: bigint
}

/** A device named `name` behind the registers that `make` returns. */
export const registers = <Name extends string>(
  name: string,
  make: (bus: Bus) => { readonly [Key in Name]: Register },
  { accessTime = 0n }: AccessOptions = {},
): Effect.Effect<Registers<Name>, never, GuestClock> =>
  Effect.map(GuestClock, (clock) => {
    const bar = bus(name, clock)
    const found = make(bar)
    const access = <A>(use: () => Effect.Effect<A, OptionError>): Effect.Effect<A, ClockError | OptionError> => {
      // What a device's functions ask of the clock is done before the program goes on.
      const used = Effect.flatMap(Effect.suspend(use), (value) => Effect.as(clock.direct.settle, value))
      return accessTime > 0n ? Effect.andThen(clock.ndelay(accessTime), used) : used
    }
    /** The name of the register goes with what its function throws. */
    const call = <A>(register: Name, f: () => A): Effect.Effect<A> => {
      try {
        return Effect.succeed(f())
      } catch (error) {
        return Effect.failCause(failedIn(Cause.die(error), `${name}.${register}`))
      }
    }
    const cant = (register: Name, does: "read" | "write") => {
      const able = (Object.keys(found) as Array<Name>).filter((each) => found[each][does] !== undefined)
      const allowed = `those of ${name} that can be ${does === "read" ? "read" : "written to"} are ${able.join(", ")}`
      return Effect.fail(new OptionError("register", register, allowed))
    }
    return {
      name,
      irq: bar.irq,
      read: (register) =>
        access(() => {
          const read = found[register]?.read
          return read === undefined ? cant(register, "read") : call(register, read)
        }),
      write: (register, value) =>
        access(() => {
          const write = found[register]?.write
          return write === undefined ? cant(register, "write") : call(register, () => write(BigInt.asUintN(64, value)))
        }),
    }
  })

/** A device that takes requests and serves them one at a time. */
export interface Server<Request, Response> {
  readonly name: string
  readonly irq: InterruptLine
  /** Requests that wait, without the one that is served now. */
  readonly waiting: () => number
  /** Has a request served, and waits for its completion, which is an interrupt. */
  readonly submit: (request: Request) => Effect.Effect<Response, ClockError>
}

/** How a device serves requests. */
export interface Serving<Request, Response> {
  /** How long a request takes that is begun now, in ns, and what comes of it. */
  readonly serve: (request: Request, now: bigint) => { readonly time: bigint; readonly response: Response }
  /** Which of those that wait is next, by its place among them. Default: the first. */
  readonly choose?: (waiting: ReadonlyArray<Request>) => number
}

/** A device named `name` that serves requests from a queue. */
export const server = <Request, Response>(
  name: string,
  { serve, choose }: Serving<Request, Response>,
): Effect.Effect<Server<Request, Response>, never, GuestClock> =>
  Effect.map(GuestClock, (clock) => {
    /** What has been served, and whose interrupt is on its way. */
    const completed: Array<() => void> = []
    const { irq, after, now } = bus(name, clock, () => {
      for (const done of completed.splice(0)) done()
    })
    const waiting: Array<{ readonly request: Request; readonly done: (response: Response) => void }> = []
    let isBusy = false
    const next = () => {
      if (isBusy || waiting.length === 0) return
      const index = choose === undefined ? 0 : choose(waiting.map(({ request }) => request))
      const [chosen] = waiting.splice(index, 1)
      if (chosen === undefined) return
      isBusy = true
      const { time, response } = serve(chosen.request, now())
      after(time, () => {
        isBusy = false
        completed.push(() => chosen.done(response))
        irq.raise()
        irq.lower()
        next()
      })
    }
    return {
      name,
      irq,
      waiting: () => waiting.length,
      submit: (request) =>
        Effect.andThen(
          Effect.sync(() => {
            let response: { readonly value: Response } | undefined
            let wake = () => {}
            waiting.push({
              request,
              done: (value) => {
                response = { value }
                wake()
              },
            })
            next()
            return Effect.callback<Response>((resume) => {
              wake = () => resume(Effect.succeed(response!.value))
              if (response !== undefined) wake()
            })
          }),
          (completion) => Effect.andThen(clock.direct.settle, completion),
        ),
    }
  })
