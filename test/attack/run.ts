/**
 * The attack on one server: honest clients in lockstep, and rounds of attacks beside
 * them, after each of which nothing may be left of it.
 *
 * A round is all that follows from its seed: which kinds of attack it has, and what
 * each draws. What crosses what on the way is up to the machine.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { connected } from "../support/doors.ts"
import { type Kill, kill } from "../support/kill.ts"
import { START, WAIT } from "../support/protocol.ts"
import { random } from "../support/random.ts"
import { RawClient } from "../support/rawClient.ts"
import type * as Attacker from "./attacker.ts"
import * as Attacks from "./attacks.ts"
import type { Latency } from "./latency.ts"
import { CALM, Lockstep } from "./lockstep.ts"
import * as Process from "./process.ts"
import * as Server from "./server.ts"

/** The kinds of attack that a round may have. */
export const kinds = ["kills", ...Attacks.names] as const

/** The name of one. */
export type Kind = typeof kinds[number]

const HONEST = 20
const HONEST_IDS = new Set(Array.from({ length: HONEST }, (_, index) => String(index + 1)))

/** For how long the first of them keeps its turn, so that a server is never all that a machine does. */
const PAUSE_MS = 1

/** Without a turn of an honest client for so long, all is wedged. */
const WEDGE_MS = 30_000

/** So long may whatever is left of attackers stay: connections that they keep open, say. */
const LEFT_MS = 30_000

/** A round takes no longer than this, or else an attacker hangs. */
const ROUND_MS = 90_000

/** How many processes are killed in a round, and how many of them live at a time. */
const KILLS = { alone: 96, beside: 48, atOnce: 6 }

/** The server's limit of descriptors, and how many connections are more than that. */
const DESCRIPTORS = 512
const TOO_MANY = 700

/** How much more memory it may have at any time of a round of floods, once it has had some rounds, than before it. */
const FLOOD_BYTES = 64_000_000
const FIRST_ROUNDS = 2

/** How much more memory it may have towards the end than at first. */
const FLAT_BYTES = 64_000_000
/** How many rounds it takes to warm up, and how many more to be judged. */
const WARM_UP_ROUNDS = 7
const JUDGED_ROUNDS = 6

/** How many other descriptors a runtime may have opened since: for its threads and the like. */
const OTHER_DESCRIPTORS = 16

const attacker = fileURLToPath(new URL("./attacker.ts", import.meta.url))
const victim = fileURLToPath(new URL("../support/victim.ts", import.meta.url))

/** What is attacked, and how. */
export interface Options {
  /** The runtime's name, for people. */
  readonly runtime: string
  /** What starts a program on it, on that of the attackers, and on that of clients that are killed. */
  readonly words: ReadonlyArray<string>
  readonly attackers: ReadonlyArray<string>
  readonly victims: ReadonlyArray<string>
  /** The seed of the first round; each next one's is one more. */
  readonly seed: number
  /** When no more rounds begin but the first, in real ms of `performance.now()`. */
  readonly until: number
  /** The kinds to choose from. */
  readonly only: ReadonlyArray<Kind>
  /** Is told what goes on, often. */
  readonly progress: (text: string) => void
  /** The server's program; by default the command itself. */
  readonly program?: string
}

/** What went wrong, in which round. */
export interface Failure {
  readonly seed: number
  readonly kinds: ReadonlyArray<Kind>
  readonly what: string
}

/** What was done, and what came of it. */
export interface Outcome {
  rounds: number
  readonly counts: Attacks.Counts
  kills: number
  turns: number
  readonly latencies: Map<string, Latency>
  /** The server's memory after each round, in bytes. */
  readonly memory: Array<number>
  /** The most that it ever was. */
  peakBytes: number
  /** The most that it grew in a round. */
  grownBytes: number
  sockets: number
  failure: Failure | undefined
}

