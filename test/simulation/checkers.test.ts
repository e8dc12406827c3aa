import { describe, expect, it } from "vitest"
import * as Checker from "../../src/simulation/Checker.ts"
import type { Journal } from "../../src/simulation/Journal.ts"
import { random } from "../support/random.ts"

/** What guests noted down, one each 10 ns. */
const journal = (...notes: ReadonlyArray<readonly [guest: string, text: string, data?: unknown]>): Journal =>
  notes.map(([guest, text, data = null], i) => ({
    _tag: "Noted",
    time: BigInt(i) * 10n,
    stamp: i,
    guest,
    text,
    data,
  }))

const found = (checkers: Checker.Checker | ReadonlyArray<Checker.Checker>, of: Journal) =>
  Checker.check([checkers].flat(), of, 7)?.message

const id = (data: unknown): unknown => data

describe("agreement", () => {
  const agree = Checker.agreement("the logs agree", "decided", (data) => data as [unknown, unknown])

  it("holds while all have the same for each key, in whatever order and however often", () => {
    expect(found(agree, journal(["a", "decided", [1, "x"]], ["b", "decided", [2, "y"]]))).toBe(undefined)
    expect(found(agree, journal(["a", "decided", [1, "x"]], ["b", "decided", [1, "x"]], ["a", "decided", [1, "x"]])))
      .toBe(undefined)
  })

  it("is broken by another value for a key, also of the same guest", () => {
    expect(found(agree, journal(["a", "decided", [1, "x"]], ["b", "decided", [2, "y"]], ["b", "decided", [1, "y"]])))
      .toBe(
        `the logs agree: b has "y" for 1, where a had "x", at 20 ns (seed 7)`,
      )
    expect(found(agree, journal(["a", "decided", [1, "x"]], ["a", "decided", [1, "z"]]))).toMatch(/a has "z"/)
  })

  it("goes by what values are, not by the order in which their fields were written", () => {
    const notes = (one: unknown, other: unknown) => journal(["a", "decided", [1, one]], ["b", "decided", [1, other]])
    for (
      const [one, other] of [
        [{ x: 1, y: [{ a: 1, b: 2 }] }, { y: [{ b: 2, a: 1 }], x: 1 }],
        [{ x: 1, y: undefined }, { x: 1 }],
        [null, undefined],
        [5n, 5n],
      ]
    ) expect(found(agree, notes(one, other))).toBe(undefined)
    for (const [one, other] of [[{ x: 1 }, { x: 2 }], [[1, 2], [2, 1]], ["1", 1], [5n, 6n], [{}, []], [null, 0]]) {
      expect(found(agree, notes(one, other))).toMatch(/^the logs agree/)
    }
  })

  it("finds a planted contradiction in what random guests decide, and none without", () => {
    for (let seed = 0; seed < 200; seed++) {
      const dice = random(seed)
      const values = Array.from({ length: 10 }, () => dice.int(100))
      const notes = Array.from({ length: 50 }, () => {
        const index = dice.int(10)
        return [dice.pick(["a", "b", "c"]), "decided", [index, values[index]]] as const
      })
      expect(found(agree, journal(...notes)), `seed ${seed}`).toBe(undefined)
      const at = dice.int(50)
      const [, , [index]] = notes[at]!
      const planted = notes.toSpliced(at + 1, 0, ["evil", "decided", [index, 100]])
      expect(found(agree, journal(...planted)), `seed ${seed}`).toMatch(/^the logs agree: evil has 100/)
    }
  })
})

describe("uniqueness", () => {
  const unique = Checker.unique("one leader a term", "leads", id)

  it("holds while each key is noted down once, whatever else is", () => {
    expect(found(unique, journal(["a", "leads", 1], ["b", "leads", 2], ["b", "votes", 1], ["c", "leads", "1"]))).toBe(
      undefined,
    )
  })

  it("is broken by another guest, or by the same", () => {
    expect(found(unique, journal(["a", "leads", 1], ["b", "leads", 1]))).toBe(
      "one leader a term: b has 1, which a had, at 10 ns (seed 7)",
    )
    expect(found(unique, journal(["a", "leads", { x: 1, y: 2 }], ["a", "leads", { y: 2, x: 1 }]))).toMatch(/a has/)
  })
})

