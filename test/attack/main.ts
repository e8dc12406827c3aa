/**
 * `deno task attack`: attacks the command `guest-clock calendar` with clients of all
 * kinds, on each runtime, while honest clients in lockstep are checked to the
 * nanosecond.
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { CliError, Command, Flag } from "effect/cli"
import process from "node:process"
import * as ClosingLine from "../../scripts/closingLine.ts"
import * as LeftOut from "../../scripts/leftOut.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import * as Crowd from "./crowd.ts"
import type { Latency } from "./latency.ts"
import * as Run from "./run.ts"
import { canBeSeen } from "./server.ts"

/** On the command line they are lower case. */
const RUNTIMES = { deno: "Deno", bun: "Bun", node: "Node" } as const

/** How large the crowd is: where it is all there is, or there is time for it, and otherwise. */
const CROWD = { full: 10_000, small: 1000, fullFromMinutes: 10 }

/** After so many failures on one runtime, the others have their turn. */
const MOST_FAILURES = 3

/** How often progress is printed where no line can be drawn again, and how often it is drawn. */
const PRINT_MS = 15_000
const DRAW_MS = 100

const isTerminal = process.stderr.isTTY === true
const CLEAR_LINE = "\r\u001b[K"

/** Says how it goes, now and then. */
const progress = () => {
  let last = -Infinity
  return (text: string): void => {
    const now = performance.now()
    if (now - last < (isTerminal ? DRAW_MS : PRINT_MS)) return
    last = now
    const room = (process.stderr.columns ?? 80) - 1
    process.stderr.write(isTerminal ? `${CLEAR_LINE}${text.slice(0, room)}` : `${text}\n`)
  }
}

const clear = Effect.sync(() => {
  if (isTerminal) process.stderr.write(CLEAR_LINE)
})

const color = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined
const red = (text: string): string => color ? `\u001b[31m${text}\u001b[39m` : text
const green = (text: string): string => color ? `\u001b[32m${text}\u001b[39m` : text

