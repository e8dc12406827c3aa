/**
 * The kinds of attack that need no process of their own: clients that come, act as
 * no client should, and go.
 *
 * @module
 */
import type * as Net from "node:net"
import { connected, type Door } from "../support/doors.ts"
import { Bad } from "../support/fuzzClients.ts"
import type { Wire } from "../support/fuzzWires.ts"
import { ACK, BROADCAST, FREE_UNTIL, GET, GET_TOD, REQUEST, RUN, START, UPDATE, WAIT } from "../support/protocol.ts"
import type { Random } from "../support/random.ts"
import { NONE, RawClient } from "../support/rawClient.ts"
import { joined, type Msg } from "../support/wire.ts"

/** Their names. */
export const names = ["fuzz", "floods", "silent", "half-closed", "holding"] as const

/** The name of one. */
export type Name = typeof names[number]

/** What was done, in numbers. */
export interface Counts {
  connections: number
  /** Connections that were refused: the server has no room for them. */
  refused: number
  /** Messages that were fuzzed. */
  fuzzed: number
  floods: number
  floodedBytes: number
  silent: number
  halfClosed: number
  /** Turns that were held. */
  held: number
  /** Clients that held a turn for good, until the operator dropped them. */
  dropped: number
}

/** No attack. */
export const none = (): Counts => ({
  connections: 0,
  refused: 0,
  fuzzed: 0,
  floods: 0,
  floodedBytes: 0,
  silent: 0,
  halfClosed: 0,
  held: 0,
  dropped: 0,
})

