/**
 * Child processes of `node:child_process`, until they have ended and what they printed is read: their `close`. They are heard of by
 * `node:diagnostics_channel`, on Node and Deno.
 *
 * @module
 */
import * as Channels from "node:diagnostics_channel"
import { type Look, type Request, RequestSet, type Source, type State } from "./Request.ts"

/** What a child process prints, or another of its pipes. */
interface Output {
  readonly closed: boolean
  readonly readableFlowing?: boolean | null
  readonly readableLength?: number
  readonly listenerCount: (event: string) => number
}

/** As much of a `ChildProcess` as is looked at. */
interface Process {
  readonly pid?: number
  readonly spawnfile: string
  readonly exitCode: number | null
  readonly signalCode: string | null
  /** There is a channel to it for messages: it serves this process, and ends when it is told to. */
  readonly connected?: boolean
  /** Of these the first is written to, and gone when it has ended. */
  readonly stdio?: ReadonlyArray<Output | null | undefined>
  readonly _handle?: { readonly hasRef?: () => boolean } | null
  readonly once: (event: "close", listener: () => void) => unknown
  readonly off: (event: "close", listener: () => void) => unknown
}

const isRunning = ({ pid, exitCode, signalCode }: Process): boolean =>
  pid !== undefined && exitCode === null && signalCode === null

/** What nobody takes doesn't end. Who waits for `readable` has to take first what is there. */
const isRead = (output: Output): boolean =>
  output.readableFlowing === true || output.listenerCount("readable") > 0 && output.readableLength === 0

/**
 * A child process until its `close`, in whose turn all that follows runs: its end, and the ends of its pipes, are told
 * in other turns before that.
 */
class Child implements Request {
  readonly #process: Process
  #isClosed = false

  readonly #onClose = () => {
    this.#isClosed = true
  }

  constructor(process: Process) {
    this.#process = process
    process.once("close", this.#onClose)
  }

  name(): string {
    return `the child process ${JSON.stringify(this.#process.spawnfile)}`
  }

  state(): State {
    const child = this.#process
    if (isRunning(child)) return child.connected === true || child._handle?.hasRef?.() === false ? "idle" : "busy"
    // One that couldn't be started need not close.
    if (this.#isClosed || child.pid === undefined) return "over"
    const open = (child.stdio ?? []).slice(1).filter((output) => output?.closed === false)
    return open.length === 0 || open.some((output) => isRead(output!)) ? "busy" : "idle"
  }

  /** Looks no more. */
  stop(): void {
    this.#process.off("close", this.#onClose)
  }

  get isRunning(): boolean {
    return isRunning(this.#process)
  }
}

const CHANNEL = "child_process"

/** Child processes. */
export class Children implements Source {
  readonly #children = new RequestSet<Child>()
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
    this.#children.some((child) => {
      child.stop()
      return false
    })
  }
}
