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
import * as Tcp from "../../examples/worlds/tcp.ts"
import * as Ring from "../../examples/worlds/token-ring.ts"
import { Mode, VirtualTime } from "../../src/index.ts"
import type { Arrows } from "../../src/internal/trace/page/arrows.ts"
import type { Place } from "../../src/internal/trace/page/layout.ts"
import type { Model } from "../../src/internal/trace/page/model.ts"
import { World } from "../../src/simulation.ts"
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
  readonly view: { axis: 0 | 1; from: bigint; fraction: number; length: number }
  readonly frameMs: number
  readonly labels: { readonly placed: ReadonlyArray<Box & { readonly text: string }> }
  readonly render: () => void
  readonly now: {
    readonly model: Model
    readonly arrows: Arrows
    readonly sequence: { readonly rows: () => number }
    readonly drawing: { readonly placed: () => { readonly places: ReadonlyArray<Place> } }
  }
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Shows a part of time, and draws it at once. */
const show = (page: Page, from: bigint, length: number): Promise<void> =>
  page.evaluate(([from, length]) => {
    const { view, render } = (globalThis as unknown as { readonly timeline: Told }).timeline
    view.from = BigInt(from!)
    view.fraction = 0
    view.length = Number(length)
    render()
  }, [String(from), String(length)])

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
    }).pipe(Effect.scoped), 180_000)

