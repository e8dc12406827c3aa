/**
 * Two Linux kernels and one Effect program as three nodes of one simulation: the
 * program hands out jobs, the kernels do them, and one of them takes too long.
 *
 * The kernels see a folder of this machine as a file system of theirs (hostfs).
 * Whatever a node has written in its turn, all others read in theirs: real I/O,
 * at exact simulated times.
 *
 * ```sh
 * interop/uml/build                           # once: about ten minutes
 * deno run -A examples/kernels/main.ts        # or: bun, or: node, from 26 on
 * ```
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import process from "node:process"
import { fileURLToPath } from "node:url"
import * as Kernel from "../../interop/uml/Kernel.ts"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { GuestClock, Mode, VirtualTime } from "../../src/index.ts"
import * as Timeline from "../demo/timeline.ts"

/** Two machines, which are kernels, and the job that one of them can't do well. */
const machines = [
  { name: "alpha", id: 1, version: "6.1", broken: "nothing" },
  { name: "beta", id: 2, version: "6.12", broken: "dry" },
] as const

interface Job {
  readonly name: string
  /** For how long it should keep a machine busy. */
  readonly seconds: number
}

const jobs: ReadonlyArray<Job> = [
  { name: "saw", seconds: 0.4 },
  { name: "drill", seconds: 0.7 },
  { name: "paint", seconds: 0.3 },
  { name: "dry", seconds: 0.5 },
  { name: "polish", seconds: 0.35 },
  { name: "pack", seconds: 0.2 },
]

/** How long the program waits for a job before it gives the machine up. */
const PATIENCE = "1200 millis"

/** Until when the timeline is drawn: simulated ns. */
const END = 4_000_000_000n

/** What the marks of the timeline are called. */
const WORDS: Timeline.Words = { woke: "says something", interrupted: "gets a job from" }

/** Where the nodes meet: a folder for each machine. */
const doneFile = (folder: string, machine: string, job: string) => `${folder}/${machine}/${job}.done`

/** From when to when a machine was busy with a job, as it wrote that down: simulated ns. */
const readDone = (path: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const [, from = "", to = ""] = (yield* fs.readFileString(path)).trim().split(" ")
    return { from: BigInt(from), to: BigInt(to) }
  })

/** What the program did, for the timeline: simulated ns. */
interface Diary {
  readonly gave: Array<{ readonly machine: string; readonly at: bigint }>
  readonly acted: Array<bigint>
}

/** The node that is an Effect program: gives each machine jobs, until all are done. */
const foreman = (folder: string, diary: Diary) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const clock = yield* GuestClock.GuestClock
    // As long as a file is read or written it is this node's turn. One file after the other: which of two is ready
    // first in real time must not matter.
    const disk = yield* Semaphore.make(1)
    const held = <A, E, R>(io: Effect.Effect<A, E, R>) => disk.withPermit(VirtualTime.hold(io, { name: "files" }))
    const say = (words: string) =>
      Effect.flatMap(clock.now, (now) => {
        diary.acted.push(now)
        return Console.log(`${String(now / 1_000_000n).padStart(5)} ms  ${words}`)
      })

    const todo = yield* Queue.unbounded<Job>()
    yield* Queue.offerAll(todo, jobs)
    const allDone = yield* Latch.make()
    let left = jobs.length

    const waitFor = (machine: string, job: Job) => {
      const path = doneFile(folder, machine, job.name)
      return held(fs.exists(path)).pipe(
        Effect.repeat({ until: (exists) => exists, schedule: Schedule.spaced("25 millis") }),
        Effect.andThen(held(readDone(path))),
        Effect.timeoutOption(PATIENCE),
      )
    }

    const employ = (machine: string) =>
      Effect.gen(function* () {
        while (true) {
          const job = yield* Effect.raceFirst(Queue.take(todo), allDone.await)
          if (job === undefined) return
          yield* held(fs.writeFileString(`${folder}/${machine}/job`, `${job.name} ${job.seconds}\n`))
          diary.gave.push({ machine, at: yield* clock.now })
          yield* say(`${machine} is to ${job.name}`)
          const done = yield* waitFor(machine, job)
          if (Option.isNone(done)) {
            yield* say(`${machine} is given up: it takes too long to ${job.name}`)
            yield* Queue.offer(todo, job)
            return
          }
          const { from, to } = done.value
          yield* say(`${machine} is done: ${job.name} took it ${(to - from) / 1_000_000n} ms`)
          if (--left === 0) yield* allDone.open
        }
      })

    yield* Effect.forEach(machines, ({ name }) => employ(name), { concurrency: "unbounded" })
    yield* held(fs.writeFileString(`${folder}/stop`, ""))
    yield* say("all is done")
  })

const simulation = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "kernels-" })
  yield* fs.copyFile(fileURLToPath(new URL("worker.sh", import.meta.url)), `${folder}/worker.sh`)
  for (const { name } of machines) yield* fs.makeDirectory(`${folder}/${name}`)
  const socket = `${folder}/calendar`
  const calendar = yield* CalendarServer.make({ path: socket, clients: machines.length + 1 })

  const diary: Diary = { gave: [], acted: [] }
  const kernels = yield* Effect.forEach(
    machines,
    ({ name, id, version, broken }) => {
      const environment = { MACHINE: name, BROKEN: broken }
      return Kernel.boot(version, { socket, id, run: { folder, script: "worker.sh", environment } })
    },
  )
  yield* VirtualTime.run(foreman(folder, diary)).pipe(Effect.provide(Mode.external({ socket, id: 3n })))
  for (const { ended } of kernels) yield* ended
  yield* calendar.ended

  const lanes = yield* Effect.forEach(machines, ({ name, id }) =>
    Effect.gen(function* () {
      const files = (yield* fs.readDirectory(`${folder}/${name}`)).filter((file) => file.endsWith(".done")).sort()
      const busy = yield* Effect.forEach(files, (file) => readDone(`${folder}/${name}/${file}`))
      const gave = diary.gave.filter(({ machine }) => machine === name)
      return { name, mark: String(id), busy, woke: [], interrupted: gave.map(({ at }) => ({ at, by: "foreman" })) }
    }))
  const foremansLane = { name: "foreman", mark: "F", busy: [], woke: diary.acted, interrupted: [] }
  const terminal = process.stdout.isTTY
  const style = {
    width: terminal ? Math.min(process.stdout.columns, 160) : 100,
    colour: terminal && !process.env["NO_COLOR"],
  }
  yield* Console.log("")
  for (const line of Timeline.draw([...lanes, foremansLane], END, style, WORDS)) yield* Console.log(line)
})

simulation.pipe(Kernel.watched, Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
