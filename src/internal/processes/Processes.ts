/**
 * A world whose guests are processes of their own. They do the same as in one process,
 * event for event: only where they are is different.
 *
 * The world stands in a module that both this program and the guests' import:
 *
 * ```ts no-run
 * // world.ts
 * import { Effect } from "effect"
 * import { Guest, World } from "guest-clock/simulation"
 *
 * const one = Guest.make("one", Effect.sleep("1 second"))
 * const other = Guest.make("other", Effect.sleep("1 minute"))
 * export const world = World.make({ guests: [one, other] })
 * ```
 *
 * ```ts no-run
 * // main.ts
 * import { Effect } from "effect"
 * import { Processes } from "guest-clock/processes"
 * import { World } from "guest-clock/simulation"
 *
 * const module = new URL("./world.ts", import.meta.url)
 * const { world } = await import(module.href)
 * await Effect.runPromise(World.run(world).pipe(Effect.provide(Processes.layer({ module }))))
 * ```
 *
 * ## Theory of operation
 *
 * This process is the calendar, which guests connect to as kernels do, and the hub that
 * their messages go through. A guest hands a message to the hub and waits; the hub hands
 * it on, to one receiver after the other, and answers when the last one's clock knows of
 * it. So there is one order of events, and it is that of a single process.
 *
 * @module
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { ChildProcess } from "effect/process"
import type * as Socket from "effect/socket/Socket"
import * as CalendarServer from "../../calendar/CalendarServer.ts"
import { running } from "../platform/Runtime.ts"
import { listen } from "../platform/SocketFile.ts"
import { reason, type Where } from "../simulation/Failure.ts"
import * as World from "../../simulation/World.ts"
import * as Pipe from "./Pipe.ts"

/** Where the guests' processes find their world. */
export interface Options {
  /** The module that the world stands in: importing it must run nothing. */
  readonly module: URL | string
  /** What it exports the world as. Default: `world`. */
  readonly export?: string
}

/** The module that a guest's process runs: beside this one, compiled or not. */
const CHILD = new URL(import.meta.url.endsWith(".ts") ? "./child.ts" : "./child.js", import.meta.url).href

/** How long a guest's process may take to end, in real time, when the world has. */
const ENDS_AFTER = "2 seconds"

/** How long a guest may take to say what it waits for, in real time. */
const TELLS_WITHIN = "2 seconds"

/** A guest in a process of its own. */
class Remote {
  readonly name: string
  readonly #pipe = Deferred.makeUnsafe<Pipe.Pipe<Pipe.FromGuest, Pipe.ToGuest>>()
  readonly outcome: Deferred.Deferred<World.Outcome, World.GuestFailed> = Deferred.makeUnsafe()
  #connected: Pipe.Pipe<Pipe.FromGuest, Pipe.ToGuest> | undefined
  /** Those who wait for it to hear of something. */
  readonly #waiting = new Map<number, Deferred.Deferred<boolean>>()
  /** What its fibers wait for. */
  readonly waiting: Deferred.Deferred<ReadonlyArray<string> | undefined> = Deferred.makeUnsafe()
  #sent = 0
  #hasEnded = false

  constructor(name: string) {
    this.name = name
  }

  get isConnected(): boolean {
    return this.#connected !== undefined
  }

