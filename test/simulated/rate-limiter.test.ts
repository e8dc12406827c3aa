import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RateLimiter from "effect/persistence/RateLimiter"
import { it } from "../../src/testing.ts"
import { now, timed } from "../support/moments.ts"

const inMemory = Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory)
const perMinute = { window: "1 minute", limit: 5, key: "a" } as const

/** How long who asks has to wait, in ms. */
const delay = (limiter: RateLimiter.RateLimiter, options: Parameters<RateLimiter.RateLimiter["consume"]>[0]) =>
  Effect.map(limiter.consume(options), ({ delay }) => Duration.toMillis(delay))

/** Who is refused, and for how long, in ms. */
const retryAfter = (limiter: RateLimiter.RateLimiter, options: Parameters<RateLimiter.RateLimiter["consume"]>[0]) =>
  Effect.map(
    Effect.flip(limiter.consume(options)),
    ({ reason }) => reason._tag === "RateLimitExceeded" ? Duration.toMillis(reason.retryAfter) : reason,
  )

describe("a rate limiter with fixed windows", () => {
  const options = { ...perMinute, algorithm: "fixed-window" } as const

  it.simulated("counts down what is left, and says until when", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      for (let i = 1; i <= 5; i++) {
        const { remaining, resetAfter } = yield* limiter.consume(options)
        expect([remaining, Duration.toMillis(resetAfter)]).toEqual([5 - i, i * 12_000])
      }
    }).pipe(Effect.provide(inMemory)))

  it.simulated("refuses what is too much until the window is over, to the ms", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      for (let i = 0; i < 5; i++) yield* limiter.consume(options)
      expect(yield* retryAfter(limiter, options)).toBe(60_000)
      yield* Effect.sleep(59_999)
      expect(yield* retryAfter(limiter, options)).toBe(1)
      yield* Effect.sleep(1)
      expect((yield* limiter.consume(options)).remaining).toBe(4)
    }).pipe(Effect.provide(inMemory)))

  it.simulated("delays what is too much into the windows to come", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      const delays: Array<number> = []
      for (let i = 0; i < 12; i++) delays.push(yield* delay(limiter, { ...options, onExceeded: "delay" }))
      expect(delays).toEqual([0, 0, 0, 0, 0, 60_000, 60_000, 60_000, 60_000, 60_000, 120_000, 120_000])
    }).pipe(Effect.provide(inMemory)))

  it.simulated("takes off the delay what has passed already", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      for (let i = 0; i < 5; i++) yield* limiter.consume({ ...options, onExceeded: "delay" })
      yield* Effect.sleep("15 seconds")
      expect(yield* delay(limiter, { ...options, onExceeded: "delay" })).toBe(45_000)
    }).pipe(Effect.provide(inMemory)))

  it.simulated("counts each key on its own", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      for (let i = 0; i < 5; i++) yield* limiter.consume(options)
      yield* Effect.sleep("10 seconds")
      expect((yield* limiter.consume({ ...options, key: "b" })).remaining).toBe(4)
      expect(yield* retryAfter(limiter, options)).toBe(50_000)
    }).pipe(Effect.provide(inMemory)))

  it.simulated("takes several tokens at once", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      expect((yield* limiter.consume({ ...options, tokens: 3 })).remaining).toBe(2)
      expect(yield* retryAfter(limiter, { ...options, tokens: 3 })).toBe(36_000)
      yield* Effect.sleep(36_000)
      expect((yield* limiter.consume({ ...options, tokens: 3 })).remaining).toBe(2)
    }).pipe(Effect.provide(inMemory)))

  it.simulated("refuses at once what can never be had", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      expect(yield* timed(retryAfter(limiter, { ...options, tokens: 6 }))).toMatchObject([0, { value: 60_000 }])
    }).pipe(Effect.provide(inMemory)))
})

describe("a rate limiter with a token bucket", () => {
  const options = { ...perMinute, algorithm: "token-bucket" } as const

  it.simulated("has a token again each fifth of the window", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      for (let i = 0; i < 5; i++) yield* limiter.consume(options)
      expect(yield* retryAfter(limiter, options)).toBe(12_000)
      yield* Effect.sleep(11_999)
      expect(yield* retryAfter(limiter, options)).toBe(1)
      yield* Effect.sleep(1)
      expect((yield* limiter.consume(options)).remaining).toBe(0)
      expect(yield* retryAfter(limiter, options)).toBe(12_000)
    }).pipe(Effect.provide(inMemory)))

  it.simulated("delays by a token each", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      const delays: Array<number> = []
      for (let i = 0; i < 8; i++) delays.push(yield* delay(limiter, { ...options, onExceeded: "delay" }))
      expect(delays).toEqual([0, 0, 0, 0, 0, 12_000, 24_000, 36_000])
    }).pipe(Effect.provide(inMemory)))

  it.simulated("never has more than its limit, however long nobody asks", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      yield* limiter.consume(options)
      yield* Effect.sleep("7 days")
      for (let i = 0; i < 5; i++) yield* limiter.consume(options)
      expect(yield* retryAfter(limiter, options)).toBe(12_000)
    }).pipe(Effect.provide(inMemory)))

  it.simulated("keeps the part of a token that has passed", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      for (let i = 0; i < 5; i++) yield* limiter.consume(options)
      yield* Effect.sleep("20 seconds")
      yield* limiter.consume(options)
      expect(yield* retryAfter(limiter, options)).toBe(4000)
    }).pipe(Effect.provide(inMemory)))
})

describe("a rate limited effect", () => {
  it.simulated("runs when its turn comes", () =>
    Effect.gen(function* () {
      const limit = yield* RateLimiter.makeWithRateLimiter
      const limited = limit({ window: "1 second", limit: 4, key: "a", algorithm: "token-bucket", onExceeded: "delay" })(
        now,
      )
      expect(yield* Effect.all(Array.from({ length: 8 }, () => limited), { concurrency: "unbounded" })).toEqual([
        0,
        0,
        0,
        0,
        250,
        500,
        750,
        1000,
      ])
    }).pipe(Effect.provide(inMemory)))

  it.simulated("one after another is no faster", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      const options = { window: "1 second", limit: 2, key: "a", algorithm: "fixed-window" } as const
      const times: Array<number> = []
      for (let i = 0; i < 6; i++) {
        yield* RateLimiter.sleep(limiter, options)
        times.push(yield* now)
      }
      // The third waits for a window of its own; the counter is new when that has passed.
      expect(times).toEqual([0, 0, 1000, 1000, 2000, 2000])
    }).pipe(Effect.provide(inMemory)))
})
