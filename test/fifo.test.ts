/**
 * A line against an array.
 *
 * @module
 */
import { describe, expect, it } from "vitest"
import { Fifo } from "../src/internal/core/Fifo.ts"
import { random } from "./support/random.ts"

describe("a line", () => {
  it("is as an array that is pushed to and shifted from, however long it gets and how often it is empty", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const from = random(seed)
      const line = new Fifo<number>()
      const model: Array<number> = []
      for (let step = 0; step < 2_000; step++) {
        const grows = from.bool(step % 400 < 200 ? 0.6 : 0.4)
        if (grows) expect(line.push(step)).toBe(model.push(step))
        else if (from.bool(0.02)) expect(line.drain()).toEqual(model.splice(0))
        else {
          if (model.length > 0 && from.bool(0.1)) {
            const nth = from.int(model.length)
            line.bringForward(nth)
            model.unshift(...model.splice(nth, 1))
          }
          expect(line.shift()).toBe(model.shift())
        }
        expect(line.size).toBe(model.length)
      }
    }
  })

  it("keeps nothing that was taken, and as much room as it had in it at most, twice over", () => {
    const line = new Fifo<object>()
    const items = () => (line as unknown as { readonly items: ReadonlyArray<object | undefined> }).items
    for (let n = 0; n < 10; n++) line.push({})
    for (let n = 0; n < 10_000; n++) {
      line.push({})
      line.shift()
    }
    expect(items().length).toBeLessThanOrEqual(2 * 11)
    expect(items().filter((item) => item !== undefined).length).toBe(line.size)
  })
})
