/**
 * A request that a program made of its runtime and that may be under way, and what sees such requests.
 *
 * @module
 */

/**
 * Where a request is:
 *
 * - `busy`: the runtime, the kernel or another process works on it;
 * - `idle`: nothing is to be expected of it now, as of a socket on which nobody owes an answer;
 * - `over`: it can be forgotten.
 */
export type State = "busy" | "idle" | "over"

/** One request. */
export interface Request {
  /** What it is, for people: `a file (FSREQCALLBACK)`, `a connection to 127.0.0.1:5432`. */
  readonly name: () => string
  /** Where it is now. To be asked from outside of the request's own callbacks. */
  readonly state: () => State
}

/** Looks at a request, and says whether that is enough. */
export type Look = (request: Request, isBusy: boolean) => boolean

/** A way to see requests. */
export interface Source {
  /** Shows those that aren't over, until one is enough; whether one was. */
  readonly some: (look: Look) => boolean
  /** Whether something may arrive by a socket that no request announces. */
  readonly isListening: () => boolean
  /** Sees nothing any more, and leaves the runtime as it was. */
  readonly stop: () => void
}

/** Requests that are kept until they are over. */
export class RequestSet<R extends Request = Request> {
  readonly #requests = new Set<R>()

  get size(): number {
    return this.#requests.size
  }

  add(request: R): void {
    this.#requests.add(request)
  }

  delete(request: R): void {
    this.#requests.delete(request)
  }

  /** How many were added before one. */
  placeOf(request: R): number {
    let before = 0
    for (const other of this.#requests) {
      if (other === request) break
      before++
    }
    return before
  }

  some(look: (request: R, isBusy: boolean) => boolean): boolean {
    for (const request of this.#requests) {
      const state = request.state()
      if (state === "over") this.#requests.delete(request)
      else if (look(request, state === "busy")) return true
    }
    return false
  }
}

/** A request that is busy until it is deleted from its set. */
export const begun = (name: () => string): Request => ({ name, state: () => "busy" })

/** The call that a stack was captured in, as the runtime formats it: an `Error.prepareStackTrace` of the program isn't called. */
export const textOf = (call: { readonly stack?: unknown }): string => {
  const prepare = Object.getOwnPropertyDescriptor(Error, "prepareStackTrace")
  if (prepare !== undefined) Reflect.deleteProperty(Error, "prepareStackTrace")
  const stack = String(call.stack)
  if (prepare !== undefined) Object.defineProperty(Error, "prepareStackTrace", prepare)
  return stack
}
