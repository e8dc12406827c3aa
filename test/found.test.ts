import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { found } from "../scripts/found.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "runtimes-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true })),
)

describe("the path of a command", () => {
  it.effect("is looked for once, and again when it has gone or can't be run", () =>
    Effect.gen(function* () {
      const place = yield* folder
      let searches = 0
      const find = Effect.sync(() => {
        const path = Path.join(place, `bun ${++searches}`)
        Fs.writeFileSync(path, "", { mode: 0o755 })
        return path
      })
      const bun = found("bun", find, Path.join(place, "kept"))
      expect(yield* bun).toBe(Path.join(place, "bun 1"))
      expect(yield* bun).toBe(Path.join(place, "bun 1"))
      Fs.rmSync(Path.join(place, "bun 1"))
      expect(yield* bun).toBe(Path.join(place, "bun 2"))
      Fs.chmodSync(Path.join(place, "bun 2"), 0o644)
      expect(yield* bun).toBe(Path.join(place, "bun 3"))
      Fs.writeFileSync(Path.join(place, "kept", "bun"), "")
      expect(yield* bun).toBe(Path.join(place, "bun 4"))
      expect(yield* bun).toBe(Path.join(place, "bun 4"))
      expect(searches).toBe(4)
      expect(Fs.readdirSync(Path.join(place, "kept"))).toEqual(["bun"])
    }))

  it.effect("that isn't found is looked for again the next time", () =>
    Effect.gen(function* () {
      const place = yield* folder
      expect(yield* Effect.flip(found("bun", Effect.fail("no network"), place))).toBe("no network")
      expect(yield* found("bun", Effect.succeed("/bin/sh"), place)).toBe("/bin/sh")
    }))

  it.effect("that can't be kept is found all the same", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* folder, "file")
      Fs.writeFileSync(file, "")
      expect(yield* found("bun", Effect.succeed("/bin/sh"), file)).toBe("/bin/sh")
    }))
})
