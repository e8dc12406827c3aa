import { describe, expect, it } from "vitest"
import { type Options, type Way, World } from "./support/memoryWorld.ts"
import { random } from "./support/random.ts"

const clear = { early: 3, slots: 16, work: 30, deaths: false }

/** A world's clients, and how each of them works if it may choose. */
const drawn = (seed: number): Options & { readonly ways: ReadonlyArray<Way> } => {
  const dice = random(seed)
  const count = 2 + dice.int(5)
  const ways = Array.from(
    { length: count },
    () => dice.pick<Way>(["memory", "memory", "messages", "ignores the memory"]),
  )
  return {
    seed,
    ways,
    early: 1 + dice.int(count),
    // With few slots, some have none.
    slots: dice.bool(0.3) ? 2 + dice.int(3) : 16,
    work: 5 + dice.int(40),
    deaths: dice.bool(0.3),
  }
}

/** All that the clients of a world saw. */
const views = ({ guests, grants, violations, breaches }: World) => ({
  seen: guests.map(({ seen }) => seen),
  grants,
  violations,
  breaches,
})

const allBy = (options: Options, way: Way): Options => ({ ...options, ways: options.ways.map(() => way) })

describe("clients that share memory", () => {
  it("have the same turns at the same times, and see the same times, as by messages", { timeout: 60_000 }, () => {
    let shared = 0
    let grants = 0
    for (let seed = 0; seed < 1000; seed++) {
      const options = drawn(seed)
      const byMessages = views(new World(allBy(options, "messages")).run())
      const mixed = new World(options).run()
      expect(views(mixed), `seed ${seed}`).toEqual(byMessages)
      expect(views(new World(allBy(options, "memory")).run()), `seed ${seed}`).toEqual(byMessages)
      expect(byMessages.violations, `seed ${seed}`).toEqual([])
      shared += mixed.sharedTurns
      grants += mixed.grants.length
    }
    console.log(shared, grants)
    expect(shared).toBeGreaterThan(10_000)
    expect(grants - shared).toBeGreaterThan(5_000)
  })

  it("need two messages for a turn", () => {
    const options = { ...clear, seed: 1, early: 2, ways: ["memory", "memory"] as const, work: 1000 }
    const byMemory = new World(options).run()
    const byMessages = new World(allBy(options, "messages")).run()
    const each = ({ messages, grants }: World) => messages / grants.length
    console.log(each(byMemory), each(byMessages), byMemory.messages)
    expect(each(byMemory)).toBeLessThan(2.1)
    expect(each(byMessages)).toBeGreaterThan(7)
  })
})
