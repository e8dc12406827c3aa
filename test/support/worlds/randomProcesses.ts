/**
 * Worlds of random processes, written once, and run as fibers or as light processes.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Condition, Container, Guest, Link, Process, Resource, Store, World } from "../../../src/simulation.ts"
import { type Random, random } from "../random.ts"

type Any = Effect.Effect<unknown, unknown, Guest.Services>

/** What makes an effect of a generator: `Effect.gen`, or `Process.light`. */
export type Form = (body: () => Generator<Any, unknown, never>) => Any

/** As fibers. */
export const fibers: Form = (body) => Effect.gen(body)
/** As light processes. */
export const light: Form = Process.light

const wire = Link.make("wire", { ends: ["one", "two"], message: Schema.Number, latency: "3 millis" })

/** What a process may do next: the same choices for both forms. */
const steps = function* (form: Form, seed: number) {
  const { now } = yield* Guest.Self
  const chance: Random = random(seed)
  const ms = (most: number) => BigInt(chance.int(most)) * 1_000_000n
  const patience = () => chance.bool(0.5) ? { patience: ms(5) } : {}
  const port = yield* Link.open(wire)
  const machine = yield* Resource.make("machine", { capacity: 2, preemptive: true })
  const room = yield* Resource.make("room", { capacity: 2 })
  const tank = yield* Container.make("tank", { capacity: 20, initial: 8 })
  const shelf = yield* Store.make<number>("shelf", { capacity: 4 })
  const started: Array<Process.Process> = []
  let processes = 0

  /** How something ended, for the journal; what only differs by how it is run is left out. */
  const told = (exit: Exit.Exit<unknown, unknown>): string => {
    if (Exit.isSuccess(exit)) return "done"
    return exit.cause.reasons.map((reason) =>
      Cause.isFailReason(reason)
        ? String((reason.error as { message?: string }).message ?? reason.error)
        : Cause.isDieReason(reason)
        ? `died of ${reason.defect}`
        : "interrupted"
    ).join(", ")
  }

  const operation = (): Process.Operation<unknown, unknown> =>
    chance.pick([
      () => Process.hold(ms(6)),
      () => machine.request({ units: 1 + chance.int(2), priority: chance.int(3), ...patience() }),
      () => room.request({ units: 1 + chance.int(2), ...patience() }),
      () => tank.put(1 + chance.int(6), patience()),
      () => tank.get(1 + chance.int(6), patience()),
      () => shelf.put(chance.int(4), patience()),
      () => shelf.get({ ...patience(), ...chance.bool() && { filter: (item: number) => item % 2 === 0 } }),
      () => chance.pick(started)?.join ?? Process.hold(1),
    ])()

  const composed = (depth: number): Any =>
    chance.pick<() => Any>([
      operation,
      () => Condition.any({ a: operation(), b: operation() }),
      () => Condition.all({ a: operation(), b: operation() }),
      () => room.use(inner(depth), { units: 1 + chance.int(2), ...patience() }),
      () => machine.use(inner(depth), { priority: chance.int(3), ...patience() }),
      () => Process.interruptible(inner(depth)),
      () => inner(depth),
    ])()

  const other = (): Any =>
    chance.pick<() => Any>([
      () => Effect.sleep(chance.int(4)),
      () => Effect.yieldNow,
      () => Effect.catch(Process.hold(ms(5)), () => Guest.note("caught")),
      () => Effect.onExit(Effect.sleep(chance.int(5)), (exit) => Guest.note("slept", told(exit))),
      () => Effect.addFinalizer(() => Guest.note("finalizer")) as Any,
      () => Effect.forkChild(Effect.onExit(Effect.sleep(chance.int(9)), (exit) => Guest.note("child", told(exit)))),
      () => Effect.forEach([1, 2], (n) => Effect.result(Process.hold(BigInt(n) * ms(4))), { concurrency: "unbounded" }),
      () => port.send(chance.int(100)),
      () => port.receive.pipe(Effect.timeoutOption(chance.int(6))),
      () => chance.pick(started)?.interrupt(`at ${now()}`) ?? Effect.void,
      () => Effect.flatMap(Process.self, (self) => self.interrupt("myself")),
      () => Effect.fail("no luck"),
      () => Effect.die("odd"),
      () => Effect.void,
    ])()

  const inner = (depth: number): Any => depth === 0 ? chance.bool() ? operation() : other() : body(depth - 1, 3)

  const body = (depth: number, most: number): Any =>
    form(function* () {
      for (let step = 0; step < most; step++) {
        const what = chance.bool(0.7) ? composed(depth) : other()
        if (chance.bool(0.8)) {
          const result = (yield* Process.result(what)) as Result.Result<unknown, unknown>
          yield* Guest.note("result", Result.isSuccess(result) ? "done" : told(Exit.fail(result.failure)))
        } else {
          yield* what
          yield* Guest.note("step", `${step}`)
        }
        if (processes < 12 && chance.bool(0.3)) yield* begin()
      }
      return "over"
    })

  const begin = (): Any => {
    const name = `process ${processes++}`
    const daemon = chance.bool(0.2)
    const whole = body(2, 2 + chance.int(5))
    return Effect.flatMap(Process.spawn(name, whole, { daemon }), (process) => {
      started.push(process)
      const watched = Effect.flatMap(Effect.exit(process.join), (exit) => Guest.note(`${name} ended`, told(exit)))
      return chance.bool(0.9) ? Process.spawn(`watcher of ${name}`, watched, { daemon: true }) : Effect.void
    })
  }

  for (let n = 0; n < 4; n++) yield* begin()
  yield* Effect.sleep(chance.int(20))
  for (const process of started) {
    if (chance.bool(0.4)) yield* process.interrupt("from outside")
  }
  yield* Guest.note("main is over")
}

/** A world of a seed: one guest, or two. */
export const world = (form: Form, seed: number): World.World => {
  const program = (own: number): Any => Effect.gen(() => steps(form, own) as Generator<Any, unknown, never>)
  const guests = [Guest.make("one", program(seed * 2)), Guest.make("two", program(seed * 2 + 1))]
  return World.make({ guests, links: [wire] })
}
