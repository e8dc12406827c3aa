/**
 * A client that is there to be killed: `victim.ts SOCKET SEED STEP`, where SOCKET is a
 * path, or a TCP port on this machine. It speaks the protocol by itself, says so when
 * it has come to that step of its life, and goes no further then, but never stops.
 *
 * @module
 */
import * as Net from "node:net"
import * as Os from "node:os"
import process from "node:process"

const [path = "", seed = "1", step = ""] = process.argv.slice(2)
const LITTLE = Os.endianness() === "LE"
let state = Number(seed)
const dice = (sides: number): number => {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fff_ffff
  return (state >> 8) % sides
}

const socket = Net.connect(/^\d+$/.test(path) ? { host: "127.0.0.1", port: Number(path) } : { path })
socket.on("error", () => process.exit(1))
let seq = 0
const encode = (op: number, time: bigint, number = ++seq) => {
  const view = new DataView(new ArrayBuffer(16))
  view.setUint32(0, op, LITTLE)
  view.setUint32(4, number, LITTLE)
  view.setBigUint64(8, time, LITTLE)
  return new Uint8Array(view.buffer)
}
let over = false
const say = (op: number, time: bigint, number?: number) => {
  if (!over) socket.write(encode(op, time, number))
}
/** It has come to its end, if this is where that is. */
const reached = (name: string): boolean => {
  if (!over && name === step) {
    over = true
    console.log("here")
  }
  return over
}
const half = (op: number, name: string) => {
  if (over || name !== step) return
  socket.write(encode(op, NONE).subarray(0, 1 + dice(15)))
  reached(name)
}

const NONE = (1n << 64n) - 1n
let now = 0n
let turns = 0
/** In its turn. */
const run = () => {
  if (++turns > 2) half(2, "half in a turn")
  if (reached(turns === 1 ? "first turn" : "turn")) return
  if (turns > 1) {
    say(5, now)
    if (reached("updated")) return
  }
  say(9, now)
  say(2, now + BigInt(1 + dice(5)) * 100_000n)
  if (reached("requested")) return
  say(3, NONE)
  half(4, "half in a wait")
}

const hear = (view: DataView, at: number) => {
  const op = view.getUint32(at, LITTLE)
  const number = view.getUint32(at + 4, LITTLE)
  if (op === 0 && number === 1) return run()
  if (op === 0) return number === seq && turns > 1 ? reached("waiting") : undefined
  if (op === 6 && reached("told to run")) return
  say(0, 0n, number)
  if (op !== 6) return
  now = view.getBigUint64(at + 8, LITTLE)
  run()
}

let pending = new Uint8Array(0)
socket.on("data", (chunk: Uint8Array) => {
  const all = new Uint8Array(pending.length + chunk.length)
  all.set(pending)
  all.set(chunk, pending.length)
  let at = 0
  for (; at + 16 <= all.length; at += 16) hear(new DataView(all.buffer), at)
  pending = all.slice(at)
})
socket.on("connect", () => {
  console.log("connected")
  half(1, "half a START")
  if (reached("connected")) return
  say(1, BigInt(1000 + dice(1000)))
  reached("started")
})
