import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Page } from "playwright-core"
import { afterAll } from "vitest"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import { Mode, VirtualTime } from "../../src/index.ts"
import { times as makeTimes } from "../../src/internal/trace/page/times.ts"
import * as Trace from "../../src/trace.ts"
import * as LeftOut from "../../scripts/leftOut.ts"
import { browser, find, open } from "../support/browser.ts"

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-trace-page-"))
afterAll(() => Fs.rmSync(folder, { recursive: true }))

const program = (...words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const [command, ...args] = words
    const { code, stderr } = yield* exec([...yield* Runtimes.locate("Deno"), Path.resolve(command!), ...args])
    expect(code, stderr).toBe(0)
  }).pipe(Effect.provide(NodeServices.layer))

const found = await find()
/** Empty where there is none: then no page is opened. */
const chromium = "lacks" in found ? "" : found.executable

/** The demo's trace as a page, made once. */
let made: Promise<string> | undefined
const demo = (): Promise<string> =>
  made ??= Effect.runPromise(Effect.gen(function* () {
    const [trace, page] = [Path.join(folder, "demo.ndjson"), Path.join(folder, "demo.html")]
    yield* program("examples/demo/main.ts", "--trace", trace)
    yield* program("src/cli/main.ts", "trace", "view", trace, "-o", page, "--title", "the <demo>")
    return page
  }))

/** What the page says of itself. */
interface Told {
  readonly view: { readonly axis: 0 | 1; readonly from: bigint; readonly length: number }
}

const viewOf = (page: Page): Promise<{ axis: number; from: string; length: number }> =>
  page.evaluate(() => {
    const { view } = (globalThis as unknown as { readonly timeline: Told }).timeline
    return { axis: view.axis, from: String(view.from), length: view.length }
  })

/** How many pixels of the picture have a colour of the page's style. */
const pixelsOf = (page: Page, name: string): Promise<number> =>
  page.evaluate((name) => {
    const canvas = document.getElementById("lanes") as HTMLCanvasElement
    const colour = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
    const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16))
    // A copy, as the canvas itself is for drawing.
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true })!
    copy.drawImage(canvas, 0, 0)
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height)
    let count = 0
    for (let at = 0; at < data.length; at += 4) {
      if (data[at] === wanted[0] && data[at + 1] === wanted[1] && data[at + 2] === wanted[2]) count++
    }
    return count
  }, name)

const textOf = (page: Page, id: string): Promise<string> => page.innerText(`#${id}`)

const drawn = (page: Page): Promise<void> =>
  page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))))

const inBrowser = (name: string, test: (page: Page) => Promise<void>, path: () => Promise<string>, dark = false) =>
  it.live(name, () =>
    Effect.gen(function* () {
      const { page, complaints } = yield* open(yield* browser(chromium), yield* Effect.promise(path), {
        colorScheme: dark ? "dark" : "light",
      })
      yield* Effect.promise(() => test(page))
      expect(complaints).toEqual([])
    }).pipe(Effect.scoped), 60_000)

/** A guest that is busy, idle and interrupted so often that there are so many records, late in time. */
const long = (records: number): Trace.Trace => {
  const lines: Array<Trace.TraceRecord> = []
  const add = (time: bigint, what: Trace.What) =>
    lines.push({ source: 0, n: lines.length, time, real: BigInt(lines.length) * 1000n, what })
  for (let [round, time] = [0, 2n ** 60n]; lines.length < records; round++, time += 17n) {
    add(time, { _tag: "Transition", name: "sleep", input: { masked: true }, then: [], fault: undefined })
    add(time, { _tag: "Handling", event: lines.length, name: "packet" })
    add(time, { _tag: "Handled" })
    add(time + 3n, { _tag: "Transition", name: "ndelay", input: { duration: 3n }, then: [], fault: undefined })
    if (round % 1000 === 0) add(time + 3n, { _tag: "Mark", name: `mark ${round}` })
  }
  return {
    sources: [{ source: 0, name: "router", began: 0n, kind: { _tag: "Guest", mode: "inf-cpu" } }],
    records: lines,
    isCut: false,
  }
}

