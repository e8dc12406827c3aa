/**
 * Counts the bytes that wait to be sent to all clients together, against a bound: beyond it, clients that cause output
 * aren't read, and a client that doesn't read is dropped.
 *
 * @module
 */
/** The most messages that may wait to be written to one client before nobody may cause more: 64 KiB. */
export const MOST_UNREAD = 4096

/** The same for all clients together: 256 KiB. */
export const MOST_UNSENT = 16_384

/** As many can't come together but by clients in this process, who can't be kept waiting: then the slowest is dropped. */
const TOO_MANY_UNSENT = 4 * MOST_UNSENT

/** A client's messages. */
export interface Outgoing {
  readonly queue: { readonly size: number }
  isCounted: boolean
  /** When some were taken last, in real ms. */
  readMs: number
}

/** The messages that wait to be written. */
export class Backlog {
  /** How many there are. */
  size = 0
  /** How many clients have {@link MOST_UNREAD} of them or more. */
  #full = 0

  /** Whether nobody may cause messages to all others. */
  get isFull(): boolean {
    return this.#full > 0 || this.size >= MOST_UNSENT
  }

  /** Whether there are too many, all together. */
  get isTooLong(): boolean {
    return this.size >= TOO_MANY_UNSENT
  }

  /** One more waits, of as many to the same client. */
  add(ofClient: number): void {
    this.size++
    if (ofClient === MOST_UNREAD) this.#full++
  }

  /** All of a client's are about to be taken: they are written. */
  take({ queue: { size }, isCounted }: Outgoing): void {
    if (!isCounted) return
    this.size -= size
    if (size >= MOST_UNREAD) this.#full--
  }

  /** What is left of a client's counts no more: it is to go, or gone. */
  forget(client: Outgoing): void {
    this.take(client)
    client.isCounted = false
  }

  /** Whether a client keeps others waiting: it has read nothing since `ms`, and too much waits for it or for all. */
  keepsOthers({ queue, readMs, isCounted }: Outgoing, ms: number): boolean {
    return isCounted && readMs <= ms && queue.size > 0 && (queue.size >= MOST_UNREAD || this.size >= MOST_UNSENT)
  }
}
