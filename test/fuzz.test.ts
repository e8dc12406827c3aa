/**
 * Whole conversations with clients that send anything. `FUZZ_SEED=n` begins with
 * another seed, `FUZZ_CONVERSATIONS=n` has more of them.
 */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import process from "node:process"
import * as CalendarServer from "../src/controller/CalendarServer.ts"
import type { Link } from "../src/services/Link.ts"
import { ACK, FREE_UNTIL, REQUEST, RUN, START, WAIT } from "./support/protocol.ts"
import { type Random, random } from "./support/random.ts"
import { fromBytes, type Msg, toBytes } from "./support/wire.ts"

const FIRST = Number(process.env.FUZZ_SEED ?? 1)
const CONVERSATIONS = Number(process.env.FUZZ_CONVERSATIONS ?? 8000)

const NONE = (1n << 64n) - 1n
const TIMES = [0n, 1n, 5n, 100n, 1n << 40n, (1n << 62n) + 1n, (1n << 63n) - 2n, (1n << 63n) - 1n, 1n << 63n, NONE]

/** A client that keeps to PROTOCOL: it wakes up a number of times, at times of its own. */
class Good {
  now = 0n
  runs = 0
  #seq = 0
  #inbox = new Uint8Array(0)
  #asked = 0n
  readonly link: Link
  readonly #dice: Random
  readonly #wanted: number

  constructor(link: Link, dice: Random, id: bigint) {
    this.link = link
    this.#dice = dice
    this.#wanted = 1 + dice.int(8)
    this.#say(START, id)
  }

  get isDone(): boolean {
    return this.runs >= this.#wanted
  }

  #send(message: Msg): void {
    Effect.runSync(this.link.write(toBytes(message)))
  }

  #say(op: number, time: bigint): void {
    this.#send({ op, seq: ++this.#seq, time })
  }

  #rest(): void {
    this.#asked = this.now + BigInt(this.#dice.int(50))
    this.#say(REQUEST, this.#asked)
    this.#say(WAIT, NONE)
  }

  /** Handles what has come; whether anything had. */
  step(): boolean {
    const chunk = Effect.runSync(this.link.read)
    if (chunk.length === 0) return false
    const all = new Uint8Array([...this.#inbox, ...chunk])
    const whole = all.length - all.length % 16
    this.#inbox = all.slice(whole)
    for (let at = 0; at < whole && !this.isDone; at += 16) {
      const message = fromBytes(all.subarray(at, at + 16))
      if (message.op !== ACK) this.#send({ op: ACK, seq: message.seq, time: 0n })
      if (message.op === ACK && message.seq === 1) this.#rest()
      if (message.op === FREE_UNTIL) expect(message.time).toBeGreaterThanOrEqual(this.now)
      if (message.op !== RUN) continue
      // Never back, and never before it asked to be run.
      expect(message.time).toBeGreaterThanOrEqual(this.#asked)
      this.now = message.time
      this.runs++
      if (!this.isDone) this.#rest()
      else Effect.runSync(this.link.close)
    }
    return true
  }
}

/** Anything at all: valid more often than not, so that it gets far. */
const anything = (dice: Random, seq: number): Uint8Array => {
  const op = dice.bool(0.9) ? dice.int(11) : dice.int(2 ** 32)
  const message = toBytes({ op, seq: dice.bool(0.8) ? seq : dice.int(2 ** 32), time: dice.pick(TIMES) })
  return dice.bool(0.9) ? message : message.slice(0, dice.int(16))
}

const conversation = (seed: number) =>
  Effect.gen(function* () {
    const dice = random(seed)
    const goods = 1 + dice.int(3)
    const bads = 1 + dice.int(3)
    const server = yield* CalendarServer.serve({ clients: dice.int(goods + 1) })
    const good: Array<Good> = []
    const bad: Array<{ readonly link: Link; seq: number; left: number }> = []
    for (let i = 0; i < goods; i++) good.push(new Good(yield* server.link(), dice, BigInt(i)))
    for (let i = 0; i < bads; i++) bad.push({ link: yield* server.link(), seq: 0, left: dice.int(60) })
    for (let idle = 0, steps = 0; good.some(({ isDone }) => !isDone); steps++) {
      if (steps > 100_000) throw new Error("it doesn't come to an end")
      const moved = good.filter((client) => !client.isDone).map((client) => client.step()).some((did) => did)
      const each = dice.pick(bad)
      if (each.left > 0) {
        each.left--
        const burst = 1 + (dice.bool(0.1) ? dice.int(50) : 0)
        const chunks = Array.from({ length: burst }, () => anything(dice, ++each.seq))
        const bytes = new Uint8Array(chunks.flatMap((chunk) => [...chunk]))
        // It may have been disconnected already.
        yield* Effect.ignore(each.link.write(bytes))
        if (dice.bool(0.3)) yield* each.link.read
      }
      idle = moved ? 0 : idle + 1
      // Whoever keeps the turn, or is waited for, has to go at last.
      if (idle > 300) { for (const { link } of bad) yield* link.close }
    }
    for (const { link } of [...good, ...bad]) yield* link.close
    expect((yield* server.stats).clients).toBe(0)
    return good.reduce((runs, each) => runs + each.runs, 0)
  }).pipe(Effect.scoped)

it.live(
  `${CONVERSATIONS} conversations among clients that send anything, from seed ${FIRST} on`,
  () =>
    Effect.gen(function* () {
      let runs = 0
      for (let seed = FIRST; seed < FIRST + CONVERSATIONS; seed++) {
        runs += yield* conversation(seed).pipe(
          Effect.catchDefect((cause) =>
            Effect.die(new Error(`FUZZ_SEED=${seed} FUZZ_CONVERSATIONS=1: ${cause}`, { cause }))
          ),
        )
      }
      expect(runs).toBeGreaterThan(CONVERSATIONS)
    }).pipe(Effect.provide(Logger.layer([]))),
  120_000,
)
