/**
 * `guest-clock runner`: does runs of an experiment on a cluster.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import { Argument, Command, Flag } from "effect/cli"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import type { Address } from "../internal/platform/Tcp.ts"
import * as Cluster from "../processes/Cluster.ts"
import * as Flags from "./flags.ts"
import { holdNobodyUp, stdout } from "./output.ts"
import { printable } from "./printable.ts"

/** The flag of whoever is on a cluster. */
export const cluster: Flag.Flag<string> = Flag.String("cluster").pipe(
  Flag.withMetavar("FILE|postgres://…"),
  Flag.withDescription(
    "Where the cluster meets: a file of SQLite for processes of one machine, or a PostgreSQL database for many",
  ),
)

/** A port that is free now. */
const freePort = (host: string): Effect.Effect<number> =>
  Effect.callback((resume) => {
    const server = Net.createServer()
    server.once("error", (error) => resume(Effect.die(error)))
    server.listen(0, host, () => {
      const { port } = server.address() as Net.AddressInfo
      server.close(() => resume(Effect.succeed(port)))
    })
  })

/** The command. */
export const runner = Command.make(
  "runner",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription(
        "The module that exports the experiment: the same text as that of those who ask for runs",
      ),
    ),
    cluster,
    listen: Flags.address("listen").pipe(
      Flag.withDescription("Where other runners reach this one. Default: a free port on 127.0.0.1"),
      Flag.withDefault({ port: 0 } as Address),
    ),
    workers: Flag.Int("workers").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("How many runs it does at the same time, each in a thread. Default: 1"),
      Flag.withDefault(1),
    ),
    export: Flag.String("export").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("What the module exports the experiment as. Default: experiment"),
      Flag.withDefault("experiment"),
    ),
  },
  Effect.fnUntraced(function* ({ file, cluster, listen, workers, ...flags }) {
    yield* holdNobodyUp
    const host = listen.host ?? "127.0.0.1"
    const port = listen.port === 0 ? yield* freePort(host) : listen.port
    yield* stdout.put(`runner of ${printable(file)} on ${printable(host)}:${port}\n`)
    yield* Cluster.runner({
      module: pathToFileURL(resolve(file)),
      export: flags.export,
      cluster,
      workers,
      listen: { host, port },
    })
  }),
).pipe(
  Command.withDescription(
    "Does runs of an experiment that guest-clock experiment --cluster asks for, until it is ended: several runners share " +
      "them, and take over from one that dies. Exit codes: 1 it can't be as you said, or its database is gone; " +
      "129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM.",
  ),
  Command.withExamples([
    {
      command: "guest-clock runner mmc.ts --cluster runs.sqlite --workers 4",
      description: "Four runs at a time, for others on this machine",
    },
    {
      command: "guest-clock runner mmc.ts --cluster postgres://stats@db/runs --listen 10.0.0.7:4100",
      description: "One of many machines: start it on each, with its own address",
    },
  ]),
)
