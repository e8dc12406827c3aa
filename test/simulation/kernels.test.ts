/** Kernels as guests of worlds, as far as that can be seen without a kernel: what can't be, and what is said of it. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Kernel } from "../../src/devices.ts"
import { Guest, Link, Network, World } from "../../src/simulation.ts"
import * as LeftOut from "../../scripts/leftOut.ts"

const cable = Network.cable("cable", { ends: ["router", "other"] })

const failure = (kernel: Kernel.Options, options: World.Options = {}) => {
  const other = Guest.make("other", Effect.sleep("1 second"))
  const world = World.make({ guests: [Guest.kernel("router", kernel), other], links: [cable] })
  return Effect.map(Effect.flip(World.run(world, options)), (error) => error.message)
}

/** The folders of worlds and kernels that there are. */
const folders = () => Fs.readdirSync(Os.tmpdir()).filter((name) => /^guest-clock-(?:world|kernel)-/.test(name))

/** A script in place of a kernel, which is given the kernel's words. */
const script = (text: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-test-"))
      const path = Path.join(folder, "linux")
      Fs.writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
      return path
    }),
    (path) => Effect.sync(() => Fs.rmSync(Path.dirname(path), { recursive: true })),
  )

/** It comes with Debian's package util-linux, which is essential there. */
const hasSetarch = spawnSync("setarch", ["-R", "true"]).status === 0

describe("a kernel as a guest", () => {
  it.live("has options that are checked before anything runs", () =>
    Effect.gen(function* () {
      const wire = Link.make("wire", { ends: ["router", "other"], message: Schema.Uint8Array })
      const cases: ReadonlyArray<readonly [unknown, string]> = [
        [{}, 'kernel of the kernel "router" can\'t be undefined: it is a path'],
        [{ kernel: "a", initrd: "" }, 'initrd of the kernel "router" can\'t be "": it is a path'],
        [
          { kernel: "a", commandLine: ["a b"] },
          'commandLine of the kernel "router" can\'t be ["a b"]: it is an array of words without blanks',
        ],
        [{ kernel: "a", memory: "64" }, 'memory of the kernel "router" can\'t be 64: it is as "64M"'],
        [
          { kernel: "a", networks: cable },
          'networks of the kernel "router" can\'t be',
        ],
        [
          { kernel: "a", networks: [wire] },
          "each is a network, a cable, or a card with `to`",
        ],
        [{ kernel: "a", networks: [{ mac: "x" }] }, "each is a network, a cable, or a card with `to`"],
        [{ kernel: "a", console: 1 }, 'console of the kernel "router" can\'t be 1: it is a function'],
      ]
      for (const [options, message] of cases) {
        expect(yield* failure(options as Kernel.Options)).toContain(message)
      }
    }))

  it.live("fails its world if it isn't there, or can't be run; nothing is left", () =>
    Effect.gen(function* () {
      const before = folders()
      expect(yield* failure({ kernel: "/nowhere/linux" })).toBe(
        "the guest \"router\" failed at 0 ns: the kernel can't be started: /nowhere/linux isn't there. It printed nothing.",
      )
      const text = yield* script("")
      Fs.chmodSync(text, 0o644)
      expect(yield* failure({ kernel: text })).toContain(`can't be started: ${text} can't be run`)
      expect(yield* failure({ kernel: "/tmp" })).toContain("can't be started: /tmp is no file")
      expect(folders().filter((name) => !before.includes(name))).toEqual([])
    }).pipe(Effect.scoped))

  it.live("runs neither in real time nor in a process of its guest's own", () =>
    Effect.gen(function* () {
      const message = yield* failure({ kernel: "/bin/true" }, { realTime: ["router"] })
      expect(message).toContain(
        "the place of the kernel can't be router: kernels run in the process of their world's calendar: without " +
          "Processes.layer, and not in real time",
      )
    }))

  it.live("fails its world when it ends before its calendar has heard of it, and says what it printed", (context) =>
    Effect.gen(function* () {
      if (!hasSetarch) {
        return yield* Effect.promise(() => LeftOut.note(context, "kernels that end at once", "setarch (util-linux)"))
      }
      const kernel = yield* script('echo "mem is $1"; echo "Kernel panic - not syncing: no luck" >&2; exit 3')
      const message = yield* failure({ kernel, memory: "32M" })
      expect(message).toMatch(
        /^the guest "router" failed at 0 ns: the kernel exited with 3 before it powered off\. The last lines of its console:\n/,
      )
      expect(message).toContain("  | mem is mem=32M")
      expect(message).toContain("  | Kernel panic - not syncing: no luck")
      expect(yield* failure({ kernel: yield* script("kill -9 $$") })).toContain("the kernel was ended by SIGKILL")
    }).pipe(Effect.scoped))

  it.live("is killed, with all that it has started, if its world ends before it has come so far", (context) =>
    Effect.gen(function* () {
      if (!hasSetarch) {
        return yield* Effect.promise(() => LeftOut.note(context, "kernels that do nothing", "setarch (util-linux)"))
      }
      const kernel = yield* script('sleep 1000 & echo "$!" > "$(dirname "$0")/pid"; sleep 1000')
      const pidFile = `${kernel.slice(0, -"linux".length)}pid`
      const world = World.make({ guests: [Guest.kernel("router", { kernel })] })
      yield* Effect.raceFirst(
        Effect.ignore(World.run(world)),
        Effect.callback<void>((resume) => {
          const timer = setInterval(() => {
            if (Fs.existsSync(pidFile) && Fs.readFileSync(pidFile, "utf8") !== "") resume(Effect.void)
          }, 20)
          return Effect.sync(() => clearInterval(timer))
        }),
      )
      const pid = Number(Fs.readFileSync(pidFile, "utf8"))
      expect(pid).toBeGreaterThan(1)
      const isRunning = () => {
        try {
          return !/^\d+ \(.*\) Z/.test(Fs.readFileSync(`/proc/${pid}/stat`, "utf8"))
        } catch {
          return false
        }
      }
      const began = Date.now()
      while (isRunning() && Date.now() - began < 5000) {
        yield* Effect.promise(() => new Promise((f) => setTimeout(f, 20)))
      }
      expect(isRunning()).toBe(false)
    }).pipe(Effect.scoped))
})
