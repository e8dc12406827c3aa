/**
 * `guest-clock experiment`: runs the experiment that a module exports, here, in workers or on a cluster.
 *
 * @module
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Argument, CliError, Command, Flag } from "effect/cli"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import * as Cluster from "../processes/Cluster.ts"
import * as Experiment from "../simulation/Experiment.ts"
import * as Progress from "../simulation/Progress.ts"
import { Failed, WRONG } from "./exits.ts"
import * as Flags from "./flags.ts"
import { stderr, stdout } from "./output.ts"
import { printable, printableLines } from "./printable.ts"
import { cluster } from "./runner.ts"

const file = Argument.String("file").pipe(
  Argument.withDescription("The module that exports the experiment, as Experiment.make makes it"),
)

const workers = Flag.String("workers").pipe(
  Flag.withMetavar("N|all"),
  Flag.withDescription("Do the runs in so many worker threads, or one for each core. Default: one after the other"),
  Flag.mapEffect((text) => {
    const count: number | "all" | undefined = text === "all" ? text : /^\d+$/.test(text) ? Number(text) : undefined
    const expected = "how many workers there are: a whole number from 1 to 1024, or all"
    return count === undefined
      ? Effect.fail(new CliError.InvalidValue({ option: "workers", value: text, expected, kind: "flag" }))
      : Effect.succeed(count)
  }),
  Flag.optional,
)

/** The experiment that a module exports. */
const load = (path: string, exported: string) =>
  Effect.gen(function* () {
    const module = pathToFileURL(resolve(path)).href
    const found = yield* Effect.tryPromise({
      try: (): Promise<{ readonly [name: string]: unknown }> => import(module),
      catch: (error) =>
        new Failed(`${path} can't be imported: ${error instanceof Error ? error.message : error}`, WRONG),
    })
    const experiment = found[exported] as Parameters<typeof Experiment.run>[0] | undefined
    if (typeof experiment !== "object" || experiment === null) {
      const names = Object.keys(found).sort().join(", ") || "nothing"
      return yield* Effect.fail(new Failed(`${path} exports no experiment as ${exported}; it exports ${names}`, WRONG))
    }
    return { ...experiment, module, export: exported }
  })

const written = (results: Experiment.Results, format: "table" | "csv" | "json"): string =>
  format === "csv"
    ? Experiment.csv(results)
    : format === "json"
    ? `${Experiment.json(results)}\n`
    : `${printableLines(Experiment.table(results).join("\n"))}\n`

/** What is drawn, into which file. */
const draw = (results: Experiment.Results, path: string, y: ReadonlyArray<string>, x: Option.Option<string>) =>
  Effect.gen(function* () {
    const plots = y.map((y) => ({ y, ...Flags.given("x", x) }))
    const isPage = /\.html?$/i.test(path)
    if (plots.length === 0) {
      return yield* Effect.fail(new Failed("what is to be drawn? give --y NAME, once or more", WRONG))
    }
    if (!isPage && plots.length > 1) {
      return yield* Effect.fail(new Failed("several plots are a page: give --plot a name that ends in .html", WRONG))
    }
    const text = yield* isPage ? Experiment.html(results, plots) : Experiment.plot(results, plots[0]!)
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFileString(path, text)
  })

/** The command. */
export const experiment = Command.make(
  "experiment",
  {
    file,
    workers,
    export: Flag.String("export").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("What the module exports it as. Default: experiment"),
      Flag.withDefault("experiment"),
    ),
    runs: Flag.String("runs").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Keep what came of each run in this file, and go on with those that are there"),
      Flag.optional,
    ),
    cluster: Flag.optional(cluster),
    seeds: Flag.Int("seeds").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("How many replications each point has, in place of what the experiment says"),
      Flag.optional,
    ),
    format: Flag.Literals("format", ["table", "csv", "json"]).pipe(
      Flag.withDescription("How results are printed: table, csv or json. Default: table"),
      Flag.withDefault("table" as const),
    ),
    plot: Flag.String("plot").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Draw --y into this file, as SVG, or as a page if its name ends in .html"),
      Flag.optional,
    ),
    y: Flag.String("y").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("A statistic to be drawn: its name, or guest and name; may be given again for a page"),
      Flag.atLeast(0),
    ),
    x: Flag.String("x").pipe(
      Flag.withMetavar("PARAMETER"),
      Flag.withDescription("What it is drawn over. Default: the first parameter"),
      Flag.optional,
    ),
  },
  Effect.fnUntraced(function* ({ file, workers, runs, cluster, seeds, format, plot, y, x, ...flags }) {
    if (Option.isSome(workers) && Option.isSome(cluster)) {
      const why = "--workers are threads of this process, and --cluster has the runners do all: give one of them"
      return yield* Effect.fail(new Failed(why, WRONG))
    }
    const loaded = yield* load(file, flags.export)
    const running = Experiment.run({
      ...loaded,
      ...Flags.given("seeds", seeds),
      ...Flags.given("workers", workers),
      ...Flags.given("file", runs),
    })
    const results = yield* running.pipe(
      Effect.provide(Option.isSome(cluster) ? Cluster.layer({ cluster: cluster.value }) : Layer.empty),
      Effect.provide(Layer.fresh(Progress.layer())),
      Effect.onInterrupt(() =>
        Effect.sync(() => {
          if (Option.isNone(runs)) return
          stderr.write(
            `guest-clock: the runs that are done are in ${printable(runs.value)}: the same command goes on\n`,
          )
        })
      ),
    )
    yield* stdout.put(written(results, format))
    if (Option.isSome(plot)) yield* draw(results, plot.value, y, x)
  }, Effect.provide(NodeServices.layer)),
).pipe(
  Command.withDescription(
    "Runs an experiment: a world with many seeds and parameters, and what it comes to with confidence intervals. " +
      "Exit codes: 0 all runs were done; 1 one failed, or it can't be as you said; " +
      "129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM: what was done is kept in --runs.",
  ),
  Command.withExamples([
    {
      command: "guest-clock experiment mmc.ts --workers all --runs mmc.runs",
      description: "On all cores; whatever ends it, the same command goes on",
    },
    {
      command: "guest-clock experiment mmc.ts --cluster runs.sqlite",
      description: "On all runners that are there, and join: guest-clock runner mmc.ts --cluster runs.sqlite",
    },
    {
      command: "guest-clock experiment mmc.ts --format csv --plot mmc.svg --y wait",
      description: "As CSV, and a plot of the waits",
    },
  ]),
)
