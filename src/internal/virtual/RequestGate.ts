/**
 * Keeps time from moving while a request to the real world is under way.
 *
 * @module
 */
import { millis } from "../platform/EventLoop.ts"
import type { Requests } from "../platform/Requests.ts"

/** What a gate is told beforehand. */
export interface GateSettings {
  /** Requests to the world, where they are looked at; and whether time waits for them. */
  readonly requests: Requests | undefined
  readonly waitsForRequests: boolean
  /** Real time, in ms, for which time waits for one of them, be it with nothing due. */
  readonly requestsEndAfterMs: number
  /** Told, for people, when time has moved while requests were under way. */
  readonly onRequests: (what: string) => void
}

/** The gate that time has to pass. */
export class RequestGate {
  readonly #settings: GateSettings
  /** Has a runner ask again. */
  readonly #again: () => void
  /** Since when the same requests are waited for, in real ms. */
  #sinceMs = 0
  #waitsFor = ""
  #hasWarned = false

  constructor(settings: GateSettings, again: () => void) {
    this.#settings = settings
    this.#again = again
  }

  /** How long, in ms of real time, a request may take. */
  get mostMs(): number {
    return this.#settings.requestsEndAfterMs
  }

  /** What is under way, for people; empty if nothing is. */
  get names(): string {
    return this.#settings.requests?.underWay().join(", ") ?? ""
  }

  /**
   * Lets time move, or has it asked again later: what is returned takes that back. If anything `hasRun`, all that is
   * under way is seen only when the event loop has looked at the world.
   */
  ask(hasRun: boolean): "open" | (() => void) {
    const { requests, waitsForRequests } = this.#settings
    if (requests === undefined || !waitsForRequests) return "open"
    const isUnderWay = requests.isUnderWay()
    // Where the program gets on, it isn't the same request any more.
    if (!isUnderWay || hasRun) this.#waitsFor = ""
    if (isUnderWay) this.#wait(requests)
    return isUnderWay || hasRun ? requests.nextLook(this.#again) : "open"
  }

  /** A request that nothing comes of any more isn't waited for any longer, and that is said. */
  #wait(requests: Requests): void {
    const now = millis()
    const { names } = this
    if (names !== this.#waitsFor) {
      this.#waitsFor = names
      this.#sinceMs = now
    } else if (now - this.#sinceMs > this.mostMs) {
      requests.waive()
      this.#waitsFor = ""
      this.#settings.onRequests(
        `time has waited for ${this.mostMs} ms for requests to the world, and goes on: ${names}`,
      )
    }
  }

  /** Time has moved: says so once, if it doesn't wait for requests and one is under way. */
  warn(): void {
    const { requests, waitsForRequests, onRequests } = this.#settings
    if (requests === undefined || waitsForRequests || this.#hasWarned || !requests.isUnderWay()) return
    this.#hasWarned = true
    onRequests(
      `time has moved while requests to the world were under way: ${this.names}. ` +
        `Run them with VirtualTime.hold, or let time wait for them: { requests: "wait" }`,
    )
  }
}
