/**
 * Whole conversations, on connections of all kinds, with clients that send
 * anything. `FUZZ_SEED=n` begins with another seed, and `FUZZ_CONVERSATIONS=n` has
 * that many of them.
 */
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import process from "node:process"
import { Bad, Good } from "./support/fuzzClients.ts"
import { arena, type Kind } from "./support/fuzzWires.ts"
import { type Random, random } from "./support/random.ts"

const FIRST = Number(process.env.FUZZ_SEED ?? 1)
const CONVERSATIONS = Number(process.env.FUZZ_CONVERSATIONS ?? 800)

/** After so many steps without headway, those who misbehave have to go. */
const PATIENCE = 300
/** Then the others have so much real time. */
const PROMPT_MS = 5000

const kindOf = (dice: Random): Kind => dice.pick<Kind>(["link", "link", "memory", "memory", "memory", "unix"])

/** How many go on at the same time: those over sockets wait for the system most of the time. */
const AT_ONCE = 4

const conversation = (seed: number) => {
  const errors: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Error" || logLevel === "Fatal") errors.push(String(message))
  })
  return Effect.gen(function* () {
    const dice = random(seed)
    const all = 1 + dice.int(6)
    const goods = Math.min(all, 1 + dice.int(2))
    const { server, connect, turn } = yield* arena(kindOf(dice), { clients: dice.int(goods + 1) })
    const good: Array<Good> = []
    const bad: Array<Bad> = []
    for (let i = 0; i < goods; i++) good.push(new Good(yield* connect, dice, BigInt(i), good))
    const coming = Array.from({ length: all - goods }, () => dice.int(100))
    let idle = 0
    let since = performance.now()
    for (let step = 0; good.some(({ state }) => state !== "Gone"); step++) {
      for (const _ of coming.filter((at) => at === step)) bad.push(new Bad(yield* connect, dice))
      const headway = dice.pick(good).step()
      if (bad.length > 0) dice.pick(bad).step()
      yield* turn
      if (headway) since = performance.now()
      idle = headway ? 0 : idle + 1
      if (idle > PATIENCE) { for (const each of bad) each.close() }
      if (performance.now() - since > PROMPT_MS) {
        throw new Error(`nobody goes on: ${good.map(({ id, state, log }) => `${id} ${state} ${log.slice(-9)}`)}`)
      }
    }
    for (const each of bad) each.close()
    const gone = performance.now()
    while ((yield* server.stats).clients > 0) {
      if (performance.now() - gone > PROMPT_MS) throw new Error("somebody who has left is still there")
      yield* turn
    }
    expect(yield* Effect.timeout(server.ended, PROMPT_MS)).toBe("left")
    expect(errors).toEqual([])
    return good.reduce((turns, each) => turns + each.turns, 0)
  }).pipe(
    Effect.scoped,
    Effect.provide(Logger.layer([logger])),
    Effect.catchCause((cause) => {
      const error = Cause.squash(cause)
      return Effect.die(new Error(`FUZZ_SEED=${seed} FUZZ_CONVERSATIONS=1: ${error}`, { cause: error }))
    }),
  )
}

it.live(
  `${CONVERSATIONS} conversations among clients that send anything, from seed ${FIRST} on`,
  () =>
    Effect.gen(function* () {
      const seeds = Array.from({ length: CONVERSATIONS }, (_, index) => FIRST + index)
      const turns = yield* Effect.forEach(seeds, conversation, { concurrency: AT_ONCE })
      expect(turns.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(CONVERSATIONS)
    }),
  120_000,
)
