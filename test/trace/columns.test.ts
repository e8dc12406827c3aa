import { describe, expect, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll } from "vitest"
import * as Tcp from "../../examples/worlds/tcp.ts"
import { deflate, inflate } from "../../src/internal/platform/Deflate.ts"
import { MAGIC } from "../../src/internal/trace/Blocks.ts"
import { Parser } from "../../src/internal/trace/Parser.ts"
import { linesOf, ShapeWriter } from "../../src/internal/trace/Shapes.ts"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import { World } from "../../src/simulation.ts"
import * as Trace from "../../src/trace.ts"

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-columns-"))
afterAll(() => Fs.rmSync(folder, { recursive: true }))
const fileOf = (name: string): string => Path.join(folder, name)

const run = (path: string, seed: number, world = Tcp.make({ segments: 60, loss: 0.05 })) =>
  Effect.provide(World.run(world, { seed }), Trace.toFile(path))

const withoutReal = (records: Iterable<Trace.TraceRecord>): ReadonlyArray<object> =>
  [...records].map(({ source, n, time, what }) => ({ source, n, time, what: Trace.describe(what) }))

const parse = (pieces: Iterable<Uint8Array>): Trace.Trace => {
  const parser = new Parser(inflate)
  const records = [...pieces].flatMap((piece) => [...parser.push(piece)])
  records.push(...parser.end())
  return { sources: parser.sources, records, isCut: parser.isCut }
}

describe("lines in columns", () => {
  const roundTrip = (rows: ReadonlyArray<readonly [number, number, bigint, bigint, string]>): void => {
    const writer = new ShapeWriter()
    for (const row of rows) writer.record(...row)
    expect(linesOf(writer.block()!)).toEqual(
      rows.map(([source, n, time, real, body]) => `{"s":${source},"n":${n},"t":"${time}","r":"${real}"${body}`),
    )
    expect(writer.block()).toBeUndefined()
  }

  it("are the same lines again, whatever numbers and texts are in them", () => {
    const max = 2n ** 64n - 1n
    roundTrip([
      [0, 0, 0n, 0n, ',"mark":"a 007 b 0 c 12"}'],
      [7, 12, max, max, `,"mark":"${max} and 18446744073709551616 and 99999999999999999999999"}`],
      [7, 13, 0n, 5n, ',"mark":"0 and 1 and 999999999999999 and 1000000000000000"}'],
      [0, 1, max, 0n, ',"mark":"ä\\u0001 😀 1.5e10 -3 #82"}'],
      [0, 9, 1n, max, ',"mark":"1000000000000000 and 1000000000000001 and 2"}'],
      [0, 4, 2n ** 53n, 1n, ',"value":"9007199254740993","at":"9007199254740993"}'],
    ])
  })

  it("are the same for numbers of any length, at any time", () => {
    let seed = 1
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
    const rows = Array.from({ length: 3000 }, (_, n) => {
      const digits = () => Array.from({ length: 1 + random(22) }, () => random(10)).join("")
      const time = BigInt(digits()) % 2n ** 64n
      return [
        random(4),
        n,
        time,
        BigInt(digits()) % 2n ** 64n,
        `,"x":"${digits()}","y":"a${digits()} ${time}"}`,
      ] as const
    })
    roundTrip(rows)
  })

  it("that are no block are refused, wherever they were cut off", () => {
    const writer = new ShapeWriter()
    for (let n = 0; n < 20; n++) writer.record(0, n, BigInt(n), 0n, `,"mark":"x ${n * n}"}`)
    const block = writer.block()!
    for (let length = 0; length < block.length; length++) {
      expect(() => linesOf(block.subarray(0, length)), String(length)).toThrow(RangeError)
    }
  })
})

