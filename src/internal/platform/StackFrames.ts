/**
 * Finds the source lines at which a fiber waits.
 *
 * Only for programs that are stuck: asking ends a generator that is suspended in a plain `yield`, without a star.
 * Effect's types don't allow such a `yield`, but it runs.
 *
 * @module
 */
import { SingleShotGen } from "effect/Utils"
import type { AnyFiber } from "./Suspension.ts"

/** As much of a fiber as is looked at: Effect's continuation stack. The top is the last item. */
interface Stacked {
  readonly _stack?: ReadonlyArray<{ readonly iterator?: unknown }>
}

interface Delegate {
  return?: () => IteratorResult<undefined>
}

/** What the iterators of arrays and the like inherit from: effects may be yielded from such, too. */
const ITERATOR = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()))

/** The line of a suspended generator, as a stack trace has it. */
export const lineOf = (generator: Generator): string | undefined => {
  let stack: unknown
  // A generator that stands in `yield* effect` hands `return` on to the effect's iterator, which is called from that
  // very line, and goes on standing there if it is told that the iterator isn't done. Effect's iterators have no
  // `return`, so there is one while this looks.
  const delegates = [SingleShotGen.prototype, ITERATOR] as ReadonlyArray<Delegate>
  if (delegates.some((delegate) => delegate.return !== undefined)) return undefined
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 3
  const look = () => {
    stack = new Error().stack
    return { done: false, value: undefined }
  }
  for (const delegate of delegates) delegate.return = look
  try {
    generator.return(undefined)
  } catch {
    // One that runs can't be asked.
  } finally {
    for (const delegate of delegates) delete delegate.return
    Error.stackTraceLimit = limit
  }
  // A program's own Error.prepareStackTrace may have returned anything.
  if (typeof stack !== "string") return undefined
  // The first line is that of the function above. V8 says first that it is an Error.
  const lines = stack.split("\n").map((line) => line.trim()).filter((line) => line.startsWith("at "))
  return lines[1]
}

/** The folder of this library's files. In a bundle they are in no folder of their own. */
const OWN: URL | undefined = /\/(?:src|dist)\/internal\/platform\/[^/]*$/.test(import.meta.url)
  ? new URL("../..", import.meta.url)
  : undefined

/** Whether a line of a stack trace is in one of this library's files. In a bundle, that can't be told: none is. */
export const isOwn = (line: string): boolean =>
  OWN !== undefined && (line.includes(OWN.href) || line.includes(decodeURIComponent(OWN.pathname)))

/**
 * The lines at which a fiber waits, the innermost first, each as `at name (file:line:column)`: of all `Effect.gen` and
 * `Effect.fn` that it is in, but for this library's own. None for a fiber that runs, or that is in none.
 */
export const framesOf = (fiber: AnyFiber): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const { iterator } of (fiber as Stacked)._stack ?? []) {
    const frame = iterator === undefined ? undefined : lineOf(iterator as Generator)
    if (frame !== undefined) found.unshift(frame)
  }
  const others = found.filter((frame) => !isOwn(frame))
  return others.length > 0 ? others : found
}