if ("lacks" in found) {
  it("is left out, the page of a trace in a browser, as there is none here", (context) =>
    LeftOut.note(context, "the tests of the page of a trace", found.lacks))
} else {
  describe("the page of the demo's trace", () => {
    for (const dark of [false, true]) {
      inBrowser(
        `draws what its legend says, ${dark ? "dark" : "light"}, and says nothing to the console`,
        async (page) => {
          expect(await page.title()).toBe("the <demo> · guest-clock")
          for (const name of ["busy", "free", "wait", "interrupt", "handler", "turn"]) {
            expect(await pixelsOf(page, name), name).toBeGreaterThan(100)
          }
          const legend = await page.innerText(".legend")
          for (const word of ["busy", "free-running", "waiting", "held", "interrupt", "mark"]) {
            expect(legend).toContain(word)
          }
          expect(await textOf(page, "selected")).toContain("busy 261 ms (26 %)")
          await page.click("#theme")
          await drawn(page)
          const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
          expect(background).toBe(dark ? "rgb(255, 255, 255)" : "rgb(20, 23, 27)")
          expect(await pixelsOf(page, "busy")).toBeGreaterThan(100)
        },
        demo,
        dark,
      )
    }

    inBrowser("zooms and pans by keys, wheel and buttons", async (page) => {
      const whole = await viewOf(page)
      expect(whole).toMatchObject({ axis: 0, from: "0" })
      expect(whole.length).toBeCloseTo(1_008_000_000 * 1.01)
      await page.keyboard.press("+")
      const closer = await viewOf(page)
      expect(closer.length).toBeCloseTo(whole.length * 0.6)
      await page.keyboard.press("ArrowRight")
      expect(BigInt((await viewOf(page)).from)).toBeGreaterThan(BigInt(closer.from))
      await page.mouse.move(600, 400)
      await page.mouse.wheel(0, -400)
      await expect.poll(async () => (await viewOf(page)).length).toBeLessThan(closer.length)
      const before = await viewOf(page)
      await page.mouse.down()
      await page.mouse.move(500, 400)
      await page.mouse.up()
      expect(BigInt((await viewOf(page)).from)).toBeGreaterThan(BigInt(before.from))
      // However close: down to single nanoseconds.
      for (let times = 0; times < 60; times++) await page.keyboard.press("+")
      expect((await viewOf(page)).length).toBe(20)
      expect(await textOf(page, "range")).toMatch(/^[\d.]+ ms … [\d.]+ ms$/)
      await page.click("#fit")
      expect(await viewOf(page)).toEqual(whole)
    }, demo)

    inBrowser("finds events, says exactly when and what they were, and goes from one to the next", async (page) => {
      await page.keyboard.press("/")
      await page.keyboard.type('handling":"interrupt from motor')
      await page.keyboard.press("Enter")
      expect(await textOf(page, "found")).toBe("1 of 3")
      const first = await textOf(page, "selected")
      expect(first).toMatch(/^interrupt from motor\n/)
      expect(first).toMatch(/guest\s+camera/)
      expect(first).toMatch(/begins\s+372\u202f000\u202f000 ns/)
      expect(await textOf(page, "record")).toMatch(/handling: interrupt from motor/)
      await page.keyboard.press("Enter")
      expect(await textOf(page, "found")).toBe("2 of 3")
      expect(await textOf(page, "selected")).not.toBe(first)
      await page.keyboard.press("Escape")
      await page.keyboard.press("n")
      expect(await textOf(page, "selected")).toMatch(/^handler: timer\n/)
      await page.fill("#search", "no such thing")
      await page.keyboard.press("Enter")
      expect(await textOf(page, "found")).toBe("nothing")
    }, demo)

    inBrowser("says who ran while a guest waited, in real time too", async (page) => {
      await page.keyboard.press("t")
      expect((await viewOf(page)).axis).toBe(1)
      expect(await page.getAttribute("#real", "aria-pressed")).toBe("true")
      expect(await page.isVisible(".legend .in-simulated")).toBe(false)
      expect(await pixelsOf(page, "run")).toBeGreaterThan(100)
      // Down to the brain's lane, and on to where it waits.
      for (let times = 0; times < 3; times++) await page.keyboard.press("ArrowDown")
      for (let times = 0; times < 20 && !(await textOf(page, "selected")).includes("who ran"); times++) {
        await page.keyboard.press("n")
      }
      expect(await textOf(page, "selected")).toMatch(
        /guest\s+brain[^]*who ran meanwhile, in real time\n(camera|motor): \d+ times?, /,
      )
    }, demo)

    inBrowser("shows only what is asked for", async (page) => {
      const all = await pixelsOf(page, "interrupt")
      await page.uncheck("#show-interrupts")
      await drawn(page)
      // The legend isn't in the picture.
      expect(await pixelsOf(page, "interrupt")).toBe(0)
      expect(all).toBeGreaterThan(0)
      const turns = await pixelsOf(page, "turn")
      await page.fill("#filter", "brain")
      await drawn(page)
      expect(await pixelsOf(page, "turn")).toBe(0)
      expect(turns).toBeGreaterThan(0)
      await page.keyboard.press("Tab")
      await page.keyboard.press("?")
      expect(await page.isVisible("#help")).toBe(true)
    }, demo)
  })

  describe("the page of a guest on its own", () => {
    inBrowser("shows what held it, its marks, and why it can't go on", async (page) => {
      await page.keyboard.press("t")
      await drawn(page)
      expect(await pixelsOf(page, "held")).toBeGreaterThan(500)
      expect(await pixelsOf(page, "mark")).toBeGreaterThan(20)
      expect(await pixelsOf(page, "report")).toBeGreaterThan(20)
      await page.keyboard.press("/")
      await page.keyboard.type("deadlock")
      await page.keyboard.press("Enter")
      expect(await textOf(page, "selected")).toMatch(/^report: Deadlock\n[^]*every fiber waits/)
      await page.fill("#search", '"hold":"database"')
      await page.keyboard.press("Enter")
      expect(await textOf(page, "selected")).toMatch(/^hold: database\n[^]*simulated\s+no time\s+real\s+\d/)
    }, async () => {
      const ring = Trace.ring(1000)
      const program = Effect.gen(function* () {
        yield* Effect.sleep("20 millis")
        yield* VirtualTime.hold(Effect.sleep(20), { name: "database" })
        yield* Trace.mark("checkpoint", { until: 7n })
        yield* Effect.never
      })
      const mode = Layer.provide(Mode.infCpu({ start: 0n }), Trace.to(ring))
      await Effect.runPromise(Effect.exit(Effect.provide(VirtualTime.run(program, { deadlockAfter: 1 }), mode)))
      const path = Path.join(folder, "alone.html")
      Fs.writeFileSync(path, [...Trace.page(ring.trace())].join(""))
      return path
    })
  })

  describe("the page as each runtime makes it", () => {
    for (const runtime of Runtimes.names) {
      inBrowser(`works the same if it was made on ${runtime}`, async (page) => {
        expect(await pixelsOf(page, "busy")).toBeGreaterThan(100)
        await page.keyboard.press("+")
        await page.keyboard.press("n")
        expect(await textOf(page, "selected")).toMatch(/begins/)
      }, () =>
        Effect.runPromise(
          Effect.gen(function* () {
            const trace = (yield* Effect.promise(demo)).replace("html", "ndjson")
            const page = Path.join(folder, `${runtime}.html`)
            const words = [...yield* Runtimes.locate(runtime), Path.resolve("src/cli/main.ts")]
            const { code, stderr } = yield* exec([words[0]!, ...words.slice(1), "trace", "view", trace, "-o", page])
            expect(code, stderr).toBe(0)
            return page
          }).pipe(Effect.provide(NodeServices.layer)),
        ))
    }
  })

  describe("the page of a long trace", () => {
    inBrowser("has a hundred thousand events, exact to the ns after 36 years", async (page) => {
      await page.keyboard.press("/")
      await page.keyboard.type("mark 20000")
      await page.keyboard.press("Enter")
      const at = makeTimes().exact(2n ** 60n + 17n * 20_000n + 3n)
      expect(await textOf(page, "selected")).toMatch(/^mark: mark 20000\n|^mark 20000\n/)
      expect(await textOf(page, "selected")).toContain(at)
      await page.focus("#lanes")
      await page.keyboard.press("Enter")
      await drawn(page)
      expect((await viewOf(page)).length).toBe(1500)
      expect(BigInt((await viewOf(page)).from) % (2n ** 60n)).toBeGreaterThan(17n * 20_000n - 1500n)
      // Of each seventeen ns it was busy for three: in pixels as well.
      const [busy, wait] = [await pixelsOf(page, "busy"), await pixelsOf(page, "wait")]
      expect(busy).toBeGreaterThan(500)
      expect(wait).toBeGreaterThan(500)
    }, () => {
      const path = Path.join(folder, "long.html")
      Fs.writeFileSync(path, [...Trace.page(long(100_000))].join(""))
      return Promise.resolve(path)
    })
  })
}

