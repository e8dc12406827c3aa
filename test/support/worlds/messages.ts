/**
 * What links carry in worlds that are plain data: schemas whose messages are JSON as they are, or nothing of the kind,
 * and messages of each that are odd in one way or another.
 *
 * @module
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import type { Body, Kind } from "./plan.ts"

type Any = Schema.Codec<unknown, unknown>

/** JSON as it is. */
const Plain = Schema.Struct({
  n: Schema.Number,
  hops: Schema.Number,
  text: Schema.String,
  list: Schema.Array(Schema.Number),
  more: Schema.optionalKey(Schema.Unknown),
})

/** Values that JSON has no words for. */
const Rich = Schema.Struct({
  n: Schema.BigInt,
  hops: Schema.Int,
  at: Schema.Date,
  names: Schema.ReadonlyMap(Schema.String, Schema.Number),
  maybe: Schema.Option(Schema.String),
  bytes: Schema.Uint8Array,
  nothing: Schema.UndefinedOr(Schema.Number),
})

/** Something else on the wire, with bounds. */
const Changed = Schema.Struct({
  n: Schema.NumberFromString,
  hops: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  name: Schema.String,
})

/** Doesn't come back as it was sent: it shows how often it was encoded and decoded. */
const Lossy = Schema.Struct({
  n: Schema.Number,
  hops: Schema.Number,
  name: Schema.String.pipe(
    Schema.decodeTo(
      Schema.String,
      SchemaTransformation.transform({ decode: (text: string) => `${text}!`, encode: (text: string) => text }),
    ),
  ),
})

/** The schema of each kind. */
export const schemas: { readonly [kind in Kind]: Any } = {
  plain: Plain as unknown as Any,
  rich: Rich as unknown as Any,
  changed: Changed as unknown as Any,
  lossy: Lossy as unknown as Any,
  number: Schema.Number as unknown as Any,
}

/** A number holds both, as its quotient and remainder. */
const HOPS = 8

type Fields = { [field: string]: unknown }

const usual = (kind: Kind, n: number, hops: number): unknown => {
  switch (kind) {
    case "plain":
      return { n, hops, text: `message ${n}`, list: [n, n + 1] }
    case "rich":
      return {
        n: BigInt(n) * 10n ** 18n,
        hops,
        at: new Date(n * 1000),
        names: new Map([["n", n], ["hops", hops]]),
        maybe: n % 2 === 0 ? Option.none() : Option.some(`message ${n}`),
        bytes: new Uint8Array([n & 255, 7]),
        nothing: n % 3 === 0 ? undefined : n,
      }
    case "changed":
    case "lossy":
      return { n, hops, name: `message ${n}` }
    case "number":
      return n * HOPS + hops
  }
}

/** A message of a kind. */
export const message = (kind: Kind, { n, hops, quirk }: Body): unknown => {
  const made = usual(kind, n, hops)
  if (kind === "number") {
    return quirk === "broken" ? "a text" : quirk === "strange numbers" ? [-0, NaN, Infinity, 1e300][n % 4] : made
  }
  const fields = made as Fields
  switch (quirk) {
    case "excess":
      return { ...fields, secret: "not for others" }
    case "broken":
      return { ...fields, ...[{ hops: "many" }, { n: undefined }, { hops: -0.5, n: "n" }][n % 3] }
    case "strange numbers":
      return kind === "plain" ? { ...fields, list: [-0, NaN, -Infinity, 5e-324, 2 ** 53 + 2] } : fields
    case "strange texts":
      return kind === "plain"
        ? { ...fields, text: '\ud800\u2028\r\n\0"é\u{1f600}', more: JSON.parse('{"__proto__": 1, "a\\nb": [null]}') }
        : fields
    default:
      return fields
  }
}

/** Changes a message, as its sender may do once it is sent. */
export const change = (sent: unknown): void => {
  if (typeof sent !== "object" || sent === null) return
  const fields = sent as Fields
  for (const value of Object.values(fields)) {
    if (Array.isArray(value)) value.push(99)
    if (value instanceof Map) value.set("late", 1)
    if (value instanceof Date) value.setTime(0)
    if (value instanceof Uint8Array) value[0] = 99
  }
  fields["hops"] = 3
  fields["text"] = "changed"
}

/** How often a message may be answered still, and which it is. */
export const read = (kind: Kind, received: unknown): { readonly n: number; readonly hops: number } => {
  if (kind === "number") {
    const value = Number.isSafeInteger(received) ? received as number : 0
    return { n: Math.floor(value / HOPS), hops: Math.abs(value % HOPS) }
  }
  const { n, hops } = received as { readonly n: number | bigint; readonly hops: number }
  return { n: typeof n === "bigint" ? Number(n / 10n ** 18n) : n, hops }
}
