import { describe, expect, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll } from "vitest"
import * as Tcp from "../../examples/worlds/tcp.ts"
import { exec } from "../../scripts/exec.ts"
import * as LeftOut from "../../scripts/leftOut.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import { World } from "../../src/simulation.ts"
import * as Trace from "../../src/trace.ts"
import { browser, find, open } from "../support/browser.ts"

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-views-"))
afterAll(() => Fs.rmSync(folder, { recursive: true }))

const transfer = Tcp.make({ segments: 30, loss: 0.08 })

const traced = (seed: number) =>
  Effect.gen(function* () {
    const ring = Trace.ring(100_000)
    yield* Effect.provide(World.run(transfer, { seed }), Trace.to(ring))
    return ring.trace()
  })

describe("a trace as text", () => {
  it.live("has a lane for each guest, as wide as it may be, and messages as arrows, those that are lost among them", () =>
    Effect.gen(function* () {
      const trace = yield* traced(3)
      for (const width of [40, 80, 120]) {
        const lines = [...Trace.text(trace, { width, messages: 12 })]
        expect(lines.filter((line) => /^sender +[▁▂▃▄▅▆▇█]+$/.test(line)).length).toBe(1)
        expect(lines.filter((line) => /^receiver +[▁▂▃▄▅▆▇█]+$/.test(line)).length).toBe(1)
        for (const line of lines.filter((line) => /[▁█│]/.test(line))) expect(line.length).toBeLessThanOrEqual(width)
      }
      const lines = [...Trace.text(trace, { width: 100, messages: 12 })]
      const lost = trace.records.filter(({ what }) => what._tag === "Sent" && what.lost !== undefined).length
      const sent = trace.records.filter(({ what }) => what._tag === "Sent").length
      expect(lines).toContainEqual(
        expect.stringMatching(new RegExp(`^${sent} messages, ${lost} lost; 12 of them from .* on:$`)),
      )
      expect(lines.filter((line) => /[├┤]/.test(line)).length).toBe(12)
      expect(lines.some((line) => /├─+Segment \d+─+▶│/.test(line))).toBe(true)
      expect(lines.some((line) => /│◀─+Ack \d+─+┤/.test(line))).toBe(true)
      expect(lines.some((line) => /✗.*lost: loss|lost: loss.*✗/.test(line))).toBe(true)
      expect([...Trace.text(trace, { width: 100, messages: 12 })]).toEqual(lines)
    }))

  it.live("is what the command draws, and does nothing to a terminal", () =>
    Effect.gen(function* () {
      const path = Path.join(folder, "a.trace")
      const trace = yield* traced(3)
      const source = { ...trace.sources[1]!, name: "sen\u001b[31mder" }
      yield* Trace.save(path, {
        sources: [trace.sources[0]!, source, ...trace.sources.slice(2)],
        records: trace.records,
      })
      const { code, stdout, stderr } = yield* exec([
        ...yield* Runtimes.locate("Deno"),
        ...[Path.resolve("src/cli/main.ts"), "trace", "view", "--text", "--messages", "5", path],
      ])
      expect(code, stderr).toBe(0)
      expect(stdout).not.toContain("\u001b")
      expect(stdout).toContain("sen\\u{1b}[31mder")
      expect(stdout.split("\n").filter((line) => /[├┤]/.test(line)).length).toBe(5)
    }).pipe(Effect.provide(NodeServices.layer)), 60_000)
})

describe("two runs on one axis", () => {
  it.live("have each guest beside its counterpart, messages of their own, and their first difference", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* traced(3), yield* traced(4)]
      const { trace, difference } = Trace.compared(a, b)
      expect(trace.sources.map(({ name }) => name)).toEqual(
        ["a TCP transfer", "sender", "receiver"].flatMap((name) => [`A: ${name}`, `B: ${name}`]),
      )
      expect(difference).toEqual(Trace.diff(a, b).first)
      const { messages, lanes } = Trace.timeline(trace)
      const [ours, theirs] = [Trace.timeline(a).messages, Trace.timeline(b).messages]
      expect(messages.length).toBe(ours.length + theirs.length)
      for (const { from, to } of messages) expect(lanes[from]!.name.slice(0, 2)).toBe(lanes[to]!.name.slice(0, 2))
      const page = [...Trace.page(trace, { difference })].join("")
      expect(page).toContain(`"difference":{"at":${difference!.a!.time}`)
      expect(Trace.compared(a, a).difference).toBeUndefined()
    }))
})

