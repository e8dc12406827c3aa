/**
 * Deno's internal functions. They are undocumented, so each use has a fallback for a Deno that doesn't have them.
 *
 * @module
 */

interface Core {
  /** Runs all microtasks, and those that they bring about. */
  readonly runMicrotasks?: () => void
  /** What `AsyncLocalStorage` holds here and now. */
  readonly getAsyncContext?: () => unknown
  /** Has it hold something else from now on. */
  readonly setAsyncContext?: (context: unknown) => void
  /** Where the promise of an operation has its number. */
  readonly promiseIdSymbol?: symbol
  /** Whether the operation with a number isn't over. */
  readonly hasPromise?: (id: number) => boolean
  /** What is open, by number: `{ 0: "stdin", 3: "tcpListener" }`. */
  readonly resources?: () => { readonly [rid: string]: string }
}

interface Denos {
  readonly Deno?: { readonly internal?: symbol; readonly [key: symbol]: { readonly core?: Core } | undefined }
}

const { Deno } = globalThis as Denos

/** Deno's core; none on other runtimes. */
export const denoCore: Core | undefined = Deno?.internal === undefined ? undefined : Deno[Deno.internal]?.core