/** What an attack is given. */
export interface Arena {
  readonly dice: Random
  readonly doors: ReadonlyArray<Door>
  readonly counts: Counts
  /** Says what goes on from now on, for whoever measures the others: something worth a name of its own, or not. */
  readonly phase: (name?: string) => void
  /** Keeps everything open until whoever watches has seen what the server makes of it. */
  readonly stay: () => Promise<void>
  /** Has the operator drop the client with this ID. */
  readonly drop: (id: bigint) => void
  /** How many connect and say nothing, where that is more than the server can take; otherwise 0. */
  readonly tooMany: number
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** IDs of attackers are past those of honest clients; that of each is its own, so that it can be dropped by it. */
const FIRST_ID = 1_000_000

/** A connection that is half-open if the server ends its half, or `undefined` if the server has no room. */
const connect = async ({ dice, doors, counts }: Arena): Promise<Net.Socket | undefined> => {
  try {
    const socket = await connected(dice.pick(doors), { allowHalfOpen: true })
    counts.connections++
    return socket
  } catch {
    counts.refused++
    return undefined
  }
}

/** Several at the same time, as far as there is room. */
const several = async <A>(count: number, make: () => Promise<A | undefined>): Promise<ReadonlyArray<A>> => {
  const made: Array<A> = []
  let left = count
  const one = async () => {
    while (left-- > 0) {
      const each = await make()
      if (each !== undefined) made.push(each)
    }
  }
  await Promise.all(Array.from({ length: Math.min(count, 50) }, one))
  return made
}

const newId = ({ dice }: Arena): bigint => BigInt(FIRST_ID + dice.int(2 ** 30))

/** A client that keeps to the protocol so far. */
const client = async (arena: Arena): Promise<RawClient | undefined> => {
  const socket = await connect(arena)
  // Who reads hears that the server hangs up, and does so, too.
  socket?.on("end", () => socket.destroy())
  return socket && new RawClient(socket)
}

/** One that is let in, and has its first turn. `undefined` if it was refused. */
const entered = async (arena: Arena, id = newId(arena)): Promise<RawClient | undefined> => {
  const made = await client(arena)
  try {
    await made?.ask(START, id)
    return made
  } catch {
    arena.counts.refused++
    return undefined
  }
}

/** One that has been let in and waits, without a request, for good. */
const idle = async (arena: Arena): Promise<RawClient | undefined> => {
  const made = await entered(arena)
  await made?.ask(WAIT)
  return made
}

/** The end of a connection, in one of many ways. */
const end = (dice: Random, socket: Net.Socket): void => {
  switch (dice.int(4)) {
    case 0:
      socket.end(new Uint8Array(1 + dice.int(15)))
      break
    case 1:
      socket.resetAndDestroy?.()
      break
    case 2:
      socket.end()
  }
  socket.destroy()
}

// ------------------------------------------------------------------------------ fuzz

const FUZZ_MS = 1500
const FUZZERS = 12

/** Clients that send anything: whole conversations of mostly valid messages, or bytes. */
const fuzz = async (arena: Arena): Promise<void> => {
  const { dice, counts } = arena
  const until = performance.now() + FUZZ_MS
  const one = async () => {
    while (performance.now() < until) {
      const socket = await connect(arena)
      if (socket === undefined) return
      const chunks: Array<Uint8Array> = []
      let isClosed = false
      socket.on("data", (chunk: Uint8Array) => chunks.push(chunk)).on("close", () => isClosed = true)
      socket.on("end", () => isClosed = true)
      let sent = 0
      const wire: Wire = {
        send: (bytes) => {
          sent += bytes.length
          if (!socket.destroyed) socket.write(bytes)
        },
        take: () => {
          const all = new Uint8Array(chunks.reduce((length, { length: more }) => length + more, 0))
          let at = 0
          for (const chunk of chunks.splice(0)) {
            all.set(chunk, at)
            at += chunk.length
          }
          return all
        },
        isClosed: () => isClosed,
        close: () => end(dice, socket),
        stop: () => socket.pause(),
      }
      if (dice.bool(0.1)) {
        // Not even messages.
        for (let left = dice.int(20); left > 0; left--) {
          wire.send(Uint8Array.from({ length: dice.int(400) }, () => dice.int(256)))
        }
        await sleep(dice.int(5))
      } else {
        const bad = new Bad(wire, dice)
        for (let steps = 0; steps < 120 && !isClosed && performance.now() < until; steps++) {
          bad.step()
          await (steps % 8 === 0 ? sleep(1) : new Promise((resolve) => setImmediate(resolve)))
        }
      }
      counts.fuzzed += Math.ceil(sent / 16)
      end(dice, socket)
    }
  }
  await Promise.all(Array.from({ length: FUZZERS }, one))
}

// ---------------------------------------------------------------------------- floods

const FLOOD_BYTES = 10_000_000
const FLOOD_MS = 3000

/** The messages of one flood, so many of them from number `first` on. */
const deluge = (op: number, first: number, count: number, now: bigint): Uint8Array => {
  const messages: Array<Msg> = []
  for (let seq = first; seq < first + count; seq++) {
    // Those who ask to be run ask for each time anew, in the far future.
    const time = op === REQUEST ? now + (1n << 50n) - BigInt(seq) : op === BROADCAST ? BigInt(seq) : NONE
    messages.push({ op, seq, time })
  }
  return joined(messages)
}

/** Has a client write 10 MB, or what it can in three seconds. */
const pour = async ({ dice, counts }: Arena, socket: Net.Socket, op: number, now: bigint): Promise<void> => {
  const until = performance.now() + FLOOD_MS
  const chunk = dice.pick([1, 61, 4096, 65_536])
  const unaligned = dice.bool(0.2)
  let seq = 1000
  let isOver = false
  socket.on("close", () => isOver = true)
  for (let left = FLOOD_BYTES; left > 0 && !isOver && performance.now() < until; left -= 16 * chunk) {
    const bytes = deluge(op, seq, chunk, now)
    seq += chunk
    const cut = unaligned ? 1 + dice.int(bytes.length - 1) : 0
    if (cut > 0) socket.write(bytes.subarray(0, cut))
    const hasRoom = socket.write(bytes.subarray(cut))
    counts.floodedBytes += bytes.length
    if (hasRoom) {
      // Others in this process have their turns.
      if (chunk > 1 || seq % 64 === 0) await new Promise((resolve) => setImmediate(resolve))
    } else {
      await new Promise<void>((resolve) => {
        const go = () => {
          clearTimeout(late)
          socket.off("drain", go).off("close", go)
          resolve()
        }
        const late = setTimeout(go, Math.max(1, until - performance.now()))
        socket.once("drain", go).once("close", go)
      })
    }
  }
  // What the server never took doesn't count.
  counts.floodedBytes -= socket.writableLength
}

/** One client writes more than anybody can use, in a state in which it may or may not, and reads the answers or doesn't. */
const floods = async (arena: Arena): Promise<void> => {
  const { dice, counts, phase } = arena
  // Those who don't read what it causes.
  const listeners = await several(dice.pick([0, 20, 200]), () => idle(arena))
  for (const { socket } of listeners) socket.pause()
  const state = dice.pick(["connected", "waiting", "waiting", "running"] as const)
  const op = dice.bool(0.8)
    ? dice.pick([BROADCAST, BROADCAST, GET, GET_TOD, REQUEST])
    : dice.pick([ACK, START, WAIT, UPDATE, RUN, FREE_UNTIL, 77])
  if (state === "running") phase("flooded, by who has the turn")
  const flooder = await (state === "connected" ? client(arena) : entered(arena))
  if (flooder !== undefined) {
    let now = 0n
    try {
      now = state === "connected" ? 0n : await flooder.ask(GET)
      if (state === "waiting") await flooder.ask(WAIT)
    } catch {
      // It was dropped already; what it writes is gone.
    }
    if (dice.bool()) flooder.socket.pause()
    else {
      flooder.acknowledges = false
      flooder.socket.removeAllListeners("data").resume()
    }
    counts.floods++
    if (state !== "running") phase("flooded")
    await pour(arena, flooder.socket, op, now)
    end(dice, flooder.socket)
  }
  phase()
  for (const { socket } of listeners) end(dice, socket)
}

// ---------------------------------------------------------------------------- silent

/** Clients that say nothing, or nothing more. */
const silent = async (arena: Arena): Promise<void> => {
  const { dice, counts, tooMany } = arena
  const count = tooMany > 0 ? tooMany : dice.pick([5, 20, 100])
  const clients = await several(count, async () => {
    const kind = tooMany > 0 ? 0 : dice.int(4)
    if (kind === 3) {
      const made = await idle(arena)
      made?.socket.pause()
      return made?.socket
    }
    const socket = await connect(arena)
    // Nothing; a part of START; or nothing in its first turn for a while, and nothing that it reads after that.
    if (kind === 1) socket?.write(new Uint8Array(1 + dice.int(15)))
    if (kind === 2 && socket !== undefined) {
      const holdMs = dice.int(20)
      socket.write(joined([{ op: START, seq: 1, time: newId(arena) }]))
      socket.once("data", () => {
        socket.pause()
        setTimeout(() => socket.write(joined([{ op: WAIT, seq: 2, time: NONE }])), holdMs)
      })
    }
    return socket
  })
  counts.silent += clients.length
  await sleep(50 + dice.int(400))
  for (const socket of clients) end(dice, socket)
}

// ----------------------------------------------------------------------- half-closed

/** Clients that close their half with answers unread, or break a rule, and keep the other half open. */
const halfClosed = async (arena: Arena): Promise<void> => {
  const { dice, counts, stay } = arena
  const one = async (): Promise<Net.Socket | undefined> => {
    const made = await dice.pick([client, entered, idle])(arena)
    if (made === undefined) return undefined
    const { socket } = made
    socket.pause()
    // How much of the answers fits nowhere on the way depends on the kind of socket.
    const questions = dice.pick([0, 10, 1000, 60_000])
    for (let left = questions; left > 0; left -= 1000) {
      socket.write(deluge(dice.pick([GET, GET, REQUEST]), 1000 + left, Math.min(left, 1000), 0n))
    }
    if (dice.bool(0.3)) socket.write(joined([{ op: dice.pick([RUN, 77, START]), seq: 3, time: 0n }]))
    if (dice.bool(0.2)) socket.write(new Uint8Array(1 + dice.int(15)))
    if (dice.bool(0.8)) socket.end()
    // Whoever doesn't end here has broken a rule, or keeps everybody waiting: not for long.
    else socket.end(joined([{ op: 78, seq: 4, time: 0n }]))
    counts.halfClosed++
    return socket
  }
  const sockets = await several(20, one)
  await stay()
  for (const socket of sockets) socket.destroy()
}

// --------------------------------------------------------------------------- holding

const HOLD_MS = 150

/** Clients that keep the turn, and end it in one way or another; some only when the operator drops them. */
const holding = async (arena: Arena): Promise<void> => {
  const { dice, counts, drop, phase } = arena
  for (let left = 5; left > 0; left--) {
    const id = newId(arena)
    phase("held up, by who has the turn")
    const made = await entered(arena, id)
    if (made === undefined) continue
    const { socket } = made
    counts.held++
    if (dice.bool()) {
      // Not its first turn, but one of which it doesn't acknowledge RUN.
      const now = await made.ask(GET)
      made.acknowledges = false
      made.say(REQUEST, now + BigInt(dice.int(1_000_000))).say(WAIT)
      await made.take(RUN)
    }
    await sleep(dice.int(HOLD_MS))
    if (dice.int(4) === 0) {
      drop(id)
      counts.dropped++
      socket.resume()
      await made.gone()
    } else if (dice.bool()) end(dice, socket)
    else {
      made.say(WAIT)
      await sleep(dice.int(20))
      end(dice, socket)
    }
    phase()
  }
}

/** What each of them does. */
export const attacks: { readonly [name in Name]: (arena: Arena) => Promise<void> } = {
  fuzz,
  floods,
  silent,
  "half-closed": halfClosed,
  holding,
}