/** The kinds of a round: one after the other in turn, then all of them. */
export const kindsOf = (seed: number, only: ReadonlyArray<Kind>): ReadonlyArray<Kind> => {
  const at = seed % (only.length + 1)
  return at < only.length ? [only[at]!] : only
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

/** Whether memory has grown: how much, in bytes; `undefined` after too few rounds to tell. */
export const growth = (memory: ReadonlyArray<number>): number | undefined => {
  const judged = memory.slice(WARM_UP_ROUNDS)
  if (judged.length < JUDGED_ROUNDS) return undefined
  const third = Math.max(3, Math.floor(judged.length / 3))
  return median(judged.slice(-third)) - median(judged.slice(0, third))
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`

/** Who is waited for, as the server says. */
const blame = (server: Server.Server, lockstep: Lockstep): Effect.Effect<string> =>
  Effect.map(server.status, (status) => {
    if (status === undefined) return `the server doesn't say whom it waits for; ${lockstep.expected}`
    const running = status.clients.find(({ state }) => state === "running")
    return running === undefined
      ? `the server says that nobody runs; ${lockstep.expected}`
      : `the server waits for client ${running.id} on connection ${running.connection} (${running.from}), ` +
        `for ${running.turnMs} ms, which last said ${running.lastMessage}; ${lockstep.expected}`
  })

/** Fails as soon as the server ends, an honest client finds fault, or nobody goes on. */
const watch = (server: Server.Server, lockstep: Lockstep): Effect.Effect<never, string> =>
  Effect.gen(function* () {
    for (;;) {
      const { failure } = lockstep
      // What the server has to say about it, or that it is no more, comes a little later.
      if (failure !== undefined) yield* Effect.sleep(200)
      const ended = server.ended()
      if (ended !== undefined) return yield* Effect.fail(`the server ended: ${ended}: ${server.last()}`)
      if (failure !== undefined) return yield* Effect.fail(`${failure}; the server said last: ${server.last()}`)
      if (performance.now() - lockstep.since > WEDGE_MS) {
        return yield* Effect.fail(
          `no honest client had a turn for ${WEDGE_MS / 1000} s: ${yield* blame(server, lockstep)}`,
        )
      }
      yield* Effect.sleep(20)
    }
  })

/** Waits until it holds; fails with what else there is if it doesn't come to that. */
const eventually = (holds: () => boolean, ms: number, what: () => string): Effect.Effect<void, string> =>
  Effect.gen(function* () {
    for (const late = performance.now() + ms; !holds();) {
      if (performance.now() > late) return yield* Effect.fail(what())
      yield* Effect.sleep(10)
    }
  })

/** The attackers that live in one process. */
const attackers = (
  words: ReadonlyArray<string>,
  onPhase: (phase?: string) => void,
  drop: (id: string) => void,
  counts: Attacks.Counts,
) =>
  Effect.gen(function* () {
    const done = new Map<Attacks.Name, Attacker.News & { readonly _tag: "Done" }>()
    let isStaying = false
    const running = yield* Process.start([...words, attacker], (line) => {
      const news = JSON.parse(line) as Attacker.News
      switch (news._tag) {
        case "Phase":
          return onPhase(news.phase)
        case "Staying":
          isStaying = true
          return
        case "Drop":
          return drop(news.id)
        case "Done":
          for (const [name, count] of Object.entries(news.counts) as Array<[keyof Attacks.Counts, number]>) {
            counts[name] += count
          }
          done.set(news.name, news)
      }
    })
    const say = (order: Attacker.Order) => running.say(JSON.stringify(order))
    return {
      begin: (order: Omit<Extract<Attacker.Order, { readonly _tag: "Attack" }>, "_tag">) => {
        done.delete(order.name)
        isStaying = false
        say({ _tag: "Attack", ...order })
      },
      isStaying: () => isStaying,
      go: () => say({ _tag: "Go" }),
      isDone: (name: Attacks.Name) => done.has(name),
      failureOf: (name: Attacks.Name) => done.get(name)?.failure,
      ended: () => running.ended(),
      errors: running.errors,
    }
  })

/** Kills so many victims, some at a time. */
const kills = (
  count: number,
  seed: number,
  victims: ReadonlyArray<string>,
  server: Server.Server,
  killed: () => void,
) =>
  Effect.gen(function* () {
    const dice = random(seed)
    const rooms = [server.socket, String((server.doors[1] as { readonly port: number }).port)]
    const seeds = Array.from({ length: count }, () => [dice.int(2 ** 31), dice.pick(rooms)] as const)
    yield* Effect.forEach(seeds, ([each, room]) =>
      Effect.acquireUseRelease(
        Effect.sync(() => kill([...victims, victim, room], each, WEDGE_MS)),
        ({ ended }: Kill) =>
          Effect.tryPromise({
            try: () => ended,
            catch: (error) => (error as Error).message,
          }),
        ({ now, ended }) => Effect.andThen(Effect.sync(now), Effect.promise(() => ended.catch(() => {}))),
      ).pipe(Effect.tap(() => Effect.sync(killed))), { concurrency: KILLS.atOnce, discard: true })
  })

