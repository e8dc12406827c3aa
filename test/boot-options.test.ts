import { describe, expect, it } from "@effect/vitest"
import * as BootOptions from "../src/core/BootOptions.ts"
import { BootOptionError } from "../src/core/Fault.ts"
import { random } from "./support/random.ts"

const NONE = 2n ** 64n - 1n
const ALLOWED = ["time-travel", "time-travel=inf-cpu", "time-travel=ext:[ID:]PATH", "time-travel-start=N"]

const external = (path: string, id = NONE) => ({ timeTravel: { mode: "external", path, id } })

/** That the words are refused because of `option`, which is quoted, with all that is allowed. */
const expectRefused = (words: ReadonlyArray<string>, option: string): void => {
  const refused = BootOptions.parse(words)
  expect(refused, JSON.stringify(words)).toBeInstanceOf(BootOptionError)
  expect(refused).toMatchObject({ _tag: "BootOptionError", option })
  const { message } = refused as BootOptionError
  expect(message).toContain(JSON.stringify(option))
  for (const form of ALLOWED) expect(message).toContain(form)
  // One line, whatever was given.
  expect(message).not.toMatch(/[\n\0]/)
}

describe("the boot options", () => {
  it("are none, basic, inf-cpu and ext", () => {
    expect(BootOptions.parse([])).toEqual({ timeTravel: { mode: "off" } })
    expect(BootOptions.parse(["time-travel"])).toEqual({ timeTravel: { mode: "basic" } })
    expect(BootOptions.parse(["time-travel=inf-cpu"])).toEqual({ timeTravel: { mode: "inf-cpu" } })
    expect(BootOptions.parse(["time-travel=ext:/run/calendar"])).toEqual(external("/run/calendar"))
    expect(BootOptions.parse(["time-travel=ext:7:/run/calendar"])).toEqual(external("/run/calendar", 7n))
    expect(BootOptions.allowed).toEqual(ALLOWED)
  })

  it("set the wall clock, in ns since 1970 and in each form of a number", () => {
    for (const [text, start] of [["0", 0n], ["1000", 1000n], ["0x10", 16n], ["010", 8n], [`${NONE}`, NONE]] as const) {
      expect(BootOptions.parse([`time-travel-start=${text}`])).toEqual({ timeTravel: { mode: "off" }, start })
      expect(BootOptions.parse(["time-travel", `time-travel-start=${text}`])).toEqual({
        timeTravel: { mode: "basic" },
        start,
      })
    }
  })

  it("leave the words alone that aren't theirs", () => {
    const others = [
      "",
      "quiet",
      "root=/dev/ubda",
      "time-traveling",
      "time-travels=1",
      "time-travel-starts=1",
      "=",
      "--",
    ]
    others.push("Time-Travel=inf-cpu", "xtime-travel=fast", " time-travel=fast", "time_travel=fast", "time-travel-=1")
    expect(BootOptions.parse([...others, "time-travel", ...others])).toEqual({ timeTravel: { mode: "basic" } })
    for (const word of others) expect(BootOptions.isBootOption(word), word).toBe(false)
  })

  it("are taken from the later word where one comes twice", () => {
    expect(BootOptions.parse(["time-travel=inf-cpu", "time-travel"])).toEqual({ timeTravel: { mode: "basic" } })
    expect(BootOptions.parse(["time-travel-start=1", "time-travel", "time-travel-start=2"])).toEqual({
      timeTravel: { mode: "basic" },
      start: 2n,
    })
  })

  it("take an ID in each form of a number, from 0 to 2^64 − 1", () => {
    const ids: ReadonlyArray<readonly [string, bigint]> = [
      ["0", 0n],
      ["0x0", 0n],
      ["00", 0n],
      ["18446744073709551615", NONE],
      ["0xffffffffffffffff", NONE],
      ["0XFFFFFFFFFFFFFFFF", NONE],
      ["01777777777777777777777", NONE],
      ["0x000000ffffffffffffffff", NONE],
      ["000000000000000000000017", 15n],
    ]
    for (const [text, id] of ids) {
      expect(text.length).toBeLessThanOrEqual(24)
      expect(BootOptions.parse([`time-travel=ext:${text}:/s`]), text).toEqual(external("/s", id))
      expect(BootOptions.parse([`time-travel=ext:${text}:relative`]), text).toEqual(external("relative", id))
    }
  })

  it("refuse a bad ID, quoting the option and listing what is allowed", () => {
    const bad = ["", " ", " 1", "1 ", "+1", "-1", "08", "0x", "0xg", "one", "1.5", "1e1", "0b1", "0o1", "\n1", "1\n"]
    bad.push("18446744073709551616", "0x10000000000000000", "02000000000000000000000", "0".repeat(25))
    bad.push(`0x${"0".repeat(22)}1`)
    for (const id of bad) expectRefused([`time-travel=ext:${id}:/s`], `time-travel=ext:${id}:/s`)
  })

  it("refuse any other value of either option, quoting it and listing what is allowed", () => {
    const values = [
      "",
      "basic",
      "off",
      "inf",
      "infcpu",
      "inf-cpu ",
      " inf-cpu",
      "INF-CPU",
      "inf-cpu=",
      "inf-cpu,ext:/s",
    ]
    values.push("ext", "ext:", "ext:7:", "ext:0x10:", "EXT:/s", "ext=/s", "ext /s", "external:/s", "1", "=", "\n", "\0")
    for (const value of values) expectRefused([`time-travel=${value}`], `time-travel=${value}`)
    for (const value of ["", " ", "now", "-1", "+1", "08", "0x", "1s", "1.5", " 1", "18446744073709551616"]) {
      expectRefused([`time-travel-start=${value}`], `time-travel-start=${value}`)
    }
    expectRefused(["time-travel-start"], "time-travel-start")
    expectRefused([`time-travel-start=${"0".repeat(25)}`], `time-travel-start=${"0".repeat(25)}`)
  })

  it("refuse a bad word among good ones, even where a later one would replace it", () => {
    expectRefused(["quiet", "time-travel=fast", "time-travel"], "time-travel=fast")
    expectRefused(["time-travel", "time-travel-start=x", "time-travel-start=1"], "time-travel-start=x")
  })
})

