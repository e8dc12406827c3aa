/**
 * Serves the page of a world's trace while the world runs, to this machine only; the page can pause its calendar, step
 * it and set its pace.
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { CalendarServer } from "../../calendar/CalendarServer.ts"
import { OptionError } from "../../core/Fault.ts"
import { Tracer } from "../../services/Tracer.ts"
import * as LocalServer from "../platform/LocalServer.ts"
import { clock, inRealTime } from "../platform/RealTime.ts"
import { badFlag, badWhole } from "../services/Checks.ts"
import { LiveTrace } from "../trace/LiveTrace.ts"
import { both, sinkOf, tracerOf } from "../trace/Recorder.ts"

/**
 * The options of watching a world.
 *
 * @since 0.1.0
 * @category models
 */
export interface WatchOptions {
  /** The port on 127.0.0.1: a whole number from 0 to 65,535. Default: 0, which is any that is free. */
  readonly port?: number
  /** Whether it begins paused, until somebody has it go on. Default: false. */
  readonly paused?: boolean
  /** Told where the page is. Default: it is printed to standard error. */
  readonly onReady?: (url: string) => void
}

/** Somebody who watches. */
export interface Watcher {
  /** The world has this calendar, and is ended by `stop`. */
  readonly attach: (calendar: CalendarServer, stop: Effect.Effect<void>) => Effect.Effect<void>
}

/** The watcher of the world that is run; none, unless it is asked for. */
export const CurrentWatcher: Context.Reference<Watcher | undefined> = Context.Reference<Watcher | undefined>(
  "guest-clock/simulation/Watcher",
  { defaultValue: () => undefined },
)

/** Checks how a world is to be watched, and returns what is wrong. */
export const badWatch = (watch: boolean | WatchOptions): OptionError | undefined => {
  if (typeof watch === "boolean") return undefined
  if (typeof watch !== "object" || watch === null) {
    return new OptionError("watch", watch, "it is true, false, or an object of options")
  }
  const { port, paused, onReady } = watch
  return (port === undefined ? undefined : badWhole("watch.port", port, 0, 65_535)) ??
    (paused === undefined ? undefined : badFlag("watch.paused", paused)) ??
    (onReady === undefined || typeof onReady === "function"
      ? undefined
      : new OptionError("watch.onReady", onReady, "it is a function of a URL"))
}

/** A page that has asked for news less than this ago, in ms, hears of the end. */
const LAST_WORD_MS = 5000

const PACE = /^\/control\/pace\/([^/]+)$/

/** Runs a world's calendar and guests so that they can be watched; without options, as they are. */
export const watched = <A, E, R>(
  run: Effect.Effect<A, E, R>,
  title: string,
  options: WatchOptions | undefined,
): Effect.Effect<A, E | OptionError, R | Scope.Scope> =>
  options === undefined ? run : Effect.gen(function* () {
    const { port = 0, paused = false, onReady } = options
    const trace = new LiveTrace(title)
    let calendar: CalendarServer | undefined
    let isOver = false
    let askedAt = -Infinity
    let toldOfEnd = false
    const millis = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const state = () => {
      const stands = calendar === undefined ? undefined : Effect.runSync(calendar.status)
      return { state: isOver ? "over" : stands?.paused === true ? "paused" : "running", pace: stands?.pace } as const
    }
    const tell = (effect: ((calendar: CalendarServer) => Effect.Effect<unknown, unknown>) | undefined) => {
      if (calendar !== undefined && effect !== undefined && !isOver) Effect.runFork(Effect.ignore(effect(calendar)))
      return { status: 204, type: "text/plain", body: "" }
    }
    const control = (path: string) => {
      const [, pace] = PACE.exec(path) ?? []
      if (pace !== undefined) {
        return tell((calendar) => calendar.setPace(pace === "none" ? undefined : Number(decodeURIComponent(pace))))
      }
      const known = {
        "/control/pause": (calendar: CalendarServer) => calendar.pause,
        "/control/resume": (calendar: CalendarServer) => calendar.resume,
        "/control/step": (calendar: CalendarServer) => calendar.step,
      }[path]
      return known === undefined ? undefined : tell(known)
    }
    const bound = yield* LocalServer.serve((method, path, query) => {
      if (method === "POST") return control(path)
      if (method !== "GET") return undefined
      if (path === "/") return { status: 200, type: "text/html", body: trace.page() }
      if (path !== "/news") return undefined
      const [chunks, records] = ["chunks", "records"].map((name) =>
        Math.max(0, Math.floor(Number(query.get(name)) || 0))
      )
      askedAt = millis()
      if (isOver) toldOfEnd = true
      const news = trace.news(chunks!, records!, state())
      return { status: 200, type: "application/json", body: JSON.stringify(news) }
    }, port)
    const url = `http://127.0.0.1:${bound}/`
    if (onReady === undefined) yield* Console.error(`guest-clock: ${title} can be watched at ${url}`)
    else onReady(url)
    const before = yield* Tracer
    const sink = before === undefined ? undefined : sinkOf(before)
    const tracer = tracerOf(sink === undefined ? trace.sink : both(trace.sink, sink), clock)
    const others = yield* CurrentWatcher
    const watcher: Watcher = {
      attach: (server, stop) =>
        Effect.suspend(() => {
          calendar = server
          return Effect.andThen(paused ? server.pause : Effect.void, others?.attach(server, stop) ?? Effect.void)
        }),
    }
    /** Time for an open page to get the end of the run. */
    const lastWord = Effect.gen(function* () {
      trace.end()
      isOver = true
      for (
        const until = millis() + 2 * LAST_WORD_MS;
        millis() < until && !toldOfEnd && millis() - askedAt < LAST_WORD_MS;
      ) {
        yield* Effect.sleep(20)
      }
    }).pipe(inRealTime)
    return yield* run.pipe(
      Effect.provideService(Tracer, tracer),
      Effect.provideService(CurrentWatcher, watcher),
      Effect.ensuring(lastWord),
    )
  })
