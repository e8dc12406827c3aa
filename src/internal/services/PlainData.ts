/**
 * Copies data, so that later changes don't reach the copy, and converts it to JSON and back, so that it is the same in
 * another process.
 *
 * What can be copied: null, undefined, booleans, strings, numbers, bigints, dates, maps,
 * sets, arrays, typed arrays, and objects, of which only the contents count. What has a
 * `toJSON` is what that returns. All else is refused, by name.
 *
 * @module
 */
import * as DateTime from "effect/DateTime"
import { Tagged } from "../core/Tagged.ts"

/** Something that can't be copied: what, and where it is. */
export class NotPlain extends Tagged<"NotPlain"> {
  constructor(path: string, what: string) {
    super("NotPlain", path === "" ? `it is ${what}` : `${path} is ${what}`)
  }
}

/** Objects that say nothing by their contents. */
const OPAQUE = [Promise, WeakMap, WeakSet, WeakRef, RegExp, ArrayBuffer, DataView]

type TypedArray = ArrayLike<number | bigint> & { readonly constructor: { readonly name: string } }
type TypedArrayClass = new (values: ReadonlyArray<number | bigint> | TypedArray) => TypedArray

const TYPED: ReadonlyMap<string, TypedArrayClass> = new Map(
  [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ].map((made) => [made.name, made as unknown as TypedArrayClass]),
)

/** What kind of object something is, even from another realm. */
const kindOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1)

const isDate = (value: object): value is { readonly getTime: () => number } => kindOf(value) === "Date"

const dateOf = (ms: number): unknown => DateTime.toDate(DateTime.makeUnsafe(ms))

const copyDate = (date: { readonly getTime: () => number }, path: string): unknown => {
  const ms = date.getTime()
  if (Number.isNaN(ms)) throw new NotPlain(path, "a date without a time")
  return dateOf(ms)
}

const at = (path: string, key: string | number): string =>
  typeof key === "number" ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`

const copyOf = (value: unknown, path: string, around: ReadonlyArray<object>): unknown => {
  if (typeof value === "function") throw new NotPlain(path, "a function")
  if (typeof value === "symbol") throw new NotPlain(path, `a symbol, ${String(value)}`)
  if (typeof value !== "object" || value === null) return value
  if (around.includes(value)) throw new NotPlain(path, "an object that it is in itself")
  const within = [...around, value]
  if (Array.isArray(value)) return Array.from(value, (item, index) => copyOf(item, at(path, index), within))
  if (isDate(value)) return copyDate(value, path)
  if (value instanceof Map) {
    return new Map([...value].map(([key, item], index) => [
      copyOf(key, `a key of ${path === "" ? "the map" : path}`, within),
      copyOf(item, typeof key === "string" ? at(path, key) : at(path, index), within),
    ]))
  }
  if (value instanceof Set) return new Set(Array.from(value, (item, index) => copyOf(item, at(path, index), within)))
  const Typed = ArrayBuffer.isView(value) ? TYPED.get(value.constructor.name) : undefined
  if (Typed !== undefined) return new Typed(value as unknown as TypedArray)
  const opaque = OPAQUE.find((each) => value instanceof each)
  if (opaque !== undefined) throw new NotPlain(path, `a ${opaque.name}, of which nothing can be seen`)
  if ("toJSON" in value && typeof value.toJSON === "function") return copyOf(value.toJSON(), path, within)
  // What an error says isn't among its fields.
  const fields = value instanceof Error ? Object.assign({ name: value.name, message: value.message }, value) : value
  return Object.fromEntries(
    Object.entries(fields).filter(([, field]) => field !== undefined).map((
      [key, field],
    ) => [key, copyOf(field, at(path, key), within)]),
  )
}

/** A copy that shares nothing with `data`. What can't be copied throws a {@link NotPlain}, and what its getters throw. */
export const copy = (data: unknown): unknown => copyOf(data, "", [])

/** As {@link copy}, but what can't be copied is a text. */
export const copyOrText = (data: unknown): unknown => {
  try {
    return copy(data)
  } catch {
    return String(data)
  }
}

/** The field that marks what JSON has no word for. An object that has it itself is marked as well. */
const MARK = "$"

const marked = (kind: string, of: unknown) => ({ [MARK]: kind, of })

/** What was copied, as JSON. */
export const toJson = (data: unknown): unknown => {
  if (data === undefined) return marked("undefined", null)
  if (typeof data === "bigint") return marked("bigint", String(data))
  if (typeof data === "number") {
    return Number.isFinite(data) && !Object.is(data, -0)
      ? data
      : marked("number", Object.is(data, -0) ? "-0" : `${data}`)
  }
  if (typeof data !== "object" || data === null) return data
  if (Array.isArray(data)) return data.map(toJson)
  if (isDate(data)) return marked("Date", data.getTime())
  if (data instanceof Map) return marked("Map", [...data].map(([key, item]) => [toJson(key), toJson(item)]))
  if (data instanceof Set) return marked("Set", [...data].map(toJson))
  if (ArrayBuffer.isView(data)) {
    return marked(data.constructor.name, Array.from(data as unknown as TypedArray, toJson))
  }
  const fields = Object.entries(data).map(([key, field]) => [key, toJson(field)] as const)
  return Object.hasOwn(data, MARK) ? marked("Object", fields) : Object.fromEntries(fields)
}

/** The inverse of {@link toJson}. JSON that {@link toJson} never makes is returned unchanged. */
export const fromJson = (json: unknown): unknown => {
  if (typeof json !== "object" || json === null) return json
  if (Array.isArray(json)) return json.map(fromJson)
  const { [MARK]: kind, of } = json as { readonly [MARK]?: unknown; readonly of?: unknown }
  const items = () => (of as ReadonlyArray<unknown>).map(fromJson)
  const pairs = () =>
    (of as ReadonlyArray<readonly [unknown, unknown]>).map(([a, b]) => [fromJson(a), fromJson(b)] as const)
  switch (kind) {
    case "undefined":
      return undefined
    case "bigint":
      return BigInt(of as string)
    case "number":
      return Number(of)
    case "Date":
      return dateOf(of as number)
    case "Map":
      return new Map(pairs())
    case "Set":
      return new Set(items())
    case "Object":
      return Object.fromEntries(pairs() as ReadonlyArray<readonly [string, unknown]>)
  }
  const Typed = typeof kind === "string" ? TYPED.get(kind) : undefined
  if (Typed !== undefined) return new Typed(items() as ReadonlyArray<number | bigint>)
  return Object.fromEntries(Object.entries(json).map(([key, field]) => [key, fromJson(field)]))
}
