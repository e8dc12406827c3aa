/**
 * The attack on the server (test/attack/): that it finds what is wrong, and leaves nothing behind. What it finds
 * of the real server, `deno task attack` says.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import * as Runtimes from "../scripts/runtimes.ts"
import { Latency } from "./attack/latency.ts"
import * as Plan from "./attack/plan.ts"
import * as Run from "./attack/run.ts"

/** What a few rounds find of the server, when this code was run before it. */
const found = (code: string, kind: Run.Kind) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-spoilt-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true })),
    )
    const before = Path.join(folder, "before.mjs")
    Fs.writeFileSync(before, `import * as Fs from "node:fs"\nimport * as Net from "node:net"\n${code}\n`)
    const words = yield* Runtimes.locate("Deno")
    return yield* Run.run({
      runtime: "Deno",
      words: [...words, "--preload", before],
      attackers: words,
      victims: words,
      seed: 2,
      until: performance.now() + 30_000,
      only: [kind],
      progress: () => {},
    })
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

/** Code that has this done whenever somebody connects. */
const onConnection = (code: string): string =>
  `let connections = 0
   const emit = Net.Server.prototype.emit
   Net.Server.prototype.emit = function (event, ...rest) {
     if (event === "connection") {
       connections++
       ${code}
     }
     return emit.call(this, event, ...rest)
   }`

/** The ids of all processes that descend from this one. */
const descendants = (pid: number): ReadonlyArray<number> => {
  const parents = Fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const [, parent] = /^\d+ \(.*\) \S (\d+)/s.exec(Fs.readFileSync(`/proc/${name}/stat`, "utf8")) ?? []
      return [[Number(name), Number(parent)] as const]
    } catch {
      return []
    }
  })
  const of = (parent: number): ReadonlyArray<number> =>
    parents.flatMap(([child, each]) => each === parent ? [child, ...of(child)] : [])
  return of(pid)
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(Fs.readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

describe("the attack", () => {
  it.live("finds a client that is told to run a nanosecond late", () =>
    Effect.gen(function* () {
      const { failure } = yield* found(
        `const write = Net.Socket.prototype.write
         Net.Socket.prototype.write = function (bytes, ...rest) {
           const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
           for (let at = 0; at + 16 <= bytes.length; at += 16) {
             const time = view.getBigUint64(at + 8, true)
             if (view.getUint32(at, true) === 6 && time > 1_000_000n) view.setBigUint64(at + 8, time + 1n, true)
           }
           return write.call(this, bytes, ...rest)
         }`,
        "fuzz",
      )
      expect(failure?.what).toMatch(/it is to run at (\d+), where client \d+ is to run next, at \d+/)
    }), 60_000)

  it.live("finds descriptors that are left open", () =>
    Effect.gen(function* () {
      const { failure } = yield* found(onConnection(`Fs.openSync("/dev/null", "r")`), "half-closed")
      expect(failure).toMatchObject({ seed: 2, kinds: ["half-closed"] })
      expect(failure?.what).toMatch(/^the server has \d+ descriptors besides sockets; it had \d+ at first$/)
    }), 60_000)

  it.live("finds a server that ends while it is attacked", () =>
    Effect.gen(function* () {
      const { failure } = yield* found(onConnection("if (connections > 30) Deno.exit(7)"), "fuzz")
      expect(failure?.what).toContain("the server ended: exit code 7")
    }), 60_000)

  it.live(
    "is over at once on Ctrl-C, with all that it has started, and leaves no files",
    () =>
      Effect.gen(function* () {
        const [deno = "", ...words] = yield* Runtimes.locate("Deno")
        const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-interrupted-"))
        const child = ChildProcess.spawn(deno, [
          ...words,
          Path.resolve("test/attack/main.ts"),
          ...["--minutes", "5", "--runtime", "deno", "--only", "kills", "--seed", "1"],
        ], { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, TMPDIR: folder } })
        const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
        yield* Effect.promise(() => new Promise<void>((resolve) => child.stderr.on("data", () => resolve())))
        // The round has begun; wait for a victim, besides the server and the attackers.
        let started: ReadonlyArray<number> = []
        while (started.length < 3) {
          yield* Effect.sleep(20)
          started = descendants(child.pid!)
        }
        child.kill("SIGINT")
        expect(yield* Effect.promise(() => ended)).not.toBe(0)
        expect(started.filter(isAlive)).toEqual([])
        expect(Fs.readdirSync(folder)).toEqual([])
        Fs.rmSync(folder, { recursive: true })
      }).pipe(Effect.provide(NodeServices.layer)),
    60_000,
  )

  it("has every kind in turn, and then all of them at once, whichever the first seed is", () => {
    const seeds = Array.from({ length: Run.kinds.length + 1 }, (_, index) => 1234 + index)
    const rounds = seeds.map((seed) => Run.kindsOf(seed, Run.kinds))
    for (const kind of Run.kinds) expect(rounds).toContainEqual([kind])
    expect(rounds).toContainEqual(Run.kinds)
    expect(Run.kindsOf(7, ["fuzz"])).toEqual(["fuzz"])
  })

  it("finds memory that grows, after a warm-up, and says nothing of too few rounds", () => {
    const rounds = (count: number, bytes: (round: number) => number) =>
      Array.from({ length: count }, (_, at) => bytes(at))
    expect(Run.growth(rounds(12, (at) => at * 1e6))).toBe(undefined)
    expect(Run.growth(rounds(40, (at) => at < 7 ? at * 1e8 : 7e8))).toBe(0)
    expect(Run.growth(rounds(40, (at) => at * 1e7))).toBeGreaterThan(2e8)
  })

  it("knows its turns beforehand: the same of each seed, in order of time, within each limit", () => {
    const some = (seed: number) => {
      const turns = Plan.turns({ clients: 9, seed, pauseMs: 1, busy: true })
      return Array.from({ length: 2000 }, () => turns.next().value!)
    }
    expect(some(5)).toEqual(some(5))
    expect(some(5)).not.toEqual(some(6))
    const turns = some(7)
    expect(new Set(turns.flatMap(({ steps }) => steps.map(({ _tag }) => _tag)))).toEqual(
      new Set(["Get", "TimeOfDay", "Broadcast", "Ahead", "Signal", "Pause"]),
    )
    for (const [index, { time, limit, steps, requests }] of turns.entries()) {
      if (index > 0) expect(time).toBeGreaterThanOrEqual(turns[index - 1]!.time)
      if (limit !== undefined && time > 0n) expect(limit).toBeGreaterThanOrEqual(time)
      const ahead = steps.flatMap((step) => step._tag === "Ahead" ? [step.to] : [])
      const asked = [...requests, ...steps.flatMap((step) => step._tag === "Signal" ? [step.at] : [])]
      for (const at of asked) for (const to of [time, ...ahead]) expect(at).toBeGreaterThan(to)
    }
    const few = [...Plan.turns({ clients: 100, seed: 1, pauseMs: 0, wakeUps: 10, busy: false })]
    expect(few).toHaveLength(1100)
  })

  it("tells how long things took to a fifth", () => {
    const latency = new Latency()
    for (let ms = 1; ms <= 1000; ms++) latency.record(ms)
    for (const part of [0.1, 0.5, 0.99]) {
      const quantile = latency.quantile(part)
      expect(quantile).toBeGreaterThanOrEqual(part * 1000)
      expect(quantile).toBeLessThanOrEqual(part * 1200)
    }
    expect(latency.quantile(1)).toBe(1000)
  })
})
