/**
 * Decides whether two runs of a program failed in the same way: by the contents of their errors, and not by stack
 * traces or fiber numbers.
 *
 * A failure is taken apart into leaves, each with its path: `failure.kind`, `failure.message`.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Predicate from "effect/Predicate"
import * as Stuck from "../virtual/Stuck.ts"

/** A value without parts. */
interface Leaf {
  readonly text: string
  /** A number or a time, or a text that may have such in it, may differ each time; all else is the failure itself. */
  readonly kind: "fixed" | "number" | "text"
}

/** What a failure is made of. */
export type Failed = ReadonlyMap<string, Leaf>

/** What is larger than this, or deeper, is compared as far as that. */
const MOST_LEAVES = 10_000
const DEEPEST = 100

/** Where an error was thrown, on any runtime. */
const PLACES = new Set(["stack", "line", "column", "sourceURL", "fileName", "lineNumber", "columnNumber"])

const isStuckError = (error: Error): boolean =>
  Object.values(Stuck).some((each) =>
    typeof each === "function" && each.prototype instanceof Error && error instanceof each
  )

class Leaves {
  readonly found = new Map<string, Leaf>()
  /** Where each object was found first: it may be in itself. */
  readonly #seen = new Map<object, string>()

  add(path: string, value: unknown, depth = 0): void {
    if (this.found.size >= MOST_LEAVES) return
    switch (typeof value) {
      case "string":
        return this.#leaf(path, JSON.stringify(value), "text")
      case "number":
        return this.#leaf(path, Object.is(value, -0) ? "-0" : String(value), "number")
      case "bigint":
        return this.#leaf(path, `${value}n`, "number")
      case "function":
        return this.#leaf(path, `function ${value.name}`)
      case "object":
        if (value !== null) return this.#object(path, value, depth)
    }
    this.#leaf(path, String(value))
  }

  #leaf(path: string, text: string, kind: Leaf["kind"] = "fixed"): void {
    this.found.set(path, { text, kind })
  }

  #object(path: string, value: object, depth: number): void {
    const seen = this.#seen.get(value)
    if (seen !== undefined || depth === DEEPEST) return this.#leaf(path, seen === undefined ? "…" : `as ${seen}`)
    this.#seen.set(value, path)
    try {
      this.#parts(path, value, depth + 1)
    } catch (error) {
      // Whatever it is, it won't be looked at.
      this.#leaf(path, `it throws ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #parts(path: string, value: object, depth: number): void {
    if (Predicate.isDate(value)) return this.#leaf(path, String(value.getTime()), "number")
    const { constructor } = value
    this.#leaf(`${path}:`, typeof constructor === "function" ? constructor.name : "no class")
    if (value instanceof Error) return this.#error(path, value, depth)
    if (value instanceof RegExp) return this.#leaf(path, String(value))
    if (ArrayBuffer.isView(value)) {
      const { buffer, byteOffset, byteLength } = value
      return this.#leaf(
        path,
        `${byteLength} B ${new Uint8Array(buffer, byteOffset, Math.min(byteLength, MOST_LEAVES))}`,
      )
    }
    if (value instanceof Map || value instanceof Set) return this.#each(path, value, depth)
    // Effect's own data say by that what they are, whatever their insides look like.
    if (Predicate.hasProperty(value, "toJSON") && typeof value.toJSON === "function") {
      return this.add(`${path}.toJSON()`, value.toJSON(), depth)
    }
    this.#properties(path, value, depth)
  }

  #each(path: string, values: Iterable<unknown>, depth: number): void {
    let index = 0
    for (const each of values) this.add(`${path}[${index++}]`, each, depth)
  }

  #error(path: string, error: Error, depth: number): void {
    this.#leaf(`${path}.name`, error.name)
    const isStuck = isStuckError(error)
    // The message of one that is stuck has numbers of fibers, and is made of what is compared anyway.
    if (!isStuck) this.add(`${path}.message`, error.message, depth)
    if (error.cause !== undefined) this.add(`${path}.cause`, error.cause, depth)
    if (error instanceof AggregateError) this.add(`${path}.errors`, error.errors, depth)
    this.#properties(path, error, depth, isStuck)
  }

  #properties(path: string, value: object, depth: number, isStuck = false): void {
    const isList = Array.isArray(value)
    if (isList) this.#leaf(`${path}.length`, String(value.length))
    for (const key of Object.keys(value)) {
      if (this.found.size >= MOST_LEAVES) return
      const property = Object.getOwnPropertyDescriptor(value, key)
      // What is computed might do something.
      if (property === undefined || !("value" in property)) continue
      const at = isList ? `${path}[${key}]` : `${path}.${key}`
      if (value instanceof Error && PLACES.has(key) || this.found.has(at)) continue
      if (isStuck) this.#ofStuck(at, property.value, depth)
      else this.add(at, property.value, depth)
    }
  }

  /** Fibers by where they are: their numbers are other ones each time. */
  #ofStuck(path: string, value: unknown, depth: number): void {
    const nameless = (fiber: unknown) => Predicate.hasProperty(fiber, "fiber") ? { ...fiber, fiber: undefined } : fiber
    this.add(path, Array.isArray(value) ? value.map(nameless) : nameless(value), depth)
  }
}

/** With each word that has a digit in it left out. */
const withoutNumbers = (text: string): string => text.replace(/[\w.:+-]+/g, (word) => /\d/.test(word) ? "#" : word)

const leavesOf = (path: string, value: unknown): Failed => {
  const leaves = new Leaves()
  leaves.add(path, value)
  return leaves.found
}

/** For putting in order what has none: that of two runs is the same, up to what may differ. */
const keyOf = (leaves: Failed): string =>
  [...leaves].map(([path, { text, kind }]) => `${path} ${kind === "fixed" ? text : withoutNumbers(text)}`).join("\n")

/** What has failed. Interruptions count where there is nothing else. */
export const failed = (cause: Cause.Cause<unknown>): Failed => {
  const reasons = cause.reasons.flatMap((reason) => {
    if (Cause.isInterruptReason(reason)) return []
    const isFail = Cause.isFailReason(reason)
    return [{ tag: reason._tag, leaves: leavesOf("", isFail ? reason.error : reason.defect) }]
  })
  if (reasons.length === 0) return new Map([["failure", { text: "interrupted", kind: "fixed" }]])
  const ordered = reasons.map((each) => ({ ...each, key: `${each.tag} ${keyOf(each.leaves)}` }))
    .sort(({ key: a }, { key: b }) => a < b ? -1 : a > b ? 1 : 0)
  return new Map(ordered.flatMap(({ tag, leaves }, index) => {
    const root = `${tag === "Fail" ? "failure" : "defect"}${ordered.length === 1 ? "" : ` ${index + 1}`}`
    return [...leaves].map(([path, leaf]) => [`${root}${path}`, leaf] as const)
  }))
}

/**
 * Where two failures differ, if they are alike but for leaves that `mayVary`: in a number, or in numbers within
 * a text. None if they aren't.
 */
export const differences = (
  one: Failed,
  other: Failed,
  mayVary: (path: string) => boolean,
): ReadonlyArray<string> | undefined => {
  if (one.size !== other.size) return undefined
  const found: Array<string> = []
  for (const [path, leaf] of one) {
    const against = other.get(path)
    if (against === undefined || against.kind !== leaf.kind) return undefined
    if (against.text === leaf.text) continue
    const isAlike = leaf.kind === "number" ||
      leaf.kind === "text" && withoutNumbers(leaf.text) === withoutNumbers(against.text)
    if (!isAlike || !mayVary(path)) return undefined
    found.push(path)
  }
  return found
}
