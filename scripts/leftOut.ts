/**
 * What is left out where something isn't there that it needs: tests leave a note,
 * and what closes with `N passed, N failed` says all of them right before.
 *
 * @module
 */
import type { TestContext } from "vitest"

const MARK = "LEFT OUT: "

/** The type of a test's annotation that notes what was left out. */
export const ANNOTATION = "left out"

/** What is said of what is left out, and what it needs. */
export const format = (what: string, lacks: string): string => `${MARK}${what}: ${lacks}`

/** Whether a line says that something is left out. */
export const isOne = (line: string): boolean => line.startsWith(MARK)

/** Notes that a test has left something out, and what that needs. */
export const note = async (context: TestContext, what: string, lacks: string): Promise<void> => {
  await context.annotate(format(what, lacks), ANNOTATION)
}
