/**
 * The command's calendar in a process of its own, as a system's administrator sees it:
 * its reports, its status, its descriptors, its CPU time.
 *
 * @module
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Runtimes from "../../scripts/runtimes.ts"
import { built } from "./built.ts"

const MAIN = built("src/cli/main.ts")

/** A line of what the command prints as JSON. */
export type Event = Readonly<Record<string, unknown>> & { readonly event: string }

export class CalendarProcess {
  readonly child: ChildProcess.ChildProcessWithoutNullStreams
  readonly events: Array<Event> = []
  stderr = ""
  readonly ended: Promise<number | string>
  #rest = ""
  #hasEnded = false
  #waiters: Array<() => void> = []

  /** `shell` is run first, in the same process: `ulimit -n 100` for example. */
  constructor(words: ReadonlyArray<string>, args: ReadonlyArray<string>, shell: string, cwd: string) {
    const command = [...words, MAIN, "calendar", "--json", ...args]
    this.child = ChildProcess.spawn("sh", ["-c", `${shell}\nexec "$@"`, "sh", ...command], { cwd })
    this.child.stdin.on("error", () => {})
    this.child.stdout.on("data", (chunk) => {
      const lines = (this.#rest + chunk).split("\n")
      this.#rest = lines.pop() ?? ""
      for (const line of lines) this.events.push(JSON.parse(line))
      this.#look()
    })
    this.child.stderr.on("data", (chunk) => this.stderr += chunk)
    this.ended = new Promise((resolve) =>
      this.child.on("close", (code, signal) => {
        this.#hasEnded = true
        resolve(code ?? signal ?? "?")
        this.#look()
      })
    )
  }

  /** The first event from the `from`th on that is as wanted. */
  async event(isWanted: (event: Event) => boolean, from = 0): Promise<Event> {
    while (true) {
      const found = this.events.slice(from).find(isWanted)
      if (found !== undefined) return found
      if (this.#hasEnded) throw new Error(`it has ended:\n${this.stderr}\n${JSON.stringify(this.events)}`)
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }

  #look(): void {
    for (const look of this.#waiters.splice(0)) look()
  }

  get listening(): Promise<Event> {
    return this.event(({ event }) => event === "listening")
  }

  /** What it says about itself now. */
  async status(): Promise<Status> {
    const from = this.events.length
    this.child.stdin.write("status\n")
    return await this.event(({ event }) => event === "status", from) as unknown as Status
  }

  /** Its status, as soon as that is as wanted. */
  async until(isWanted: (status: Status) => boolean): Promise<Status> {
    while (true) {
      const status = await this.status()
      if (isWanted(status)) return status
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** How many descriptors it has. */
  get descriptors(): number {
    return Fs.readdirSync(`/proc/${this.child.pid}/fd`).length
  }

  /** For how long it was busy until now, in ms. */
  get busyMs(): number {
    const [, , , , , , , , , , , user, system] = Fs.readFileSync(`/proc/${this.child.pid}/stat`, "utf8")
      .replace(/^.*\) /, "").split(" ").map(Number) as Array<number>
    return (user! + system!) * 10
  }
}

/** What a calendar says about itself as JSON: what the tests look at. */
export interface Status {
  readonly clients: ReadonlyArray<{ readonly id?: string; readonly state: string; readonly sharesMemory: boolean }>
  readonly ending: ReadonlyArray<{ readonly id?: string; readonly state: string; readonly from: string }>
  readonly refused: number
  readonly maxClients: number
}

export type Start = (args: ReadonlyArray<string>, options?: { shell?: string; cwd?: string }) => CalendarProcess

/** Starts calendars on a runtime; they are killed with the scope. */
export const starter = (runtime: Runtimes.Name): Effect.Effect<Start, never, Scope.Scope> =>
  Effect.gen(function* () {
    const words = yield* Runtimes.locate(runtime).pipe(Effect.provide(NodeServices.layer))
    const all: Array<CalendarProcess> = []
    yield* Effect.addFinalizer(() => Effect.sync(() => all.forEach(({ child }) => child.kill("SIGKILL"))))
    return (args, { shell = "", cwd = "." } = {}) => {
      const started = new CalendarProcess(words, args, shell, cwd)
      all.push(started)
      return started
    }
  })
