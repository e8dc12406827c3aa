/**
 * The protocol's 16 bytes (PROTOCOL), written without the library's codec.
 *
 * @module
 */
import * as os from "node:os"

export interface Msg {
  readonly op: number
  readonly seq: number
  readonly time: bigint
}

const LITTLE = os.endianness() === "LE"

export const toBytes = ({ op, seq, time }: Msg): Uint8Array => {
  const view = new DataView(new ArrayBuffer(16))
  view.setUint32(0, op, LITTLE)
  view.setUint32(4, seq, LITTLE)
  view.setBigUint64(8, time, LITTLE)
  return new Uint8Array(view.buffer)
}

export const fromBytes = (bytes: Uint8Array): Msg => {
  if (bytes.length !== 16) throw new Error(`a message has 16 bytes, not ${bytes.length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16)
  return { op: view.getUint32(0, LITTLE), seq: view.getUint32(4, LITTLE), time: view.getBigUint64(8, LITTLE) }
}

/** `op#seq time`, as the tests write what was sent. */
export const show = ({ op, seq, time }: Msg): string =>
  `${
    ["ACK", "START", "REQUEST", "WAIT", "GET", "UPDATE", "RUN", "FREE_UNTIL", "GET_TOD", "BROADCAST"][op] ?? op
  }#${seq} ${time === 2n ** 64n - 1n ? "NONE" : time}`

/** Whole messages out of chunks. */
export class Inbox {
  #rest: Uint8Array = new Uint8Array(0)

  take(chunk: Uint8Array): ReadonlyArray<Msg> {
    let all = chunk
    if (this.#rest.length > 0) {
      all = new Uint8Array(this.#rest.length + chunk.length)
      all.set(this.#rest)
      all.set(chunk, this.#rest.length)
    }
    const whole = all.length - all.length % 16
    this.#rest = all.slice(whole)
    const view = new DataView(all.buffer, all.byteOffset, whole)
    const messages: Array<Msg> = []
    for (let at = 0; at < whole; at += 16) {
      messages.push({
        op: view.getUint32(at, LITTLE),
        seq: view.getUint32(at + 4, LITTLE),
        time: view.getBigUint64(at + 8, LITTLE),
      })
    }
    return messages
  }
}

/** These messages, one after the other. */
export const joined = (messages: ReadonlyArray<Msg>): Uint8Array => {
  const view = new DataView(new ArrayBuffer(16 * messages.length))
  let at = 0
  for (const { op, seq, time } of messages) {
    view.setUint32(at, op, LITTLE)
    view.setUint32(at + 4, seq, LITTLE)
    view.setBigUint64(at + 8, time, LITTLE)
    at += 16
  }
  return new Uint8Array(view.buffer)
}
