import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import * as Peers from "../bench/peers.ts"
import { exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"

interface Line {
  readonly suite: string
  readonly unit: string
  readonly runtime: string
  readonly figures: ReadonlyArray<{ readonly case: string; readonly figures: ReadonlyArray<number> }>
}

/** Those of a suite with figures that its size decides, and that a small one hasn't got. */
const MAY_BE_ANYTHING = new Set(["pending", "memory"])

describe("deno task bench", () => {
  it.live(
    "measures each of its suites, and prints the figures as JSON",
    () =>
      Effect.gen(function* () {
        const words = yield* Runtimes.locate("Deno")
        const args = ["--small", "--json", "--rounds", "1", "--on", "Deno"]
        const { code, stdout, stderr } = yield* exec([...words, Path.resolve("bench/main.ts"), ...args])
        expect(code, stderr).toBe(0)
        const lines = stdout.trim().split("\n").map((line) => JSON.parse(line) as Line)
        expect(new Set(lines.map(({ suite }) => suite)).size).toBeGreaterThan(15)
        for (const { suite, figures } of lines) {
          expect(figures.length, suite).toBeGreaterThan(0)
          for (const each of figures) {
            expect(each.figures.length, `${suite}: ${each.case}`).toBe(1)
            if (!MAY_BE_ANYTHING.has(suite)) expect(each.figures[0], `${suite}: ${each.case}`).toBeGreaterThan(0)
          }
        }
      }).pipe(Effect.provide(NodeServices.layer)),
    180_000,
  )

  it("says what brings a peer that can't be built", () => {
    const { PATH, GUEST_CLOCK_CACHE } = process.env
    const empty = Fs.mkdtempSync(Path.join(Os.tmpdir(), "bench-"))
    try {
      Object.assign(process.env, { PATH: empty, GUEST_CLOCK_CACHE: empty })
      const peer = Peers.cpp("hold-heap.cc")
      expect(peer).toEqual({ lacks: "g++ (Debian's package g++)" })
      expect(Peers.of("a heap", peer).lacks).toBe("g++ (Debian's package g++)")
    } finally {
      process.env["PATH"] = PATH
      if (GUEST_CLOCK_CACHE === undefined) delete process.env["GUEST_CLOCK_CACHE"]
      else process.env["GUEST_CLOCK_CACHE"] = GUEST_CLOCK_CACHE
      Fs.rmSync(empty, { recursive: true })
    }
  })
})
