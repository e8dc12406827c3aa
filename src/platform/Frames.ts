/**
 * Where in its sources a fiber waits.
 *
 * @module
 */
import { SingleShotGen } from "effect/Utils"
import type { AnyFiber } from "./Suspended.ts"

/** As much of a fiber as is looked at: what it goes on with when it wakes up, the next last. */
interface Stacked {
  readonly _stack?: ReadonlyArray<{ readonly iterator?: unknown }>
}

interface Delegate {
  return?: () => IteratorResult<undefined>
}

/** The line of a suspended generator, as a stack trace has it. */
const frameOf = (generator: Generator): string | undefined => {
  let stack: string | undefined
  // A generator that stands in `yield* effect` hands `return` on to the effect's iterator, which is called from that
  // very line, and goes on standing there if it is told that the iterator isn't done. Effect's iterators have no
  // `return`, so there is one while this looks.
  const delegate = SingleShotGen.prototype as Delegate
  if (delegate.return !== undefined) return undefined
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 3
  delegate.return = () => {
    stack = new Error().stack
    return { done: false, value: undefined }
  }
  try {
    generator.return(undefined)
  } catch {
    // One that runs can't be asked.
  } finally {
    delete delegate.return
    Error.stackTraceLimit = limit
  }
  // The first line is that of the function above. V8 says first that it is an Error.
  const lines = stack?.split("\n").map((line) => line.trim()).filter((line) => line.startsWith("at "))
  return lines?.[1]
}

/**
 * The lines at which a fiber waits, the innermost first, each as `at name (file:line:column)`: of all `Effect.gen` and
 * `Effect.fn` that it is in. None for a fiber that runs, or that is in none.
 */
export const framesOf = (fiber: AnyFiber): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const { iterator } of (fiber as Stacked)._stack ?? []) {
    const frame = iterator === undefined ? undefined : frameOf(iterator as Generator)
    if (frame !== undefined) found.unshift(frame)
  }
  return found
}
