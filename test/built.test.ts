/** What most tests start is built (`support/built.ts`): here the sources are started on each runtime, and do the same. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import { built, programs } from "./support/built.ts"

const MAIN = "src/cli/main.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "guest-clock-built-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true })),
)

/** A guest of a calendar in this process, by the command in a file: how it ended, and what it printed. */
const guest = (runtime: Runtimes.Name, file: string) =>
  Effect.gen(function* () {
    const path = join(yield* folder, "s")
    yield* CalendarServer.make({ path, clients: 1 })
    const words = yield* Runtimes.locate(runtime)
    return yield* exec([...words, file, "guest", "--socket", path, "--id", "1", "sleep 1s", "say tick", "repeat 2"])
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("a program that is built", () => {
  it.each(programs)("is there: %s", (file) => {
    expect(existsSync(file)).toBe(true)
    expect(existsSync(built(file))).toBe(true)
  })

  it("is one of those that are listed", () => {
    expect(() => built("src/index.ts")).toThrow("test/support/built.ts doesn't list src/index.ts")
  })

  it.live.each(Runtimes.names)("does on %s what its source does: the command", (runtime) =>
    Effect.gen(function* () {
      const source = yield* guest(runtime, resolve(MAIN))
      expect(source.code, source.stderr).toBe(0)
      expect(source.stdout).toContain("tick")
      expect(yield* guest(runtime, built(MAIN))).toEqual(source)
    }), 60_000)
})
