/**
 * Clients of a calendar on real sockets, written from PROTOCOL alone, without the
 * library's codec.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { ACK, REQUEST, RUN, WAIT } from "./protocol.ts"

export const NONE = (1n << 64n) - 1n
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

export type Got = readonly [op: number, seq: number, time: bigint]

export const bytes = (op: number, seq: number, time: bigint): Uint8Array => {
  const view = new DataView(new ArrayBuffer(16))
  view.setUint32(0, op, littleEndian)
  view.setUint32(4, seq, littleEndian)
  view.setBigUint64(8, time, littleEndian)
  return new Uint8Array(view.buffer)
}

/** A client on a raw socket, that acknowledges all but ACKs at once, if it is let. */
export class RawClient {
  readonly socket: Net.Socket
  /** How often data arrived. */
  reads = 0
  closed = false
  acknowledges = true
  seq = 0
  #rest = new Uint8Array(0)
  readonly #got: Array<Got> = []
  #waiter: (() => void) | undefined

  /** Connects to a unix socket, or takes a connection that is there. */
  constructor(to: string | Net.Socket) {
    this.socket = typeof to === "string" ? Net.connect({ path: to }) : to
    this.socket.on("error", () => {})
    this.socket.on("data", (chunk: Uint8Array) => this.#data(chunk))
    this.socket.on("close", () => {
      this.closed = true
      this.#waiter?.()
    })
  }

  #data(chunk: Uint8Array): void {
    this.reads++
    const all = new Uint8Array(this.#rest.length + chunk.length)
    all.set(this.#rest)
    all.set(chunk, this.#rest.length)
    const view = new DataView(all.buffer)
    let offset = 0
    for (; offset + 16 <= all.length; offset += 16) {
      const op = view.getUint32(offset, littleEndian)
      const seq = view.getUint32(offset + 4, littleEndian)
      this.#got.push([op, seq, view.getBigUint64(offset + 8, littleEndian)])
      if (op !== ACK && this.acknowledges) this.socket.write(bytes(ACK, seq, 0n))
    }
    this.#rest = all.slice(offset)
    this.#waiter?.()
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#waiter = resolve
      })
    }
  }

  say(op: number, time: bigint = NONE): this {
    this.socket.write(bytes(op, ++this.seq, time))
    return this
  }

  /** Takes messages up to the first one with this operation, and returns that. */
  async take(op: number): Promise<Got> {
    while (true) {
      await this.#until(() => this.#got.length > 0 || this.closed)
      const got = this.#got.shift()
      if (got === undefined) throw new Error(`closed before ${op} came`)
      if (got[0] === op) return got
    }
  }

  /** Says something, and returns the time of its ACK. ACKs of what was said before are over then. */
  async ask(op: number, time?: bigint): Promise<bigint> {
    const { seq } = this.say(op, time)
    const isAck = ([got, number]: Got) => got === ACK && number === seq
    await this.#until(() => this.#got.some(isAck) || this.closed)
    const at = this.#got.findIndex(isAck)
    if (at < 0) throw new Error(`closed before ${op} #${seq} was acknowledged`)
    const [, , answer] = this.#got[at]!
    const left = this.#got.filter(([got], index) => got !== ACK || index > at)
    this.#got.splice(0, this.#got.length, ...left)
    return answer
  }

  /** REQUEST and WAIT, until RUN says what time it is. */
  async sleep(until: bigint): Promise<bigint> {
    const [, , time] = await this.say(REQUEST, until).say(WAIT).take(RUN)
    return time
  }

  /** Whether a message with this operation has come that wasn't taken yet. */
  heard(op: number): boolean {
    return this.#got.some(([each]) => each === op)
  }

  /** Lets so much real time pass. */
  quiet(millis: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, millis))
  }

  hangUp(): this {
    this.socket.end()
    return this
  }

  gone(): Promise<void> {
    return this.#until(() => this.closed)
  }
}

export interface Room {
  readonly path: string
  readonly connect: () => RawClient
}

/** A place for a socket, and clients that hang up in the end. */
export const room = Effect.acquireRelease(
  Effect.sync(() => {
    const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "calendar-"))
    const clients: Array<RawClient> = []
    const path = Path.join(directory, "socket")
    const connect = (): RawClient => {
      const client = new RawClient(path)
      clients.push(client)
      return client
    }
    return { path, connect, directory, clients }
  }),
  ({ directory, clients }) =>
    Effect.sync(() => {
      for (const { socket } of clients) socket.destroy()
      Fs.rmSync(directory, { recursive: true })
    }),
)
