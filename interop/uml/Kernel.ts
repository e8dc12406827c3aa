/**
 * User-Mode Linux kernels as guests of a calendar: those that `interop/uml/build`
 * has built, booted as child processes that end with their scope.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import { lastLines } from "../../src/internal/devices/ConsoleText.ts"

/** The releases of Linux that kernels are built of. */
export const versions = ["6.1", "6.12"] as const

/** A kernel's version. */
export type Version = typeof versions[number]

/** Something that a kernel is booted with hasn't been built yet. */
export class NotBuilt extends Data.TaggedError("NotBuilt")<{ readonly version: Version; readonly path: string }> {
  override get message(): string {
    return `a kernel of Linux ${this.version} can't be booted, as there is no ${this.path}: interop/uml/build makes it, or says why not`
  }
}

/** The host doesn't start the kernel. */
export class NotStarted extends Data.TaggedError("NotStarted")<{
  readonly version: Version
  readonly path: string
  readonly cause: PlatformError
}> {
  override get message(): string {
    return `${this.path}, the kernel of Linux ${this.version}, can't be started: ${this.cause.message}`
  }
}

/** A kernel ended before it powered off by itself: it panicked, or it was killed. */
export class Died extends Data.TaggedError("Died")<{
  readonly version: Version
  /** What the calendar knows it by. */
  readonly id: number
  /** Its exit code, or the signal that ended it. */
  readonly by: number | string
  /** All that it printed. */
  readonly printed: string
}> {
  override get message(): string {
    const how = typeof this.by === "number" ? `exited with ${this.by}` : `was ended by ${this.by}`
    return `the kernel of Linux ${this.version} with ID ${this.id} ${how} before it powered off. ${
      lastLines(this.printed)
    }`
  }
}

/** After all the patience that there was, kernels still run. */
export class Stuck extends Data.TaggedError("Stuck")<{
  readonly patience: Duration.Duration
  /** Those that still run, and all that each has printed. */
  readonly kernels: ReadonlyArray<{ readonly version: Version; readonly id: number; readonly printed: string }>
}> {
  override get message(): string {
    const each = this.kernels.map(({ version, id, printed }) =>
      `\nThe kernel of Linux ${version} with ID ${id} still runs. ${lastLines(printed)}`
    )
    return `not done after ${Duration.format(this.patience)}.${each.join("") || " No kernel runs any more."}`
  }
}

/** Where `interop/uml/build` leaves what it built. */
export const cache = (): string =>
  Path.join(
    process.env["GUEST_CLOCK_CACHE"] ||
      Path.join(process.env["XDG_CACHE_HOME"] || Path.join(Os.homedir(), ".cache"), "guest-clock"),
    "uml",
  )

/** What is preloaded to each kernel: for processors with AMX, and for the same random numbers each time. */
export const libraries = (): ReadonlyArray<string> =>
  ["xstate", "random"].map((name) => Path.join(cache(), name, `${name}.so`))

/** The releases whose kernel has been built. One whose source can't be had on this machine is left out. */
export const built = (): ReadonlyArray<Version> =>
  versions.filter((version) => Fs.existsSync(Path.join(cache(), version, "linux")))

/** Those that there is a kernel of with drivers for all devices. */
export const builtWithDrivers = (): ReadonlyArray<Version> =>
  versions.filter((version) => Fs.existsSync(Path.join(cache(), folderOf(version, true), "linux")))

/** The folder of a kernel; one with more drivers has other times, so it is another one. */
export const folderOf = (version: Version, drivers: boolean): string => drivers ? `${version}-devices` : version

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
  /**
   * Has the host not randomise the addresses of its processes: what a kernel hashes by them, TCP's timing for example, is
   * the same each time then. Needs `setarch`. Default: false.
   */
  readonly fixedAddresses?: boolean
  /** Boots the kernel with drivers for disks, consoles and entropy, whose own times are others. Default: false. */
  readonly drivers?: boolean
  /** What is typed at its console, again and again, as it isn't known when somebody reads it; none: it has no input. */
  readonly input?: string
  /** More words for the kernel's command line. */
  readonly words?: ReadonlyArray<string>
  /**
   * Variables of its process on the host, beside this program's own. GUEST_CLOCK_XSTATE says when the
   * XSAVE areas of its processes are padded, which is where the host needs it, or `always`, or `never`: xstate.c.
   * GUEST_CLOCK_SEED is what all that it draws by chance follows from, its ID if it isn't given: random.c.
   */
  readonly host?: { readonly [name: string]: string }
}

/** A kernel that runs. */
export interface Kernel {
  readonly pid: number
  /** All that it printed, once it has powered off by itself. */
  readonly ended: Effect.Effect<string, Died | PlatformError>
  /** Kills it with all processes that it has on the host; this death is no reason for {@link watched} to fail. */
  readonly kill: Effect.Effect<void, PlatformError>
}

/**
 * It runs in a folder of its own, with links to what it needs, and its command line names no other: what it draws by
 * chance follows from that, too.
 */
const commandLine = ({ id, run, input, words = [] }: Options, initrd: string): Array<string> => [
  "mem=64M",
  `initrd=${initrd}`,
  "uml_dir=./",
  "con=null",
  `con0=${input === undefined ? "null" : "fd:0"},fd:1`,
  `time-travel=ext:${id}:./calendar`,
  ...words.map((word) => "folder" in run ? word.replace(run.folder, "./host") : word),
  ...Object.entries(
    "times" in run
      ? { TT_N: run.times, TT_US: run.us }
      : { HOST: "/proc/self/cwd/host", RUN: run.script, ...run.environment },
  ).map(([name, value]) => `${name}=${value}`),
]

