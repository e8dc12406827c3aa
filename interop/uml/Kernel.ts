/**
 * User-Mode Linux kernels as guests of a calendar: those that `interop/uml/build`
 * has built, booted as child processes that end with their scope.
 *
 * @module
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"

/** The kernels that there are. */
export const versions = ["6.1", "6.12"] as const

/** A kernel's version. */
export type Version = typeof versions[number]

/** The kernel or its initrd hasn't been built yet. */
export class NotBuilt extends Data.TaggedError("NotBuilt")<{ readonly path: string }> {
  override get message(): string {
    return `there is no ${this.path}: interop/uml/build makes it`
  }
}

/** Where `interop/uml/build` leaves what it built. */
const cache = Path.join(
  process.env["GUEST_CLOCK_CACHE"] ??
    Path.join(process.env["XDG_CACHE_HOME"] ?? Path.join(Os.homedir(), ".cache"), "guest-clock"),
  "uml",
)

/** What a kernel is to do. */
export interface Options {
  /** The calendar's socket. */
  readonly socket: string
  /** What the calendar knows it by. */
  readonly id: number
  /**
   * Its only process: one that sleeps `times` times `us` µs and prints how long that took (init.c),
   * or a script in a folder of the host, which it sees as `/host` and starts in.
   */
  readonly run:
    | { readonly times: number; readonly us: number }
    | {
      readonly folder: string
      readonly script: string
      /** Variables that the script sees. Without spaces, as the kernel's command line has them. */
      readonly environment?: { readonly [name: string]: string }
    }
}

/** How a kernel ended, and all that it printed. */
export interface Ended {
  /** `undefined` if a signal ended it. */
  readonly code: number | undefined
  readonly printed: string
}

/** A kernel that runs. */
export interface Kernel {
  readonly pid: number
  readonly ended: Effect.Effect<Ended, PlatformError>
}

const commandLine = ({ socket, id, run }: Options, initrd: string, umlDirectory: string): Array<string> => [
  "mem=64M",
  `initrd=${initrd}`,
  `uml_dir=${umlDirectory}`,
  "con=null",
  "con0=null,fd:1",
  `time-travel=ext:${id}:${socket}`,
  ...Object.entries(
    "times" in run ? { TT_N: run.times, TT_US: run.us } : { HOST: run.folder, RUN: run.script, ...run.environment },
  ).map(([name, value]) => `${name}=${value}`),
]

/** Boots a kernel; it is killed when the scope closes. */
export const boot = (
  version: Version,
  options: Options,
): Effect.Effect<
  Kernel,
  NotBuilt | PlatformError,
  Scope.Scope | FileSystem.FileSystem | ChildProcessSpawner.ChildProcessSpawner
> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const linux = Path.join(cache, version, "linux")
    const initrd = Path.join(cache, "initrd", "times" in options.run ? "init.cpio" : "busybox.cpio")
    for (const path of [linux, initrd]) {
      if (!(yield* fs.exists(path))) return yield* new NotBuilt({ path })
    }
    const umlDirectory = yield* fs.makeTempDirectoryScoped({ prefix: "uml-" })
    // What the kernel's own processes leave behind goes with its group.
    const handle = yield* ChildProcess.make(linux, commandLine(options, initrd, umlDirectory), {
      stdin: "ignore",
      killSignal: "SIGKILL",
    })
    const printed = yield* Effect.forkScoped(Stream.mkString(Stream.decodeText(handle.all)))
    const ended = Effect.gen(function* () {
      const code = yield* Effect.orElseSucceed(handle.exitCode, () => undefined)
      return { code, printed: (yield* Fiber.join(printed)).replaceAll("\r", "") }
    })
    return { pid: handle.pid, ended }
  })

/** What the process of init.c prints. */
export interface Slept {
  /** What its sleeps took, on the kernel's monotonic clock: ns. */
  readonly simulated: bigint
  /** Its wall clock after that: ns since 1970. */
  readonly wall: bigint
}

/** What the process of init.c printed; `undefined` if it didn't. */
export const slept = (printed: string): Slept | undefined => {
  const [, seconds, nanos, wall, wallNanos] =
    /^GUEST slept .*: (\d+)\.(\d{9}) s simulated, wall (\d+)\.(\d{9})$/m.exec(printed) ?? []
  return wallNanos === undefined ? undefined : { simulated: BigInt(seconds! + nanos!), wall: BigInt(wall! + wallNanos) }
}