/** Somebody new gets in by each door, and leaves. */
const newcomers = (server: Server.Server) =>
  Effect.forEach(server.doors, (door) =>
    Effect.acquireUseRelease(
      Effect.tryPromise({ try: () => connected(door), catch: (error) => `nobody new gets in: ${error}` }),
      (socket) =>
        Effect.tryPromise({
          try: async () => {
            const client = new RawClient(socket)
            await client.ask(START, 900_000n)
            await client.ask(WAIT)
          },
          catch: (error) => `somebody new doesn't get in: ${error}`,
        }),
      (socket) => Effect.sync(() => socket.destroy()),
    ).pipe(Effect.timeoutOrElse({
      duration: WEDGE_MS,
      orElse: () => Effect.fail(`somebody new isn't let in within ${WEDGE_MS / 1000} s: ${JSON.stringify(door)}`),
    })), { discard: true })

/** Attacks a server until the time is over or something is wrong, and ends it. */
export const run = (options: Options): Effect.Effect<Outcome, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const { seed: first, only, progress } = options
    const outcome: Outcome = {
      rounds: 0,
      counts: Attacks.none(),
      kills: 0,
      turns: 0,
      latencies: new Map(),
      memory: [],
      peakBytes: 0,
      grownBytes: 0,
      sockets: 0,
      failure: undefined,
    }
    let seed = first
    const server = yield* Server.start({ ...options, clients: HONEST, descriptors: DESCRIPTORS })
    const lockstep = yield* Effect.acquireRelease(
      Effect.sync(() => new Lockstep({ clients: HONEST, seed: first, pauseMs: PAUSE_MS, busy: true })),
      (lockstep) => Effect.sync(() => lockstep.destroy()),
    )
    const failedIn = (kinds: ReadonlyArray<Kind>) => (what: string) =>
      Effect.sync(() => {
        outcome.failure ??= { seed, kinds, what }
      })

    /** All honest clients have gone on for two rounds of theirs since now. */
    const headway = Effect.suspend(() => {
      const { turns } = lockstep
      return eventually(() => lockstep.turns >= turns + 2 * HONEST, ROUND_MS, () => lockstep.expected)
    })
    yield* Effect.tryPromise({
      try: (signal) => lockstep.connect(server.doors, signal),
      catch: (error) => new Error(`the honest clients can't connect: ${error}: ${server.last()}`),
    })

    const attacking = (base: number | undefined, other: number) =>
      Effect.gen(function* () {
        const team = yield* attackers(
          options.attackers,
          (phase) => {
            // Of all at once it can't be told whose doing it is.
            const [only, ...others] = kindsOf(seed, options.only)
            lockstep.phase = others.length > 0 ? "all at once" : phase ?? `beside ${only}`
          },
          (id) => server.say(`drop ${id}`),
          outcome.counts,
        )
        const isGone = () => base === undefined || (server.descriptors()?.sockets ?? 0) <= base
        const gone = (who: string) =>
          eventually(isGone, LEFT_MS, () => {
            const now = server.descriptors()
            return `${LEFT_MS / 1000} s after ${who} the server has ${now?.sockets} sockets instead of ${base}`
          })
        const one = (kind: Kind, isAlone: boolean): Effect.Effect<void, string> =>
          Effect.gen(function* () {
            if (kind === "kills") {
              return yield* kills(isAlone ? KILLS.alone : KILLS.beside, seed, options.victims, server, () => {
                outcome.kills++
              })
            }
            // So many would keep others out, who are to do what they do.
            const tooMany = kind === "silent" && isAlone && random(seed).bool() ? TOO_MANY : 0
            team.begin({ name: kind, seed, doors: server.doors, tooMany })
            if (kind === "half-closed") {
              yield* eventually(() => team.isStaying() || team.isDone(kind), ROUND_MS, () => "half-closed ones hang")
              // Their halves are still open; with others beside them, it can't be told whose sockets are left.
              if (isAlone) yield* gone("clients have closed their half, with answers unread,")
              team.go()
            }
            yield* eventually(
              () => team.isDone(kind) || team.ended() !== undefined,
              ROUND_MS,
              () => `an attacker, of ${kind}, doesn't come to an end in ${ROUND_MS / 1000} s; ${lockstep.expected}`,
            )
            const failure = team.isDone(kind) ? team.failureOf(kind) : `its process ended: ${team.errors.join("\n")}`
            if (failure !== undefined) yield* Effect.fail(`the attack itself, of ${kind}, broke: ${failure}`)
          })
        // However slow the machine is: without a round nothing is shown.
        while (outcome.rounds === 0 || performance.now() < options.until) {
          const chosen = kindsOf(seed, only)
          progress(`${options.runtime}: round ${outcome.rounds + 1}, seed ${seed}: ${chosen.join(", ")}`)
          lockstep.phase = chosen.length > 1 ? "all at once" : `beside ${chosen[0]}`
          const before = server.memory()
          let most = 0
          const sampling = yield* Effect.forkScoped(Effect.forever(Effect.andThen(
            Effect.sync(() => {
              most = Math.max(most, (server.memory() ?? 0) - (before ?? 0))
              outcome.grownBytes = Math.max(outcome.grownBytes, most)
            }),
            Effect.sleep(50),
          )))
          yield* Effect.forEach(chosen, (kind) => one(kind, chosen.length === 1), { concurrency: "unbounded" }).pipe(
            Effect.andThen(gone("the attackers left")),
            Effect.tap(() => Effect.sync(() => lockstep.phase = CALM)),
            Effect.andThen(newcomers(server)),
            Effect.andThen(headway),
            Effect.andThen(gone("newcomers left")),
            Effect.andThen(Effect.gen(function* () {
              const { all, sockets } = server.descriptors() ?? { all: 0, sockets: 0 }
              if (all - sockets > other + OTHER_DESCRIPTORS) {
                yield* Effect.fail(
                  `the server has ${all - sockets} descriptors besides sockets; it had ${other} at first`,
                )
              }
              if (
                chosen.length === 1 && chosen[0] === "floods" && outcome.rounds >= FIRST_ROUNDS && most > FLOOD_BYTES
              ) {
                yield* Effect.fail(
                  `a flood took ${megabytes(most)} of memory for a while, where ${megabytes(FLOOD_BYTES)} are allowed`,
                )
              }
              const status = yield* server.status
              if (status === undefined) return yield* Effect.fail("the server doesn't answer to status")
              const strangers = status.clients.filter(({ id }) => !HONEST_IDS.has(id ?? ""))
              if (strangers.length > 0) {
                yield* Effect.fail(
                  `the server still has ${strangers.length} clients that have left: ${
                    strangers.slice(0, 5).map(({ id, connection, state }) =>
                      `${id} (connection ${connection}) ${state}`
                    )
                  }`,
                )
              }
            })),
            Effect.tapError(failedIn(chosen)),
          )
          yield* Fiber.interrupt(sampling)
          outcome.rounds++
          seed++
          const memory = server.memory()
          if (memory !== undefined) outcome.memory.push(memory)
        }
      })

    const ending = Effect.gen(function* () {
      const grown = growth(outcome.memory)
      if (grown !== undefined && grown > FLAT_BYTES) {
        yield* Effect.fail(
          `memory isn't flat: after a warm-up it grew by ${megabytes(grown)}, where ${
            megabytes(FLAT_BYTES)
          } are allowed`,
        )
      }
      lockstep.leave()
      yield* eventually(() => server.ended() !== undefined, LEFT_MS, () => "the server doesn't end when all have left")
      const ended = server.ended()
      if (ended !== "exit code 0") yield* Effect.fail(`the server ended, when all had left: ${ended}: ${server.last()}`)
      if (server.summary()?.ended !== "left") yield* Effect.fail("the server printed no summary")
      if (Fs.existsSync(server.socket)) yield* Effect.fail("the socket's file is left")
    })

    yield* Effect.gen(function* () {
      yield* eventually(() => lockstep.turns > 3 * HONEST, WEDGE_MS, () => lockstep.expected)
      const { all, sockets } = server.descriptors() ?? { all: 0, sockets: undefined }
      outcome.sockets = sockets ?? 0
      yield* attacking(sockets, all - (sockets ?? 0))
    }).pipe(
      Effect.raceFirst(watch(server, lockstep)),
      Effect.andThen(Effect.sync(() => {
        outcome.peakBytes = server.peak() ?? 0
      })),
      Effect.andThen(ending),
      Effect.catch(failedIn(kindsOf(seed, only))),
    )
    outcome.turns = lockstep.turns
    for (const [phase, latency] of lockstep.latencies) outcome.latencies.set(phase, latency)
    return outcome
  })
