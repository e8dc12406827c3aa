/**
 * Encodes a link's messages when they are sent, and decodes a message of its own for each receiver.
 *
 * @module
 */
import * as Schema from "effect/Schema"

/**
 * A message on its way: a text of JSON, or the message itself where that is a string, a
 * number, a boolean or a bigint that its schema leaves as it is. Those can't be changed by
 * anybody, and a text would cost more than all else that is done to them. Of bytes it is a
 * copy, of which nobody but the link has a reference.
 */
export type Wire = string | number | boolean | bigint | Uint8Array

const utf8 = new TextEncoder()

/** Schemas whose messages are on their way as they are, and what `typeof` says of these. */
const PLAIN: { readonly [tag: string]: string } = {
  String: "string",
  Number: "number",
  Boolean: "boolean",
  BigInt: "bigint",
}

/** The codec of one link. What it throws says why a message can't be. */
export class Codec {
  readonly #encode: (message: unknown) => unknown
  readonly #decode: (json: unknown) => unknown
  /** What `typeof` says of messages that go as they are; none: they go as text. */
  readonly #plain: string | undefined
  /** Whether all of those are allowed. */
  readonly #isAny: boolean
  /** Whether messages are bytes, of any kind. */
  readonly #isBytes: boolean

  constructor(message: Schema.Codec<unknown, unknown>) {
    const json: Schema.Codec<unknown, unknown> = Schema.toCodecJson(message)
    this.#encode = Schema.encodeSync(json)
    this.#decode = Schema.decodeSync(json)
    const { ast } = message
    this.#plain = ast.encoding === undefined ? PLAIN[ast._tag] : undefined
    this.#isAny = ast.checks === undefined
    this.#isBytes = ast === Schema.Uint8Array.ast
  }

  /** A message as it is now. */
  wire(message: unknown): Wire {
    if (this.#isBytes) {
      if (!(message instanceof Uint8Array)) this.#encode(message)
      return new Uint8Array(message as Uint8Array)
    }
    if (this.#plain !== undefined) {
      if (!this.#isAny || typeof message !== this.#plain) this.#encode(message)
      // JSON has no −0.
      return message === 0 ? 0 : message as Wire
    }
    const text = JSON.stringify(this.#encode(message))
    if (text === undefined) throw new Error("JSON can't say it")
    return text
  }

  /** The message on its way: another one each time. */
  open(wire: Wire): unknown {
    if (wire instanceof Uint8Array) return new Uint8Array(wire)
    return this.#plain === undefined ? this.#decode(JSON.parse(wire as string)) : wire
  }

  /** As JSON has it. */
  json(wire: Wire): unknown {
    if (wire instanceof Uint8Array) return this.#encode(wire)
    if (this.#plain === undefined) return JSON.parse(wire as string)
    return typeof wire === "bigint" || typeof wire === "number" && !Number.isFinite(wire) ? String(wire) : wire
  }

  /** The message on its way that JSON has: from another process. */
  fromJson(json: unknown): Wire {
    return this.#isBytes
      ? this.#decode(json) as Wire
      : this.#plain === undefined
      ? JSON.stringify(json)
      : this.#decode(json) as Wire
  }

  /** How many bytes its JSON has. */
  bytes(wire: Wire): number {
    const isText = this.#plain === undefined && !this.#isBytes
    return utf8.encode(isText ? wire as string : JSON.stringify(this.json(wire))).length
  }
}

/** What carries messages of a schema. */
interface Carrier {
  readonly options: { readonly message: Schema.Codec<unknown, unknown> }
}

const codecs = new WeakMap<Carrier, Codec>()

/** A link's codec: compiled once, however many guests are at its ends. */
export const codecOf = (link: Carrier): Codec => {
  let codec = codecs.get(link)
  if (codec === undefined) codecs.set(link, codec = new Codec(link.options.message))
  return codec
}