describe("a trace in columns", () => {
  it.live("has the same records as lines of JSON have, in less than 60 bytes each", () =>
    Effect.gen(function* () {
      const [columns, lines] = [fileOf("a.trace"), fileOf("a.ndjson")]
      yield* run(columns, 3)
      yield* run(lines, 3)
      const [a, b] = [yield* Trace.open(columns), yield* Trace.open(lines)]
      const records = withoutReal(a.records)
      expect(records).toEqual(withoutReal(b.records))
      expect(withoutReal(Trace.read(Fs.readFileSync(lines, "utf8").split("\n")).records)).toEqual(records)
      expect(a.sources.map(({ name }) => name)).toEqual(b.sources.map(({ name }) => name))
      expect([a.isCut, b.isCut]).toEqual([false, false])
      expect(Fs.statSync(columns).size / records.length).toBeLessThan(60)
      expect(Trace.diff(a, b).first).toBeUndefined()
    }))

  it.live("of a transfer of 2,000 turns and more takes less than 2 MB", () =>
    Effect.gen(function* () {
      const path = fileOf("tcp.trace")
      const { grants } = yield* run(path, 1, Tcp.world)
      expect(grants).toBeGreaterThan(2000)
      expect(Fs.statSync(path).size).toBeLessThan(2_000_000)
    }), 60_000)

  it("is read from pieces of any length, and up to where it was cut off", () => {
    const pieces: Array<Uint8Array> = []
    const sink = Trace.binary((bytes) => pieces.push(bytes), deflate)
    sink.source({ source: 0, name: "a", began: 5n, kind: { _tag: "Guest", mode: "off" } })
    const mark = (n: number): Trace.TraceRecord => ({
      source: 0,
      n,
      time: BigInt(n),
      real: 0n,
      what: { _tag: "Mark", name: `mark ${n}` },
    })
    for (let n = 0; n < 5; n++) sink.record(mark(n))
    sink.flush()
    for (let n = 5; n < 9; n++) sink.record(mark(n))
    sink.flush()
    const all = Uint8Array.from(pieces.flatMap((piece) => [...piece]))
    const first = pieces[0]!.length + pieces[1]!.length
    for (let length = 1; length <= all.length; length++) {
      const { records, isCut, sources } = parse([...all.subarray(0, length)].map((byte) => Uint8Array.of(byte)))
      const whole = length === all.length ? 9 : length >= first ? 5 : 0
      expect([records.length, isCut], String(length)).toEqual([
        whole,
        length !== all.length && length !== first && length !== MAGIC.length,
      ])
      expect(sources.length).toBe(whole === 0 ? 0 : 1)
    }
    for (const piece of [1, 7, 8, 9, all.length]) {
      const cut = Array.from(
        { length: Math.ceil(all.length / piece) },
        (_, at) => all.subarray(at * piece, (at + 1) * piece),
      )
      expect(parse(cut).records).toEqual(Array.from({ length: 9 }, (_, n) => mark(n)))
    }
  })

  it.live.each(
    [
      [
        "of a later version",
        (bytes: Uint8Array) => bytes.with(4, 9),
        "the version of its format is 9, and this guest-clock reads 1 and 2 only",
      ],
      [
        "that went through something that takes it for text",
        (bytes: Uint8Array) => bytes.with(5, 10),
        "this is no trace of guest-clock",
      ],
      [
        "whose block was changed",
        (bytes: Uint8Array) => bytes.with(40, bytes[40]! ^ 255),
        "the block that begins with it can't be read",
      ],
      [
        "with something else between its blocks",
        (bytes: Uint8Array) => bytes.with(8, 77),
        "there is no block at byte 8",
      ],
    ] as const,
  )("%s is refused", ([, change, why]) =>
    Effect.gen(function* () {
      const path = fileOf("bad.trace")
      yield* run(path, 1, Tcp.make({ segments: 1, loss: 0 }))
      Fs.writeFileSync(path, change(new Uint8Array(Fs.readFileSync(path))))
      const error = yield* Effect.flip(Trace.open(path))
      expect(error).toBeInstanceOf(Trace.BadTrace)
      expect(error.message).toContain(why)
    }))

  it.live("that isn't there is an error that says so", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Trace.open(fileOf("nothing")))
      expect(error.message).toMatch(/can't read .*nothing: ENOENT/)
    }))

  it.live("is summed up and compared in memory that doesn't grow with it", () =>
    Effect.gen(function* () {
      const path = fileOf("long.trace")
      const bytes: Array<Uint8Array> = []
      const sink = Trace.binary((piece) => bytes.push(piece), deflate)
      sink.source({ source: 0, name: "router", began: 0n, kind: { _tag: "Guest", mode: "inf-cpu" } })
      const length = 150_000
      for (let n = 0; n < length; n++) {
        const time = BigInt(n) * 17n
        const what: Trace.What = n % 2 === 0
          ? { _tag: "Transition", name: "sleep", input: { masked: true }, then: [], fault: undefined }
          : { _tag: "Transition", name: "ndelay", input: { duration: 3n }, then: [], fault: undefined }
        sink.record({ source: 0, n, time, real: BigInt(n) * 1000n, what })
      }
      sink.flush()
      Fs.writeFileSync(path, Uint8Array.from(bytes.flatMap((piece) => [...piece])))
      // All of its records in memory would be 150,000 objects of 300 bytes and more.
      const deno = yield* Runtimes.locate("Deno")
      const words = [...deno.slice(1), "--v8-flags=--max-old-space-size=64", Path.resolve("src/cli/main.ts"), "trace"]
      const [summary, diff] = [
        yield* exec([deno[0]!, ...words, "summary", path]),
        yield* exec([deno[0]!, ...words, "diff", path, path]),
      ]
      expect(summary.stdout, summary.stderr).toMatch(/^router: waited for nothing that came 74999×/m)
      expect(diff.stdout, diff.stderr).toMatch(/^the same: 150000 compared$/m)
    }).pipe(Effect.provide(NodeServices.layer)), 120_000)
})
