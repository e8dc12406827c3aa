/**
 * The server that is attacked: the command `guest-clock calendar`, as a process on a
 * runtime, and what can be seen of it from outside.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import type { Door } from "../support/doors.ts"
import * as Process from "./process.ts"

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))

/** How long it may take to start, and to answer on its input: a busy machine is no failure. */
const PATIENCE_MS = 30_000

/** A client as the status has it, as far as that is looked at. */
export interface ClientStatus {
  readonly id?: string
  readonly connection: number
  readonly from: string
  readonly state: string
  readonly lastMessage?: string
  readonly turnMs?: number
}

/** What the server says of itself. */
export interface Status {
  readonly time: string
  readonly clients: ReadonlyArray<ClientStatus>
}

/** A server, and what can be seen of it. */
export interface Server {
  readonly socket: string
  readonly doors: ReadonlyArray<Door>
  /** How it ended, if it has. */
  readonly ended: () => string | undefined
  /** How it ends. */
  readonly end: Promise<string>
  /** What it says of itself; `undefined` if it doesn't answer. */
  readonly status: Effect.Effect<Status | undefined>
  readonly say: (line: string) => void
  /** What it reported last, and as errors, for people. */
  readonly last: () => string
  /** Its summary, once it has ended. */
  readonly summary: () => { readonly ended: string } | undefined
  /** Its resident memory, in bytes; `undefined` where the system doesn't say. */
  readonly memory: () => number | undefined
  /** The most that it ever was. */
  readonly peak: () => number | undefined
  /** How many descriptors it has, and how many of them are sockets. */
  readonly descriptors: () => { readonly all: number; readonly sockets: number } | undefined
}

/** Whether the system tells what a process uses: in /proc, as Linux does. */
export const canBeSeen: boolean = Fs.existsSync("/proc/self/status")

/** A line of /proc/PID/status that is a number of KiB. */
const kibibytes = (pid: number, name: string): number | undefined => {
  try {
    const text = Fs.readFileSync(`/proc/${pid}/status`, "utf8")
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)
    return found === null ? undefined : Number(found[1]) * 1024
  } catch {
    return undefined
  }
}

const descriptorsOf = (pid: number): ReturnType<Server["descriptors"]> => {
  try {
    const folder = `/proc/${pid}/fd`
    const all = Fs.readdirSync(folder)
    const sockets = all.filter((name) => {
      try {
        return Fs.readlinkSync(`${folder}/${name}`).startsWith("socket:")
      } catch {
        return false
      }
    })
    return { all: all.length, sockets: sockets.length }
  } catch {
    return undefined
  }
}

/** The most descriptors that a process may have here, if the system says. */
export const mostDescriptors = (): number | undefined => {
  try {
    const [, hard] = /^Max open files\s+\d+\s+(\d+)/m.exec(Fs.readFileSync("/proc/self/limits", "utf8")) ?? []
    return hard === undefined ? undefined : Number(hard)
  } catch {
    return undefined
  }
}

/** Words that run others with so many descriptors at the most, if the shell may set that. */
const limited = (descriptors: number, words: ReadonlyArray<string>): ReadonlyArray<string> =>
  process.platform === "win32"
    ? words
    : ["sh", "-c", 'ulimit -n "$0" 2>/dev/null; exec "$@"', String(descriptors), ...words]

/** How the server is started. */
export interface Options {
  /** What starts a TypeScript program on the runtime. */
  readonly words: ReadonlyArray<string>
  readonly clients: number
  /** How many descriptors it may have. */
  readonly descriptors: number
  /** The program; by default the command itself. */
  readonly program?: string
}

/** Starts the server; it has listened when this is over. With the scope it is killed. */
export const start = (options: Options): Effect.Effect<Server, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-attack-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true })),
    )
    const socket = Path.join(folder, "calendar")
    const reports: Array<string> = []
    let listening: { readonly tcp: string; readonly pid: number } | undefined
    let statuses = 0
    let status: Status | undefined
    let summary: { readonly ended: string } | undefined
    const onLine = (line: string) => {
      let said: { readonly event?: string } & Record<string, unknown>
      try {
        said = JSON.parse(line)
      } catch {
        said = { text: line }
      }
      if (said.event === "listening") listening = said as unknown as typeof listening
      else if (said.event === "status") {
        statuses++
        status = said as unknown as Status
      } else if (said.event === "summary") summary = said as unknown as typeof summary
      else {
        reports.push(String(said["text"]))
        if (reports.length > 10) reports.shift()
      }
    }
    const running = yield* Process.start([
      ...limited(options.descriptors, options.words),
      options.program ?? MAIN,
      ...["calendar", "--socket", socket, "--tcp", "127.0.0.1:0", "--clients", String(options.clients), "--json"],
    ], onLine)
    const last = () => [...running.errors, ...reports].join("\n")
    const until = (holds: () => boolean): Effect.Effect<boolean> =>
      Effect.gen(function* () {
        for (const late = performance.now() + PATIENCE_MS; performance.now() < late;) {
          if (holds()) return true
          if (running.ended() !== undefined) return false
          yield* Effect.sleep(5)
        }
        return false
      })
    if (!(yield* until(() => listening !== undefined))) {
      return yield* Effect.fail(new Error(`the server doesn't listen (${running.ended() ?? "it runs"}): ${last()}`))
    }
    const { tcp, pid } = listening!
    return {
      socket,
      doors: [{ path: socket }, { host: "127.0.0.1", port: Number(tcp.slice(tcp.lastIndexOf(":") + 1)) }],
      ended: running.ended,
      end: running.end,
      status: Effect.suspend(() => {
        const before = statuses
        running.say("status")
        return Effect.map(until(() => statuses > before), (answered) => answered ? status : undefined)
      }),
      say: running.say,
      last,
      summary: () => summary,
      memory: () => kibibytes(pid, "VmRSS"),
      peak: () => kibibytes(pid, "VmHWM"),
      descriptors: () => descriptorsOf(pid),
    }
  })
