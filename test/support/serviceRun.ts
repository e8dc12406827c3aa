/**
 * A random program run on the real `GuestClock` service, with a {@link World}
 * on tape in place of the link, the host timer and the host's clocks.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Message from "../../src/core/Message.ts"
import type { Nanos } from "../../src/core/Nanos.ts"
import * as GuestClock from "../../src/GuestClock.ts"
import * as Cpu from "../../src/platform/Cpu.ts"
import * as Recording from "../../src/platform/Recording.ts"
import { HostClock } from "../../src/services/HostClock.ts"
import * as Interrupts from "../../src/services/Interrupts.ts"
import { describeFault, describeLaterState, describeState } from "./hand.ts"
import { Enough, type Op, type Program, type World } from "./world.ts"
import { OnWarning } from "../../src/services/Warnings.ts"

/** How handlers are written: as plain functions, as effects, or as effects that give way to other fibers. */
export type Handlers = "plain" | "effect" | "yielding"

/** A world's host, whose clock jumps to whatever is waited for. */
const hostOf = (world: World): Layer.Layer<HostClock> =>
  Layer.succeed(HostClock, {
    monotonic: () => world.host.monotonic,
    wall: () => world.host.wall,
    sleepUntil: (time) => Effect.sync(() => world.hostReached(time)),
  })

