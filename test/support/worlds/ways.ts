/**
 * The ways in which the world of a plan can be run, which must all come to the same.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import process from "node:process"
import { Mode, VirtualTime } from "../../../src/index.ts"
import { Processes } from "../../../src/processes.ts"
import { Guest, World } from "../../../src/simulation.ts"
import * as Trace from "../../../src/trace.ts"
import type { LinkPlan, WorldPlan } from "./plan.ts"
import { optionsOf, VARIABLE, worldOf } from "./planned.ts"
import { lines, type Seen, seen } from "./seen.ts"
import { builtUrl } from "../built.ts"

/** A way to run the world of a plan. */
export interface Way {
  readonly name: string
  readonly run: (plan: WorldPlan, usual: Seen) => Effect.Effect<Seen>
  /** What of it must be the same. Default: all. */
  readonly same?: "all" | "end"
  /** Whether it can be run that way; `usual` is what is seen of it usually. */
  readonly applies?: (plan: WorldPlan, usual: Seen) => boolean
}

const running = (plan: WorldPlan, options: World.Options = {}) =>
  World.run(worldOf(plan), { ...optionsOf(plan), journal: true, ...options })

/** In one process, with a journal. */
export const usually = (plan: WorldPlan): Effect.Effect<Seen> => seen(running(plan))

/**
 * With each guest in a process of its own, which imports `planned.ts` from there. The plan is in the environment, so only
 * one can be run at a time.
 */
export const inProcessesOf = (module: URL) => (plan: WorldPlan): Effect.Effect<Seen> =>
  Effect.acquireUseRelease(
    Effect.sync(() => process.env[VARIABLE] = JSON.stringify(plan)),
    () => seen(Effect.provide(running(plan), Processes.layer({ module }))),
    () => Effect.sync(() => delete process.env[VARIABLE]),
  )

/** The same with processes that are built: for tests, which start built ones. */
export const inProcesses = inProcessesOf(builtUrl("test/support/worlds/planned.ts"))

/** Never happens, but is drawn. */
const NEVER = 1e-300

/** Each with a chance that never comes true, and an outage that is over when nothing is sent any more. */
const idle = (link: LinkPlan): LinkPlan => ({
  ...link,
  loss: link.loss ?? NEVER,
  duplication: link.duplication ?? NEVER,
  reordering: link.reordering ?? NEVER,
  outages: [...link.outages ?? [], [1e15, 2e15]],
  impairments: {
    drop: NEVER,
    corrupt: NEVER,
    duplicate: NEVER,
    delay: NEVER,
    outages: [[1e15, 2e15]],
    ...link.impairments,
  },
})

const STRANGER = "zoe"

const fails = ({ end }: Seen): boolean => !/ ended at /.test(end[0] ?? "")

/** All ways within this process. */
export const ways: ReadonlyArray<Way> = [
  { name: "again", run: usually },
  { name: "without a journal", same: "end", run: (plan) => seen(running(plan, { journal: false })) },
  { name: "traced", run: (plan) => seen(Effect.provide(running(plan), Trace.to(Trace.ring(1000)))) },
  {
    name: "while the same world runs twice beside it",
    run: (plan) =>
      Effect.map(Effect.all([usually(plan), usually(plan), usually(plan)], { concurrency: 3 }), ([one]) => one),
  },
  {
    name: "in a program on simulated time",
    run: (plan) => seen(Effect.provide(VirtualTime.run(running(plan)), Mode.infCpu()) as ReturnType<typeof running>),
  },
  {
    name: "in a guest of another world",
    run: (plan) =>
      Effect.gen(function* () {
        let found: Seen = { end: ["it never ran"], journal: [] }
        const outer = Guest.make("outer", Effect.map(seen(running(plan)), (inner) => void (found = inner)))
        yield* Effect.orDie(World.run(World.make({ guests: [outer, Guest.make("other", Effect.sleep("1 second"))] })))
        return found
      }),
  },
  {
    name: "with a link that nobody uses",
    applies: ({ guests }) => guests.length > 1,
    run: (plan) =>
      usually({
        ...plan,
        links: [
          {
            name: "unused",
            ends: plan.guests.slice(0, 2).map(({ name }) => name),
            kind: "plain",
            loss: 0.5,
            latency: 5,
          },
          ...plan.links,
        ],
      }),
  },
  {
    name: "with options that do nothing",
    run: (plan) => usually({ ...plan, links: plan.links.map(idle) }),
  },
  {
    name: "with a guest that does nothing",
    // Who goes first is drawn anew for one more.
    applies: ({ order }) => typeof order !== "number",
    run: (plan) =>
      Effect.map(
        usually({ ...plan, guests: [...plan.guests, { name: STRANGER, steps: [], daemon: true }] }),
        ({ end, journal }) => ({
          end: end.filter((line) => !line.trimStart().startsWith(`${STRANGER} `)),
          journal: journal.filter((line) => !line.includes(` ${STRANGER} Ended `)),
        }),
      ),
  },
  {
    name: "with all the time in the world",
    // Otherwise it would never end.
    applies: ({ until }, usual) => !fails(usual) && !usual.end.some((line) => line.endsWith(` ended at ${until}`)),
    run: ({ until: _, ...plan }) => usually(plan),
  },
]

/** Whether anything happened at all. */
export const isEmpty = (seen: Seen): boolean => lines(seen).length < 4
