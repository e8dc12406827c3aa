import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Runtimes from "../../scripts/runtimes.ts"
import { Experiment } from "../../src/simulation.ts"
import { inRoom } from "../support/command.ts"
import { experiment } from "../support/experiments.ts"

const FILE = "test/support/experiments.ts"
const here = Effect.runSync(Effect.cached(Experiment.run(experiment)))

describe("an experiment on all cores", () => {
  it.live.each(Runtimes.names)(
    "on %s has the same results in workers as in one process, to the bit, and draws the same plots",
    (runtime) =>
      inRoom(runtime, async ({ start, folder }) => {
        const plot = `${folder}/plot.svg`
        const run = start("experiment", FILE, "--workers", "2", "--format", "json", "--plot", plot, "--y", "wait")
        expect(await run.ended, run.stderr).toBe(0)
        const expected = await Effect.runPromise(here)
        expect(run.stdout).toBe(`${Experiment.json(expected)}\n`)
        expect(Fs.readFileSync(plot, "utf8")).toBe(await Effect.runPromise(Experiment.plot(expected, { y: "wait" })))
      }),
    60_000,
  )

  it.live("ends with the run that failed in a worker", () =>
    inRoom("Deno", async ({ start }) => {
      const run = start("experiment", FILE, "--export", "failing", "--workers", "2")
      expect(await run.ended).toBe(1)
      expect(run.stderr).toContain(
        'guest-clock: the run of at 2 with seed 1 failed: the guest "one" failed at 0 ns: no luck\n',
      )
      expect(run.stdout).toBe("")
    }), 60_000)

  it.live.each([["one process", []], ["workers", ["--workers", "2"]]] as const)(
    "in %s keeps what is done when it is interrupted, and goes on with it",
    ([, workers]) =>
      inRoom("Deno", async ({ start, folder }) => {
        const runs = `${folder}/long.runs`
        const args = ["experiment", FILE, "--export", "long", "--runs", runs, "--format", "csv", ...workers]
        const first = start(...args)
        const count = () => Fs.existsSync(runs) ? Fs.readFileSync(runs, "utf8").split("\n").length - 2 : 0
        while (count() < 3) await new Promise((resolve) => setTimeout(resolve, 20))
        first.child.kill("SIGINT")
        // Deno tells its children's 130 as the signal.
        expect([130, "SIGINT"]).toContain(await first.ended)
        expect(first.stdout).toBe("")
        expect(first.stderr).toContain("the same command goes on")
        const done = count()
        expect(done).toBeLessThan(60)
        const lines = Fs.readFileSync(runs, "utf8")
        const second = start(...args)
        expect(await second.ended, second.stderr).toBe(0)
        expect(count()).toBe(60)
        // What was done isn't done again.
        expect(Fs.readFileSync(runs, "utf8").startsWith(lines)).toBe(true)
        const whole = start("experiment", FILE, "--export", "long", "--format", "csv")
        expect(await whole.ended).toBe(0)
        expect(second.stdout).toBe(whole.stdout)
      }),
    90_000,
  )

  it.live("says what can't be, and nothing else", () =>
    inRoom("Deno", async ({ start, folder }) => {
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
        [["nowhere.ts"], /nowhere\.ts can't be imported/],
        [[FILE, "--export", "none"], /exports no experiment as none; it exports clustered, experiment, failing, long/],
        [[FILE, "--workers", "some"], /how many workers there are: a whole number from 1 to 1024, or all/],
        [[FILE, "--workers", "0"], /workers can't be 0/],
        [[FILE, "--seeds", "0"], /seeds can't be 0/],
        [[FILE, "--seeds", "1", "--plot", `${folder}/a.svg`], /what is to be drawn\? give --y NAME/],
        [[FILE, "--seeds", "1", "--plot", `${folder}/a.svg`, "--y", "wiat"], /y can't be wiat: what is measured is/],
        [[FILE, "--runs", "/nowhere/at/all"], /the file "\/nowhere\/at\/all" can't keep the runs/],
      ]
      await Promise.all(cases.map(async ([args, message]) => {
        const run = start("experiment", ...args)
        expect(await run.ended, args.join(" ")).toBe(1)
        expect(run.stderr).toMatch(message)
      }))
    }), 90_000)
})
