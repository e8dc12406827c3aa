/**
 * Random numbers that a seed alone decides: streams, each of which depends on the seed and on its name, and not on how
 * much others have drawn. So one more link in a world doesn't change what its other links do.
 *
 * The generator is xoshiro128** (Blackman and Vigna, 2018): 128 bits of state, in
 * 32-bit integers, the same on every runtime. Names become states by cyrb128 (bryc).
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import { OptionError } from "../core/Fault.ts"
import { badSeed } from "../internal/services/Checks.ts"
import { orFail } from "../internal/services/Unsafe.ts"

type Words = readonly [number, number, number, number]

const rotl = (word: number, by: number): number => (word << by) | (word >>> (32 - by))

/** cyrb128: 128 bits that the bits of a key and a text decide, well mixed. */
const mixed = (key: Words, text: string): Words => {
  let a = 1779033703 ^ key[0]
  let b = 3144134277 ^ key[1]
  let c = 1013904242 ^ key[2]
  let d = 2773480762 ^ key[3]
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = b ^ Math.imul(a ^ unit, 597399067)
    b = c ^ Math.imul(b ^ unit, 2869860233)
    c = d ^ Math.imul(c ^ unit, 951274213)
    d = a ^ Math.imul(d ^ unit, 2716044179)
  }
  a = Math.imul(c ^ (a >>> 18), 597399067)
  b = Math.imul(d ^ (b >>> 22), 2869860233)
  c = Math.imul(a ^ (c >>> 17), 951274213)
  d = Math.imul(b ^ (d >>> 19), 2716044179)
  const all = a ^ b ^ c ^ d
  return [all >>> 0, (b ^ all) >>> 0, (c ^ all) >>> 0, (d ^ all) >>> 0]
}

const WORD = 1n << 32n
const LARGEST = 1n << 64n

/** As many ones as `last`, an unsigned word, has binary digits; 0 has one. */
const maskOf = (last: number): number => 0xffff_ffff >>> Math.clz32(last | 1)

/**
 * A stream of pseudo-random numbers.
 *
 * @since 0.1.0
 * @category models
 */
export class Random {
  readonly #key: Words
  #a: number
  #b: number
  #c: number
  #d: number

  /** The stream with this state, which isn't all zeros. For seeds and names: {@link make} and {@link Random.fork}. */
  constructor(state: Words) {
    this.#key = state
    // Signed, as they are from then on: an engine that has seen only small integers in them keeps them as such.
    this.#a = state[0] | 0
    this.#b = state[1] | 0
    this.#c = state[2] | 0
    this.#d = state[3] | 0
    // The one state that it would never leave.
    if ((this.#a | this.#b | this.#c | this.#d) === 0) this.#d = 1
  }

  /** 32 bits: a whole number from 0 to 2^32 − 1. */
  bits(): number {
    const result = Math.imul(rotl(Math.imul(this.#b, 5), 7), 9) >>> 0
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = rotl(this.#d, 11)
    return result
  }

  /** A number from 0 to below 1, of 53 bits. */
  number(): number {
    const high = this.bits() >>> 5
    return (high * 0x400_0000 + (this.bits() >>> 6)) / 0x20_0000_0000_0000
  }

  /**
   * A whole number from 0 to below `n`, each exactly as likely as any other. `n` is from 1
   * to 2^64; another is thrown as an `OptionError`.
   */
  below(n: bigint): bigint {
    if (typeof n !== "bigint" || n < 1n || n > LARGEST) {
      throw new OptionError("n", n, "it is a whole number from 1 to 2^64, a bigint")
    }
    if (n <= WORD) return BigInt(this.#upTo(Number(n) - 1))
    const last = n - 1n
    // The high word alone tells most of those that are too large.
    const [lastHigh, mask] = [Number(last >> 32n), maskOf(Number(last >> 32n))]
    for (;;) {
      const [high, low] = [(this.bits() & mask) >>> 0, this.bits()]
      if (high > lastHigh) continue
      const drawn = BigInt(high) << 32n | BigInt(low)
      if (drawn <= last) return drawn
    }
  }

  /** From 0 to `last`, which is below 2^32. Those that are too large are drawn again: fewer than half of them. */
  #upTo(last: number): number {
    const mask = maskOf(last)
    for (;;) {
      const drawn = (this.bits() & mask) >>> 0
      if (drawn <= last) return drawn
    }
  }

  /**
   * Whether something happens that does with this probability, from 0, never, to 1, always;
   * another is thrown as an `OptionError`.
   */
  chance(probability: number): boolean {
    if (typeof probability !== "number" || !(probability >= 0 && probability <= 1)) {
      throw new OptionError("probability", probability, "it is a number from 0 to 1")
    }
    return this.number() < probability
  }

  /** One of these, fewer than 2^32, each as likely as any other; none of none. */
  pick<A>(from: ReadonlyArray<A>): A | undefined {
    return from.length === 0 ? undefined : from[this.#upTo(from.length - 1)]
  }

  /** These in another order, each as likely as any other. */
  shuffle<A>(these: ReadonlyArray<A>): Array<A> {
    const shuffled = [...these]
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.#upTo(i)
      ;[shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!]
    }
    return shuffled
  }

  /** The stream of this name: it has nothing to do with what was drawn from this one. */
  fork(name: string): Random {
    return new Random(mixed(this.#key, name))
  }
}

/**
 * The stream of a seed, a whole number from 0 to 2^32 − 1. Throws an `OptionError` for any other; {@link make} fails.
 *
 * @example
 * ```ts
 * import { Random } from "guest-clock/simulation"
 *
 * const random = Random.makeUnsafe(42)
 * const [one, other] = [random.fork("wire"), random.fork("wire")]
 * console.log(one.number() === other.number()) // true
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const makeUnsafe = (seed: number): Random => {
  const bad = badSeed("seed", seed)
  if (bad !== undefined) throw bad
  return new Random(mixed([0, 0, 0, 0], `seed ${seed}`))
}

/**
 * The stream of a seed, a whole number from 0 to 2^32 − 1. Fails with an `OptionError` for any other.
 *
 * **When to use**
 *
 * Use it for chance outside of a world. A guest has its own, `Guest.Self`'s `random`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Random } from "guest-clock/simulation"
 *
 * const error = await Effect.runPromise(Effect.flip(Random.make(-1)))
 * console.log(error.message) // seed can't be -1: it is a whole number from 0 to 4294967295
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (seed: number): Effect.Effect<Random, OptionError> => orFail(() => makeUnsafe(seed))
