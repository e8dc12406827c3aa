/**
 * Clients of a calendar on real sockets, for tests of the exact sequence of
 * messages: nothing that comes is skipped, and what doesn't come is missed after
 * a deadline, with all that went over the wire so far.
 *
 * Written from PROTOCOL alone, on `node:net` and `wire.ts`.
 *
 * @module
 */
import * as Net from "node:net"
import { ACK, BROADCAST, FREE_UNTIL, GET, REQUEST, RUN, START, WAIT } from "./protocol.ts"
import { fromBytes, type Msg, show, toBytes } from "./wire.ts"

export const NONE: bigint = 2n ** 64n - 1n

/** How long anything may take, in ms of real time. */
export const DEADLINE = 5_000

/** Looks again and again until it holds. */
export const eventually = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + DEADLINE
  while (!await holds()) {
    if (Date.now() > deadline) throw new Error(`in ${DEADLINE} ms it never came to this: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** What came, as tests write it: the calendar's own seq is its own business, and left out. */
const short = (message: Msg): string => message.op === ACK ? show(message) : show(message).replace(/#\d+/, "")

export class ExactClient {
  readonly socket: Net.Socket
  readonly name: string
  /** Whether each message is acknowledged when it comes; otherwise the test does that. */
  acknowledges = true
  closed = false
  /** The last seq used. */
  seq = 0
  /** All that went over the wire: `>` to the calendar, `<` from it. */
  readonly wire: Array<string> = []
  readonly #got: Array<Msg> = []
  #rest: Uint8Array = new Uint8Array(0)
  /** The number of the START that it said. */
  #start: number | undefined
  #wake: () => void = () => {}

  constructor(path: string, name: string) {
    this.name = name
    // Its own end stays open until the test closes it.
    this.socket = Net.connect({ path, allowHalfOpen: true })
    this.socket.on("error", () => {})
    this.socket.on("data", (chunk: Uint8Array) => this.#data(chunk))
    this.socket.on("end", () => this.#close())
    this.socket.on("close", () => this.#close())
  }

  #close(): void {
    if (!this.closed) this.wire.push("< end")
    this.closed = true
    this.#wake()
  }

  #data(chunk: Uint8Array): void {
    const all = new Uint8Array(this.#rest.length + chunk.length)
    all.set(this.#rest)
    all.set(chunk, this.#rest.length)
    let at = 0
    for (; at + 16 <= all.length; at += 16) {
      const message = fromBytes(all.subarray(at, at + 16))
      this.#got.push(message)
      this.wire.push(`< ${show(message)}`)
      if (this.acknowledges && message.op !== ACK) this.acknowledge(message)
    }
    this.#rest = all.slice(at)
    this.#wake()
  }

  /** Writes these messages in one go. */
  send(...messages: ReadonlyArray<Msg>): this {
    const all = new Uint8Array(16 * messages.length)
    for (const [at, message] of messages.entries()) all.set(toBytes(message), 16 * at)
    this.#start ??= messages.find(({ op }) => op === START)?.seq
    for (const message of messages) this.wire.push(`> ${show(message)}`)
    this.socket.write(all)
    return this
  }

  acknowledge({ seq }: Msg): this {
    return this.send({ op: ACK, seq, time: 0n })
  }

  /** Writes these in one go, numbered on. */
  say(...messages: ReadonlyArray<readonly [op: number, time?: bigint]>): this {
    return this.send(...messages.map(([op, time = NONE]) => ({ op, seq: ++this.seq, time })))
  }

  /** The very next message. */
  async next(): Promise<Msg> {
    const deadline = Date.now() + DEADLINE
    while (this.#got.length === 0) {
      if (this.closed) throw new Error(`${this.name} was disconnected:\n${this.trace()}`)
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`${this.name} heard nothing for ${DEADLINE} ms:\n${this.trace()}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return this.#got.shift()!
  }

  /** The very next messages are these: `RUN 5`, or for an ACK `ACK#2 0`. */
  async hears(...expected: ReadonlyArray<string>): Promise<void> {
    for (const each of expected) {
      const got = short(this.#withoutSlot(await this.next()))
      if (got !== each) throw new Error(`${this.name} heard ${got} instead of ${each}:\n${this.trace()}`)
    }
  }

  /** Where a calendar offers memory, START's ACK says which slot is the client's: one by messages takes no notice. */
  #withoutSlot(message: Msg): Msg {
    const isStart = message.op === ACK && message.seq === this.#start
    return isStart && message.time <= 0xffffn ? { ...message, time: 0n } : message
  }

  /** Says this, hears its ACK as the very next message, and returns that one's time. */
  async ask(op: number, time?: bigint): Promise<bigint> {
    this.say(time === undefined ? [op] : [op, time])
    const answer = await this.next()
    if (answer.op !== ACK || answer.seq !== this.seq) {
      throw new Error(`${this.name} heard ${short(answer)} instead of ACK#${this.seq}:\n${this.trace()}`)
    }
    return answer.time
  }

  /** Whatever came before this moment was taken by the test: the answer to a GET is the next message. */
  async heardNothing(): Promise<void> {
    await this.ask(GET)
  }

  /** Ends its turn with this request. */
  async sleep(until: bigint): Promise<void> {
    await this.ask(REQUEST, until)
    await this.ask(WAIT)
  }

  /** Its next turn: messages up to RUN, which may be BROADCAST and FREE_UNTIL; the time of it. */
  async turn(): Promise<bigint> {
    for (;;) {
      const message = await this.next()
      if (message.op === RUN) return message.time
      if (message.op !== FREE_UNTIL && message.op !== BROADCAST) {
        throw new Error(`${this.name} heard ${short(message)} before RUN:\n${this.trace()}`)
      }
    }
  }

  /** START, and its ACK. */
  async enter(id: bigint): Promise<void> {
    this.say([START, id])
    await this.hears(`ACK#${this.seq} 0`)
  }

  /** Closes its end. */
  hangUp(): this {
    this.wire.push("> end")
    this.socket.end()
    return this
  }

  /** Is gone at once, as one that is killed. */
  die(): this {
    this.wire.push("> dead")
    this.socket.destroy()
    return this
  }

  /** Is disconnected, without any more messages. */
  async isDisconnected(): Promise<void> {
    await eventually(`${this.name} is disconnected`, () => this.closed).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.trace()}`)
    })
    const [left] = this.#got
    if (left !== undefined) throw new Error(`${this.name} heard ${short(left)} before the end:\n${this.trace()}`)
  }

  /** The last that went over its wire. */
  trace(): string {
    return this.wire.slice(-40).map((line) => `  ${this.name} ${line}`).join("\n")
  }
}
