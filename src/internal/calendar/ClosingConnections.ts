/**
 * Connections that are being closed: their clients have left the calendar or were dropped, and may still read what they
 * were sent.
 *
 * @module
 */
import { millis } from "../platform/EventLoop.ts"
import type { ClientStatus } from "../../calendar/Status.ts"

/** Those that are being ended now. */
export class ClosingConnections {
  readonly #all = new Set<{ readonly client: ClientStatus; readonly sinceMs: number }>()

  /** One begins to end, with this client; the result is to be called when it is closed. */
  begin(client: ClientStatus): () => void {
    const ending = {
      client: { ...client, state: "ending", request: undefined, turnMs: undefined } as const,
      sinceMs: millis(),
    }
    this.#all.add(ending)
    return () => this.#all.delete(ending)
  }

  /** As each was when it began to end. */
  status(): ReadonlyArray<ClientStatus> {
    const now = millis()
    return [...this.#all].map(({ client, sinceMs }) => ({
      ...client,
      lastMessageMs: client.lastMessageMs && client.lastMessageMs + now - sinceMs,
    }))
  }
}
