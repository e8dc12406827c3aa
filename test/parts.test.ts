import { describe, expect, it } from "vitest"
import { expectSameParts, partsOf } from "./support/parts.ts"

const state = () => ({ now: 5n, name: "a", pending: [{ at: 1 }, { at: 2 }], done: undefined, flags: [true, null, NaN] })

describe("values that are taken apart", () => {
  it("have the same parts if they are equal, and what they show of themselves is all that counts", () => {
    expectSameParts(partsOf(state()), partsOf(state()))
    class Shown {
      readonly hidden = {}
      toJSON = () => ({ shown: 1n })
    }
    expectSameParts(partsOf([new Shown()]), partsOf([{ shown: 1n }]))
  })

  it.for<readonly [string, unknown]>([
    ["a number of another type", { ...state(), now: 5 }],
    ["another text", { ...state(), name: "b" }],
    ["another key", { ...state(), name: undefined, title: "a" }],
    ["a key less", { now: 5n, name: "a", pending: [{ at: 1 }, { at: 2 }], flags: [true, null, NaN] }],
    ["something deep inside", { ...state(), pending: [{ at: 1 }, { at: 3 }] }],
    ["another order", { ...state(), pending: [{ at: 2 }, { at: 1 }] }],
    ["an item less", { ...state(), pending: [{ at: 1 }] }],
    ["an item more", { ...state(), flags: [true, null, NaN, 0] }],
    ["a bracket elsewhere", { ...state(), pending: [{ at: 1 }, [{ at: 2 }]] }],
  ])("have others if there is %s", ([, other]) => {
    expect(() => expectSameParts(partsOf(other), partsOf(state()))).toThrow()
  })
})
