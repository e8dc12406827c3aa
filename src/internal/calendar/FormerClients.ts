/**
 * Clients that have left a calendar, as they were when they left: the last of them, for the status.
 *
 * @module
 */
import type { ClientStatus } from "../../calendar/Status.ts"

/** How many are remembered. */
const MOST = 1000

/** A client that has left, or was dropped. */
export class FormerClients {
  readonly #all: Array<ClientStatus> = []

  /** All that are remembered, those first who left first. */
  get all(): ReadonlyArray<ClientStatus> {
    return [...this.#all]
  }

  add(client: ClientStatus): void {
    this.#all.push(client)
    if (this.#all.length > MOST) this.#all.shift()
  }
}
