import { sized } from "../numbers.ts"
import type { Suite } from "../suite.ts"
import * as Worlds from "../worlds.ts"

const GUESTS = sized(10_000)

const suite: Suite = {
  about: `${GUESTS.toLocaleString("en")} guests of a world, made, let in and run once`,
  unit: "s",
  more: false,
  warmUps: 0,
  cases: [{ name: "World.run", measure: () => Worlds.crowd(GUESTS) }],
}

export default suite
