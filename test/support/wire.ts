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
