/**
 * Worlds with random programs, which do the same in every way in which they can be run. `WORLD_SEED=n` begins with
 * another seed; `WORLDS=n` draws that many for one process, and `WORLDS_APART=n` for processes: seconds of CPU time each.
 * What fails prints its seed, the command that runs it again, where it parts ways, and a smaller world that does so.
 * `test/support/worlds/hunt.ts` looks for more of them.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import process from "node:process"
import { draw, features } from "../support/worlds/draw.ts"
import type { WorldPlan } from "../support/worlds/plan.ts"
import { difference, impossible, lines } from "../support/worlds/seen.ts"
import { smallest } from "../support/worlds/smaller.ts"
import { inProcesses, usually, type Way, ways } from "../support/worlds/ways.ts"

const FIRST = Number(process.env["WORLD_SEED"] ?? 1)
const WORLDS = Number(process.env["WORLDS"] ?? 40)
const APART = Number(process.env["WORLDS_APART"] ?? 3)

/** How often one that fails is tried to be made smaller; less often where a try takes seconds. */
const TRIES = { quick: 100, slow: 10 }

const APART_WAY: Way = { name: "in processes", run: inProcesses }

const seeds = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => FIRST + index)

const compared = (plan: WorldPlan, way: Way): Effect.Effect<string | undefined> =>
  Effect.gen(function* () {
    const usual = yield* usually(plan)
    const wrong = impossible(usual)
    if (wrong !== undefined || way.applies?.(plan, usual) === false) return wrong
    return difference(usual, yield* way.run(plan, usual), way.same)
  })

/** Fails unless a plan's world does the same that way. */
const check = (seed: number, plan: WorldPlan, way: Way, command: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const found = yield* compared(plan, way)
    if (found === undefined) return
    const fails = (candidate: WorldPlan) =>
      Effect.runPromise(Effect.map(compared(candidate, way), (how) => how !== undefined))
    const tries = way.name === APART_WAY.name || impossible(yield* usually(plan)) !== undefined
      ? TRIES.slow
      : TRIES.quick
    const small = yield* Effect.promise(() => smallest(plan, fails, tries))
    expect.fail(
      `seed ${seed}, ${way.name}:\n${found}\n\nagain: ${command}\nsmaller: ${JSON.stringify(small)}\n${yield* compared(
        small,
        way,
      )}`,
    )
  })

const FILE = "npx -y deno task test test/simulation/worldFuzz.test.ts"

describe("a world with random programs", () => {
  it.live.each(seeds(WORLDS))("does the same in every way in one process, with seed %i", (seed) =>
    Effect.forEach(
      ways,
      (way) => check(seed, draw(seed), way, `WORLD_SEED=${seed} WORLDS=1 WORLDS_APART=0 ${FILE}`),
      { discard: true },
    ), 300_000)

  it.live.each(seeds(APART))("does the same in processes, with seed %i", (seed) =>
    check(
      seed,
      draw(seed, { guests: 2 }),
      APART_WAY,
      `WORLD_SEED=${seed} WORLDS=0 WORLDS_APART=1 ${FILE}`,
    ), 300_000)
})

describe("what compares worlds", () => {
  it("draws every kind of step, option and oddity", () => {
    const plans = Array.from({ length: 400 }, (_, seed) => JSON.stringify(draw(seed)))
    const text = plans.join("\n")
    const steps = [
      "sleep",
      "busy",
      "yield",
      "send",
      "sends",
      "within",
      "receive",
      "stream",
      "handle",
      "timer",
      "unplug",
    ]
    const others = ["plugIn", "race", "together", "fork", "repeat", "try", "note", "clocks", "draw", "measure"]
    for (const step of [...steps, ...others, "fail", "die", "interrupt", "end"]) {
      expect(text).toContain(`"do":"${step}"`)
    }
    const options = [
      "latency",
      "bandwidth",
      "size",
      "queue",
      "loss",
      "duplication",
      "reordering",
      "outages",
      "impairments",
    ]
    const more = ["drop", "corrupt", "duplicate", "delay", "by", "during", "daemon", "readsCostTime", "order"]
    for (const option of [...options, ...more]) expect(text).toContain(`"${option}":`)
    const quirks = ["changed later", "excess", "broken", "strange numbers", "strange texts", "nonsense", "throws"]
    for (const quirk of quirks) expect(text).toContain(`"${quirk}"`)
    expect(new Set(plans).size).toBe(plans.length)
  })

  it("draws a world from its seed alone, and none of what it is to be without", () => {
    expect(draw(9)).toEqual(draw(9))
    for (let seed = 0; seed < 50; seed++) {
      const text = JSON.stringify(draw(seed, { without: features, guests: 2 }))
      expect(text).not.toMatch(
        /"(loss|bandwidth|impairments|quirk|daemon|order)":|"do":"(sends|race|fork|timer|fail|end)"/,
      )
    }
  })

  it.live("finds what is otherwise, and makes the world in which it is smaller", () =>
    Effect.gen(function* () {
      // Draws something else than usually, as a clock or a stream of chance of its own would have it.
      const other: Way = {
        name: "with another seed",
        run: (plan) => usually({ ...plan, seed: plan.seed + 1 }),
        same: "all",
      }
      const drawing = Array.from({ length: 50 }, (_, seed) => draw(seed, { without: features }))
        .filter((plan) => JSON.stringify(plan).includes('"do":"draw"'))
      expect(drawing.length).toBeGreaterThan(5)
      // `draw` notes what it drew, and the seed is seen at the end in any case.
      const journal = (plan: WorldPlan) =>
        Effect.gen(function* () {
          const usual = yield* usually(plan)
          const found = yield* other.run(plan, usual)
          return difference({ end: [], journal: usual.journal }, { end: [], journal: found.journal })
        })
      let found = 0
      for (const plan of drawing) {
        if ((yield* journal(plan)) === undefined) continue
        found++
        const fails = (candidate: WorldPlan) =>
          Effect.runPromise(Effect.map(journal(candidate), (how) => how !== undefined))
        const small = yield* Effect.promise(() => smallest(plan, fails, 200))
        expect(small.guests.length).toBe(1)
        expect(small.guests[0]!.steps).toEqual([{ do: "draw" }])
        expect(yield* journal(small)).toMatch(/^ {2}- .*drew"$[^]*^ {2}\+ .*drew"$/m)
        if (found === 3) break
      }
      expect(found).toBe(3)
    }), 60_000)

  it.live("sees each entry with all of its fields, to the bit", () =>
    Effect.gen(function* () {
      const seen = yield* usually(draw(3, { without: features, guests: 2 }))
      expect(seen.journal.length).toBeGreaterThan(3)
      for (const [index] of lines(seen).entries()) {
        const changed = lines(seen).map((line, at) => at === index ? `${line} ` : line)
        expect(difference(seen, { end: [], journal: changed })).not.toBe(undefined)
      }
    }))
})