describe("the path of the calendar's socket", () => {
  const parse = (path: string) => BootOptions.parse([`time-travel=ext:${path}`])
  const refused = (path: string) => expectRefused([`time-travel=ext:${path}`], `time-travel=ext:${path}`)

  it("has at most 107 bytes, whatever its characters", () => {
    expect(BootOptions.MAX_PATH_BYTES).toBe(107)
    const paths = (bytes: number) => [
      `/${"a".repeat(bytes - 1)}`,
      `/${"é".repeat((bytes - 1) >> 1)}${"a".repeat((bytes - 1) & 1)}`,
      `/${"語".repeat(Math.floor((bytes - 1) / 3))}${"a".repeat((bytes - 1) % 3)}`,
      `/${"🕰".repeat((bytes - 1) >> 2)}${"a".repeat((bytes - 1) & 3)}`,
    ]
    for (const path of paths(107)) {
      expect(new TextEncoder().encode(path).length).toBe(107)
      expect(parse(path)).toEqual(external(path))
      expect(parse(`7:${path}`)).toEqual(external(path, 7n))
    }
    for (const path of paths(108)) {
      refused(path)
      refused(`7:${path}`)
      // People need the number, and it is not that of the characters.
      expect(String(parse(path))).toContain("108")
      expect(String(parse(path))).toContain("107")
    }
  })

  it("isn't empty and has no zero byte", () => {
    for (const path of ["", "7:", "\0", "/run/\0calendar", "\0abstract", "7:/a\0"]) refused(path)
  })

  it("may have any other character in it, equals signs and blanks included", () => {
    for (
      const path of ["/run/a=b", "/run/a b", "=", "./x", "../x", "~/x", "/", ".", "/ü", "/a\nb", "/time-travel=fast"]
    ) {
      expect(parse(path), path).toEqual(external(path))
    }
  })

  it("may have colons in it, after an ID or a leading slash", () => {
    expect(parse("/run/a:b")).toEqual(external("/run/a:b"))
    expect(parse("7:/run/a:b:c")).toEqual(external("/run/a:b:c", 7n))
    expect(parse("7:a:b")).toEqual(external("a:b", 7n))
    expect(parse("7::")).toEqual(external(":", 7n))
    expect(parse("7:8:x")).toEqual(external("8:x", 7n))
    expect(parse("/:")).toEqual(external("/:"))
    // Without them, what comes before the first colon is an ID, and this is none.
    refused("run/a:b")
    refused(":/run/a")
  })
})

describe("the boot options as words", () => {
  it("are read back as they were, whatever they were", () => {
    const characters = ["a", "/", ":", "7", "0", "x", "=", " ", "é", "語", "-", ".", "🕰", "\n", '"']
    for (let seed = 0; seed < 5000; seed++) {
      const rng = random(seed)
      const word = Array.from({ length: 1 + rng.int(24) }, () => rng.pick(characters)).join("")
      const path = rng.bool() ? `/${word}` : word
      const id = rng.pick([0n, 7n, NONE - 1n, NONE, rng.bigint(2n ** 64n)])
      const options = {
        timeTravel: rng.pick([
          { mode: "off" },
          { mode: "basic" },
          { mode: "inf-cpu" },
          { mode: "external", path, id },
          { mode: "external", path, id },
        ]),
        ...rng.bool() && { start: rng.bigint(2n ** 64n) },
      } as BootOptions.BootOptions
      const words = BootOptions.format(options)
      expect(BootOptions.parse(words), `seed ${seed}: ${JSON.stringify(words)}`).toEqual(options)
      for (const word of words) expect(BootOptions.isBootOption(word)).toBe(true)
    }
  })

  it("are parsed or refused, never more, whatever they are", () => {
    const parts = ["time-travel", "-start", "=", "ext:", "inf-cpu", ":", "/", "7", "0x", "-1", "a", "\0", " ", "é"]
    let parsed = 0
    for (let seed = 0; seed < 20_000; seed++) {
      const rng = random(seed)
      const text = Array.from({ length: rng.int(6) }, () => rng.pick(parts)).join("")
      const word = rng.bool(0.8) ? `time-travel${text}` : text
      const options = BootOptions.parse([word])
      if (options instanceof BootOptionError) expectRefused([word], word)
      else {
        parsed++
        expect(BootOptions.parse(BootOptions.format(options)), `seed ${seed}: ${word}`).toEqual(options)
      }
    }
    expect(parsed).toBeGreaterThan(1000)
  })
})