const count = (number: number): string => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, ",")
const millis = (ms: number): string => `${ms < 10 ? ms.toPrecision(2) : ms.toFixed(0)} ms`
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`

const latencyOf = (latency: Latency): string =>
  `half of them within ${millis(latency.quantile(0.5))}, 99 of 100 within ${millis(latency.quantile(0.99))}, ` +
  `all within ${millis(latency.maxMs)}`

/** What happened, as lines for people. */
const summary = (outcome: Run.Outcome): ReadonlyArray<string> => {
  const { counts, memory, latencies } = outcome
  const grown = Run.growth(memory)
  return [
    `${count(outcome.turns)} honest turns, ${outcome.rounds} rounds`,
    `${count(outcome.kills)} kills, ${count(counts.fuzzed)} fuzzed messages, ${
      count(counts.connections)
    } connections, ` +
    `${count(counts.refused)} refused`,
    `${count(counts.floods)} floods of ${megabytes(counts.floodedBytes)}, ${count(counts.silent)} silent, ` +
    `${count(counts.halfClosed)} half-closed, ${count(counts.held)} turns held, ${count(counts.dropped)} dropped`,
    ...[...latencies].map(([phase, latency]) => `next honest turn, ${phase}: ${latencyOf(latency)}`),
    ...memory.length === 0 ? [] : [
      `memory ${megabytes(memory[0]!)} after the first round, ${megabytes(memory.at(-1)!)} after the last, at most ` +
      `${megabytes(outcome.peakBytes)}, in one round at most ${megabytes(outcome.grownBytes)} more than before; ` +
      (grown === undefined
        ? "too few rounds to say whether it is flat"
        : `grew by ${megabytes(grown)} after a warm-up`),
      `${outcome.sockets} sockets before and after each round`,
    ],
  ]
}

const crowdSummary = ({ clients, turns, latency, peakBytes, connectMs, turnsMs }: Crowd.Outcome): string =>
  `a crowd of ${count(clients)}: connected in ${millis(connectMs)}, ${count(turns)} turns in ${
    millis(turnsMs)
  }; next turn: ` +
  `${latencyOf(latency)}; memory at most ${peakBytes === undefined ? "unknown" : megabytes(peakBytes)}`

const attack = Command.make(
  "attack",
  {
    minutes: Flag.Finite("minutes").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("How long it takes, all runtimes together; a round that has begun is ended. Default: 1"),
      Flag.withDefault(1),
    ),
    seed: Flag.Int("seed").pipe(
      Flag.withMetavar("S"),
      Flag.withDescription("The seed of the first round; those that follow have S + 1, S + 2, …. Default: any"),
      Flag.optional,
    ),
    runtime: Flag.Literals("runtime", ["deno", "bun", "node"]).pipe(
      Flag.withDescription("A runtime of the server; may be given again. Default: all"),
      Flag.atLeast(0),
    ),
    only: Flag.Literals("only", [...Run.kinds, "crowd"]).pipe(
      Flag.withMetavar("KIND"),
      Flag.withDescription(
        `Only this kind of attack; may be given again: ${
          Run.kinds.join(", ")
        }, or crowd: 10,000 clients in lockstep. ` +
          "Default: all, with a crowd as large as there is time for",
      ),
      Flag.atLeast(0),
    ),
  },
  Effect.fnUntraced(function* ({ minutes, seed, runtime, only }) {
    if (!(minutes > 0)) return yield* Effect.fail(new Error(`--minutes is ${minutes}: it must be more than 0`))
    const first = seed._tag === "Some" ? seed.value : Date.now() % 1_000_000
    if (first < 0) return yield* Effect.fail(new Error(`--seed is ${first}: it must be a whole number from 0 on`))
    const chosen = runtime.length > 0 ? [...new Set(runtime)] : (["deno", "bun", "node"] as const)
    const kinds = only.length > 0 ? Run.kinds.filter((kind) => only.includes(kind)) : Run.kinds
    const hasCrowd = only.length === 0 || only.includes("crowd")
    const crowd = only.length > 0 || minutes >= CROWD.fullFromMinutes ? CROWD.full : CROWD.small
    const attackers = yield* Runtimes.locate("Deno")
    // It starts in half of the time of the others, and a victim's runtime is all the same to a calendar.
    const victims = yield* Runtimes.locate("Bun")
    const flags = only.map((kind) => ` --only ${kind}`).join("")
    let passed = 0
    let failed = 0
    const leftOut: Array<string> = []
    if (!canBeSeen) {
      leftOut.push(LeftOut.format("memory and descriptors of the attacked server", "/proc, as Linux has it"))
    }
    const fail = (name: string, seed: number, where: string, what: string) => {
      failed++
      const repeat = `deno task attack --minutes 0.1 --runtime ${name} --seed ${seed}${where}`
      return clear.pipe(
        Effect.andThen(Console.log(`${red("✗")} ${RUNTIMES[name as keyof typeof RUNTIMES]}, seed ${seed}: ${what}`)),
        Effect.andThen(Console.log(`  again: ${repeat}`)),
      )
    }
    yield* Console.log(`seed ${first}, ${minutes} minutes on ${chosen.map((name) => RUNTIMES[name]).join(", ")}`)
    for (const name of chosen) {
      const words = yield* Runtimes.locate(RUNTIMES[name])
      const until = performance.now() + minutes * 60_000 / chosen.length
      const show = progress()
      let next = first
      for (
        let failures = 0;
        kinds.length > 0 && (failures === 0 || performance.now() < until) && failures < MOST_FAILURES;
      ) {
        const ran = yield* Effect.result(Effect.scoped(
          Run.run({
            runtime: RUNTIMES[name],
            words,
            attackers,
            victims,
            seed: next,
            until,
            only: kinds,
            progress: show,
          }),
        ))
        yield* clear
        if (ran._tag === "Failure") {
          yield* fail(name, next, flags, ran.failure.message)
          break
        }
        const outcome = ran.success
        yield* Console.log(`${outcome.failure === undefined ? green("✓") : red("✗")} ${RUNTIMES[name]}`)
        for (const line of summary(outcome)) yield* Console.log(`  ${line}`)
        passed += outcome.rounds
        const { failure } = outcome
        if (failure === undefined) break
        failures++
        yield* fail(
          name,
          failure.seed,
          flags,
          `${failure.kinds.join(", ")}, round ${outcome.rounds + 1}: ${failure.what}`,
        )
        // Others may find more.
        next = failure.seed + 1
      }
      if (!hasCrowd) continue
      const clients = Crowd.room(crowd)
      if (clients < crowd) {
        leftOut.push(LeftOut.format(
          `${crowd - clients} of a crowd of ${crowd} clients`,
          `a limit of descriptors of more than ${clients + 200}: ulimit -n`,
        ))
      }
      const ran = yield* Effect.result(Effect.scoped(
        Crowd.run({ words, clients, seed: first, progress: (text) => show(`${RUNTIMES[name]}: a crowd: ${text}`) }),
      ))
      yield* clear
      if (ran._tag === "Failure") {
        yield* fail(name, first, " --only crowd", `a crowd of ${clients}: ${ran.failure.message}`)
        continue
      }
      const outcome = ran.success
      if (outcome.failure === undefined) passed++
      else yield* fail(name, first, " --only crowd", `a crowd of ${clients}: ${outcome.failure}`)
      yield* Console.log(
        `${outcome.failure === undefined ? green("✓") : red("✗")} ${RUNTIMES[name]}: ${crowdSummary(outcome)}`,
      )
    }
    yield* Console.log(["", ...new Set(leftOut), ClosingLine.format({ passed, failed })].join("\n"))
    yield* Effect.sync(() => {
      process.exitCode = failed === 0 ? 0 : 1
    })
  }),
).pipe(
  Command.withDescription(
    "Attacks the command guest-clock calendar: honest clients in lockstep, each turn of which is known beforehand, and " +
      "beside them clients that are killed, send anything, flood, say nothing, close half of their connection or keep " +
      "the turn. Exit code 1 if anything was wrong.",
  ),
  Command.withExamples([
    { command: "deno task attack --minutes 60", description: "An hour, on all runtimes" },
    { command: "deno task attack --only crowd --runtime bun", description: "10,000 clients in lockstep, on Bun" },
  ]),
)

Command.run(attack, { version: "0.1.0" }).pipe(
  Effect.catch((error) =>
    CliError.isCliError(error)
      ? Effect.fail(error)
      : Effect.andThen(Console.error(`attack: ${error.message}`), Effect.fail(error))
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
