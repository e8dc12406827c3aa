/**
 * Values taken apart, to be compared as a whole: millions of them, in a fifth of the
 * time that it takes to compare them as JSON.
 *
 * @module
 */
import { expect } from "vitest"

/** Adds all there is in a value, in order: what isn't an object, and the keys and brackets around it. */
export const addParts = (parts: Array<unknown>, value: unknown): void => {
  if (typeof value !== "object" || value === null) {
    parts.push(value)
  } else if (Array.isArray(value)) {
    parts.push("[")
    for (const each of value) addParts(parts, each)
    parts.push("]")
  } else if ("toJSON" in value && typeof value.toJSON === "function") {
    addParts(parts, value.toJSON())
  } else {
    parts.push("{")
    for (const key of Object.keys(value)) {
      parts.push(key)
      addParts(parts, (value as { readonly [key: string]: unknown })[key])
    }
    parts.push("}")
  }
}

/** All there is in a value. */
export const partsOf = (value: unknown): ReadonlyArray<unknown> => {
  const parts: Array<unknown> = []
  addParts(parts, value)
  return parts
}

/** Fails unless both have the same parts, each of them exactly the same. */
export const expectSameParts = (
  got: ReadonlyArray<unknown>,
  expected: ReadonlyArray<unknown>,
  where = "",
): void => {
  if (got.length === expected.length && got.every((part, i) => Object.is(part, expected[i]))) return
  expect(got, where).toStrictEqual(expected)
}