/** Twenty guests of a world that send each other messages, one of a hundred of which is lost: a million records. */
const million = (): Trace.Readable => {
  const guests = 20
  const sources = Array.from({ length: guests }, (_, source): Trace.Source => ({
    source,
    name: `guest ${source}`,
    began: 0n,
    kind: { _tag: "Guest", mode: "inf-cpu" },
  }))
  const records = function* (): Generator<Trace.TraceRecord> {
    const counts = sources.map(() => 0)
    const made = (source: number, time: bigint, what: Trace.What): Trace.TraceRecord => ({
      source,
      n: counts[source]!++,
      time,
      real: time,
      what,
    })
    for (let round = 0; round < 200_000; round++) {
      const time = BigInt(round) * 1000n
      const [from, to] = [round % guests, (round * 7 + 1) % guests]
      const lost = round % 100 === 0
      const message = { _tag: `Kind${round % 5}`, number: round % 1000 }
      const copies = lost ? [] : [{ delay: 500n }]
      const sent = { link: "bus", to: `guest ${to}`, id: round, message, copies, ...lost && { lost: "loss" } }
      yield made(from, time, { _tag: "Waits", pid: 0, wait: round, what: round % 3 === 0 ? "hold" : "receive on bus" })
      yield made(from, time + 300n, { _tag: "Waited", wait: round })
      yield made(from, time + 300n, { _tag: "Sent", ...sent })
      yield made(from, time + 300n, { _tag: "Measured", instrument: "level", name: "load", value: round % 17 })
      yield lost
        ? made(to, time + 800n, { _tag: "Noted", text: "nothing", data: round })
        : made(to, time + 800n, { _tag: "Arrived", link: "bus", from: `guest ${from}`, id: round, copy: 0 })
    }
  }
  return { sources, records: { [Symbol.iterator]: records } }
}

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
          await page.click("#legend-menu > summary")
          const legend = await page.innerText(".legend")
          for (const word of ["works", "free-running", "waits", "held", "interrupt", "mark", "message", "lost"]) {
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
      await expect.poll(async () => (await viewOf(page)).length, { timeout: 20_000 }).toBeLessThan(closer.length)
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
      await expect.poll(() => textOf(page, "found"), { timeout: 20_000 }).toBe("1 of 3")
      const first = await textOf(page, "selected")
      expect(first).toMatch(/^interrupt from motor\n/)
      expect(first).toMatch(/guest\s+camera/)
      expect(first).toMatch(/begins\s+372\u202f000\u202f000 ns/)
      expect(await textOf(page, "record")).toMatch(/handling: interrupt from motor/)
      await page.keyboard.press("Enter")
      await expect.poll(() => textOf(page, "found"), { timeout: 20_000 }).toBe("2 of 3")
      expect(await textOf(page, "selected")).not.toBe(first)
      await page.keyboard.press("Escape")
      await page.keyboard.press("n")
      expect(await textOf(page, "selected")).toMatch(/^handler: timer\n/)
      await page.fill("#search", "no such thing")
      await page.keyboard.press("Enter")
      await expect.poll(() => textOf(page, "found"), { timeout: 20_000 }).toBe("nothing")
    }, demo)

    inBrowser("says who ran while a guest waited, in real time too", async (page) => {
      await page.keyboard.press("t")
      expect((await viewOf(page)).axis).toBe(1)
      expect(await page.getAttribute("#real", "aria-pressed")).toBe("true")
      await page.click("#legend-menu > summary")
      expect(await page.isVisible(".legend .in-simulated")).toBe(false)
      await page.click("#legend-menu > summary")
      await page.focus("#lanes")
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
      await page.click("#filter-menu > summary")
      await page.uncheck("#show-handlers")
      await page.uncheck("#show-messages")
      await drawn(page)
      // The legend isn't in the picture.
      expect(await pixelsOf(page, "interrupt")).toBe(0)
      expect(all).toBeGreaterThan(0)
      const turns = await pixelsOf(page, "turn")
      await page.fill("#filter", "brain")
      await drawn(page)
      expect(await pixelsOf(page, "turn")).toBe(0)
      expect(turns).toBeGreaterThan(0)
      await page.focus("#lanes")
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
      await expect.poll(() => textOf(page, "selected"), { timeout: 20_000 }).toMatch(
        /^report: Deadlock\n[^]*every fiber waits/,
      )
      await page.fill("#search", '"hold":"database"')
      await page.keyboard.press("Enter")
      await expect.poll(() => textOf(page, "selected"), { timeout: 20_000 }).toMatch(
        /^hold: database\n[^]*simulated\s+no time\s+real\s+\d/,
      )
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

  describe("the page of a world", () => {
    /** The page of a world, made once for each. */
    const pages = new Map<string, Promise<string>>()
    const pageOf = (name: string, world: () => World.World, seed = 1) => () => {
      let page = pages.get(name)
      if (page === undefined) {
        page = Effect.runPromise(Effect.gen(function* () {
          const ring = Trace.ring(1_000_000)
          yield* Effect.provide(World.run(world(), { seed, until: "10 minutes" }), Trace.to(ring))
          const path = Path.join(folder, `${name}.html`)
          Fs.writeFileSync(path, [...Trace.page(ring.trace(), { title: name })].join(""))
          return path
        }))
        pages.set(name, page)
      }
      return page
    }
    const tcp = pageOf("transfer", () => Tcp.make({ segments: 200, loss: 0.04 }))
    const tokenRing = pageOf("ring", () => Ring.make(40, 1))

    inBrowser("draws each message from where it is sent to the pixel at which it arrives", async (page) => {
      await show(page, 100_000_000n, 150_000_000)
      const lines = await page.evaluate(() => {
        const { now: { arrows, model, drawing }, view } =
          (globalThis as unknown as { readonly timeline: Told }).timeline
        const canvas = document.getElementById("lanes") as HTMLCanvasElement
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true })!
        copy.drawImage(canvas, 0, 0)
        const { places } = drawing.placed()
        const x = (time: bigint) => 132 + Number(time - view.from) / view.length * (canvas.clientWidth - 132)
        const isPainted = (atX: number, atY: number): boolean => {
          const { data } = copy.getImageData(Math.round(atX) - 3, Math.round(atY) - 3, 7, 7)
          const [r, g, b] = [data[0]!, data[1]!, data[2]!]
          for (let at = 0; at < data.length; at += 4) {
            if (Math.abs(data[at]! - r) + Math.abs(data[at + 1]! - g) + Math.abs(data[at + 2]! - b) > 60) return true
          }
          return false
        }
        return arrows.drawn.map(({ index, x: fromX, toX, toY, isLost }) => {
          const to = places.find(({ lane }) => lane === model.get(model.messages, index, "toLane"))!
          return {
            fromX,
            wantedFrom: x(model.fromOf(model.messages, index, 0)),
            toX,
            wantedTo: x(model.toOf(model.messages, index, 0)),
            isAtBar: toY === to.bar || toY === to.bar + to.barHeight,
            isPainted: toX < 140 || toX > canvas.clientWidth - 8 || isPainted(toX, toY - (toY === to.bar ? 3 : -3)),
            isLost,
          }
        })
      })
      expect(lines.length).toBeGreaterThan(40)
      expect(lines.some(({ isLost }) => isLost)).toBe(true)
      for (const line of lines) {
        expect(Math.abs(line.fromX - line.wantedFrom)).toBeLessThan(0.5)
        if (line.isLost) {
          expect(line.isAtBar).toBe(false)
          continue
        }
        expect(Math.abs(line.toX - line.wantedTo)).toBeLessThan(0.5)
        expect(line.toX).toBeGreaterThan(line.fromX + 10)
        expect([line.isAtBar, line.isPainted]).toEqual([true, true])
      }
    }, tcp)

    for (const [name, path] of [["of two guests", tcp], ["of forty", tokenRing], ["of the demo", demo]] as const) {
      inBrowser(`covers no text with another at any zoom, ${name}`, async (page) => {
        const { length } = await viewOf(page)
        let labels = 0
        for (let zoom = 0; zoom < 10; zoom++) {
          await show(page, BigInt(Math.round(length * 0.1)), length / 2.2 ** zoom)
          const placed = await page.evaluate(() =>
            (globalThis as unknown as { readonly timeline: Told }).timeline.labels.placed.map((label) => ({ ...label }))
          )
          labels += placed.length
          for (const [at, a] of placed.entries()) {
            for (const b of placed.slice(0, at)) {
              const covers = a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
              expect(covers, `${a.text} and ${b.text} at zoom ${zoom}`).toBe(false)
            }
          }
        }
        expect(labels).toBeGreaterThan(100)
      }, path)
    }

    inBrowser(
      "says in words which message was lost, which was sent again, and when the queue was longest",
      async (page) => {
        const [lost, again] = await page.evaluate(() => {
          const { now: { model } } = (globalThis as unknown as { readonly timeline: Told }).timeline
          const { messages } = model
          const found = Array.from({ length: messages.length }, (_, index) => index)
          const isSegment = (index: number) => model.textOf(messages, index, "kind") === "Segment"
          const lost = found.find((index) => isSegment(index) && model.textOf(messages, index, "lost") === "loss")!
          const again = found.find((index) => isSegment(index) && model.get(messages, index, "again") > 0)!
          return [lost, again].map((index) => ({
            at: String(model.fromOf(messages, index, 0)),
            brief: model.brief(index),
          }))
        })
        for (const [{ at, brief }, word] of [[lost!, "lost: loss"], [again!, "again"]] as const) {
          await show(page, BigInt(at) - 3_000_000n, 30_000_000)
          const texts = await page.evaluate(() =>
            (globalThis as unknown as { readonly timeline: Told }).timeline.labels.placed.map(({ text }) => text)
          )
          expect(texts).toContain(`${brief} ${word}`)
        }
        await page.click("#fit")
        await drawn(page)
        expect(await page.innerText("#curves")).toMatch(
          /sender: queue of wire to receiver \(messages\)\s*most \d+ messages at [\d.]+ m?s/,
        )
        expect(await pixelsOf(page, "lost")).toBeGreaterThan(20)
      },
      tcp,
    )

    inBrowser("is gone through as a sequence, by keys, and follows a message and its answers", async (page) => {
      await page.keyboard.press("2")
      expect(await page.getAttribute("#tab-sequence", "aria-selected")).toBe("true")
      const rows = await page.evaluate(() =>
        (globalThis as unknown as { readonly timeline: Told }).timeline.now.sequence.rows()
      )
      expect(rows).toBeGreaterThan(400)
      await page.click(".sequence-row >> nth=0")
      expect(await textOf(page, "selected")).toMatch(
        /^message: Segment 0\n[^]*sender\s+sender[^]*receiver\s+receiver[^]*its answer/,
      )
      await page.focus(".sequence-row[aria-current]")
      await page.keyboard.press("ArrowDown")
      await drawn(page)
      expect(await textOf(page, "selected")).toMatch(/^message: Segment 1\n/)
      expect(await page.getAttribute(".sequence-row:focus", "aria-label")).toBe("0 ns: sender → receiver Segment 1")
      await page.click("#follow")
      expect(await textOf(page, "follow")).toBe("show all again")
      await page.click("#filter-menu > summary")
      await page.selectOption("#kind", "Ack")
      await drawn(page)
      await drawn(page)
      const texts = await page.$$eval(".sequence-text", (found) => found.map(({ textContent }) => textContent))
      expect(texts.length).toBeGreaterThan(5)
      expect(texts.every((text) => text!.startsWith("Ack"))).toBe(true)
      await page.check("#only-lost")
      await drawn(page)
      await drawn(page)
      const lost = await page.$$eval(".sequence-text", (found) => found.map(({ textContent }) => textContent))
      expect(lost.length).toBeGreaterThan(0)
      expect(lost.every((text) => /lost|again/.test(text!))).toBe(true)
    }, tcp)

    inBrowser("says who waited for what and whom, as a table", async (page) => {
      await page.keyboard.press("3")
      const table = await page.innerText("#waits")
      expect(table).toMatch(/Who waited, for what and for whom/)
      expect(table).toMatch(/receiver\s+its program\s+receive on wire\s+sender\s+\d+\s/)
      expect(await page.getAttribute(".histogram >> nth=0", "aria-label")).toMatch(/ to .*: \d+×/)
    }, tcp)

    inBrowser("has lanes for forty guests, all of them in its overview", async (page) => {
      const rows = await page.evaluate(() => {
        const { now: { drawing } } = (globalThis as unknown as { readonly timeline: Told }).timeline
        const canvas = document.getElementById("overview") as HTMLCanvasElement
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d")!
        copy.drawImage(canvas, 0, 0)
        const { data, width } = copy.getImageData(0, 0, canvas.width, canvas.height)
        const background = [...data.subarray(4 * (width * 2 + 5), 4 * (width * 2 + 5) + 3)].join(" ")
        let painted = 0
        for (let y = 3; y < canvas.height - 3; y++) {
          const at = 4 * (y * width + 400)
          if ([...data.subarray(at, at + 3)].join(" ") !== background) painted++
        }
        return { lanes: drawing.placed().places.length, painted }
      })
      expect(rows.lanes).toBe(40)
      expect(rows.painted).toBeGreaterThan(30)
    }, tokenRing)
  })

  describe("the page of a million records", () => {
    inBrowser("pans and zooms in less than 50 ms a frame", async (page) => {
      const { length } = await viewOf(page)
      const slowest = await page.evaluate((length) => {
        const told = (globalThis as unknown as { readonly timeline: Told }).timeline
        const { view } = told
        let slowest = 0
        const zooms = [1, 1.5, 3, 10, 50, 400, 20_000]
        // Once before it is measured: what a page does first, it compiles.
        for (const [at, zoom] of [...zooms, ...zooms].entries()) {
          for (const share of [0, 0.2, 0.5]) {
            view.from = BigInt(Math.round(length * share * (1 - 1 / zoom)))
            view.length = length / zoom
            // Others use this machine as well: what it takes by itself is the least of several.
            let least = Infinity
            for (let times = 0; times < 5; times++) {
              view.from += 1000n
              told.render()
              least = Math.min(least, told.frameMs)
            }
            if (at >= zooms.length) slowest = Math.max(slowest, least)
          }
        }
        return slowest
      }, length)
      expect(slowest).toBeLessThan(50)
    }, () => {
      const path = Path.join(folder, "million.html")
      const file = Fs.openSync(path, "w")
      for (const piece of Trace.page(million())) Fs.writeSync(file, piece)
      Fs.closeSync(file)
      return Promise.resolve(path)
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
      await expect.poll(() => textOf(page, "selected"), { timeout: 20_000 }).toMatch(
        /^mark: mark 20000\n|^mark 20000\n/,
      )
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
      const seconds = Float64Array.of(Number(time / 1_000_000_000n))
      const nanos = Uint32Array.of(Number(time % 1_000_000_000n))
      expect(times.big({ seconds, nanos }, 0)).toBe(time)
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