/** Runs `program` in `world`, which notes all there is to compare. */
export const serviceRun = (program: Program, world: World, handlers: Handlers = "effect"): Effect.Effect<void> => {
  const isLater = program.revision !== "5.8"
  const describe = isLater ? describeLaterState : describeState
  let interruptHandler = (_: number): Effect.Effect<void> => Effect.void
  let raise = (_: number): void => {}
  const tape: Recording.Tape = {
    output: (output) => {
      switch (output._tag) {
        case "Wrote":
          return world.wrote(output.message, output.masked, ...isLater ? [output.blocked] : [])
        case "DisarmedHostTimer":
          return world.note("host disarm")
        case "ArmedHostTimerEvery":
          return world.note(`host every ${output.interval}`)
        case "ArmedHostTimerOnce":
          return world.note(`host once ${output.delay}`)
      }
    },
    read: (masked, blocked) => {
      const heard = world.read(masked, ...isLater ? [blocked] : [])
      if ("message" in heard) { for (const number of heard.arrived ?? []) raise(number) }
      return "message" in heard
        ? { _tag: "Message", message: heard.message as Message.Message }
        : { _tag: "End", leftover: heard.leftover }
    },
    poll: ({ withOther, masked, blocked }) => {
      const polled = world.poll(withOther, masked, ...isLater ? [blocked] : [])
      return typeof polled === "number"
        ? { _tag: "Interrupted", handler: interruptHandler(polled) }
        : { _tag: "Ready", ready: polled }
    },
  }

  const main = Effect.gen(function* () {
    const interrupts = yield* Interrupts.Interrupts
    const { clock, connect, boot, hostAlarm } = yield* GuestClock.make(program.mode, program.revision)
    world.guestNow = () => Effect.runSync(clock.snapshot).now
    const value = (effect: Effect.Effect<bigint, GuestClock.ClockError, Interrupts.Interrupts>) =>
      Effect.map(effect, (value) => world.note(`value ${value}`))

    const exec = (op: Op): Effect.Effect<void, GuestClock.ClockError, Interrupts.Interrupts> => {
      const event = (number: number) => events[number]!
      switch (op[0]) {
        case "addRel":
          return Effect.flatMap(clock.now, (now) => clock.addEvent(event(op[1]), now + op[2]))
        case "addAt":
          return clock.addEvent(event(op[1]), op[2])
        case "delete":
          return Effect.map(clock.deleteEvent(event(op[1])), (deleted) => world.note(`deleted ${deleted}`))
        case "noHandler":
          return Effect.sync(() => {
            event(op[1]).handler = undefined
          })
        case "ndelay":
          return clock.ndelay(op[1])
        case "sleep":
          return clock.sleep
        case "read":
          return value(clock.readClockSource)
        case "readMasked":
          // A later guest handles what was due before it is noted, and may die of it (SPEC 11.2).
          return value(Effect.tap(Interrupts.masked(clock.readClockSource), () => isLater ? clock.now : Effect.void))
        case "wallclock":
          return value(clock.wallClock)
        case "periodic":
          return clock.clockEvent.periodic
        case "nextEvent":
          return clock.clockEvent.nextEvent(op[1])
        case "oneShot":
          return clock.clockEvent.oneShot
        case "shutdown":
          return clock.clockEvent.shutdown
        case "alarm":
          return hostAlarm
        case "user":
          return clock.runUserProcess(op[1] ? () => world.note("relay") : undefined)
        case "irq":
          return clock.irqEvent(event(op[1]))
        case "propagate":
          return clock.propagateTime
        case "waitReadable":
          return clock.waitReadable(Effect.never)
        case "broadcast":
          return Effect.catchTag(clock.broadcast(op[1]), "OptionError", Effect.die)
        case "enterUser":
          return Effect.map(clock.enterUser, (value) => {
            if (value !== undefined) world.note(`broadcast ${value}`)
          })
        case "init":
          return program.mode === "off" ? Effect.void : boot(program.start as Nanos | undefined)
      }
    }
    const runAll = (ops: ReadonlyArray<Op>) =>
      Effect.provideService(
        Effect.forEach(
          ops,
          (op) =>
            Effect.suspend(() => world.mayHandle() ? exec(op) : Effect.void).pipe(
              handlers === "yielding" ? Effect.tap(Effect.yieldNow) : (self) => self,
            ),
          { discard: true },
        ),
        Interrupts.Interrupts,
        interrupts,
      )
    const handler = (name: string, ops: () => ReadonlyArray<Op>): GuestClock.Action => (handling) => {
      world.began(name, handling.now, interrupts.context())
      if (handlers !== "plain") return runAll(ops())
      for (const op of ops()) {
        if (!world.mayHandle()) continue
        if (op[0] === "addRel") handling.addEvent(events[op[1]]!, handling.now + op[2])
        else if (op[0] === "delete") world.note(`deleted ${handling.deleteEvent(events[op[1]]!)}`)
        else throw new Error(`a plain handler can't ${op[0]}`)
      }
    }
    const events = program.events.map((ops, number) =>
      GuestClock.event(String(number), handler(`fire ${number}`, () => ops))
    )
    let tick = 0
    yield* Effect.orDie(clock.clockEvent.onTick(handler("tick", () => program.ticks[tick++] ?? [])))
    const interrupt = (number: number) => Effect.ignore(runAll(program.interrupts[number]!))
    interruptHandler = (number) => Effect.map(interrupt(number), () => world.interruptEnded())
    raise = (number) =>
      Effect.runSync(interrupts.raise(Effect.ignore(Effect.flatMap(clock.now, () => {
        world.note(`late ${number} ${interrupts.context().masked}`)
        return interrupt(number)
      }))))

    yield* Effect.gen(function* () {
      // A later guest asks for its start when it is read: so the option has to be known first.
      if (isLater) yield* boot(program.start as Nanos | undefined)
      if (program.mode === "external") yield* connect(program.id as Nanos)
      if (!isLater) yield* boot(program.start as Nanos | undefined)
      if (!isLater) world.note(describe(yield* clock.snapshot))
      for (const op of program.script) {
        yield* exec(op)
        world.note(describe(yield* clock.snapshot))
      }
    }).pipe(Effect.catch((error) => Effect.sync(() => world.note(`fault ${describeFault(error)}`))))
  })

  return main.pipe(
    Effect.scoped,
    Effect.provide(Layer.provideMerge(Recording.layer(tape), Layer.merge(Cpu.layer, hostOf(world)))),
    Effect.provideService(
      OnWarning,
      (warning) => Effect.sync(() => world.note(`warn ${warning._tag}`)),
    ),
    // Programs add events in the past, which SPEC doesn't mind and people are told.
    Effect.provide(Logger.layer([])),
    Effect.catchDefect((defect) =>
      defect instanceof Enough ? Effect.sync(() => world.note("enough")) : Effect.die(defect)
    ),
  )
}
