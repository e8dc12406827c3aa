/**
 * Finds out whether the runtime works on a request of the program's: a file, a hash, a name, a connection, an answer.
 * Simulated time doesn't move meanwhile.
 *
 * When a request ends, its callback runs in the same turn of the event loop, and so do the microtasks and
 * `process.nextTick` callbacks that follow. Work that needs more turns (`setImmediate`, bytes that arrive on a socket of
 * this process) needs another look. So time may move once {@link Requests.isUnderWay} has said no twice, with a
 * {@link Requests.nextLook} in between, and nothing has run meanwhile:
 *
 * ```text
 *   run all that can run ─▶ isUnderWay? ──yes──▶ nextLook ─▶ again
 *          ▲                     │ no
 *          │                     ▼
 *          └──something ran── nextLook ─▶ isUnderWay? ──no──▶ time moves
 * ```
 *
 * The question before the look finds a request that was just written and can't be answered yet.
 *
 * A long request is often many in a row: a large file is read in pieces. So a caller that waits for a bounded time should
 * measure it from the last change of {@link Requests.underWay}, or from the program's last step, and then
 * {@link Requests.waive} it.
 *
 * docs/virtual-time.md lists what each runtime can see, below "Real requests".
 *
 * @module
 */
import { later, nextTurn } from "./EventLoop.ts"
import { seeAsyncHooks } from "./requests/AsyncHooks.ts"
import { seeBunCrypto, seeBunRoots } from "./requests/BunRoots.ts"
import { Children } from "./requests/Children.ts"
import { seeDenoOps } from "./requests/DenoOps.ts"
import { Http } from "./requests/Http.ts"
import { Imports } from "./requests/Imports.ts"
import type { Look, Request, Source } from "./requests/Request.ts"
import { Connections } from "./requests/Sockets.ts"

/** Observes the runtime's requests, from a start on. */
export interface Requests {
  /**
   * Whether a request is under way that was made since the start and isn't waived. Where there are none it takes 0.1 µs
   * (on Bun 0.5 µs), and more with the number of open sockets (on Bun, of timers too). To be called in a turn of the
   * event loop, not in a microtask: between two parts of one request there may be none for a moment.
   */
  readonly isUnderWay: () => boolean
  /** The names of those, for people: `a file (FSREQCALLBACK)`, `GET http://127.0.0.1:8080/`. None: none was seen. */
  readonly underWay: () => ReadonlyArray<string>
  /** Those that are under way don't count any more, until they end: they have been waited for in vain. */
  readonly waive: () => void
  /**
   * Runs `task` when the event loop has looked at the world: all that had arrived by now has been told, and what
   * follows from it may be under way. Undo with the result. To be called in a turn that `setImmediate` made. It takes
   * 1 to 2 µs; 0.25 ms on Deno while a socket or a server is open; and 1 ms from the 33rd time on that a
   * request was found under way, so that waiting for one is no busy loop.
   */
  readonly nextLook: (task: () => void) => () => void
  /** Looks no more. What was changed in the runtime is undone when the last one stops; again is nothing. */
  readonly stop: () => void
}

/** What sees this runtime's requests; several looks share it. */
interface Watch {
  readonly sources: ReadonlyArray<Source>
  users: number
}

let watch: Watch | undefined

const isBun = "Bun" in globalThis

const sourcesOf = (): ReadonlyArray<Source | undefined> => {
  const imports = new Imports()
  if (isBun) {
    const roots = seeBunRoots()
    return [roots, seeBunCrypto(), new Http(() => roots?.serving() ?? 0), imports]
  }
  const http = new Http(() => 0)
  const connections = new Connections()
  const children = new Children()
  const hooks = seeAsyncHooks((asyncId) => connections.before(asyncId))
  const ops = seeDenoOps({ serving: () => http.serving(), children: () => children.running() })
  return [hooks, ops, connections, http, children, imports]
}

const makeWatch = (): Watch => ({ sources: sourcesOf().filter((source) => source !== undefined), users: 0 })

/**
 * How many turns of Deno's event loop pass until it has looked at sockets twice, as long as there is something to run
 * in each: it does so every 61, and from a connection to its server's handler it takes two.
 */
const DENO_TURNS = 128

/** How many looks are turns, until waiting goes by the millisecond. */
const QUICK_LOOKS = 32

const turns = (count: number, task: () => void): () => void => {
  let undo: () => void
  const next = (left: number) => {
    undo = nextTurn(() => left > 1 ? next(left - 1) : task())
  }
  next(count)
  return () => undo()
}

/**
 * Looks at the runtime's requests from now on; those that are under way already don't count. Several may look at the
 * same time, for one runtime: which request is whose can't be told.
 */
export const start = (): Requests => {
  const { sources } = watch ??= makeWatch()
  watch.users++
  let isStarted = true
  const waived = new Set<Request>()
  let waits = 0

  const counts: Look = (request, isBusy) => {
    if (waived.size === 0) return isBusy
    if (isBusy) return !waived.has(request)
    // What ended, and is made again on the same socket, is another request.
    waived.delete(request)
    return false
  }
  const some = (look: Look): boolean => {
    for (const source of sources) if (source.some(look)) return true
    return false
  }
  const waive = () => {
    const busy = new Set<Request>()
    some((request, isBusy) => {
      if (isBusy) busy.add(request)
      return false
    })
    waived.clear()
    for (const request of busy) waived.add(request)
  }
  waive()
  return {
    isUnderWay: () => {
      const found = isStarted && some(counts)
      waits = found ? waits + 1 : 0
      return found
    },
    underWay: () => {
      const names = new Set<string>()
      if (isStarted) {
        some((request, isBusy) => {
          if (isBusy && !waived.has(request)) names.add(request.name())
          return false
        })
      }
      return [...names]
    },
    waive,
    nextLook: (task) => {
      if (waits > QUICK_LOOKS) return later(1, task)
      const isListening = "Deno" in globalThis && sources.some((source) => source.isListening())
      return turns(isListening ? DENO_TURNS : 1, task)
    },
    stop: () => {
      if (!isStarted || watch === undefined) return
      isStarted = false
      waived.clear()
      if (--watch.users > 0) return
      for (const source of sources) source.stop()
      watch = undefined
    },
  }
}
