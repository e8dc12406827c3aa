/**
 * Keeps the contents of `AsyncLocalStorage` while a fiber waits, for less than an `AsyncResource` costs on Deno.
 *
 * @module
 */
import { denoCore } from "./DenoCore.ts"

/** As much of an `AsyncResource` as Effect's fibers use: where they wait, one of these keeps their place. */
export interface AsyncContext {
  /** Notes what is held here and now. */
  readonly capture: () => void
  /** Runs `f` with what was held when it was last noted. */
  readonly runInAsyncScope: <This, A, B>(
    f: (this: This, one: A, other: B) => void,
    self: This,
    one: A,
    other: B,
  ) => void
  readonly emitDestroy: () => void
}

/** Contexts, with what a runtime has to look at the one that is current, and to change it. */
const madeOf = (get: () => unknown, set: (context: unknown) => void): () => AsyncContext => {
  class Held implements AsyncContext {
    private held = get()
    capture(): void {
      this.held = get()
    }
    runInAsyncScope<This, A, B>(f: (this: This, one: A, other: B) => void, self: This, one: A, other: B): void {
      const before = get()
      set(this.held)
      try {
        f.call(self, one, other)
      } finally {
        set(before)
      }
    }
    emitDestroy(): void {}
  }
  return () => new Held()
}

const find = (): (() => AsyncContext) | undefined => {
  const { getAsyncContext, setAsyncContext } = denoCore ?? {}
  return getAsyncContext && setAsyncContext && madeOf(getAsyncContext, setAsyncContext)
}

/**
 * Makes a context that holds what is held here and now; on Deno only.
 *
 * Deno documents no way to do this but `AsyncResource`, which enters each resource in a registry of finalizers: a sleep
 * then takes three times as long (docs/performance.md). On Node and Bun an `AsyncResource` costs a tenth of that.
 */
export const makeAsyncContext: (() => AsyncContext) | undefined = find()
