/**
 * A shop with ten machines that break, and one repairman, who drops what else he does when one has: SimPy's "Machine
 * Shop", written anew from its description. Chance is another than Python's, and so are the numbers of parts.
 *
 * run: examples/machine-shop.ts
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Distribution, Guest, Process, Report, Resource, Statistics, World } from "../src/simulation.ts"

const MACHINES = 10

const shop = Guest.make(
  "shop",
  Effect.gen(function* () {
    const { random } = yield* Guest.Self
    const repairman = yield* Resource.make("repairman", { preemptive: true })

    for (let n = 0; n < MACHINES; n++) {
      const name = `machine ${n}`
      const parts = yield* Statistics.counter(name)
      const takes = Distribution.sampler(Distribution.normal("10 minutes", "2 minutes"), random.fork(`${name} work`))
      const lasts = Distribution.sampler(Distribution.exponential("300 minutes"), random.fork(`${name} failures`))
      let isBroken = false

      /** Works for so long, and is interrupted as often as the machine breaks. */
      const work = (left: bigint): Effect.Effect<void, unknown, Guest.Self> =>
        Effect.catchTag(Process.hold(left), "Interrupted", (broken) =>
          Effect.gen(function* () {
            isBroken = true
            yield* repairman.use(Process.hold("30 minutes"), { priority: 1 })
            isBroken = false
            yield* work(broken.left ?? 0n)
          }))
      const making = Effect.andThen(Effect.suspend(() => work(takes())), Effect.sync(() => parts.add()))
      const machine = yield* Process.spawn(name, Effect.forever(making))

      // A machine that doesn't work doesn't break.
      const breaking = Effect.gen(function* () {
        yield* Process.hold(lasts())
        if (!isBroken) yield* machine.interrupt("broken")
      })
      yield* Process.spawn(`${name} breaks`, Effect.forever(breaking))
    }

    /** What the repairman does when nothing is broken: jobs of half an hour, each until it is done. */
    const job = (left: bigint): Effect.Effect<void, unknown, Guest.Self> =>
      Effect.catchTag(
        repairman.use(Process.hold(left), { priority: 2 }),
        "Interrupted",
        (called) => job(called.left ?? 0n),
      )
    const jobs = yield* Statistics.counter("other jobs")
    yield* Process.spawn(
      "other jobs",
      Effect.forever(Effect.andThen(job(1_800_000_000_000n), Effect.sync(() => jobs.add()))),
    )
  }),
)

const main = Effect.gen(function* () {
  const result = yield* World.run(World.make({ name: "machine shop", guests: [shop] }), { seed: 42, until: "4 weeks" })
  for (const line of Report.table(Report.make(result))) yield* Console.log(line)
})

await Effect.runPromise(main)
