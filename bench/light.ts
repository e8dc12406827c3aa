/**
 * Processes of a world that are measured: those that only hold, and a queue with one server.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { Distribution, Guest, Process, Resource, World } from "../src/simulation.ts"
import { AHEAD, numbers } from "./numbers.ts"
import * as Peers from "./peers.ts"
import type { Suite } from "./suite.ts"
import { usedBytes } from "./usedBytes.ts"

/** How a process is written: what makes an effect of a generator. */
export type Form = <A>(
  body: () => Generator<Effect.Effect<unknown, unknown, Guest.Services>, A, never>,
) => Effect.Effect<
  A,
  unknown,
  Guest.Services
>

/** As fibers. */
export const fibers: Form = (body) => Effect.gen(body)
/** As light processes. */
export const light: Form = Process.light

/** Runs a world of one guest, and returns what its program returned. */
const alone = async <A>(program: Effect.Effect<A, unknown, Guest.Services>): Promise<A> => {
  let returned: A | undefined
  const guest = Guest.make("guest", Effect.map(program, (value) => void (returned = value)))
  await Effect.runPromise(World.run(World.make({ guests: [guest] })))
  return returned as A
}

/** So many processes, each of which holds at random again and again, until all have so often. */
const holding = (form: Form, processes: number, holds: number) => {
  const next = numbers(AHEAD)
  let left = holds
  const body = form(function* () {
    while (left-- > 0) yield* Process.hold(BigInt(next()))
  })
  return Effect.gen(function* () {
    for (let i = 0; i < processes; i++) {
      yield* Process.spawn("process", body)
      // A time at which so many begin would be taken for one that never ends.
      if (i % 1000 === 999) yield* Process.hold(1n)
    }
  })
}

/** Million holds a second. */
export const hold = async (form: Form, processes: number, holds: number): Promise<number> => {
  const before = performance.now()
  await alone(holding(form, processes, holds))
  return holds / (performance.now() - before) / 1000
}

/** Bytes of each process that holds. */
export const bytes = (form: Form, processes: number): Promise<number> =>
  alone(Effect.gen(function* () {
    const before = usedBytes()
    yield* holding(form, processes, processes)
    yield* Process.hold("0 millis")
    return (usedBytes() - before) / processes
  }))

/** So many customers of a queue with one server (M/M/1), each a process: thousand customers a second. */
export const queue = async (form: Form, customers: number): Promise<number> => {
  const shop = Effect.gen(function* () {
    const { random } = yield* Guest.Self
    const server = yield* Resource.make("server")
    const untilNext = Distribution.sampler(Distribution.exponential("50 millis"), random.fork("arrivals"))
    const service = Distribution.sampler(Distribution.exponential("25 millis"), random.fork("services"))
    const customer = form(function* () {
      yield* server.use(Process.hold(service()))
    })
    yield* Process.spawn(
      "source",
      form(function* () {
        for (let n = 0; n < customers; n++) {
          yield* Process.hold(untilNext())
          yield* Process.spawn("customer", customer)
        }
      }),
    )
  })
  const before = performance.now()
  await alone(shop)
  return customers / (performance.now() - before)
}

const SIMPY = "SimPy's processes"

/** So many processes hold at random: their holds a second. */
export const holds = (processes: number, times: number): Suite => ({
  about: `${processes.toLocaleString("en")} processes of a world that hold at random`,
  unit: "M holds/s",
  more: true,
  cases: [
    Peers.of(SIMPY, Peers.simPy("hold.py"), processes, times),
    { name: "fibers", measure: () => hold(fibers, processes, times) },
    { name: "light", against: [SIMPY, "fibers"], measure: () => hold(light, processes, times) },
  ],
})