  connect(pipe: Pipe.Pipe<Pipe.FromGuest, Pipe.ToGuest>): void {
    this.#connected = pipe
    Deferred.doneUnsafe(this.#pipe, Effect.succeed(pipe))
  }

  say(message: Pipe.ToGuest): void {
    this.#connected?.say(message)
  }

  /** Hands a packet over: whether its clock knows of it then, or nobody is there any more. */
  deliver(packet: Pipe.Packet): Effect.Effect<boolean> {
    return Effect.flatMap(Deferred.await(this.#pipe), (pipe) => {
      if (this.#hasEnded) return Effect.succeed(false)
      const n = ++this.#sent
      const heard = Deferred.makeUnsafe<boolean>()
      this.#waiting.set(n, heard)
      pipe.say({ _tag: "Deliver", n, packet })
      return Deferred.await(heard)
    })
  }

  delivered(n: number): void {
    const heard = this.#waiting.get(n)
    this.#waiting.delete(n)
    if (heard !== undefined) Deferred.doneUnsafe(heard, Effect.succeed(true))
  }

  /** It takes nothing any more. */
  end(): void {
    this.#hasEnded = true
    for (const heard of this.#waiting.values()) Deferred.doneUnsafe(heard, Effect.succeed(false))
    this.#waiting.clear()
  }
}

const run = ({ module, export: name = "world" }: Options): World.Place["run"] => (plan) =>
  Effect.gen(function* () {
    const { world, seed, journal, realTime, warmUp, course, calendar: options } = plan
    const fs = yield* FileSystem.FileSystem
    const folder = yield* Effect.orDie(fs.makeTempDirectoryScoped({ prefix: "guest-clock-" }))
    const path = `${folder}/calendar`
    const calendar = yield* Effect.catchTag(
      CalendarServer.make({ ...options, path, sharedMemory: false }),
      "ListenError",
      (error) => Effect.die(error),
    )
    const attendance = new World.Attendance(world.guests, calendar)
    const remotes = new Map(world.guests.map((guest) => [guest.name, new Remote(guest.name)]))
    const failed = yield* Deferred.make<never, World.GuestFailed>()
    const fail = (failure: World.GuestFailed) => Effect.asVoid(Deferred.fail(failed, failure))
    /** Something went wrong with a guest's process, or on the way to it. */
    const broke = (guest: string, why: string, where?: Where) =>
      Effect.flatMap(calendar.stats, ({ time }) => fail(new World.GuestFailed(guest, time, why, where)))

    const answer = (remote: Remote, pipe: Pipe.Pipe<Pipe.FromGuest, Pipe.ToGuest>, message: Pipe.FromGuest) => {
      const heard = (n: number) => Effect.sync(() => pipe.say({ _tag: "Heard", n, left: [] }))
      switch (message._tag) {
        case "Hello":
          return Effect.void
        case "Send":
          return Effect.gen(function* () {
            const left: Array<number> = []
            for (const [index, packet] of message.packets.entries()) {
              const receiver = remotes.get(packet.to)
              if (receiver === undefined) {
                const why = `it sent something to ${JSON.stringify(packet.to)}, and there is no such guest`
                return yield* broke(remote.name, why, { link: packet.link })
              }
              if (!(yield* receiver.deliver(packet))) left.push(index)
            }
            pipe.say({ _tag: "Heard", n: message.n, left })
          })
        case "Delivered":
          return Effect.sync(() => remote.delivered(message.n))
        case "Ended":
          return Effect.andThen(
            Effect.sync(() => remote.end()),
            Effect.andThen(
              attendance.ended(remote.name),
              heard(message.n),
            ),
          )
        case "Stopped":
          return Effect.andThen(attendance.stop, heard(message.n))
        case "Failed":
          return Effect.andThen(
            calendar.pause,
            fail(new World.GuestFailed(remote.name, message.time, message.why, message)),
          )
        case "Waiting":
          return Effect.asVoid(Deferred.succeed(remote.waiting, message.fibers))
        case "Outcome":
          return Effect.asVoid(Deferred.succeed(remote.outcome, message.outcome))
      }
    }

    const serve = (socket: Socket.Socket) =>
      Effect.gen(function* () {
        const pipe = yield* Pipe.make(socket, Pipe.FromGuest, Pipe.ToGuest)
        const scope = yield* Effect.scope
        let remote: Remote | undefined
        const hearing = pipe.hear((message) => {
          if (remote === undefined) {
            if (message._tag !== "Hello") return Effect.void
            remote = remotes.get(message.guest)
            if (remote === undefined || remote.isConnected) return Effect.interrupt
            remote.connect(pipe)
            remote.say({
              _tag: "Setup",
              calendar: path,
              id: BigInt([...remotes.keys()].indexOf(remote.name) + 1),
              seed,
              journal,
              realTime: realTime.has(remote.name),
              warmUp,
              course,
            })
            return Effect.void
          }
          // What waits for others must not keep this guest from answering them.
          const { name } = remote
          const answering = Effect.catchCause(
            answer(remote, pipe, message),
            (cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : broke(name, reason(cause)),
          )
          return Effect.asVoid(Effect.forkIn(answering, scope, { startImmediately: true }))
        })
        yield* Effect.catch(hearing, ({ message }) => remote === undefined ? Effect.void : broke(remote.name, message))
        remote?.end()
      }).pipe(Effect.scoped, Effect.ignore)
    const hub = yield* Effect.orDie(listen(`${folder}/hub`))
    yield* Effect.forkScoped(hub((_, socket) => serve(socket)))

    const start = (remote: Remote) =>
      Effect.gen(function* () {
        const [command, ...args] = running(CHILD)
        const words = [...args, `${folder}/hub`, remote.name, String(module), name]
        const handle = yield* ChildProcess.make(command, words, {
          stdout: "inherit",
          stderr: "inherit",
          // A program can refuse to be interrupted.
          forceKillAfter: ENDS_AFTER,
        })
        // A process that a signal ended has no exit code.
        const code = yield* Effect.orElseSucceed(handle.exitCode, () => undefined)
        if (yield* Deferred.isDone(remote.outcome)) return
        remote.end()
        const why = code === undefined ? "its process was killed" : `its process ended with exit code ${code}`
        yield* broke(remote.name, why)
      }).pipe(Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : broke(remote.name, `its process can't be started: ${reason(cause)}`)
      ))
    for (const remote of remotes.values()) yield* Effect.forkScoped(start(remote))

    yield* World.watching(calendar, options, attendance.stop)
    const over = World.naming(attendance.over, [...remotes.values()], (remote) =>
      Effect.suspend(() => {
        remote.say({ _tag: "WhatFor" })
        return Effect.timeoutOrElse(Deferred.await(remote.waiting), {
          duration: TELLS_WITHIN,
          orElse: () => Effect.succeed(["its process doesn't say what it waits for"]),
        })
      }))
    yield* Effect.raceFirst(Deferred.await(failed), over)
    const stats = yield* calendar.stats
    const outcomes = yield* Effect.raceFirst(
      Deferred.await(failed),
      Effect.forEach([...remotes.values()], (remote) => {
        remote.say({ _tag: "Finish", time: stats.time })
        return Deferred.await(remote.outcome)
      }, { concurrency: "unbounded" }),
    )
    return { ...stats, outcomes }
  }).pipe(Effect.provide(NodeServices.layer)) as ReturnType<World.Place["run"]>

/** Has worlds run with each guest in a process of its own, of this runtime. */
export const layer = (options: Options): Layer.Layer<never> =>
  Layer.succeed(World.CurrentPlace, { run: run(options) }) as Layer.Layer<never>
