/**
 * Drops a client that keeps the turn for longer than a limit in real time.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { later, nextTurn } from "../platform/EventLoop.ts"
import { formatMs, nameOf } from "../../calendar/Status.ts"
import type { Interpreter } from "./Interpreter.ts"

/**
 * Drops a client that has the turn for `mostMs` of real time, as long as the scope is open. There is one timer, however many
 * turns there are, and none while nobody has the turn.
 */
export const limit = (board: Interpreter, mostMs: number): Effect.Effect<void, never, Scope.Scope> => {
  let cancel: (() => void) | undefined
  const watch = (ms: number) => {
    // If this process itself has stood still, what the client has sent meanwhile is looked at first.
    cancel = later(ms, () => cancel = nextTurn(() => cancel = nextTurn(look)))
  }
  const look = () => {
    cancel = undefined
    const { turn } = board
    if (turn === undefined) return
    if (turn.ms < mostMs) return watch(mostMs - turn.ms)
    const { id, key: connection } = turn.peer
    const who = nameOf({ id, connection })
    const ms = `${formatMs(turn.ms)}, and ${formatMs(mostMs)} are allowed`
    board.drop(turn.peer, `${who} was dropped: it has kept the turn for ${ms}`)
  }
  const before = board.onTurn
  return Effect.acquireRelease(
    Effect.sync(() => {
      board.onTurn = () => {
        before?.()
        if (cancel === undefined) watch(mostMs)
      }
    }),
    () =>
      Effect.sync(() => {
        board.onTurn = before
        cancel?.()
      }),
  )
}
