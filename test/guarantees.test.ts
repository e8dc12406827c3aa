/**
 * PROTOCOL, sentence by sentence, against the server over real sockets, with
 * clients that don't know the library's codec.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as Runtimes from "../scripts/runtimes.ts"
import * as CalendarServer from "../src/controller/CalendarServer.ts"
import { ACK, BROADCAST, FREE_UNTIL, GET, GET_TOD, REQUEST, RUN, START, UPDATE, WAIT } from "./support/protocol.ts"
import { bytes, NONE, type RawClient, type Room, room } from "./support/rawClient.ts"

const FREE_RUN = 1n << 62n

/** A test with a calendar and clients that connect to it. */
const on = (
  what: string,
  options: CalendarServer.ServeOptions,
  test: (room: Room, server: CalendarServer.CalendarServer, log: ReadonlyArray<string>) => Promise<void>,
) => {
  const log: Array<string> = []
  it.live(what, () =>
    Effect.gen(function* () {
      const made = yield* room
      const server = yield* CalendarServer.make({ path: made.path, ...options })
      yield* Effect.promise(() => test(made, server, log))
    }).pipe(
      Effect.scoped,
      Effect.provide(Logger.layer([Logger.make(({ message }) => {
        log.push(String(message))
      })])),
    ))
}

/** As many clients as the calendar expects: once they are in, each asks for its time and waits. */
const started = async ({ connect }: Room, ...requests: ReadonlyArray<bigint>): Promise<ReadonlyArray<RawClient>> => {
  const clients = requests.map((_, id) => connect().say(START, BigInt(id)))
  for (const [id, client] of clients.entries()) {
    await client.take(ACK)
    await client.say(REQUEST, requests[id]!).ask(WAIT)
  }
  return clients
}