describe("times in the page", () => {
  const times = makeTimes()

  it("are exact for all of 64 bits", () => {
    for (const time of [0n, 1n, 999_999_999n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
      const column = times.column([time <= 2n ** 53n ? Number(time) : String(time)])
      expect(times.big(column, 0)).toBe(time)
    }
    expect(times.exact(2n ** 64n - 1n)).toBe("18\u202f446\u202f744\u202f073\u202f709\u202f551\u202f615 ns")
    expect([0n, 7n, 1500n, 1_000_250_000n].map(times.format)).toEqual(["0 ns", "7 ns", "1.5 µs", "1.00025 s"])
  })

  it("are on an axis at round numbers, what they share standing at its left", () => {
    expect(times.ticks(0n, 1e9, 10)).toEqual({
      base: "",
      ticks: Array.from({ length: 11 }, (_, tick) => ({
        at: BigInt(tick) * 100_000_000n,
        label: tick === 0 ? "0 ms" : times.format(BigInt(tick) * 100n).replace(/ .*/, "").replace(/^1$/, "1\u202f000"),
      })),
    })
    const { base, ticks } = times.ticks(2n ** 60n, 40, 4)
    expect(base).toMatch(/ s \+$/)
    expect(ticks.map(({ at }) => at % 10n)).toEqual([0n, 0n, 0n, 0n])
  })
})
