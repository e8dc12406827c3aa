import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { Arrivals, Guest, Process, World } from "../../src/simulation.ts"

const timesOf = (text: string, options?: Arrivals.Options) => {
  try {
    return Arrivals.parseUnsafe(text, options).map(({ at }) => at)
  } catch (error) {
    return (error as Error).message
  }
}

describe("arrivals", () => {
  it("are read exactly, with lines that are none in between", () => {
    expect(timesOf("0\n# a comment\n\n0.000000001\r\n12.5\n4007199254.740993001\n")).toEqual(
      [0n, 1n, 12_500_000_000n, 4_007_199_254_740_993_001n],
    )
  })

  it.for<readonly [string, Arrivals.Options, ReadonlyArray<bigint>]>([
    ["1.5\n2", { unit: "millis" }, [1_500_000n, 2_000_000n]],
    ["1.5\n2", { unit: "micros" }, [1500n, 2000n]],
    ["7\n7", { unit: "nanos" }, [7n, 7n]],
    ["0.5\n0.25\n0", { gaps: true }, [500_000_000n, 750_000_000n, 750_000_000n]],
    ["a;1\nb;2", { column: 2, separator: ";" }, [1_000_000_000n, 2_000_000_000n]],
    ["size, time\n5, 1\n6, 2.0000000000", { column: "time" }, [1_000_000_000n, 2_000_000_000n]],
    ["4611686018.427387904", {}, [1n << 62n]],
    ["", {}, []],
  ])("of %j with %o", ([text, options, times]) => {
    expect(timesOf(text, options)).toEqual(times)
  })

  it.for<readonly [string, Arrivals.Options, string]>([
    ["1\n2\nx", {}, 'line 3: "x" is no time: a number of seconds from 0 on, of whole ns'],
    ["-1", {}, 'line 1: "-1" is no time: a number of seconds from 0 on, of whole ns'],
    ["1e3", {}, 'line 1: "1e3" is no time: a number of seconds from 0 on, of whole ns'],
    ["0.0000000001", {}, 'line 1: "0.0000000001" is no time: a number of seconds from 0 on, of whole ns'],
    ["1.5", { unit: "nanos" }, 'line 1: "1.5" is no time: a number of nanos from 0 on, of whole ns'],
    ["2\n1", {}, "line 2: it is before the arrival above it, at 2000000000 ns"],
    ["4611686019", {}, "line 1: it is after 2^62 ns"],
    ["1", { column: 2 }, 'line 1: "" is no time: a number of seconds from 0 on, of whole ns'],
    ["a,b\n1,2", { column: "c" }, "column can't be c: the columns are a, b"],
    ["1", { column: 0 }, "column can't be 0: a column's name, or its number, from 1 on"],
    ["1", { separator: "" }, 'separator can\'t be "": a text of 1 character or more'],
    ["1", { unit: "hours" as "nanos" }, "unit can't be hours: it is one of seconds, millis, micros, nanos"],
  ])("of %j with %o can't be", ([text, options, message]) => {
    expect(timesOf(text, options)).toBe(message)
  })

  it.live("drive a world, from a file, each at its time with all that is known of it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${folder}/log.csv`, "at,takes\n1,5\n2,1\n2,1\n4,2\n")
      const log = yield* Arrivals.fromFile(`${folder}/log.csv`, { column: "at" })
      const seen: Array<readonly [bigint, number, string]> = []
      const guest = Guest.make(
        "server",
        Effect.gen(function* () {
          const { now } = yield* Guest.Self
          yield* Arrivals.each(log, ({ at, fields }, index) => {
            seen.push([now(), index, fields["takes"]!])
            expect(now()).toBe(at)
            return Process.spawn(`request ${index}`, Process.hold(`${Number(fields["takes"])} seconds`))
          })
        }),
      )
      const { time } = yield* World.run(World.make({ guests: [guest] }))
      expect(time).toBe(6_000_000_000n)
      expect(seen).toEqual([[1n, 0, "5"], [2n, 1, "1"], [2n, 2, "1"], [4n, 3, "2"]].map(([at, ...rest]) => [
        BigInt(at!) * 1_000_000_000n,
        ...rest,
      ]))
      const error = yield* Effect.flip(Arrivals.fromFile(`${folder}/none.csv`))
      expect(error._tag).toBe("PlatformError")
      expect(yield* Effect.flip(Arrivals.parse("x"))).toMatchObject({ _tag: "ArrivalsError", line: 1 })
      expect(yield* Effect.flip(Arrivals.parse("1", { column: 0 }))).toMatchObject({ _tag: "OptionError" })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
