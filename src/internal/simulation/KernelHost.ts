/**
 * A world's calendar, as kernels need it: a socket for them, and news of them.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as CalendarServer from "../../calendar/CalendarServer.ts"
import type { OptionError } from "../../core/Fault.ts"
import { takingNoTime } from "../../VirtualTime.ts"

/** The callbacks of one kernel. */
export interface Watcher {
  /** It has said START: it is let in when the turn that is under way is over. */
  readonly onStart: () => void
  /** It has left the calendar, or was hung up on. */
  readonly onLeft: () => void
}

/** Where kernels of a world find its calendar. */
export interface KernelHost {
  readonly socket: string
  /** The ID of the kernel of this guest. */
  readonly idOf: (guest: string) => bigint
  /** Sets the callbacks of the kernel with this ID. */
  readonly watch: (id: bigint, watcher: Watcher) => void
}

/** None where the calendar isn't in this process. */
export const CurrentKernelHost: Context.Reference<KernelHost | undefined> = Context.Reference<KernelHost | undefined>(
  "guest-clock/simulation/KernelHost",
  { defaultValue: () => undefined },
)

/** A calendar for these guests, and where their kernels find it, if there are any. */
export interface Served {
  readonly calendar: CalendarServer.CalendarServer
  readonly host: KernelHost | undefined
}

const news = (watchers: ReadonlyMap<bigint, Watcher>) => (report: CalendarServer.Report): void => {
  if (report._tag !== "Joined" && report._tag !== "Left") return
  const { client: { id } } = report
  const watcher = id === undefined ? undefined : watchers.get(id)
  if (report._tag === "Joined") watcher?.onStart()
  else watcher?.onLeft()
}

/** The guests of a world have the IDs from 1 on, and their kernels those after that: in the same order. */
export const serve = (
  guests: ReadonlyArray<{ readonly name: string; readonly hasKernel?: boolean }>,
  options: CalendarServer.ServeOptions,
): Effect.Effect<Served, OptionError, Scope.Scope> => {
  if (!guests.some(({ hasKernel }) => hasKernel)) {
    return Effect.map(CalendarServer.serve(options), (calendar) => ({ calendar, host: undefined }))
  }
  return Effect.gen(function* () {
    // Loaded on demand: in browsers there are neither kernels nor processes.
    const { folder } = yield* takingNoTime(Effect.promise(() => import("../platform/HostProcess.ts")))
    const socket = `${yield* folder("guest-clock-world-")}/calendar`
    const watchers = new Map<bigint, Watcher>()
    // A folder of its own can be listened in.
    const calendar = yield* Effect.catchTag(
      CalendarServer.make({ ...options, path: socket, onReport: news(watchers) }),
      "ListenError",
      Effect.die,
    )
    const host: KernelHost = {
      socket,
      idOf: (guest) => BigInt(guests.length + 1 + guests.findIndex(({ name }) => name === guest)),
      watch: (id, watcher) => void watchers.set(id, watcher),
    }
    return { calendar, host }
  })
}
