/**
 * Drops clients whose processes are dead, though the connection is still there: a child of the process may hold it, as
 * the helpers of a kernel that was killed do. Everybody would wait for the dead client until the child ends as well.
 *
 * A process is looked at while its client has the turn, and while nobody has it: so there is no descriptor for each.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { nameOf } from "../../calendar/Status.ts"
import { later, millis } from "../platform/EventLoop.ts"
import type { Interpreter } from "./Interpreter.ts"
import type { Peer } from "./Peer.ts"

/** After how much real time in a turn it is looked, and how often from then on, in ms. */
const TURN_MS = 100

/** The same while nobody has the turn, and how many clients are looked at then, one after the other. */
const REST_MS = 500
const AT_ONCE = 16

/** How long nothing more may have come of a process that is dead, in ms: what it said last may still be on its way. */
const SILENT_MS = 200

/** Looks for dead clients as long as the scope is open. */
export const watch = (board: Interpreter): Effect.Effect<void, never, Scope.Scope> => {
  const found = new Map<Peer, number>()
  let cancelTurn: (() => void) | undefined
  let cancelRest: (() => void) | undefined
  let next = 0
  /** Drops a client if it is dead, and nothing has come of it since that was found. */
  const look = (peer: Peer): void => {
    if (peer.isClosing || peer.wire.isDead?.() !== true) return
    const nowMs = millis()
    const sinceMs = found.get(peer)
    if (sinceMs === undefined || peer.lastMs > sinceMs || peer.pending.size > 0) {
      found.set(peer, nowMs)
    } else if (nowMs - sinceMs >= SILENT_MS) {
      const who = nameOf({ id: peer.id, connection: peer.key })
      const pid = peer.wire.process?.pid
      board.drop(peer, `${who} was dropped: PID ${pid} is dead, and another one holds its connection`)
    }
  }
  const forget = (): void => {
    for (const peer of found.keys()) if (peer.isClosing) found.delete(peer)
  }
  const lookAtTurn = (): void => {
    cancelTurn = undefined
    forget()
    const { turn } = board
    if (turn === undefined) return
    if (turn.ms >= TURN_MS) look(turn.peer)
    cancelTurn ??= later(TURN_MS, lookAtTurn)
  }
  const lookAtRest = (): void => {
    cancelRest = undefined
    forget()
    const { peers } = board
    for (let count = Math.min(AT_ONCE, peers.length); count > 0; count--) look(peers[next++ % peers.length]!)
    rest()
  }
  const rest = (): void => {
    if (board.isAtRest && board.size > 0) cancelRest ??= later(REST_MS, lookAtRest)
  }
  const { onTurn, onRest } = board
  return Effect.acquireRelease(
    Effect.sync(() => {
      board.onTurn = () => {
        onTurn?.()
        cancelTurn ??= later(TURN_MS, lookAtTurn)
      }
      board.onRest = () => {
        onRest?.()
        rest()
      }
    }),
    () =>
      Effect.sync(() => {
        board.onTurn = onTurn
        board.onRest = onRest
        cancelTurn?.()
        cancelRest?.()
      }),
  )
}
