/**
 * Whether time may move, as far as requests to the world are concerned that the runtime can tell of.
 *
 * @module
 */
import { later, millis, nextTurn } from "../platform/EventLoop.ts"

/** What is known of requests: a file, a hash, a connection that was asked for, and isn't there yet. */
export interface Requests {
  /** Whether any is under way. */
  readonly isUnderWay: () => boolean
  /** What they are, for people. */
  readonly underWay: () => ReadonlyArray<string>
}

/** What a gate is told beforehand. */
export interface GateSettings {
  /** Requests to the world, where they are looked at; and whether time waits for them. */
  readonly requests: Requests | undefined
  readonly waitsForRequests: boolean
  /** Real time, in ms, for which time waits for one of them, be it with nothing due. */
  readonly requestsEndAfterMs: number
  /** Told once when time has moved while requests were under way: their names. */
  readonly onRequests: (names: string) => void
}

/** How long, in ms, requests are waited for turn by turn of the event loop, before timers do. */
const TURNS_MS = 2

/** The gate that time has to pass. */
export class RequestGate {
  readonly #settings: GateSettings
  /** Has a runner ask again. */
  readonly #again: () => void
  readonly #onTooLong: (why: string) => void
  #sinceMs: number | undefined
  #hasWarned = false

  constructor(settings: GateSettings, again: () => void, onTooLong: (why: string) => void) {
    this.#settings = settings
    this.#again = again
    this.#onTooLong = onTooLong
  }

  /** How long, in ms of real time, a request may take. */
  get mostMs(): number {
    return this.#settings.requestsEndAfterMs
  }

  /** What is under way, for people; empty if nothing is. */
  get names(): string {
    const { requests } = this.#settings
    return requests?.isUnderWay() === true ? requests.underWay().join(", ") : ""
  }

  /**
   * Lets time move, or has it asked again later: what is returned takes that back. If anything `hasRun`, all that is
   * under way is seen only after a turn of the event loop.
   */
  ask(hasRun: boolean): "open" | (() => void) {
    const { requests, waitsForRequests } = this.#settings
    if (requests === undefined || !waitsForRequests) return "open"
    if (hasRun) return nextTurn(this.#again)
    if (requests.isUnderWay()) return this.#wait()
    this.#sinceMs = undefined
    return "open"
  }

  #wait(): () => void {
    const now = millis()
    this.#sinceMs ??= now
    const waitedMs = now - this.#sinceMs
    if (waitedMs > this.mostMs) {
      this.#sinceMs = now
      this.#onTooLong(`time has waited for ${this.mostMs} ms for requests to the world to end: ${this.names}`)
    }
    return waitedMs < TURNS_MS ? nextTurn(this.#again) : later(1, this.#again)
  }

  /** Time has moved: says so once, if it doesn't wait for requests and one is under way. */
  warn(): void {
    const { requests, waitsForRequests, onRequests } = this.#settings
    if (requests === undefined || waitsForRequests || this.#hasWarned || !requests.isUnderWay()) return
    this.#hasWarned = true
    onRequests(this.names)
  }
}
