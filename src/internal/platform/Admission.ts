/**
 * Limits how many connections a server accepts, so that the process never runs out of file descriptors. Once a process
 * has run out of them in `accept`, Deno never accepts again, and Bun retries in a busy loop.
 *
 * Node and Bun hand over each connection before they accept the next. Deno accepts all
 * that wait, and then hands them over: it can run out though each is refused in its
 * turn. That is noticed here, so that its server can be replaced.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs"
import type * as Net from "node:net"
import { denoCore } from "./DenoCore.ts"
import { millis, nextTurn } from "./EventLoop.ts"
import { inRealTime } from "./RealTime.ts"

/** The descriptors that are left to the program beside its connections; fewer where there are few. */
const RESERVE = 64

/** How many connections are taken where the system doesn't tell how many descriptors there may be. */
const MOST_ELSEWHERE = 1000

/** No more connections than this are taken, however many descriptors there may be. */
const MOST_ANYWHERE = 1_000_000

/** How long a look at the descriptors holds if there were too few, in ms: it takes a while where many are open. */
const LOOK_HOLDS_MS = 100

/** How many descriptors this process may have, where the system tells. */
const limit = (): number | undefined => {
  try {
    const [, most] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? []
    return most === undefined ? undefined : Number(most)
  } catch {
    return undefined
  }
}

/** How many it has now; undefined if it can't have one more to look. */
const open = (): number | undefined => {
  try {
    return readdirSync("/proc/self/fd").length
  } catch {
    return undefined
  }
}

/** Whether there isn't a single descriptor left. */
const isExhausted = (): boolean => {
  try {
    closeSync(openSync("/dev/null", "r"))
    return false
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EMFILE"
  }
}

/** How often it is looked, in ms, whether there are descriptors again. */
const RECOVERS_MS = 100

/** Connections that were turned away since this was last told. */
export interface Refusal {
  /** Why, for people. */
  readonly why: string
  /** How many were turned away, since the beginning. */
  readonly refused: number
}

/** How often refusals are told at most, in ms: they come as fast as somebody can connect. */
const TELL_MS = 1000

/** Takes connections as long as there is room. */
export class Admission {
  /** The most connections at a time. */
  readonly most: number
  /** How many connections were turned away. */
  refused = 0
  /** Told of refusals: of the first at once, and then once a second at most. */
  onRefused: (refusal: Refusal) => void = () => {}
  readonly #limit: number | undefined
  readonly #reserve: number
  /** How many connections there can be beside all else that has descriptors, as far as that is known. */
  #possible: number
  readonly #connections = new Set<Net.Socket>()
  /** How many more may be taken before the descriptors are counted again: others need some, too. */
  #unchecked = 0
  #fullUntilMs = -Infinity
  #toldMs = -Infinity
  #cancelLook: (() => void) | undefined
  readonly #exhausted = Latch.makeUnsafe(false)

  /** Takes at most `most` connections, and as many as there can be descriptors by default. */
  constructor(most?: number) {
    this.#limit = open() === undefined ? undefined : limit()
    this.#reserve = Math.min(RESERVE, Math.ceil((this.#limit ?? 0) / 8))
    this.#possible = this.#left() - this.#least
    const possible = this.#limit === undefined ? MOST_ELSEWHERE : Math.max(1, this.#left() - this.#reserve)
    this.most = most ?? Math.min(possible, MOST_ANYWHERE)
  }

  /**
   * Ends when a server has stopped accepting, as there were no descriptors, and there are enough again. It is only
   * Deno's that does.
   */
  readonly recovered: Effect.Effect<void> = inRealTime(Effect.gen({ self: this }, function* () {
    yield* this.#exhausted.await
    yield* Effect.sleep(RECOVERS_MS)
    // As many as a new server takes, and some more: all others that wait are refused in their turn.
    while (this.#left() < this.#least / 2) yield* Effect.sleep(RECOVERS_MS)
    this.#exhausted.closeUnsafe()
  }))

  /** {@link recovered} ends in a moment, or once more. */
  retry(): void {
    this.#exhausted.openUnsafe()
  }

  /** Takes a connection, or hangs up on it at once. */
  admits(connection: Net.Socket): boolean {
    if (denoCore !== undefined && isExhausted()) this.retry()
    if (connection.closed) return true
    const why = this.#connections.size >= this.most
      ? `there are ${this.most} connections, and no more are taken`
      : this.#hasRoom()
      ? undefined
      : `of the ${this.#limit} descriptors that this process may have, no more than ${this.#least} are left`
    if (why !== undefined) {
      this.refuse(connection, why)
      return false
    }
    this.#connections.add(connection)
    connection.once("close", () => this.#connections.delete(connection))
    return true
  }

  /** Hangs up on a connection at once, whatever the reason is. */
  refuse(connection: Net.Socket, why: string): void {
    this.refused++
    connection.destroy()
    this.#tell(why)
  }

  /** When so few descriptors are left no more connections are taken: the program may take some of the reserve for itself. */
  get #least(): number {
    return Math.ceil(this.#reserve / 2)
  }

  /** Whether there are enough descriptors, as far as that can be told. */
  #hasRoom(): boolean {
    if (this.#limit === undefined) return true
    if (this.#unchecked-- <= 0) {
      this.#unchecked = 0
      // What Deno has accepted and not handed over yet has descriptors, too, and most of that may be refused.
      if (denoCore === undefined) this.#look()
      else this.#cancelLook ??= nextTurn(() => this.#look())
    }
    return this.#connections.size < this.#possible
  }

  /** Counts the descriptors. */
  #look(): void {
    this.#cancelLook = undefined
    const now = millis()
    if (now < this.#fullUntilMs) return
    const room = this.#left() - this.#least
    this.#possible = this.#connections.size + Math.max(0, room)
    // While so many are taken, the rest of the program may need three times as many.
    this.#unchecked = Math.max(0, Math.floor(room / 4))
    if (room <= 0) this.#fullUntilMs = now + LOOK_HOLDS_MS
  }

  /** How many more descriptors this process may have. */
  #left(): number {
    return this.#limit === undefined ? Infinity : this.#limit - (open() ?? this.#limit)
  }

  #tell(why: string): void {
    const now = millis()
    if (now < this.#toldMs + TELL_MS) return
    this.#toldMs = now
    this.onRefused({ why, refused: this.refused })
  }
}
