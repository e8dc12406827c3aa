import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { type Ended, exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import { type Case, type Difference, type Record, replay } from "./support/replay.ts"

const casesIn = (name: string): ReadonlyArray<Case> =>
  readFileSync(new URL(`vectors/${name}.jsonl`, import.meta.url), "utf8").split("\n").filter((line) => line !== "").map(
    (line) => JSON.parse(line) as Case,
  )

const cases = casesIn("guest-clock")
const later = casesIn("guest-clock-6.12")

const play = (recorded: Case): Promise<Difference | undefined> => Effect.runPromise(replay(recorded))

describe("the recorded cases of the real clock", () => {
  it("are all here", () => {
    expect(cases).toHaveLength(550)
    expect(new Set(cases.map(({ name }) => name)).size).toBe(550)
    expect(new Set(cases.map(({ mode }) => mode))).toEqual(new Set(["off", "basic", "inf-cpu", "external"]))
  })

  it.for(cases)("$name comes out the same", async (recorded) => {
    expect(await play(recorded)).toBeUndefined()
  })
})

describe("the recorded cases of the clock of Linux 6.12", () => {
  it("are all here", () => {
    expect(later).toHaveLength(400)
    expect(new Set(later.map(({ name }) => name)).size).toBe(400)
    expect(new Set(later.map(({ mode }) => mode))).toEqual(new Set(["off", "basic", "inf-cpu", "external"]))
    expect(new Set(later.map(({ revision }) => revision))).toEqual(new Set(["6.12"]))
  })

  it.for(later)("$name comes out the same", async (recorded) => {
    expect(await play(recorded)).toBeUndefined()
  })
})

/** What a record is about: the key that every record of its kind has, and no other. */
const KINDS = ["tx", "rx", "poll", "fire", "tick", "relayAlarm", "host", "value", "warn", "fatal", "state"] as const
/** … and what only later cases have. */
const LATER_KINDS = [...KINDS, "late", "broadcast"] as const
type Kind = typeof LATER_KINDS[number]

const kindOf = (record: Record) => LATER_KINDS.find((kind) => kind in record)

/** A few places of the recorded cases that have a record of this kind, preferably in short cases. */
const placesOf = (kind: Kind, among = cases): ReadonlyArray<readonly [recorded: Case, index: number]> =>
  among
    .flatMap((recorded) => {
      const index = recorded.log.findIndex((record) => kindOf(record) === kind)
      return index < 0 ? [] : [[recorded, index] as const]
    })
    .sort(([a], [b]) => a.log.length - b.log.length)
    .slice(0, 3)

/** The same value but for one of its leaves: once for each of them. */
const changes = (value: unknown): ReadonlyArray<unknown> => {
  switch (typeof value) {
    case "boolean":
      return [!value]
    case "number":
      return [value + 1]
    case "string":
      return [`${value}1`]
    default: {
      if (value === null) return ["1"]
      const changed = (key: string, part: unknown) =>
        Array.isArray(value) ? value.with(Number(key), part) : { ...value, [key]: part }
      return Object.entries(value as object).flatMap(([key, part]) => changes(part).map((other) => changed(key, other)))
    }
  }
}

const withRecord = (recorded: Case, index: number, record: Record): Case => ({
  ...recorded,
  log: recorded.log.with(index, record),
})

describe("the replayer notices", () => {
  it.for(KINDS.filter((kind) => kind !== "rx" && kind !== "poll"))(
    "each change of a %s record, at that record",
    async (kind) => {
      const places = placesOf(kind)
      expect(places.length).toBeGreaterThan(0)
      for (const [recorded, index] of places) {
        for (const changed of changes(recorded.log[index]) as ReadonlyArray<Record>) {
          const difference = await play(withRecord(recorded, index, changed))
          expect(difference).toMatchObject({ index, expected: changed })
          expect(difference?.got).toEqual(recorded.log[index])
        }
      }
    },
  )

  it.for(LATER_KINDS.filter((kind) => !["rx", "poll", "late"].includes(kind)))(
    "each change of a later case's %s record, at that record",
    async (kind) => {
      const places = placesOf(kind, later)
      expect(places.length).toBeGreaterThan(0)
      for (const [recorded, index] of places) {
        for (const changed of changes(recorded.log[index]) as ReadonlyArray<Record>) {
          expect(await play(withRecord(recorded, index, changed))).toMatchObject({ index, expected: changed })
        }
      }
    },
  )

  it.for(["rx", "poll", "late"] as const)("another mask or block at a later case's %s record", async (kind) => {
    for (const [recorded, index] of placesOf(kind, later)) {
      const record = recorded.log[index]!
      for (const key of ["masked", "blocked"].filter((key) => key in record)) {
        const changed = { ...record, [key]: !record[key] }
        expect(await play(withRecord(recorded, index, changed))).toMatchObject({ index, expected: changed })
      }
    }
  })

  it.for(["rx", "poll"] as const)("another mask at a %s record, which is what the clock hears", async (kind) => {
    for (const [recorded, index] of placesOf(kind)) {
      const record = recorded.log[index]!
      const changed = { ...record, masked: !record["masked"] }
      expect(await play(withRecord(recorded, index, changed))).toMatchObject({ index, expected: changed })
    }
  })

  it("a clock that polls something else than the log has", async () => {
    for (const [recorded, index] of placesOf("poll")) {
      const record = recorded.log[index]!
      const changed = { ...record, poll: record["poll"] === 1 ? 2 : 1 }
      expect(await play(withRecord(recorded, index, changed))).toMatchObject({ index, expected: changed })
    }
  })

  it("what the clock does when it hears something else", async () => {
    for (const [recorded, index] of placesOf("rx")) {
      const { rx, ...rest } = recorded.log[index]!
      const [op, seq, time] = rx as [number, number, string]
      const difference = await play(withRecord(recorded, index, { ...rest, rx: [op, seq + 1, time] }))
      expect(difference?.index).toBeGreaterThan(index)
      expect(difference?.got).toEqual({ fatal: "AckSequenceMismatch" })
    }
    const broken = cases.find(({ log }) => log.some(({ rx }) => rx === "eof"))!
    const index = broken.log.findIndex(({ rx }) => rx === "eof")
    const difference = await play(withRecord(broken, index, { rx: "short", bytes: 7 }))
    expect(difference).toEqual({
      index: index + 1,
      expected: { fatal: "LinkBroken" },
      got: { fatal: "InvalidMessage" },
    })
  })

  it("a log that ends too early, wherever it is cut", async () => {
    for (const [recorded] of KINDS.flatMap((kind) => placesOf(kind).slice(0, 1))) {
      for (let length = 0; length < recorded.log.length; length++) {
        const difference = await play({ ...recorded, log: recorded.log.slice(0, length) })
        expect(difference).toMatchObject({ index: length, expected: undefined })
        expect(difference?.got).toBeDefined()
      }
    }
  })

  it("a log that goes on after the script's end", async () => {
    for (const [recorded] of KINDS.flatMap((kind) => placesOf(kind).slice(0, 1))) {
      const extra = { value: "1" }
      const difference = await play({ ...recorded, log: [...recorded.log, extra] })
      expect(difference).toEqual({ index: recorded.log.length, expected: extra, got: undefined })
    }
  })
})

describe("deno task vectors", { timeout: 60_000 }, () => {
  /** The command's end, and the lines that it printed, for a file of these lines. */
  const vectors = (lines: ReadonlyArray<string>): Promise<Ended & { readonly printed: ReadonlyArray<string> }> =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* fs.makeTempFileScoped({ prefix: "guest-clock-", suffix: ".jsonl" })
      yield* fs.writeFileString(path, lines.join("\n"))
      const deno = yield* Runtimes.locate("Deno")
      const ended = yield* exec([...deno, "scripts/vectors.ts", path])
      return { ...ended, printed: ended.stdout.trimEnd().replaceAll(path, "FILE").split("\n") }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), Effect.runPromise)

  const [good] = cases as [Case]

  it("closes with what passed, and succeeds", async () => {
    const { code, printed } = await vectors([JSON.stringify(good), "", JSON.stringify(good)])
    expect({ code, printed }).toEqual({ code: 0, printed: ["2 passed, 0 failed"] })
  })

  it("shows the first record that differs of each case, and each line that is no case, and fails", async () => {
    const extra = { value: "1" }
    const bad = { ...good, log: [...good.log, extra] }
    const { code, printed } = await vectors([JSON.stringify(bad), JSON.stringify(good), "{", `{"name":"x"}`])
    expect(code).toBe(1)
    expect(printed).toEqual([
      `FAILED ${good.name} (FILE:1), record ${good.log.length + 1}`,
      `  expected {"value":"1"}`,
      `  got      nothing`,
      expect.stringMatching(/^FAILED FILE:3 is not a recorded case: it is not JSON: /),
      expect.stringMatching(/^FAILED FILE:4 is not a recorded case: it must have all of name, mode, /),
      "1 passed, 3 failed",
    ])
  })
})
