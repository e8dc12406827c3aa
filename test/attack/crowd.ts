/**
 * A crowd in lockstep: thousands of clients on one server, for ten wake-ups each, each
 * turn of all of them the next of the plan.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import { Latency } from "./latency.ts"
import { Lockstep } from "./lockstep.ts"
import * as Server from "./server.ts"

const WAKE_UPS = 10

/** Descriptors that a process needs besides its connections. */
const OTHERS = 200

/** Without a turn for so long, all is wedged. */
const WEDGE_MS = 30_000
/** All of them have connected, and been let in, after this much time at the latest, and left. */
const LONG_MS = 300_000

/** What came of it. */
export interface Outcome {
  readonly clients: number
  readonly turns: number
  readonly latency: Latency
  readonly peakBytes: number | undefined
  /** How long it took from the first connection until all were connected, and from there to the last turn. */
  readonly connectMs: number
  readonly turnsMs: number
  readonly failure: string | undefined
}

/** How many of those can be had: each takes a descriptor here, and one in the server. */
export const room = (wanted: number): number => {
  const most = Server.mostDescriptors()
  return most === undefined ? wanted : Math.max(0, Math.min(wanted, most - OTHERS))
}

/** Has so many clients in lockstep. */
export const run = (
  { words, clients, seed, progress, program }: {
    readonly words: ReadonlyArray<string>
    readonly clients: number
    readonly seed: number
    readonly progress: (text: string) => void
    readonly program?: string
  },
): Effect.Effect<Outcome, Error, Scope.Scope> =>
  Effect.gen(function* () {
    // A little more than it takes, as a server keeps some for itself.
    const descriptors = Math.min(Server.mostDescriptors() ?? Infinity, 2 * clients + 1000)
    const server = yield* Server.start({ words, clients, descriptors, ...program !== undefined && { program } })
    const lockstep = yield* Effect.acquireRelease(
      Effect.sync(() => new Lockstep({ clients, seed, pauseMs: 0, wakeUps: WAKE_UPS, busy: false })),
      (lockstep) => Effect.sync(() => lockstep.destroy()),
    )
    let peakBytes: number | undefined
    let connectMs = 0
    let turnsMs = 0
    const begun = performance.now()
    const failure = yield* Effect.gen(function* () {
      yield* Effect.tryPromise({
        try: (signal) => lockstep.connect(server.doors, signal),
        catch: (error) => `not all can connect: ${error}: ${server.last()}`,
      }).pipe(Effect.timeoutOrElse({
        duration: LONG_MS,
        orElse: () => Effect.fail(`not all can connect within ${LONG_MS / 1000} s`),
      }))
      connectMs = performance.now() - begun
      lockstep.since = performance.now()
      while (!lockstep.isOver) {
        progress(`${lockstep.turns} of ${clients * (WAKE_UPS + 1)} turns`)
        if (lockstep.failure !== undefined) return yield* Effect.fail(`${lockstep.failure}: ${server.last()}`)
        const ended = server.ended()
        if (ended !== undefined) return yield* Effect.fail(`the server ended: ${ended}: ${server.last()}`)
        if (performance.now() - lockstep.since > WEDGE_MS) {
          return yield* Effect.fail(`nobody had a turn for ${WEDGE_MS / 1000} s: ${lockstep.expected}`)
        }
        yield* Effect.sleep(50)
      }
      turnsMs = performance.now() - begun - connectMs
      peakBytes = server.peak()
      lockstep.leave()
      for (const late = performance.now() + LONG_MS; server.ended() === undefined;) {
        if (performance.now() > late) return yield* Effect.fail("the server doesn't end when all have left")
        yield* Effect.sleep(20)
      }
      if (server.ended() !== "exit code 0") {
        return yield* Effect.fail(`the server ended: ${server.ended()}: ${server.last()}`)
      }
      if (Fs.existsSync(server.socket)) return yield* Effect.fail("the socket's file is left")
      return undefined
    }).pipe(Effect.catch((what: string) => Effect.succeed(what)))
    const latency = new Latency()
    for (const each of lockstep.latencies.values()) latency.add(each)
    return { clients, turns: lockstep.turns, latency, peakBytes, connectMs, turnsMs, failure }
  })
