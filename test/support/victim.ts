/**
 * A client that is there to be killed: `victim.ts SOCKET SEED`. It speaks the
 * protocol by itself, says what it does, and never stops.
 *
 * @module
 */
import * as Net from "node:net"
import * as Os from "node:os"
import process from "node:process"

const [path = "", seed = "1"] = process.argv.slice(2)
const LITTLE = Os.endianness() === "LE"
let state = Number(seed)
const dice = (sides: number): number => {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fff_ffff
  return (state >> 8) % sides
}

const socket = Net.connect({ path })
socket.on("error", () => process.exit(1))
let seq = 0
const say = (op: number, time: bigint, number = ++seq) => {
  const view = new DataView(new ArrayBuffer(16))
  view.setUint32(0, op, LITTLE)
  view.setUint32(4, number, LITTLE)
  view.setBigUint64(8, time, LITTLE)
  const bytes = new Uint8Array(view.buffer)
  // In two pieces, now and then: whoever is killed then leaves half a message behind.
  const cut = dice(4) === 0 ? dice(16) : 16
  socket.write(bytes.subarray(0, cut))
  if (cut < 16) setTimeout(() => socket.write(bytes.subarray(cut)), dice(3))
}

const NONE = (1n << 64n) - 1n
let now = 0n
const rest = (view: DataView, at: number) => {
  const op = view.getUint32(at, LITTLE)
  const time = view.getBigUint64(at + 8, LITTLE)
  if (op === 0 && view.getUint32(at + 4, LITTLE) !== 1) return
  if (op !== 0) say(0, 0n, view.getUint32(at + 4, LITTLE))
  if (op === 6) now = time
  if (op !== 6 && op !== 0) return
  // It runs: for a while, or for good.
  if (dice(6) === 0) return
  say(2, now + BigInt(1 + dice(5)) * 100_000n)
  if (dice(6) > 0) say(3, NONE)
}

let pending = new Uint8Array(0)
socket.on("data", (chunk: Uint8Array) => {
  const all = new Uint8Array(pending.length + chunk.length)
  all.set(pending)
  all.set(chunk, pending.length)
  let at = 0
  for (; at + 16 <= all.length; at += 16) rest(new DataView(all.buffer), at)
  pending = all.slice(at)
})
socket.on("connect", () => {
  console.log("connected")
  if (dice(8) > 0) say(1, BigInt(1000 + dice(1000)))
})
