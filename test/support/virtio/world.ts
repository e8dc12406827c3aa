/**
 * A calendar, devices on one guest of it, and kernels in TypeScript, all in this process.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as CalendarServer from "../../../src/calendar/CalendarServer.ts"
import type * as VirtioDevice from "../../../src/devices/VirtioDevice.ts"
import { GuestClock } from "../../../src/GuestClock.ts"
import { Mode, VirtualTime } from "../../../src/index.ts"
import * as Libc from "../../../src/internal/platform/native/Libc.ts"

/** What they need; the warnings about bad kernels are for nobody here. */
export const surroundings = Layer.merge(Libc.layer, Logger.layer([]))

/** A folder of a test's own. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "virtio-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true })),
)

/** A report in a word or two. */
export const said = (report: VirtioDevice.Report): string =>
  report._tag === "Broken" ? `Broken ${report.fault.rule}` : report._tag

/** What a program needs that makes devices, or is a kernel. */
type Needs = GuestClock | Libc.Libc | Scope.Scope

/** A kernel's program. */
export type Program<E> = (path: string) => Effect.Effect<unknown, E, Needs>

/**
 * Runs kernels, let in after the guest with the devices, each with its ID; `devices` and all kernels are given the folder in
 * which the sockets are. The devices' guest sleeps on its clock alone, or in simulated time.
 */
export const run = <E, E2>(
  devices: (path: string) => Effect.Effect<unknown, E, GuestClock | Scope.Scope>,
  kernels: ReadonlyArray<Program<E2>>,
  around: "clock" | "virtual time" = "clock",
) =>
  Effect.gen(function* () {
    const path = yield* folder
    const server = yield* CalendarServer.serve({ clients: kernels.length + 1 })
    const program = Effect.gen(function* () {
      yield* devices(path)
      const clock = yield* GuestClock
      while (around === "clock") yield* clock.sleep
      return yield* Effect.never
    }).pipe(Effect.scoped)
    const host = around === "clock" ? program : VirtualTime.run(program)
    const hosting = yield* Effect.forkScoped(Effect.provide(host, Mode.linked(server.link("devices"), { id: 0n })))
    const all = kernels.map((kernel, index) =>
      kernel(path).pipe(
        Effect.scoped,
        Effect.provide(Mode.linked(server.link(`kernel ${index}`), { id: BigInt(index + 1) })),
      )
    )
    yield* Effect.raceFirst(Effect.all(all, { concurrency: "unbounded" }), Effect.asVoid(Fiber.join(hosting)))
    // What is told by sockets that have just been closed.
    yield* Effect.sleep(20)
    yield* Fiber.interrupt(hosting)
    return { path, server }
  }).pipe(Effect.scoped, Effect.provide(surroundings))
