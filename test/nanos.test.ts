import { describe, expect, it } from "@effect/vitest"
import { BadNumber, TimeOutOfRange } from "../src/core/Fault.ts"
import * as Nanos from "../src/core/Nanos.ts"
import { random } from "./support/random.ts"

const MAX = 2n ** 64n - 1n

/** An unsigned 64-bit number near a boundary or anywhere. */
const someTime = (rng: ReturnType<typeof random>): Nanos.Nanos =>
  (rng.bool()
    ? BigInt.asUintN(64, rng.pick([0n, 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n, MAX]) + BigInt(rng.int(5)) - 2n)
    : rng.bigint(2n ** 64n)) as Nanos.Nanos

describe("a time", () => {
  it("is any unsigned 64-bit number, and no other", () => {
    for (const value of [0n, 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, MAX - 1n, MAX]) {
      expect(Nanos.make(value)).toBe(value)
    }
    for (const value of [-1n, -MAX, MAX + 1n, 2n ** 65n]) {
      const refused = Nanos.make(value)
      expect(refused).toBeInstanceOf(TimeOutOfRange)
      expect(refused).toMatchObject({ _tag: "TimeOutOfRange", given: value })
      expect(String(refused)).toContain(String(value))
      expect(Nanos.isMisuse(refused)).toBe(true)
    }
  })

  it("has the constants of SPEC", () => {
    expect(Nanos.ZERO).toBe(0n)
    expect(Nanos.FOREVER).toBe(9223372036854775807n)
    expect(Nanos.NONE).toBe(18446744073709551615n)
  })

  it("stays one in every sum and difference", () => {
    for (let seed = 0; seed < 5000; seed++) {
      const rng = random(seed)
      const [a, b] = [someTime(rng), someTime(rng)]
      const sum = a + b
      expect(Nanos.plus(a, b), `seed ${seed}`).toBe(sum > MAX ? MAX : sum)
      expect(Nanos.minus(a, b), `seed ${seed}`).toBe(a > b ? a - b : 0n)
      expect(Nanos.minusWrapping(a, b), `seed ${seed}`).toBe((a - b + 2n ** 64n) % 2n ** 64n)
      expect(Nanos.plusWrapping(a, b), `seed ${seed}`).toBe(sum % 2n ** 64n)
      expect(Nanos.plusWrapping(Nanos.minusWrapping(a, b), b), `seed ${seed}`).toBe(a)
    }
  })
})

describe("a number in a boot option", () => {
  it("is decimal, hexadecimal or octal, as in C", () => {
    const good: ReadonlyArray<readonly [string, bigint]> = [
      ["0", 0n],
      ["00", 0n],
      ["1", 1n],
      ["9", 9n],
      ["10", 10n],
      ["010", 8n],
      ["0777", 511n],
      ["0x0", 0n],
      ["0x10", 16n],
      ["0XfF", 255n],
      ["0xDeadBeef", 0xdeadbeefn],
      ["18446744073709551615", MAX],
      ["0xffffffffffffffff", MAX],
      ["01777777777777777777777", MAX],
      // Leading zeros, up to the 24 characters there may be.
      ["0x000000ffffffffffffffff", MAX],
      ["001777777777777777777777", MAX],
      ["000000000000000000000000", 0n],
    ]
    for (const [text, value] of good) expect(Nanos.parse(text), text).toBe(value)
  })

  it("is refused in any other form, with an error that quotes it and says what is allowed", () => {
    const bad = [
      "",
      " ",
      " 1",
      "1 ",
      "1\n",
      "\t1",
      "+1",
      "-1",
      "-0",
      "08",
      "09",
      "018",
      "0x",
      "0X",
      "x1",
      "0xg",
      "0x1g",
      "0x 1",
      "0b1",
      "0o7",
      "1_000",
      "1,000",
      "1.0",
      "1e3",
      "1n",
      "1u",
      "1UL",
      "ff",
      "NaN",
      "Infinity",
      "१",
      "１",
      "1\0",
      "0x\u{1d7ce}",
      "18446744073709551616",
      "0x10000000000000000",
      "02000000000000000000000",
      "99999999999999999999",
      "99999999999999999999999999999999999",
      // 25 characters, whatever the value.
      "0".repeat(25),
      `0x${"0".repeat(23)}`,
      `0${"0".repeat(22)}10`,
    ]
    for (const text of bad) {
      const refused = Nanos.parse(text)
      expect(refused, JSON.stringify(text)).toBeInstanceOf(BadNumber)
      expect(refused).toMatchObject({ _tag: "BadNumber", given: text })
      const { message } = refused as BadNumber
      expect(message).toContain(JSON.stringify(text))
      for (const form of ["decimal", "0x", "0…", "24"]) expect(message).toContain(form)
    }
  })

  it("is read back from each of its forms, whatever it is", () => {
    for (let seed = 0; seed < 5000; seed++) {
      const rng = random(seed)
      const value = someTime(rng)
      const hex = value.toString(16)
      const forms = [`${value}`, `0x${hex}`, `0X${hex.toUpperCase()}`, `0${value.toString(8)}`]
      for (const form of forms) expect(Nanos.parse(form), `seed ${seed}, ${form}`).toBe(value)
      const padded = `0x${hex.padStart(1 + rng.int(22), "0")}`
      expect(Nanos.parse(padded), `seed ${seed}, ${padded}`).toBe(value)
      const tooMuch = value + 2n ** 64n
      expect(Nanos.parse(`${tooMuch}`), `seed ${seed}`).toBeInstanceOf(BadNumber)
      expect(Nanos.parse(`0x${tooMuch.toString(16)}`), `seed ${seed}`).toBeInstanceOf(BadNumber)
    }
  })

  it("never makes the parser throw, whatever the text", () => {
    const alphabet = [
      "0",
      "1",
      "7",
      "8",
      "9",
      "a",
      "f",
      "x",
      "X",
      "+",
      "-",
      " ",
      ":",
      "\n",
      "n",
      "_",
      ".",
      "e",
      "é",
      "\0",
    ]
    for (let seed = 0; seed < 20_000; seed++) {
      const rng = random(seed)
      const text = Array.from({ length: rng.int(28) }, () => rng.pick(alphabet)).join("")
      const value = Nanos.parse(text)
      const digits = /^0[xX]([0-9a-fA-F]+)$|^0([0-7]*)$|^([1-9][0-9]*)$/.exec(text)
      if (digits === null || text.length > 24) {
        expect(value, `seed ${seed}, ${JSON.stringify(text)}`).toBeInstanceOf(BadNumber)
        continue
      }
      const [, hex, octal, decimal] = digits
      // Horner's rule, far from BigInt's own parser.
      const [base, places] = hex !== undefined ? [16n, hex] : octal !== undefined ? [8n, octal] : [10n, decimal!]
      let expected = 0n
      for (const place of places) expected = expected * base + BigInt("0123456789abcdef".indexOf(place.toLowerCase()))
      if (expected > MAX) expect(value, `seed ${seed}`).toBeInstanceOf(BadNumber)
      else expect(value, `seed ${seed}, ${JSON.stringify(text)}`).toBe(expected)
    }
  })
})