describe("monotonicity", () => {
  const monotonic = Checker.monotonic("terms", "term", (data) => data as number | bigint)

  it("holds for each guest by itself, and what stays the same isn't less", () => {
    expect(found(monotonic, journal(["a", "term", 5], ["b", "term", 1], ["a", "term", 5], ["b", "term", 3n]))).toBe(
      undefined,
    )
  })

  it("is broken by a guest that goes back", () => {
    expect(found(monotonic, journal(["a", "term", 5n], ["b", "term", 9], ["a", "term", 4n]))).toBe(
      "terms: a went back from 5 to 4, at 20 ns (seed 7)",
    )
  })
})

describe("what is always so, and what is some time", () => {
  const small = Checker.always("small", ({ data }) => (data as number) < 5)
  const done = Checker.eventually("done", ({ text }) => text === "done")

  it("hold where they do", () => {
    expect(found([small, done], journal(["a", "n", 1], ["a", "done", 4], ["a", "n", 2]))).toBe(undefined)
    expect(found(small, [])).toBe(undefined)
  })

  it("are broken at once, or at the end", () => {
    expect(found(small, journal(["a", "n", 1], ["b", "n", 5], ["b", "n", 1]))).toBe(
      `small: it doesn't hold of b's "n" 5, at 10 ns (seed 7)`,
    )
    expect(found(done, journal(["a", "n", 1]))).toBe("done: it has never come about, at the end (seed 7)")
    expect(found(done, [])).toBe("done: it has never come about, at the end (seed 7)")
  })
})

describe("checking", () => {
  const never = Checker.always("never", ({ text }) => text !== "bad")
  const done = Checker.eventually("done", ({ text }) => text === "done")

  it("says what must never be before what is missing", () => {
    expect(found([done, never], journal(["a", "fine"], ["a", "bad"]))).toMatch(/^never/)
  })

  it("says what came first, and of what came at once what is asked for first", () => {
    const early = Checker.always("early", ({ text }) => text !== "early")
    expect(found([never, early], journal(["a", "early"], ["a", "bad"]))).toMatch(/^early/)
    const same = Checker.always("same", ({ text }) => text !== "bad")
    expect(found([same, never], journal(["a", "bad"]))).toMatch(/^same/)
  })

  it("says the last 20 things that were noted down, the one at fault at the end", () => {
    const notes = Array.from({ length: 50 }, (_, i) => ["a", i === 40 ? "bad" : "fine", i] as const)
    const error = Checker.check([never], journal(...notes), 3)
    expect(error).toBeInstanceOf(Checker.CheckFailed)
    expect(error?._tag).toBe("CheckFailed")
    expect(error?.finding).toMatchObject({ checker: "never", time: 400n, seed: 3 })
    expect(error?.finding.seen.map(({ data }) => data)).toEqual(Array.from({ length: 20 }, (_, i) => i + 21))
    expect(error?.finding.seen.at(-1)).toEqual({ time: 400n, guest: "a", text: "bad", data: 40 })
  })

  it("leaves out what nobody noted down, and begins anew each time", () => {
    const unique = Checker.unique("ids", "id", id)
    const once: Journal = [{ _tag: "Ended", time: 0n, stamp: 0, guest: "a" }, ...journal(["a", "id", 1])]
    expect([found(unique, once), found(unique, once)]).toEqual([undefined, undefined])
  })

  it("takes checkers with a state of their own", () => {
    const even = Checker.make<number>("even", {
      initial: 0,
      next: (count, { text }) => text === "too many" ? Checker.wrong(`it was ${count} before`) : count + 1,
      end: (count) => count % 2 === 0 ? undefined : `${count} is odd`,
    })
    expect(found(even, journal(["a", "x"], ["a", "x"]))).toBe(undefined)
    expect(found(even, journal(["a", "x"]))).toBe("even: 1 is odd, at the end (seed 7)")
    expect(found(even, journal(["a", "x"], ["a", "too many"]))).toBe("even: it was 1 before, at 10 ns (seed 7)")
  })
})