/** Waits until the calendar holds somebody back. */
const isHeld = async (server: CalendarServer.CalendarServer): Promise<void> => {
  for (;;) {
    const { clients } = await Effect.runPromise(server.status)
    if (clients.some(({ state }) => state === "held")) return
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Whether a message has come that should not have: whatever is asked after it is answered first. */
const heardNothing = async (client: RawClient, op: number): Promise<void> => {
  await client.ask(GET)
  expect(client.heard(op)).toBe(false)
}

describe("what the calendar guarantees", () => {
  on("1. exactly one client runs at a time; every other client's view stands still", { clients: 2 }, async (room) => {
    const [a, b] = [room.connect().say(START, 1n), room.connect().say(START, 2n)]
    await a.take(ACK)
    await a.say(REQUEST, 10n).ask(WAIT)
    await b.take(ACK)
    await b.say(REQUEST, 10n).ask(WAIT)
    expect(await a.take(RUN)).toMatchObject([RUN, expect.any(Number), 10n])
    expect(await b.ask(GET)).toBe(10n)
    await heardNothing(b, RUN)
    await a.ask(WAIT)
    expect((await b.take(RUN))[2]).toBe(10n)
  })

  on("2. time never passes the earliest request of a waiting client", { clients: 2 }, async (room) => {
    const [a, b] = await started(room, 1000n, 50n)
    // The earliest is granted first, whoever asked first, and tells how far it may go.
    expect((await b!.take(FREE_UNTIL))[2]).toBe(1000n)
    expect((await b!.take(RUN))[2]).toBe(50n)
    await heardNothing(a!, RUN)
    await b!.ask(WAIT)
    expect((await a!.take(RUN))[2]).toBe(1000n)
  })

  on(
    "3. requests at the same time are granted in the order made; one repeated keeps its place",
    { clients: 3 },
    async (room) => {
      const all = [1n, 2n, 3n].map((id) => room.connect().say(START, id))
      const [a, b, c] = all as [RawClient, RawClient, RawClient]
      await a.take(ACK)
      await a.say(REQUEST, 100n).ask(WAIT)
      await b.take(ACK)
      await b.say(REQUEST, 100n).ask(WAIT)
      await c.take(ACK)
      // While c runs: a says the same again, b something else, and then the same.
      await a.ask(REQUEST, 100n)
      await b.ask(REQUEST, 200n)
      await b.ask(REQUEST, 100n)
      await c.ask(REQUEST, 100n)
      await c.ask(WAIT)
      const order: Array<string> = []
      for (const [name, client] of [["a", a], ["b", b], ["c", c]] as const) {
        await client.take(RUN)
        order.push(name)
        for (const other of all) if (other !== client) await heardNothing(other, RUN)
        await client.ask(WAIT)
      }
      expect(order).toEqual(["a", "b", "c"])
    },
  )
})

describe("what the calendar does", () => {
  on(
    "connect: START's ACK is held back until the expected number is there, then in order of ID",
    { clients: 3 },
    async ({ connect }) => {
      const seven = connect().say(START, 7n)
      const three = connect().say(START, 3n)
      await three.quiet(30)
      expect([seven.heard(ACK), three.heard(ACK)]).toEqual([false, false])
      const five = connect().say(START, 5n)
      expect(await three.take(ACK)).toEqual([ACK, 1, 0n])
      await five.quiet(20)
      expect([five.heard(ACK), seven.heard(ACK)]).toEqual([false, false])
      await three.say(WAIT).take(ACK)
      expect(await five.take(ACK)).toEqual([ACK, 1, 0n])
      await five.say(WAIT).take(ACK)
      expect(await seven.take(ACK)).toEqual([ACK, 1, 0n])
    },
  )

  on("connect: a late client sees itself start at 0, and is let in between two turns", {}, async (room, server) => {
    const [early] = await started(room, 500n)
    expect((await early!.take(RUN))[2]).toBe(500n)
    const late = room.connect().say(START, 2n)
    await isHeld(server)
    expect(late.heard(ACK)).toBe(false)
    await early!.say(REQUEST, 700n).ask(WAIT)
    await late.take(ACK)
    expect(await late.ask(GET)).toBe(0n)
    await late.say(REQUEST, 100n).ask(WAIT)
    expect((await late.take(RUN))[2]).toBe(100n)
    expect(await early!.ask(GET)).toBe(600n)
  })

  on(
    "time of day is the start value plus the calendar's time, without an offset",
    { start: 10_000n },
    async (room, server) => {
      const [early] = await started(room, 500n)
      await early!.take(RUN)
      const late = room.connect().say(START, 2n)
      await isHeld(server)
      await early!.say(REQUEST, 900n).ask(WAIT)
      await late.take(ACK)
      expect([await late.ask(GET_TOD), await late.ask(GET)]).toEqual([10_500n, 0n])
    },
  )

  on("RUN comes after FREE_UNTIL, which is the next entry, or 2^62 past now", {}, async (room, server) => {
    const [a] = await started(room, 100n)
    expect((await a!.take(FREE_UNTIL))[2]).toBe(100n + FREE_RUN)
    expect((await a!.take(RUN))[2]).toBe(100n)
    const b = room.connect().say(START, 2n)
    await isHeld(server)
    await a!.say(REQUEST, 300n).ask(WAIT)
    await b.take(ACK)
    // In its own terms: it was let in at 100.
    await b.say(REQUEST, 50n).ask(WAIT)
    expect((await b.take(FREE_UNTIL))[2]).toBe(200n)
    expect((await b.take(RUN))[2]).toBe(50n)
  })

  on(
    "a request by another that becomes the earliest is told to the running client at once",
    { clients: 2 },
    async (room) => {
      const [a, b] = await started(room, 100n, 1n << 40n)
      await a!.take(RUN)
      await b!.ask(REQUEST, 170n)
      expect((await a!.take(FREE_UNTIL))[2]).toBe(170n)
    },
  )

  on("UPDATE moves time, so that another's GET is right", { clients: 2 }, async (room) => {
    const [a, b] = await started(room, 100n, 1000n)
    await a!.take(RUN)
    await a!.ask(UPDATE, 150n)
    expect(await b!.ask(GET)).toBe(150n)
  })

  on("with nothing on the schedule it idles until a request comes", {}, async (room, server) => {
    const a = room.connect()
    await a.ask(START, 1n)
    await a.ask(WAIT)
    await a.quiet(20)
    expect(a.heard(RUN)).toBe(false)
    await a.ask(REQUEST, 5n)
    expect((await a.take(RUN))[2]).toBe(5n)
    a.hangUp()
    expect(await Effect.runPromise(server.ended)).toBe("left")
  })

  on("a client that dies while it runs ends its turn; its requests are gone", { clients: 2 }, async (room) => {
    const [a, b] = await started(room, 100n, 200n)
    await a!.take(RUN)
    await a!.ask(REQUEST, 150n)
    a!.socket.destroy()
    expect((await b!.take(RUN))[2]).toBe(200n)
  })

  on("BROADCAST is passed on to all others with its value", { clients: 3 }, async (room) => {
    const [a, b, c] = await started(room, 1n << 40n, 1n << 40n, 1n << 40n)
    await a!.take(RUN)
    await a!.ask(BROADCAST, NONE - 1n)
    expect([(await b!.take(BROADCAST))[2], (await c!.take(BROADCAST))[2]]).toEqual([NONE - 1n, NONE - 1n])
    await heardNothing(a!, BROADCAST)
  })

  on(
    "guests of both generations: one that keeps freeUntil over WAIT, and one that forgets it, are told each turn",
    {},
    async (room) => {
      const [a] = await started(room, 100n)
      for (const at of [100n, 200n, 300n]) {
        expect((await a!.take(FREE_UNTIL))[2]).toBe(at + FREE_RUN)
        expect((await a!.take(RUN))[2]).toBe(at)
        await a!.say(REQUEST, at + 100n).ask(WAIT)
      }
    },
  )
})

describe("a violation costs that client its connection, and the others go on untouched", () => {
  const violations: ReadonlyArray<readonly [string, (client: RawClient) => void, string]> = [
    ["START twice", (client) => client.say(START, 9n), "StartTwice"],
    ["WAIT by a client that isn't running", (client) => client.say(WAIT), "NotRunning"],
    ["UPDATE by a client that isn't running", (client) => client.say(UPDATE, 5n), "NotRunning"],
    ["a client sending RUN", (client) => client.say(RUN, 5n), "CalendarsOwn"],
    ["a client sending FREE_UNTIL", (client) => client.say(FREE_UNTIL, 5n), "CalendarsOwn"],
    ["an ACK nobody waits for", (client) => client.socket.write(bytes(ACK, 99, 0n)), "UnexpectedAck"],
    ["an unknown op", (client) => client.say(10, 0n), "UnknownOp"],
    ["a huge op", (client) => client.say(0xffff_ffff, 0n), "UnknownOp"],
    ["a stream that ends inside a message", (client) => client.socket.end(new Uint8Array(7)), "CutShort"],
  ]
  for (const [what, violate, rule] of violations) {
    on(what, { clients: 3 }, async (room, _, log) => {
      const [bad, a, b] = [1n, 2n, 3n].map((id) => room.connect().say(START, id)) as [RawClient, RawClient, RawClient]
      for (const [at, client] of [[1n << 40n, bad], [100n, a], [100n, b]] as const) {
        await client.take(ACK)
        client.say(REQUEST, at).say(WAIT)
        await client.take(ACK)
        await client.take(ACK)
      }
      await a.take(RUN)
      violate(bad)
      await bad.gone()
      await a.say(REQUEST, 200n).ask(WAIT)
      expect((await b.take(RUN))[2]).toBe(100n)
      await b.ask(WAIT)
      expect((await a.take(RUN))[2]).toBe(200n)
      expect(log).toEqual([expect.stringMatching(new RegExp(`^client 1, .*\\(${rule}: `))])
    })
  }

  for (const [what, op] of [["REQUEST", REQUEST], ["GET", GET]] as const) {
    on(`${what} before START`, {}, async ({ connect }, _, log) => {
      const bad = connect().say(op, 5n)
      await bad.gone()
      expect(log).toEqual([expect.stringContaining("BeforeStart")])
    })
  }

  on("UPDATE into the past, and past its free-until", { clients: 2 }, async (room, _, log) => {
    const [a, b] = await started(room, 100n, 200n)
    await a!.take(RUN)
    a!.say(UPDATE, 99n)
    await a!.gone()
    await b!.take(RUN)
    b!.say(UPDATE, 200n + FREE_RUN + 1n)
    await b!.gone()
    expect(log).toEqual([
      expect.stringContaining("UpdateIntoThePast"),
      expect.stringContaining("UpdatePastFreeUntil"),
    ])
  })
})

describe("bad clients", () => {
  on("that send a burst of 10,000 messages are answered", {}, async (room) => {
    const [a] = await started(room, 1n << 40n)
    const burst = new Uint8Array(16 * 10_000)
    for (let i = 0; i < 10_000; i++) burst.set(bytes(GET, 100 + i, NONE), 16 * i)
    a!.socket.write(burst)
    for (let i = 0; i < 10_000; i++) expect((await a!.take(ACK))[1]).toBe(100 + i)
  })

  on("that connect and say nothing, ten thousand of them, delay nobody", {}, async (room, server) => {
    const words = await Effect.runPromise(Effect.provide(Runtimes.locate("Deno"), NodeServices.layer))
    const [command = "", ...args] = [...words, Path.resolve("test/support/crowd.ts"), room.path, "10000"]
    const crowd = ChildProcess.spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] })
    try {
      const said = await new Promise<string>((resolve) => crowd.stdout.once("data", (chunk) => resolve(String(chunk))))
      expect(said).toBe("connected\n")
      // Those that the server has yet to look at are connected as well.
      while ((await Effect.runPromise(server.stats)).clients < 10_000) await new Promise((go) => setTimeout(go, 1))
      const [a] = await started(room, 100n)
      expect((await a!.take(RUN))[2]).toBe(100n)
      a!.hangUp()
    } finally {
      crowd.kill("SIGKILL")
    }
    expect(await Effect.runPromise(server.ended)).toBe("left")
  })

  on("that close one half of their connection have left", { clients: 2 }, async (room) => {
    const [a, b] = await started(room, 100n, 200n)
    await a!.take(RUN)
    a!.socket.end()
    expect((await b!.take(RUN))[2]).toBe(200n)
  })
})
