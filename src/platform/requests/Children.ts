/**
 * Child processes of `node:child_process`, until they have ended and what they printed is read. They are heard of by
 * `node:diagnostics_channel`, on Node and Deno.
 *
 * @module
 */
import * as Channels from "node:diagnostics_channel"
import { type Look, type Request, RequestSet, type Source, type State } from "./Request.ts"

/** What a child process prints. */
interface Output {
  readonly closed: boolean
  readonly readableFlowing: boolean | null
}

/** As much of a `ChildProcess` as is looked at. */
interface Process {
  readonly pid?: number
  readonly spawnfile: string
  readonly exitCode: number | null
  readonly signalCode: string | null
  /** There is a channel to it for messages: it serves this process, and ends when it is told to. */
  readonly connected?: boolean
  readonly stdout?: Output | null
  readonly stderr?: Output | null
  readonly _handle?: { readonly hasRef?: () => boolean } | null
}

const isRunning = ({ pid, exitCode, signalCode }: Process): boolean =>
  pid !== undefined && exitCode === null && signalCode === null

const isRead = (output: Output | null | undefined): boolean => output?.readableFlowing === true && !output.closed

class Child implements Request {
  readonly #process: Process

  constructor(process: Process) {
    this.#process = process
  }

  name(): string {
    return `the child process ${JSON.stringify(this.#process.spawnfile)}`
  }

  state(): State {
    const child = this.#process
    if (isRunning(child)) return child.connected === true || child._handle?.hasRef?.() === false ? "idle" : "busy"
    return isRead(child.stdout) || isRead(child.stderr) ? "busy" : "over"
  }

  get isRunning(): boolean {
    return isRunning(this.#process)
  }
}

const CHANNEL = "child_process"

/** Child processes. */
export class Children implements Source {
  readonly #children = new RequestSet()
  readonly #running = new Set<Child>()

  readonly #onChild = (message: unknown) => {
    const child = new Child((message as { readonly process: Process }).process)
    this.#children.add(child)
    this.#running.add(child)
  }

  constructor() {
    Channels.subscribe(CHANNEL, this.#onChild)
  }

  /** How many run. */
  running(): number {
    for (const child of this.#running) if (!child.isRunning) this.#running.delete(child)
    return this.#running.size
  }

  some(look: Look): boolean {
    return this.#children.some(look)
  }

  isListening(): boolean {
    return this.#children.size > 0
  }

  stop(): void {
    Channels.unsubscribe(CHANNEL, this.#onChild)
  }
}
