/**
 * Requests that are served one at a time, each for as long as its server says: the line before a device.
 *
 * @module
 */
import { OptionError } from "../../core/Fault.ts"
import { badNanos, badWhole } from "../services/Checks.ts"

/**
 * How a device serves requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface Serving<Request, Response> {
  /**
   * How long a request takes that is begun now, in ns from 0 to 2^62, and what comes of it. An
   * `OptionError` that it throws is of that request alone.
   */
  readonly serve: (request: Request, now: bigint) => { readonly time: bigint; readonly response: Response }
  /** Which of those that wait is next, by its place among them, from 0. Default: the first. */
  readonly choose?: (waiting: ReadonlyArray<Request>) => number
}

/** The time that a line is in. */
export interface LineTime {
  readonly now: () => bigint
  readonly after: (delay: bigint, action: () => void) => void
}

/** A request, and who is told what has come of it. */
interface Submitted<Request, Response> {
  readonly request: Request
  readonly done: (result: Response | OptionError) => void
}

/** The longest time that a device may take: half of all times. */
export const LONGEST = 1n << 62n

/** What `run` returns, or the `OptionError` that it throws; anything else that it throws is thrown. */
export const named = <A>(run: () => A): A | OptionError => {
  try {
    return run()
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
}

/** The line before one server. */
export class ServiceLine<Request, Response> {
  readonly #name: string
  readonly #serving: Serving<Request, Response>
  readonly #time: LineTime
  readonly #waiting: Array<Submitted<Request, Response>> = []
  #isBusy = false

  constructor(name: string, serving: Serving<Request, Response>, time: LineTime) {
    this.#name = name
    this.#serving = serving
    this.#time = time
  }

  /** Those that wait, without the one that is served now. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Has a request served; `done` is called when it is, or can't be, which may be at once. */
  submit(request: Request, done: (result: Response | OptionError) => void): void {
    this.#waiting.push({ request, done })
    this.#next()
  }

  #next(): void {
    while (!this.#isBusy && this.#waiting.length > 0) {
      const chosen = this.#pick()
      if (chosen !== undefined) this.#begin(chosen)
    }
  }

  /** The request that is next, if any can be. */
  #pick(): Submitted<Request, Response> | undefined {
    const { choose } = this.#serving
    const waiting = this.#waiting
    const index = choose === undefined ? 0 : choose(waiting.map(({ request }) => request))
    const bad = badWhole(`what choose of ${this.#name} returns`, index, 0, waiting.length - 1)
    if (bad === undefined) return waiting.splice(index, 1)[0]
    // Otherwise they would wait for good.
    for (const { done } of waiting.splice(0)) done(bad)
    return undefined
  }

  #begin({ request, done }: Submitted<Request, Response>): void {
    const served = named(() => {
      const served = this.#serving.serve(request, this.#time.now())
      return badNanos(`time that serve of ${this.#name} returns`, served?.time, 0n, LONGEST) ?? served
    })
    if (served instanceof OptionError) return done(served)
    this.#isBusy = true
    this.#time.after(served.time, () => {
      this.#isBusy = false
      done(served.response)
      this.#next()
    })
  }
}
