import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as LeftOut from "../../scripts/leftOut.ts"
import { Cluster } from "../../src/processes.ts"
import { Experiment } from "../../src/simulation.ts"
import { inRoom, type Room } from "../support/command.ts"
import { experiment, failing } from "../support/experiments.ts"
import { postgres } from "../support/postgres.ts"

const FILE = "test/support/experiments.ts"

/** What one core comes to. */
const alone = (exported: "experiment" | "clustered") =>
  import("../support/experiments.ts").then(({ [exported]: definition }) =>
    Effect.runPromise(Effect.map(Experiment.run(definition), Experiment.csv))
  )

/** Three runners, of whom one joins late, and one is killed in the middle of its runs. */
const killing = async ({ start }: Room, cluster: string) => {
  const runner = () => start("runner", FILE, "--export", "clustered", "--cluster", cluster)
  const [first, second] = [runner(), runner()]
  await Promise.all([first.printed(/runner of/), second.printed(/runner of/)])
  const asked = start("experiment", FILE, "--export", "clustered", "--cluster", cluster, "--format", "csv")
  // There are 80 of them: it is in the middle of its own by then.
  await new Promise((resolve) => setTimeout(resolve, 4000))
  expect(asked.child.exitCode, asked.stdout).toBe(null)
  first.child.kill("SIGKILL")
  await first.ended
  const third = runner()
  await third.printed(/runner of/)
  expect(await asked.ended, asked.stderr).toBe(0)
  expect(asked.stdout).toBe(await alone("clustered"))
  return { runners: [second, third], asked }
}

describe("an experiment on a cluster", () => {
  it.live(
    "in a file of SQLite has the same results as on one core, though a runner is killed, and one joins late",
    () =>
      inRoom("Deno", async (room) => {
        const cluster = `${room.folder}/runs.sqlite`
        const { runners } = await killing(room, cluster)
        // All is stored: it is there again without any runner.
        for (const { child } of runners) child.kill("SIGTERM")
        await Promise.all(runners.map(({ ended }) => ended))
        const again = room.start("experiment", FILE, "--export", "clustered", "--cluster", cluster, "--format", "csv")
        expect(await again.ended, again.stderr).toBe(0)
        expect(again.stdout).toBe(await alone("clustered"))
      }),
    300_000,
  )

  it.live(
    "in PostgreSQL has the same results as on one core, though a runner is killed, one joins late, and no run counts twice",
    (context) =>
      Effect.gen(function* () {
        const server = yield* postgres
        if (server === undefined) {
          return yield* Effect.promise(() =>
            LeftOut.note(context, "the test of a cluster on PostgreSQL", "postgresql, of Debian")
          )
        }
        yield* inRoom("Deno", async (room) => {
          await killing(room, server.address)
          const [messages = ""] = server.query("select tablename from pg_tables where tablename like '%_messages'")
            .trim()
            .split("\n")
          // One message for each run, each answered once.
          const { clustered } = await import("../support/experiments.ts")
          const runs = 2 * Number(clustered.seeds)
          expect(server.query(`select count(*), count(distinct message_id) from ${messages} where kind = 0`)).toBe(
            `${runs}|${runs}\n`,
          )
          const replies = messages.replace(/messages$/, "replies")
          expect(server.query(`select count(*), count(distinct request_id) from ${replies} where kind = 0`)).toBe(
            `${runs}|${runs}\n`,
          )
        })
      }).pipe(Effect.scoped),
    300_000,
  )

  it.live(
    "fails with the run that does, and what the runner says of it",
    () =>
      inRoom("Deno", async ({ start, folder }) => {
        const cluster = `${folder}/runs.sqlite`
        const runner = start("runner", FILE, "--export", "failing", "--cluster", cluster)
        await runner.printed(/runner of/)
        const asked = start("experiment", FILE, "--export", "failing", "--cluster", cluster)
        expect(await asked.ended).toBe(1)
        expect(asked.stderr).toContain('the run of at 2 with seed 1 failed: the guest "one" failed at 0 ns: no luck')
      }),
    90_000,
  )

  it.live.each<readonly [Partial<Cluster.RunnerOptions>, string]>([
    [{ cluster: "" }, "cluster can't be"],
    [{ workers: 0 }, "workers can't be 0: it is a whole number from 1 to 1024"],
    [{ listen: { host: "", port: 4000 } }, "listen.host can't be"],
    [{ listen: { host: "::1", port: 0 } }, "listen.port can't be 0: it is a whole number from 1 to 65535"],
    [{ module: "file:///nowhere.ts" }, "file:///nowhere.ts can't be imported"],
    [{ export: "nothing" }, "exports no nothing, but clustered"],
    [{ cluster: "/nowhere/at/all" }, "open /nowhere/at/all"],
  ])("can't have a runner with %o", ([options, message]) =>
    Effect.gen(function* () {
      const module = new URL("../support/experiments.ts", import.meta.url)
      const listen = { host: "127.0.0.1", port: 45_678 }
      const error = yield* Effect.flip(Cluster.runner({ module, cluster: "/tmp/none.sqlite", listen, ...options }))
      expect(error.message).toContain(message)
    }))

  it.live.each<readonly [Partial<Cluster.ClientOptions>, string]>([
    [{ cluster: "" }, "cluster can't be"],
    [{ concurrency: 0 }, "concurrency can't be 0: it is a whole number from 1 to 100000"],
    [{ cluster: "/nowhere/at/all" }, "open /nowhere/at/all"],
  ])("can't be asked with %o", ([options, message]) =>
    Effect.gen(function* () {
      const layer = Cluster.layer({ cluster: "/tmp/none.sqlite", ...options })
      const error = yield* Effect.flip(Effect.provide(Experiment.run(experiment), layer))
      expect(error.message).toContain(message)
    }))

  it.live("needs the module that exports the experiment", () =>
    Effect.gen(function* () {
      const { module: _, ...without } = failing
      const error = yield* Effect.flip(
        Effect.provide(Experiment.run(without), Cluster.layer({ cluster: "/tmp/none.sqlite" })),
      )
      expect(error.message).toContain("module can't be undefined: it is the module that exports the experiment")
    }))
})