describe("a world that is watched", () => {
  it.live.each([
    [{ port: -1 }, "watch.port can't be -1"],
    [{ port: 70_000 }, "watch.port can't be 70000"],
    [{ paused: 1 }, "watch.paused can't be 1"],
    [{ onReady: "x" }, "watch.onReady can't be x"],
    ["yes", "watch can't be yes"],
  ])("with %j is an error that says what can be", ([watch, why]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(World.run(transfer, { watch: watch as World.WatchOptions }))
      expect(error.message).toContain(why)
    }))

  it.live("comes to the same, is traced elsewhere as well, and answers pages of its own only", () =>
    Effect.gen(function* () {
      const plain = yield* World.run(transfer, { seed: 3, journal: true })
      const ring = Trace.ring(100_000)
      let asked: Promise<ReadonlyArray<number>> | undefined
      const onReady = (url: string) => {
        const get = (init: RequestInit & { path: string }) =>
          fetch(`${url}${init.path}`, init).then(({ status }) => status)
        asked = Promise.all([
          get({ path: "" }),
          get({ path: "nothing" }),
          get({ path: "control/pause", method: "POST", headers: { origin: "http://example.com" } }),
        ])
      }
      const run = World.run(transfer, { seed: 3, journal: true, watch: { onReady } })
      const watched = yield* Effect.provide(run, Trace.to(ring))
      expect(watched.journal).toEqual(plain.journal)
      expect(ring.trace().records.some(({ what }) => what._tag === "Sent")).toBe(true)
      expect(yield* Effect.promise(() => asked!.catch(() => "gone"))).toSatisfy((all: unknown) =>
        // It may be over before it has been asked.
        all === "gone" || JSON.stringify(all) === "[200,404,403]"
      )
    }))
})

/** When the world that is watched is over. */
let ended: Promise<void> = Promise.resolve()

const chromium = await find()
if ("lacks" in chromium) {
  it("is left out, the page of a world that is watched, as there is no browser", (context) =>
    LeftOut.note(context, "the test of the page of a world that is watched", chromium.lacks))
} else {
  it.live(
    "the page of a world that is watched steps it, lets it go on, and follows it to its end",
    () =>
      Effect.gen(function* () {
        const page = yield* Effect.callback<string>((resume) => {
          const run = World.run(transfer, {
            seed: 3,
            watch: { paused: true, onReady: (url) => resume(Effect.succeed(url)) },
          })
          const fiber = Effect.runFork(run)
          ended = new Promise((done) => fiber.addObserver(() => done()))
        })
        const { page: opened, complaints } = yield* open(yield* browser(chromium.executable), page)
        yield* Effect.promise(async () => {
          const messages = () =>
            opened.evaluate(() => (globalThis as unknown as Told).timeline.now.model.messages.length)
          await expect.poll(() => opened.innerText("#live-state"), { timeout: 30_000 }).toBe("paused")
          const before = await messages()
          for (let step = 0; step < 8; step++) await opened.click("#step")
          await expect.poll(messages, { timeout: 30_000 }).toBeGreaterThan(before)
          expect(await opened.innerText("#live-state")).toBe("paused")
          await opened.click("#pause")
          await expect.poll(() => opened.getAttribute("html", "data-live"), { timeout: 60_000 }).toMatch(
            /^(over|gone)$/,
          )
          await expect.poll(messages, { timeout: 30_000 }).toBeGreaterThan(60)
          expect(await opened.isVisible("#curves .curve")).toBe(true)
          await ended
        })
        expect(complaints.filter((complaint) => !complaint.startsWith(page) && !complaint.includes("ERR_CONNECTION")))
          .toEqual([])
      }).pipe(Effect.scoped),
    180_000,
  )
}

interface Told {
  readonly timeline: { readonly now: { readonly model: { readonly messages: { readonly length: number } } } }
}
