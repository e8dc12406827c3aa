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
import * as Nanos from "../core/Nanos.ts"
import { type ClockError, event, GuestClock, type Handling } from "../GuestClock.ts"
import { LONGEST, named, ServiceLine, type Serving } from "../internal/simulation/ServiceLine.ts"
import { badNanos } from "../internal/services/Checks.ts"

export type { Serving } from "../internal/simulation/ServiceLine.ts"

/**
 * What runs when a line is raised: an interrupt's handler, as of an event.
 *
 * @since 0.1.0
 * @category models
 */
export type OnInterrupt = (handling: Handling) => Effect.Effect<void, ClockError> | void

/**
 * A line from a device to the CPU, edge-triggered: each time it is raised, the handler
 * runs once, as an interrupt at the same ns. While the line is disabled, that is remembered.
 *
 * @since 0.1.0
 * @category models
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

/**
 * What a device's functions can use. Times are in ns of the guest's.
 *
 * @since 0.1.0
 * @category models
 */
export interface Bus {
  readonly irq: InterruptLine
  readonly now: () => bigint
  /**
   * Does something so many ns from now, 0 or more, of 64 bits; undo with the result. Another
   * delay is thrown as an `OptionError`, and what is due past the end of time never happens.
   */
  readonly after: (delay: bigint, action: () => void) => () => void
}

const bus = (name: string, { sync }: GuestClock, onDelivered = () => {}): Bus => {
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
  const deliver = () => sync.addEvent(interrupt, sync.now)
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
    now: () => sync.now,
    after: (delay, action) => {
      const bad = badNanos(`a delay of the device ${JSON.stringify(name)}`, delay, 0n, Nanos.NONE)
      if (bad !== undefined) throw bad
      const due = event(name, () => action())
      const at = sync.now + delay
      sync.addEvent(due, at > Nanos.NONE ? Nanos.NONE : at)
      return () => {
        sync.deleteEvent(due)
      }
    },
  }
}

/**
 * One register: what reading and writing it does. One that lacks a function can't be. What is
 * read and written are numbers of 64 bits. An `OptionError` that a function throws is what the
 * access fails with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Register {
  readonly read?: () => bigint
  readonly write?: (value: bigint) => void
}

/**
 * A device behind registers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Registers<Name extends string> {
  readonly name: string
  readonly irq: InterruptLine
  /** Reads a register; one that can't be read is an `OptionError`. */
  readonly read: (register: Name) => Effect.Effect<bigint, ClockError | OptionError>
  /**
   * Writes to a register a number of 64 bits; one below 0 is written as its two's complement.
   * A register that can't be written to is an `OptionError`, and so is a number of more bits.
   */
  readonly write: (register: Name, value: bigint) => Effect.Effect<void, ClockError | OptionError>
}

/**
 * The options of a device.
 *
 * @since 0.1.0
 * @category models
 */
export interface AccessOptions {
  /** How long the CPU is busy with each read or write, in ns from 0 to 2^62. Default: 0. */
  readonly accessTime?: bigint
}

/** The least number of 64 bits with a sign. */
const LEAST = -(1n << 63n)

/** Checks a register's value, and returns what is wrong. */
const badValue = (option: string, value: unknown): OptionError | undefined =>
  typeof value === "bigint" && value >= LEAST && value <= Nanos.NONE
    ? undefined
    : new OptionError(option, value, "it is a bigint of 64 bits")

/**
 * A device named `name` behind the registers that `make` returns. An `accessTime` that can't
 * be is an `OptionError`, as a defect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const registers = <Name extends string>(
  name: string,
  make: (bus: Bus) => { readonly [Key in Name]: Register },
  { accessTime = 0n }: AccessOptions = {},
): Effect.Effect<Registers<Name>, never, GuestClock> =>
  Effect.map(GuestClock, (clock) => {
    const bad = badNanos("accessTime", accessTime, 0n, LONGEST)
    if (bad !== undefined) throw bad
    const bar = bus(name, clock)
    const found = make(bar)
    const access = <A>(use: () => Effect.Effect<A, OptionError>): Effect.Effect<A, ClockError | OptionError> => {
      // What a device's functions ask of the clock is done before the program goes on.
      const used = Effect.flatMap(Effect.suspend(use), (value) => Effect.as(clock.settle, value))
      return accessTime > 0n ? Effect.andThen(clock.ndelay(accessTime), used) : used
    }
    /** The name of the register goes with what its function throws. */
    const call = <A>(register: Name, f: () => A | OptionError): Effect.Effect<A, OptionError> => {
      try {
        const result = named(f)
        return result instanceof OptionError ? Effect.fail(result) : Effect.succeed(result)
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
          if (read === undefined) return cant(register, "read")
          return call(register, () => {
            const value = read()
            return badValue(`what is read from ${register} of ${name}`, value) ?? value
          })
        }),
      write: (register, value) =>
        access(() => {
          const write = found[register]?.write
          if (write === undefined) return cant(register, "write")
          return call(
            register,
            () => badValue(`what is written to ${register} of ${name}`, value) ?? write(BigInt.asUintN(64, value)),
          )
        }),
    }
  })

/**
 * A device that takes requests and serves them one at a time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Server<Request, Response> {
  readonly name: string
  readonly irq: InterruptLine
  /** Requests that wait, without the one that is served now. */
  readonly waiting: () => number
  /**
   * Has a request served, and waits for its completion, which is an interrupt. Where it can't be
   * served, as the device's functions say what can't be, it ends with a defect: an `OptionError`.
   */
  readonly submit: (request: Request) => Effect.Effect<Response, ClockError>
}

/**
 * A device named `name` that serves requests from a queue.
 *
 * @since 0.1.0
 * @category constructors
 */
export const server = <Request, Response>(
  name: string,
  serving: Serving<Request, Response>,
): Effect.Effect<Server<Request, Response>, never, GuestClock> =>
  Effect.map(GuestClock, (clock) => {
    /** What has been served, and whose interrupt is on its way. */
    const completed: Array<() => void> = []
    const { irq, after, now } = bus(name, clock, () => {
      for (const done of completed.splice(0)) done()
    })
    const line = new ServiceLine(name, serving, { now, after })
    return {
      name,
      irq,
      waiting: () => line.waiting,
      submit: (request) =>
        Effect.andThen(
          Effect.sync(() => {
            let result: Effect.Effect<Response> | undefined
            let wake = () => {}
            const complete = (value: Effect.Effect<Response>) => {
              result = value
              wake()
            }
            line.submit(request, (served) => {
              if (served instanceof OptionError) return complete(Effect.die(served))
              completed.push(() => complete(Effect.succeed(served)))
              irq.raise()
              irq.lower()
            })
            return Effect.callback<Response>((resume) => {
              wake = () => resume(result!)
              if (result !== undefined) wake()
            })
          }),
          (completion) => Effect.andThen(clock.settle, completion),
        ),
    }
  })
