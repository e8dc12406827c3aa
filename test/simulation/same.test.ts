/**
 * The same worlds in one process, in many, and on each runtime: what is seen of them is the same, entry for entry.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { resolve } from "node:path"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import { everywhere, failing, fixed, whole } from "../support/worlds/fixed.ts"
import { difference, impossible, lines } from "../support/worlds/seen.ts"
import { inProcesses, usually, ways } from "../support/worlds/ways.ts"

/** Worlds that are drawn on each runtime. */
const DRAWN = 20

const names = Object.keys(fixed)

describe("a world is the same", () => {
  for (const name of names) {
    const plan = fixed[name]!

    it.live(`however it is run in one process: ${name}`, () =>
      Effect.gen(function* () {
        const seeds = name in failing ? [plan.seed] : [plan.seed, 1, 2]
        for (const seed of seeds) {
          const usual = yield* usually({ ...plan, seed })
          expect(impossible(usual)).toBe(undefined)
          for (const way of ways) {
            if (way.applies?.({ ...plan, seed }, usual) === false) continue
            const found = difference(usual, yield* way.run({ ...plan, seed }, usual), way.same)
            expect(found, `${way.name}, with seed ${seed}:\n${found}`).toBe(undefined)
          }
        }
      }), 120_000)

    it.live(`in processes: ${name}`, () =>
      Effect.gen(function* () {
        const found = difference(yield* usually(plan), yield* inProcesses(plan))
        expect(found, `in one process and in many:\n${found}`).toBe(undefined)
      }), 60_000)
  }

  it.live("and in these worlds everything happens that can", () =>
    Effect.gen(function* () {
      const all: Array<string> = []
      for (const name of Object.keys(whole)) {
        const seen = yield* usually(whole[name]!)
        expect(seen.end[0], name).toMatch(/^planned ended at/)
        all.push(...lines(seen))
      }
      const text = all.join("\n")
      for (const tag of ["Sent", "Lost", "Arrived", "Noted", "Ended"]) expect(text).toContain(` ${tag} `)
      for (const why of ["loss", "outage", "impairment", "corrupted", "unplugged", "left", "ended"]) {
        expect(text).toContain(`why ${JSON.stringify(why)}`)
      }
      for (const note of ["caught", "in time", "not in time", "first", "nothing", "received", "handled"]) {
        expect(text).toContain(`text ${JSON.stringify(note)}`)
      }
      expect(text).not.toContain("not refused")
    }))

  it.live.each(Object.keys(failing))("and says who failed, when and why: %s", (name) =>
    Effect.gen(function* () {
      const { end } = yield* usually(fixed[name]!)
      if (name === "all who wait for each other") return expect(end).toEqual(["CalendarDeadlock"])
      expect(end[0]).toBe("GuestFailed")
      expect(end.join("\n")).toMatch(/guest "(ann|bob)"\n.*\n {2}time \d+n\n {2}why "[^]+"/)
      expect(end.join("\n")).not.toContain("[object Object]")
    }))

  it.live("on each runtime, in one process and in many", () =>
    Effect.gen(function* () {
      const found = yield* Effect.forEach(Runtimes.names, (runtime) =>
        Effect.gen(function* () {
          const words = yield* Runtimes.locate(runtime)
          const { code, stdout, stderr } = yield* exec([
            ...words,
            resolve("test/support/sameWorlds.ts"),
            `1-${DRAWN}`,
            ...everywhere,
          ])
          expect(code, `${runtime}: ${stderr}`).toBe(0)
          const worlds: { readonly [name: string]: ReadonlyArray<string> } = JSON.parse(
            stdout.trim().split("\n").at(-1)!,
          )
          return { runtime, worlds }
        }))
      const [first, ...others] = found
      expect(Object.keys(first!.worlds).length).toBe(names.length + DRAWN + everywhere.length)
      for (const { runtime, worlds } of others) {
        for (const [name, seen] of Object.entries(first!.worlds)) {
          expect(worlds[name], `${name}, on ${runtime} rather than ${first!.runtime}`).toEqual(seen)
        }
      }
      for (const { runtime, worlds } of found) {
        for (const name of everywhere) {
          expect(worlds[`${name}, in processes`], `${name}, in processes, on ${runtime}`).toEqual(worlds[name])
        }
      }
    }).pipe(Effect.provide(NodeServices.layer)), 180_000)
})
