/**
 * Values of all kinds, by name: what programs note down, fail with and throw in worlds that are plain data.
 *
 * @module
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { Distribution } from "../../../src/simulation.ts"

class Odd extends Data.TaggedError("Odd")<{ readonly at: bigint; readonly list: ReadonlyArray<number> }> {}

class Point {
  readonly x: number
  readonly #hidden = 1
  constructor(x: number) {
    this.x = x
  }
  get hidden(): number {
    return this.#hidden
  }
}

const cyclic = (): unknown => {
  const made: { self?: unknown } = {}
  made.self = made
  return made
}

const shared = (): unknown => {
  const one = { n: 1 }
  return [one, one]
}

const withCause = (): Error => new Error("outer", { cause: new Error("inner") })

const nameless = (): Error => Object.assign(new Error(""), { name: "Nameless" })

/** Something that JSON holds. */
export const simple: { readonly [name: string]: () => unknown } = {
  null: () => null,
  number: () => 0.1,
  text: () => "words",
  list: () => [1, [2, { three: null }]],
  object: () => ({ key: 1, other: { list: [] } }),
  true: () => true,
  "empty text": () => "",
}

/** What it doesn't. */
export const rich: { readonly [name: string]: () => unknown } = {
  undefined: () => undefined,
  "minus zero": () => -0,
  NaN: () => [NaN, Infinity],
  "half a pair": () => "\ud800 \u2028",
  bigint: () => ({ at: 10n ** 30n }),
  date: () => [new Date(5), new Date(-1)],
  map: () => new Map<unknown, unknown>([["a", 1n], [2, new Set(["x", 1])]]),
  bytes: () => ({ bytes: new Uint8Array([1, 2]), floats: new Float64Array([-0, NaN]) }),
  "undefined inside": () => ({ a: undefined, b: [undefined, 1] }),
  hole: () => Object.assign([], { 0: 1, 2: 3 }),
  point: () => new Point(3),
  odd: () => new Odd({ at: 3n, list: [1] }),
  error: () => new TypeError("it broke"),
  proto: () => JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}'),
  "no prototype": () => Object.assign(Object.create(null), { a: 1 }),
  option: () => [Option.some(1), Option.none()],
  duration: () => Duration.seconds(3),
  distribution: () => Distribution.exponential("1 millis"),
  shared,
  toJSON: () => ({ toJSON: () => "as JSON has it" }),
  tagged: () => ({ _tag: "Noted", n: "5" }),
  "a bigint's text": () => ["5n", { bigint: "5" }],
}

/** What nothing can be made of, somewhere else. */
export const hopeless: { readonly [name: string]: () => unknown } = {
  function: () => () => 1,
  symbol: () => Symbol("s"),
  "function inside": () => ({ a: [() => 1] }),
  promise: () => Promise.resolve(1),
  cyclic,
  thrower: () => ({
    get a(): never {
      throw new Error("a getter")
    },
  }),
}

/** What programs fail with, and throw. */
export const failures: { readonly [name: string]: () => unknown } = {
  words: () => "no more",
  "empty words": () => "",
  "tagged object": () => ({ _tag: "NotFound", id: 5n }),
  "object with message": () => ({ message: "it says" }),
  "plain object": () => ({ a: 1 }),
  error: () => new Error("it broke"),
  "type error": () => new TypeError("no such thing"),
  nameless,
  "with cause": withCause,
  odd: () => new Odd({ at: 3n, list: [1] }),
  undefined: () => undefined,
  null: () => null,
  number: () => -0,
  bigint: () => 5n,
  symbol: () => Symbol("s"),
  list: () => [1, "two"],
  function: () => function named() {},
  cyclic,
  map: () => new Map([["a", 1]]),
  lines: () => new Error("one\ntwo\u2028three \ud800"),
  aggregate: () => new AggregateError([new Error("a"), "b"], "both"),
}

/** The value of this name, made anew. */
export const value = (name: string): unknown =>
  (simple[name] ?? rich[name] ?? hopeless[name] ?? failures[name] ?? (() => name))()

/** The value of this name that something is failed with. */
export const failure = (name: string): unknown => (failures[name] ?? (() => name))()

/** Changes whatever can be changed of a value, as one may who has noted it down. */
export const change = (noted: unknown): void => {
  if (Array.isArray(noted)) noted.push("changed")
  else if (noted instanceof Map) noted.set("changed", 1)
  else if (noted instanceof Date) noted.setTime(1)
  else if (typeof noted === "object" && noted !== null) {
    for (const inner of Object.getOwnPropertyNames(noted)) {
      const descriptor = Object.getOwnPropertyDescriptor(noted, inner)
      if (descriptor?.value !== undefined && descriptor.value !== noted) change(descriptor.value)
    }
    if (!ArrayBuffer.isView(noted)) Object.assign(noted, { changed: true })
  }
}