/** Who is told of the kernels that are booted, and of those that die. */
interface Watch {
  readonly running: Set<() => Stuck["kernels"][number]>
  readonly death: Deferred.Deferred<never, Died | PlatformError>
}

const CurrentWatch: Context.Reference<Watch | undefined> = Context.Reference<Watch | undefined>(
  "guest-clock/interop/uml/Watch",
  { defaultValue: () => undefined },
)

/** Boots a kernel; it is killed when the scope closes. */
export const boot = (
  version: Version,
  options: Options,
): Effect.Effect<
  Kernel,
  NotBuilt | NotStarted | PlatformError,
  Scope.Scope | FileSystem.FileSystem | ChildProcessSpawner.ChildProcessSpawner
> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { id } = options
    const linux = Path.join(cache(), folderOf(version, options.drivers ?? false), "linux")
    const initrd = Path.join(cache(), "initrd", "times" in options.run ? "init.cpio" : "busybox.cpio")
    for (const path of [linux, initrd, ...libraries()]) {
      if (!(yield* fs.exists(path))) return yield* new NotBuilt({ version, path })
    }
    const umlDirectory = yield* fs.makeTempDirectoryScoped({ prefix: "uml-" })
    yield* fs.symlink(Path.resolve(options.socket), Path.join(umlDirectory, "calendar"))
    if ("folder" in options.run) yield* fs.symlink(Path.resolve(options.run.folder), Path.join(umlDirectory, "host"))
    const others = options.host?.["LD_PRELOAD"] ?? process.env["LD_PRELOAD"]
    const preloaded = [...libraries(), ...others ? [others] : []].join(":")
    // What the kernel's own processes leave behind goes with its group.
    const words = [
      ...options.fixedAddresses ? ["setarch", "-R"] : [],
      linux,
      ...commandLine(options, initrd),
    ]
    const handle = yield* ChildProcess.make(words[0]!, words.slice(1), {
      stdin: options.input === undefined ? "ignore" : Stream.map(
        Stream.fromSchedule(Schedule.spaced("300 millis")),
        () => new TextEncoder().encode(options.input),
      ),
      cwd: umlDirectory,
      killSignal: "SIGKILL",
      env: { GUEST_CLOCK_SEED: String(id), ...options.host, LD_PRELOAD: preloaded },
      extendEnv: true,
    }).pipe(Effect.mapError((cause) => new NotStarted({ version, path: linux, cause })))

    let text = ""
    const printed = () => text.replaceAll("\r", "")
    const reader = yield* Effect.forkScoped(
      Stream.runForEach(Stream.decodeText(handle.all), (more) => Effect.sync(() => void (text += more))),
    )
    const ending = yield* Effect.forkScoped(Effect.gen(function* () {
      const by = yield* Effect.match(handle.exitCode, { onSuccess: Number, onFailure: signalOf })
      // Helper processes outlive a kernel that is killed, and keep its console open. Nobody waits for their end here.
      yield* Effect.ignore(Effect.try(() => process.kill(-handle.pid, "SIGKILL")))
      yield* Fiber.join(reader)
      if (by === 0 && /^reboot: (System halted|Power down)$/m.test(printed())) return printed()
      return yield* new Died({ version, id, by, printed: printed() })
    }))

    const watch = yield* CurrentWatch
    let meant = false
    if (watch !== undefined) {
      const state = () => ({ version, id, printed: printed() })
      watch.running.add(state)
      yield* Effect.forkScoped(
        Fiber.join(ending).pipe(
          Effect.catch((error) => meant ? Effect.void : Deferred.fail(watch.death, error)),
          Effect.ensuring(Effect.sync(() => watch.running.delete(state))),
        ),
      )
    }
    const kill = Effect.suspend(() => {
      meant = true
      return handle.kill({ killSignal: "SIGKILL" })
    })
    return { pid: handle.pid, ended: Fiber.join(ending), kill }
  })

/** The name of the signal that ended a process. Only the error's words have it. */
const signalOf = (error: PlatformError): string => /SIG[A-Z0-9]+/.exec(String(error.cause))?.[0] ?? error.message

/** For how long the death of a kernel may take to be seen after what came of it. */
const GRACE = Duration.millis(500)

/** Waits in real time, whichever clock the fiber is on: kernels are processes of the host. */
const realTime = (duration: Duration.Duration) =>
  Effect.callback<void>((resume) => {
    const timer = setTimeout(() => resume(Effect.void), Duration.toMillis(duration))
    return Effect.sync(() => clearTimeout(timer))
  })

/**
 * Runs an effect that boots kernels, and fails as soon as one of them dies: whoever waits for what a kernel
 * was to do would wait for good. An effect that isn't done after `patience` fails with `Stuck`, which says what
 * the kernels have printed until then.
 */
export const watched = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  patience: Duration.Input = Duration.infinity,
): Effect.Effect<A, E | Died | Stuck | PlatformError, R> =>
  Effect.gen(function* () {
    const watch: Watch = { running: new Set(), death: yield* Deferred.make<never, Died | PlatformError>() }
    const death = Deferred.await(watch.death)
    const limit = Duration.fromInputUnsafe(patience)
    const stuck = Effect.suspend(() =>
      new Stuck({ patience: limit, kernels: Array.from(watch.running, (state) => state()) })
    )
    return yield* Effect.provideService(effect, CurrentWatch, watch).pipe(
      // What others make of it may be seen before the kernel's own end.
      Effect.catchCause((cause) =>
        Effect.andThen(
          watch.running.size === 0 ? Effect.void : Effect.raceFirst(death, realTime(GRACE)),
          Effect.failCause(cause),
        )
      ),
      Effect.raceFirst(death),
      Effect.raceFirst(Duration.isFinite(limit) ? Effect.andThen(realTime(limit), stuck) : Effect.never),
    )
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
