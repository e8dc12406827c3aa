/**
 * `deno task bench`: measures what guest-clock costs beside its peers, on every
 * runtime, each suite in a process of its own.
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Argument, Command, Flag } from "effect/cli"
import type { ChildProcessSpawner } from "effect/process"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { exec, type Words } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import { digits, type Figures, type LeftOut, type Measured, ratios, type Spread, spread, type Suite } from "./suite.ts"

const SUITES = [
  "hold-100",
  "hold-10k",
  "hold-1m",
  "delete",
  "pending",
  "clock-10k",
  "sleepers-100",
  "sleepers-10k",
  "processes-100",
  "processes-10k",
  "processes-memory",
  "queue",
  "async-context",
  "memory",
  "year",
  "exchange",
  "messages",
  "revisions",
  "worlds-ping",
  "worlds-bus",
  "worlds-crowd",
  "calendar",
  "grants",
  "startup",
  "bundle",
  "trace",
] as const

/** Those that take long, and those that need more than this repository: `kernels` what `interop/uml/build` builds. */
const ON_DEMAND = ["growth", "kernels"] as const

const worker = fileURLToPath(new URL("./worker.ts", import.meta.url))

/** What makes a runtime let a program collect its garbage. */
const withGc = (runtime: Runtimes.Name, [command, ...args]: Words): Words => {
  switch (runtime) {
    case "Deno":
      return [command, ...args, "--v8-flags=--expose-gc"]
    case "Node":
      return [command, "--expose-gc", ...args]
    case "Bun":
      return [command, ...args]
  }
}

const measured = (words: Words): Effect.Effect<Measured, Error, ChildProcessSpawner.ChildProcessSpawner> =>
  exec(words).pipe(
    Effect.flatMap(({ code, stdout, stderr }) =>
      code === 0
        // Before them there may be warnings: of a calendar, for example, that has waited long.
        ? Effect.succeed(JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Measured)
        : Effect.fail(new Error(`${words.join(" ")} ended with ${code}:\n${stdout}${stderr}`))
    ),
  )

const run = (suite: Suite, name: string, words: Words, rounds: number, small: boolean) =>
  suite.apart !== true || small ? measured([...words, worker, name, String(rounds)]) : Effect.gen(function* () {
    const all = new Map(suite.cases.map((each) => [each.name, [] as Array<number>]))
    const leftOut: Array<LeftOut> = []
    for (let round = 0; round < rounds; round++) {
      for (const [each, figures] of all) {
        const one = yield* measured([...words, worker, name, "1", each])
        figures.push(...one.figures.flatMap(({ figures }) => figures))
        leftOut.push(...one.leftOut)
        if (one.leftOut.length > 0) all.delete(each)
      }
    }
    return { figures: [...all].map(([name, figures]) => ({ case: name, figures })), leftOut }
  })

const range = ({ min, median, max }: Spread): string =>
  `${digits(median).padStart(7)}  ${`${digits(min)} … ${digits(max)}`.padEnd(15)}`

/** The names of those that a case is compared with. */
const peersOf = (suite: Suite, each: Figures, [first]: ReadonlyArray<Figures>): ReadonlyArray<string> =>
  suite.cases.find(({ name }) => name === each.case)?.against ??
    (first === undefined || first.case === each.case ? [] : [first.case])

const table = (suite: Suite, figures: ReadonlyArray<Figures>): string => {
  const width = Math.max(...figures.map((each) => each.case.length))
  const compared = (each: Figures): ReadonlyArray<string> => {
    const against = peersOf(suite, each, figures)
    return figures.filter((peer) => against.includes(peer.case)).map((peer) => ` × ${range(ratios(each, peer))}`)
  }
  return figures.map((each) =>
    `  ${each.case.padEnd(width)} ${range(spread(each.figures))}${compared(each).join("")}`.trimEnd()
  ).join("\n")
}

/** What was left out, a line each, and why. */
const without = (leftOut: ReadonlyArray<LeftOut>): string =>
  leftOut.map(({ case: name, lacks }) => `  ${name}: left out, as it needs ${lacks}\n`).join("")

const bench = Command.make(
  "bench",
  {
    suites: Argument.Literals("SUITE", [...SUITES, ...ON_DEMAND]).pipe(
      Argument.withDescription("What to measure; everything but growth and kernels, if none is given"),
      Argument.variadic(),
    ),
    on: Flag.Literals("on", Runtimes.names).pipe(
      Flag.withDescription("A runtime to measure on; may be given again. Default: all"),
      Flag.atLeast(0),
    ),
    rounds: Flag.Int("rounds").pipe(
      Flag.withDescription("How often each case is measured"),
      Flag.withDefault(5),
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Prints all figures as lines of JSON"),
      Flag.withDefault(false),
    ),
    small: Flag.Boolean("small").pipe(
      Flag.withDescription("Hardly any work: shows that it runs, measures nothing"),
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(function* ({ suites, on, rounds, json, small }) {
    if (rounds < 1) return yield* Effect.fail(new Error(`--rounds is ${rounds}: it must be at least 1`))
    // Workers have it from this process.
    if (small) process.env["GUEST_CLOCK_BENCH"] = "small"
    const runtimes = on.length > 0 ? on : Runtimes.names
    const words = new Map(
      yield* Effect.forEach(runtimes, (name) => Effect.map(Runtimes.locate(name), (words) => [name, words] as const), {
        concurrency: "unbounded",
      }),
    )
    if (!json) {
      yield* Console.log(
        "median, least … greatest; × the first of the table, or those that it is said to be compared with, in the same round\n",
      )
    }
    for (const name of suites.length > 0 ? suites : SUITES) {
      const { default: suite } = yield* Effect.promise(() =>
        import(`./suites/${name}.ts`) as Promise<{ readonly default: Suite }>
      )
      for (const [runtime, command] of [...words].slice(0, suite.anywhere === true ? 1 : words.size)) {
        const { figures, leftOut } = yield* run(suite, name, withGc(runtime, command), rounds, small)
        yield* Console.log(
          json
            ? JSON.stringify({
              suite: name,
              about: suite.about,
              unit: suite.unit,
              runtime,
              figures: figures.map((each) => ({ ...each, against: peersOf(suite, each, figures) })),
              leftOut,
            })
            : `${suite.about}, ${runtime}, ${suite.unit} (${suite.more ? "more" : "less"} is better)\n${
              table(suite, figures)
            }\n${without(leftOut)}`,
        )
      }
    }
  }),
).pipe(Command.withDescription("Measures what guest-clock costs, beside its peers, as ratios of the same run"))

Command.run(bench, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
