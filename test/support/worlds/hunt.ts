/**
 * Looks for worlds that don't do the same in all ways: `deno run -A test/support/worlds/hunt.ts --help`.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import process from "node:process"
import { parseArgs } from "node:util"
import { draw } from "./draw.ts"
import type { WorldPlan } from "./plan.ts"
import { difference, impossible, lines, type Seen } from "./seen.ts"
import { smallest } from "./smaller.ts"
import { inProcesses, usually, type Way, ways } from "./ways.ts"

const { values } = parseArgs({
  options: {
    from: { type: "string", default: "1" },
    count: { type: "string", default: "100" },
    guests: { type: "string" },
    without: { type: "string", default: "" },
    only: { type: "string", default: "" },
    processes: { type: "boolean", default: false },
    tries: { type: "string", default: "300" },
    show: { type: "boolean", default: false },
    plan: { type: "string" },
    name: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
})

const HELP = `--from SEED --count N    the seeds, one world each
--guests N               how many guests each has
--without A,B            features that none has (draw.ts lists them)
--only WORDS             only ways with these words in their name
--processes              in processes, rather than in other ways within this one
--tries N                how often to try to make one that fails smaller
--plan JSON              this one alone
--name                   prints each seed before its world runs
--show                   prints all that happens in each`

const all: ReadonlyArray<Way> = values.processes ? [{ name: "in processes", run: inProcesses }] : ways
const chosen = all.filter(({ name }) => name.includes(values.only))

const run = <A>(effect: Effect.Effect<A>): Promise<A> => Effect.runPromise(effect)

const compare = async (plan: WorldPlan, way: Way, usual: Seen): Promise<string | undefined> => {
  if (way.applies?.(plan, usual) === false) return undefined
  return impossible(usual) ?? difference(usual, await run(way.run(plan, usual)), way.same)
}

if (values.help) console.log(HELP)
else {
  const from = Number(values.from)
  const ends = new Map<string, number>()
  let failed = 0
  let entries = 0
  const count = values.plan === undefined ? Number(values.count) : 1
  for (let seed = from; seed < from + count; seed++) {
    if (values.name) console.log(`seed ${seed}`)
    const plan = values.plan !== undefined ? JSON.parse(values.plan) as WorldPlan : draw(seed, {
      ...values.guests !== undefined && { guests: Number(values.guests) },
      without: values.without.split(","),
    })
    const usual = await run(usually(plan))
    entries += usual.journal.length
    const how = usual.end[0]!.replace(/\d+/g, "#")
    ends.set(how, (ends.get(how) ?? 0) + 1)
    if (values.show) console.log(JSON.stringify(plan, undefined, 1), lines(usual).join("\n"))
    for (const way of impossible(usual) === undefined ? chosen : [{ name: "at all", run: usually }]) {
      if (values.name) console.log(`  ${way.name}`)
      const found = await compare(plan, way, usual)
      if (found === undefined) continue
      failed++
      console.log(`\nseed ${seed}, ${way.name}:\n${found}`)
      const small = await smallest(
        plan,
        async (candidate) => (await compare(candidate, way, await run(usually(candidate)))) !== undefined,
        Number(values.tries),
      )
      console.log(JSON.stringify(small))
      console.log(await compare(small, way, await run(usually(small))))
    }
  }
  console.log(`\n${count} worlds, ${entries} entries, ${failed} not the same;`, Object.fromEntries(ends))
  process.exitCode = failed > 0 ? 1 : 0
}
