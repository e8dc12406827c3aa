/**
 * PROTOCOL, sentence by sentence, message by message, over real sockets: each
 * client hears exactly what the protocol says, and nothing else in between.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Runtimes from "../scripts/runtimes.ts"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import { built } from "./support/built.ts"
import { DEADLINE, eventually, ExactClient, NONE } from "./support/exactClient.ts"
import { ACK, BROADCAST, FREE_UNTIL, GET, GET_TOD, REQUEST, RUN, START, UPDATE, WAIT } from "./support/protocol.ts"
import { toBytes } from "./support/wire.ts"

const FREE_RUN = 2n ** 62n
const FAR = 2n ** 40n

interface Scene {
  readonly server: CalendarServer.CalendarServer
  readonly path: string
  readonly connect: (name: string) => ExactClient
  readonly log: ReadonlyArray<string>
}

interface Expected {
  readonly clients?: number
  readonly start?: bigint
}

/** A test with a calendar in a directory of its own; in the end nothing is left but what it logged. */
const on = (what: string, options: Expected, test: (scene: Scene) => Promise<void>): void => {
  const log: Array<string> = []
  const scene = Effect.gen(function* () {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "sentences-"))),
      (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true })),
    )
    const path = Path.join(directory, "socket")
    const server = yield* CalendarServer.make({ path, ...options })
    const clients = yield* Effect.acquireRelease(
      Effect.sync((): Array<ExactClient> => []),
      (clients) => Effect.sync(() => clients.forEach((client) => client.socket.destroy())),
    )
    const connect = (name: string): ExactClient => {
      const client = new ExactClient(path, name)
      clients.push(client)
      return client
    }
    yield* Effect.promise(() => test({ server, path, connect, log }))
  })
  const logger = Logger.make(({ message }) => {
    log.push(String(message))
  })
  it.live(what, () => Effect.provide(Effect.scoped(scene), Logger.layer([logger])))
}

const messages = async ({ server }: Scene): Promise<number> => (await Effect.runPromise(server.stats)).messages

/** Does what is one message to the calendar, that it says nothing to, but to those who don't read it: `unheard` messages. */
const silently = async (
  scene: Scene,
  everybody: ReadonlyArray<ExactClient>,
  act: () => unknown,
  unheard = 0,
): Promise<void> => {
  // With these answers, all that was on its way has come.
  for (const client of everybody) await client.heardNothing()
  const before = await messages(scene)
  act()
  await eventually("the message came", async () => await messages(scene) > before)
  expect(await messages(scene)).toBe(before + 1 + unheard)
}

/** Clients with the IDs 1, 2 …, let in one after another; each has asked for its time, and waits. */
const people = async (scene: Scene, ...requests: ReadonlyArray<bigint>): Promise<Array<ExactClient>> => {
  const all = requests.map((_, at) => scene.connect("abcdefgh"[at]!).say([START, BigInt(at + 1)]))
  for (const [at, client] of all.entries()) {
    await client.hears("ACK#1 0")
    await client.sleep(requests[at]!)
  }
  return all
}

/** The same, of whom the first one was told to run. */
const running = async (scene: Scene, ...requests: ReadonlyArray<bigint>): Promise<Array<ExactClient>> => {
  const all = await people(scene, ...requests)
  const [first, ...others] = requests
  const next = others.reduce((a, b) => a < b ? a : b, first! + FREE_RUN)
  await all[0]!.hears(`FREE_UNTIL ${next}`, `RUN ${first}`)
  return all
}

/** Who is let in during nobody's turn. */
const late = async (scene: Scene, name: string, id: bigint, current: ExactClient, until: bigint) => {
  const client = scene.connect(name)
  await silently(scene, [current], () => client.say([START, id]))
  await current.sleep(until)
  await client.hears("ACK#1 0")
  return client
}

type Two = [ExactClient, ExactClient]
type Three = [ExactClient, ExactClient, ExactClient]

describe("What the calendar guarantees", () => {
  on(
    "1. Exactly one client runs at a time; between RUN and WAIT it owns the clock",
    { clients: 3 },
    async (scene) => {
      const [a, b, c] = await people(scene, 10n, 10n, 10n) as Three
      const all = [a, b, c]
      for (const [at, client] of all.entries()) {
        await client.hears(`FREE_UNTIL ${at < 2 ? 10n : 10n + FREE_RUN}`, "RUN 10")
        for (const each of all) await each.heardNothing()
        if (at < 2) await client.ask(WAIT)
      }
    },
  )

  on("1. Every other client's view of time stands still", { clients: 2, start: 7_000n }, async (scene) => {
    const [a, b] = await running(scene, 10n, FAR) as Two
    for (let round = 0; round < 20; round++) {
      await a.heardNothing()
      expect([await b.ask(GET), await b.ask(GET_TOD)]).toEqual([10n, 7_010n])
    }
  })

  on("2. Time never goes back: a request for a time that is past is granted now", { clients: 2 }, async (scene) => {
    const [a, b] = await people(scene, 100n, FAR) as Two
    expect(await a.turn()).toBe(100n)
    await a.sleep(40n)
    expect(await a.turn()).toBe(100n)
    expect([await a.ask(GET), await b.ask(GET)]).toEqual([100n, 100n])
    await a.ask(UPDATE, 150n)
    await a.sleep(149n)
    expect(await a.turn()).toBe(150n)
    expect([await a.ask(GET), await b.ask(GET)]).toEqual([150n, 150n])
  })

  on("2. Time never passes the earliest request of a waiting client", { clients: 3 }, async (scene) => {
    const [a, b, c] = await people(scene, 1_000n, 50n, 700n) as Three
    await b.hears("FREE_UNTIL 700", "RUN 50")
    await b.sleep(2_000n)
    await c.hears("FREE_UNTIL 1000", "RUN 700")
    await c.sleep(999n)
    expect(await c.turn()).toBe(999n)
    for (const client of [a, b, c]) expect(await client.ask(GET)).toBe(999n)
    await c.sleep(3_000n)
    await a.hears("FREE_UNTIL 2000", "RUN 1000")
  })

  on("3. Requests at the same time are granted in the order in which they were made", { clients: 3 }, async (scene) => {
    const [a, b, c] = await running(scene, 10n, FAR, FAR + 1n) as Three
    // Not in the order of ID, and not in the order of connecting.
    await c.ask(REQUEST, 100n)
    await a.hears("FREE_UNTIL 100")
    await a.ask(REQUEST, 100n)
    await b.ask(REQUEST, 100n)
    await a.ask(WAIT)
    await c.hears("FREE_UNTIL 100", "RUN 100")
    await c.sleep(100n)
    await a.hears("FREE_UNTIL 100", "RUN 100")
    await a.sleep(FAR)
    await b.hears("FREE_UNTIL 100", "RUN 100")
    await b.sleep(FAR)
    await c.hears(`FREE_UNTIL ${FAR}`, "RUN 100")
  })

  on(
    "3. A request repeated unchanged keeps its place; one that was changed does not",
    { clients: 4 },
    async (scene) => {
      const [a, b, c, d] = await people(scene, 50n, 100n, 100n, 100n) as [...Three, ExactClient]
      await a.hears("FREE_UNTIL 100", "RUN 50")
      await b.ask(REQUEST, 100n)
      await c.ask(REQUEST, 300n)
      await c.ask(REQUEST, 100n)
      await b.ask(REQUEST, 100n)
      await d.ask(REQUEST, 100n)
      await a.sleep(100n)
      for (const [at, client] of [b, d, c, a].entries()) {
        expect(await client.turn()).toBe(100n)
        for (const each of [a, b, c, d]) await each.heardNothing()
        if (at < 3) await client.sleep(FAR)
      }
    },
  )

  for (const seed of [1, 2, 3]) {
    on(`1.–3. for 250 turns of five clients at random (seed ${seed})`, { clients: 5 }, async (scene) => {
      let state = seed * 0x9e3779b9 >>> 0
      const random = (below: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        return Math.floor(state / 2 ** 32 * below)
      }
      let now = 0n
      let order = 0
      interface Life {
        readonly client: ExactClient
        readonly offset: bigint
        request: { readonly time: bigint; readonly order: number } | undefined
      }
      const lives: Array<Life> = []
      const before = (a: Life, b: Life): number =>
        a.request!.time !== b.request!.time
          ? (a.request!.time < b.request!.time ? -1 : 1)
          : a.request!.order - b.request!.order
      const schedule = (): Array<Life> => lives.filter(({ request }) => request !== undefined).sort(before)
      const asks = async (life: Life, time: bigint): Promise<void> => {
        expect(await life.client.ask(REQUEST, time - life.offset)).toBe(0n)
        if (life.request?.time !== time) life.request = { time, order: order++ }
      }
      const soon = (): bigint => now + BigInt(random(4) * 5)
      for (let id = 1; id <= 5; id++) {
        lives.push({ client: scene.connect(`c${id}`).say([START, BigInt(id)]), offset: 0n, request: undefined })
      }
      for (const life of lives) {
        await life.client.hears("ACK#1 0")
        await asks(life, soon())
        await life.client.ask(WAIT)
      }
      for (let turn = 0; turn < 250; turn++) {
        const [life, next] = schedule() as [Life, Life | undefined]
        const { client, offset } = life
        expect(life.request!.time).toBeGreaterThanOrEqual(now)
        now = life.request!.time
        life.request = undefined
        expect(await client.turn(), `turn ${turn} of seed ${seed}`).toBe(now - offset)
        let free = next?.request?.time ?? now + FREE_RUN
        let over = false
        for (let deed = random(4); deed > 0 && !over; deed--) {
          const other = lives[random(lives.length)]!
          expect(await other.client.ask(GET), `turn ${turn} of seed ${seed}`).toBe(now - other.offset)
          const what = random(3)
          if (what === 0 && now + 2n < free) {
            now += 2n
            expect(await client.ask(UPDATE, now - offset)).toBe(0n)
          } else if (what === 1 && other !== life && other !== schedule()[0]) {
            await asks(other, soon())
            if (other.request!.time < free) {
              free = other.request!.time
              await client.hears(`FREE_UNTIL ${free - offset}`)
            }
          } else if (what === 2 && turn % 25 === 0 && lives.length < 9) {
            const joins = scene.connect(`late${turn}`)
            await silently(scene, [client], () => joins.say([START, BigInt(turn)]))
            await asks(life, soon())
            await client.ask(WAIT)
            await joins.hears("ACK#1 0")
            const joined: Life = { client: joins, offset: now, request: undefined }
            lives.push(joined)
            expect(await joins.ask(GET)).toBe(0n)
            await asks(joined, soon())
            await joins.ask(WAIT)
            over = true
          }
        }
        if (over) continue
        await asks(life, soon())
        await client.ask(WAIT)
      }
    })
  }
})

describe("What the calendar does: Connect", () => {
  on("nothing until START: not even a BROADCAST, nor a turn", {}, async (scene) => {
    const silent = scene.connect("silent")
    await eventually("it is connected", async () => (await Effect.runPromise(scene.server.stats)).clients === 1)
    const a = scene.connect("a")
    await a.enter(1n)
    expect(await a.ask(BROADCAST, 5n)).toBe(0n)
    await a.ask(WAIT)
    silent.say([START, 2n])
    await silent.hears("ACK#1 0")
  })

  on("START's ACK is held back: none is let in before that many have sent START", { clients: 3 }, async (scene) => {
    const [a, b, c] = ["a", "b", "c"].map(scene.connect) as Three
    await silently(scene, [], () => a.say([START, 1n]))
    await silently(scene, [], () => b.say([START, 2n]))
    // The third is connected, but that is not START.
    await eventually("c is connected", async () => (await Effect.runPromise(scene.server.stats)).clients === 3)
    expect(await messages(scene)).toBe(2)
    c.say([START, 3n])
    await a.hears("ACK#1 0")
    await a.ask(WAIT)
    await b.hears("ACK#1 0")
    await b.ask(WAIT)
    await c.hears("ACK#1 0")
  })

  on("then they are let in in order of ID (ties: order of START)", { clients: 8 }, async (scene) => {
    // IDs have 64 bits, without a sign.
    const ids = [NONE, 5n, 2n ** 63n, 5n, 0n, NONE, 2n ** 63n - 1n, 5n]
    const clients = ids.map((id) => ({ id, client: scene.connect(`id ${id}`) }))
    for (const { id, client } of clients.slice(0, -1)) await silently(scene, [], () => client.say([START, id]))
    clients.at(-1)!.client.say([START, 5n])
    for (const at of [4, 1, 3, 7, 6, 2, 0, 5]) {
      const { client } = clients[at]!
      await client.hears("ACK#1 0")
      // Nobody else is, before this one waits.
      const before = await messages(scene)
      await client.heardNothing()
      expect(await messages(scene)).toBe(before + 2)
      await client.ask(WAIT)
    }
  })

  on("waits for the first WAIT before the next is let in or any time passes", { clients: 2 }, async (scene) => {
    const [a, b] = ["a", "b"].map(scene.connect) as Two
    a.say([START, 1n])
    b.say([START, 2n])
    await a.hears("ACK#1 0")
    await a.ask(REQUEST, 5n)
    await a.heardNothing()
    await a.ask(WAIT)
    await b.hears("ACK#1 0")
    // The first one's request is due now, but the second one is in its first turn.
    expect(await a.ask(GET)).toBe(0n)
    await b.ask(REQUEST, 5n)
    expect([await a.ask(GET), await b.ask(GET)]).toEqual([0n, 0n])
    await b.ask(WAIT)
    await a.hears("FREE_UNTIL 5", "RUN 5")
  })

  on(
    "it becomes the running client: no time passes in its first turn, so another's request is no news to it",
    { clients: 2 },
    async (scene) => {
      const a = scene.connect("a").say([START, 1n]), b = scene.connect("b").say([START, 2n])
      await a.hears("ACK#1 0")
      await a.sleep(500n)
      await b.hears("ACK#1 0")
      await a.ask(REQUEST, 300n)
      await b.heardNothing()
      await b.sleep(FAR)
      await a.hears(`FREE_UNTIL ${FAR}`, "RUN 300")
    },
  )

  on("its offset becomes the calendar's time now: it always sees itself start at 0", { start: 9n }, async (scene) => {
    const [a] = await running(scene, 100n) as [ExactClient]
    await a.ask(UPDATE, 150n)
    const b = await late(scene, "b", 2n, a, 400n)
    expect([await b.ask(GET), await a.ask(GET)]).toEqual([0n, 150n])
    await b.sleep(30n)
    await b.hears("FREE_UNTIL 250", "RUN 30")
    expect([await b.ask(GET), await a.ask(GET)]).toEqual([30n, 180n])
    // Ahead by UPDATE, in its own terms as well.
    await b.ask(UPDATE, 70n)
    expect([await b.ask(GET), await a.ask(GET)]).toEqual([70n, 220n])
    const c = await late(scene, "c", 3n, b, 1_000n)
    expect([await c.ask(GET), await b.ask(GET), await a.ask(GET)]).toEqual([0n, 70n, 220n])
    await c.sleep(NONE / 2n)
    await a.hears("FREE_UNTIL 1150", "RUN 400")
    await c.ask(REQUEST, 181n)
    await a.hears("FREE_UNTIL 401")
    expect([await c.ask(GET_TOD), await b.ask(GET_TOD), await a.ask(GET_TOD)]).toEqual([409n, 409n, 409n])
  })

  on("the client is blocked until it is let in: what it says meanwhile is answered after START", {}, async (scene) => {
    const [a] = await running(scene, 100n) as [ExactClient]
    const b = scene.connect("b")
    await silently(scene, [a], () => b.say([START, 2n]))
    const before = await messages(scene)
    b.say([GET], [GET_TOD])
    await eventually("they came", async () => await messages(scene) > before)
    await a.ask(UPDATE, 120n)
    await a.sleep(300n)
    await b.hears("ACK#1 0", "ACK#2 0", "ACK#3 120")
  })

  on("Later clients are let in between two turns, never during one", {}, async (scene) => {
    const [a] = await running(scene, 100n) as [ExactClient]
    const b = scene.connect("b")
    await silently(scene, [a], () => b.say([START, 2n]))
    await a.ask(UPDATE, 120n)
    // Its own request is due at once, but who is new comes first: time stands still for that.
    await a.sleep(120n)
    await b.hears("ACK#1 0")
    await a.heardNothing()
    await b.ask(WAIT)
    await a.hears(`FREE_UNTIL ${120n + FREE_RUN}`, "RUN 120")
  })
})

describe("What the calendar does: Time of day", () => {
  on(
    "is the start value plus the calendar's time (no offset)",
    { start: 1_700_000_000_000_000_000n },
    async (scene) => {
      const start = 1_700_000_000_000_000_000n
      const [a] = await running(scene, 100n) as [ExactClient]
      expect(await a.ask(GET_TOD)).toBe(start + 100n)
      const b = await late(scene, "b", 2n, a, 300n)
      expect([await b.ask(GET), await b.ask(GET_TOD)]).toEqual([0n, start + 100n])
      await b.sleep(50n)
      await b.hears("FREE_UNTIL 200", "RUN 50")
      expect([await a.ask(GET_TOD), await b.ask(GET_TOD)]).toEqual([start + 150n, start + 150n])
      await b.ask(UPDATE, 60n)
      expect([await a.ask(GET_TOD), await b.ask(GET_TOD)]).toEqual([start + 160n, start + 160n])
    },
  )
})

describe("What the calendar does: RUN", () => {
  on("take the earliest, FREE_UNTIL, then RUN with the time in its own terms", { clients: 2 }, async (scene) => {
    const [a, b] = await running(scene, 100n, 200n) as Two
    const c = await late(scene, "c", 3n, a, 250n)
    await c.sleep(130n)
    await b.hears("FREE_UNTIL 230", "RUN 200")
    await b.sleep(300n)
    await c.hears("FREE_UNTIL 150", "RUN 130")
    await c.sleep(500n)
    await a.hears("FREE_UNTIL 300", "RUN 250")
  })

  on("FREE_UNTIL's value is the next entry of the schedule; with none, 2^62 past now", {}, async (scene) => {
    const a = scene.connect("a")
    await a.enter(1n)
    await a.sleep(0n)
    await a.hears(`FREE_UNTIL ${FREE_RUN}`, "RUN 0")
    await a.sleep(77n)
    await a.hears(`FREE_UNTIL ${77n + FREE_RUN}`, "RUN 77")
    const b = await late(scene, "b", 2n, a, 1_077n)
    await b.sleep(1_000n)
    await a.hears("FREE_UNTIL 1077", "RUN 1077")
    await a.ask(WAIT)
    // In its own terms: past its own now.
    await b.hears(`FREE_UNTIL ${1_000n + FREE_RUN}`, "RUN 1000")
  })

  on("wait for the ACK, then for its WAIT", { clients: 2 }, async (scene) => {
    const [a, b] = await running(scene, 50n, 100n) as Two
    a.acknowledges = false
    await a.sleep(100n)
    await b.hears("FREE_UNTIL 100", "RUN 100")
    await b.sleep(100n)
    const free = await a.next()
    expect([free.op, free.time]).toEqual([FREE_UNTIL, 100n])
    a.acknowledge(free)
    const run = await a.next()
    expect([run.op, run.time]).toEqual([RUN, 100n])
    // Neither is there: nobody else runs, and everybody is answered.
    for (let round = 0; round < 10; round++) expect(await b.ask(GET)).toBe(100n)
    a.acknowledge(run)
    for (let round = 0; round < 10; round++) expect([await a.ask(GET), await b.ask(GET)]).toEqual([100n, 100n])
    await a.ask(WAIT)
    await b.hears(`FREE_UNTIL ${100n + FREE_RUN}`, "RUN 100")
  })

  on("whoever gets a message answers it with the same seq, in the order received", {}, async (scene) => {
    const a = scene.connect("a")
    const said: ReadonlyArray<readonly [op: number, seq: number, time: bigint]> = [
      [START, 4_000_000_000, 1n],
      [GET, 7, NONE],
      [REQUEST, 7, 40n],
      [GET_TOD, 0, NONE],
      [BROADCAST, 0xffff_ffff, 12n],
      [WAIT, 1, NONE],
    ]
    a.send(...said.map(([op, seq, time]) => ({ op, seq, time })))
    await a.hears(...said.map(([, seq]) => `ACK#${seq} 0`), `FREE_UNTIL ${40n + FREE_RUN}`, "RUN 40")
  })
})

describe("What the calendar does: While a client runs", () => {
  on("a request by another that becomes the earliest is told to it at once", { clients: 3 }, async (scene) => {
    const [a, b, c] = await running(scene, 100n, 900n, FAR) as Three
    await c.ask(REQUEST, 800n)
    await a.hears("FREE_UNTIL 800")
    await b.ask(REQUEST, 700n)
    await a.hears("FREE_UNTIL 700")
    // Its own terms and its own UPDATE are nothing new.
    await a.ask(UPDATE, 650n)
    await c.ask(REQUEST, 650n)
    await a.hears("FREE_UNTIL 650")
    await a.sleep(660n)
    await c.hears("FREE_UNTIL 660", "RUN 650")
  })

  on("one that doesn't become the earliest is not, nor the client's own", { clients: 3 }, async (scene) => {
    const [a, b, c] = await running(scene, 100n, 500n, FAR) as Three
    await c.ask(REQUEST, 501n)
    await c.ask(REQUEST, 500n)
    await b.ask(REQUEST, 500n)
    await a.ask(REQUEST, 300n)
    await a.heardNothing()
    await a.ask(WAIT)
    await a.hears("FREE_UNTIL 500", "RUN 300")
    await b.heardNothing()
    await c.heardNothing()
  })

  on("messages of every client are answered at all times", { clients: 3, start: 3n }, async (scene) => {
    const [a, b, c] = await people(scene, 100n, 200n, FAR) as Three
    await a.turn()
    for (const ahead of [0n, 110n, 199n]) {
      if (ahead > 0n) expect(await a.ask(UPDATE, ahead)).toBe(0n)
      for (const each of [c, b, a]) {
        expect(await each.ask(GET)).toBe(ahead || 100n)
        expect(await each.ask(GET_TOD)).toBe(3n + (ahead || 100n))
      }
    }
    for (const each of [b, c]) expect(await each.ask(REQUEST, FAR)).toBe(0n)
    // And while somebody is held back, and while somebody is in its first turn.
    const d = await late(scene, "d", 4n, a, FAR)
    for (const each of [a, b, c]) expect(await each.ask(GET)).toBe(199n)
    expect(await d.ask(GET)).toBe(0n)
    // And while all wait for a request.
    await d.ask(REQUEST, FAR)
  })

  on("BROADCAST is passed on to all others, with any 64-bit value", { clients: 3 }, async (scene) => {
    const [a, b, c] = await running(scene, 100n, FAR, FAR) as Three
    const values = [0n, 1n, 2n ** 63n, NONE - 1n, NONE]
    for (const value of values) {
      // From the running one and from one that waits.
      for (const sender of [a, b]) {
        expect(await sender.ask(BROADCAST, value)).toBe(0n)
        for (const each of [a, b, c]) {
          if (each !== sender) await each.hears(`BROADCAST ${value === NONE ? "NONE" : value}`)
          await each.heardNothing()
        }
      }
    }
  })
})

describe("What the calendar does: UPDATE", () => {
  on("moves the calendar's time forward to it, so that the other's GET is right", { clients: 2 }, async (scene) => {
    const [a, b] = await running(scene, 100n, 1_000n) as Two
    // In one go, as a kernel that signals right after: the other asks when it is signalled.
    expect(await a.ask(UPDATE, 300n)).toBe(0n)
    expect(await b.ask(GET)).toBe(300n)
    await b.ask(REQUEST, 310n)
    await a.hears("FREE_UNTIL 310")
    await a.sleep(400n)
    await b.hears("FREE_UNTIL 400", "RUN 310")
  })

  on("to the last moment before its free-until", { clients: 2 }, async (scene) => {
    const [a, b] = await running(scene, 100n, 1_000n) as Two
    expect(await a.ask(UPDATE, 999n)).toBe(0n)
    expect(await b.ask(GET)).toBe(999n)
    await a.sleep(1_000n)
    await b.hears("FREE_UNTIL 1000", "RUN 1000")
  })
})

describe("What the calendar does: WAIT", () => {
  on("ends the turn; with nothing on the schedule the calendar idles until a request comes", {}, async (scene) => {
    let ended = false
    Effect.runPromise(scene.server.ended).then(() => ended = true, () => {})
    const [a, b] = await running(scene, 100n, 200n) as Two
    await a.ask(WAIT)
    await b.hears(`FREE_UNTIL ${200n + FREE_RUN}`, "RUN 200")
    await b.ask(WAIT)
    for (const each of [a, b]) expect(await each.ask(GET)).toBe(200n)
    expect(ended).toBe(false)
    await a.ask(REQUEST, 250n)
    await a.hears(`FREE_UNTIL ${250n + FREE_RUN}`, "RUN 250")
    await b.heardNothing()
    await a.ask(WAIT)
    // The last who is left may be one that waits for nothing.
    a.hangUp()
    await a.isDisconnected()
    await b.heardNothing()
    expect(ended).toBe(false)
  })

  on("it ends when the last client has left", {}, async (scene) => {
    let ended = false
    const end = Effect.runPromise(scene.server.ended).then((how) => {
      ended = true
      return how
    })
    const [a] = await running(scene, 100n) as [ExactClient]
    const b = await late(scene, "b", 2n, a, FAR)
    await b.ask(WAIT)
    await a.turn()
    await a.ask(WAIT)
    a.hangUp()
    await a.isDisconnected()
    await b.heardNothing()
    expect(ended).toBe(false)
    b.hangUp()
    expect(await Promise.race([end, new Promise((resolve) => setTimeout(resolve, DEADLINE, "late").unref?.())])).toBe(
      "left",
    )
    expect(scene.log).toEqual([])
  })
})

describe("What the calendar does: Disconnect", () => {
  on("of one that waits takes its requests off", { clients: 3 }, async (scene) => {
    const [a, b, c] = await running(scene, 100n, 150n, 300n) as Three
    b.die()
    await eventually("b has left", async () => (await Effect.runPromise(scene.server.stats)).clients === 2)
    await a.sleep(400n)
    expect(await c.turn()).toBe(300n)
    await c.sleep(FAR)
    await a.hears(`FREE_UNTIL ${FAR}`, "RUN 400")
    expect(scene.log).toEqual([])
  })

  on("of the running one ends its turn, and its own request is off", { clients: 3 }, async (scene) => {
    const [a, b, c] = await running(scene, 100n, 200n, 300n) as Three
    await a.ask(REQUEST, 120n)
    a.die()
    await b.hears("FREE_UNTIL 300", "RUN 200")
    await b.sleep(FAR)
    await c.hears(`FREE_UNTIL ${FAR}`, "RUN 300")
  })

  on(
    "of the running one before it acknowledged RUN, with messages that it didn't read",
    { clients: 2 },
    async (scene) => {
      const [a, b] = await running(scene, 50n, 100n) as Two
      a.acknowledges = false
      await a.sleep(70n)
      await a.hears("FREE_UNTIL 100", "RUN 70")
      a.socket.pause()
      for (let value = 0n; value < 50n; value++) await b.ask(BROADCAST, value)
      a.die()
      await b.hears(`FREE_UNTIL ${100n + FREE_RUN}`, "RUN 100")
    },
  )

  on("of one in its first turn lets the next one in", { clients: 3 }, async (scene) => {
    const [a, b, c] = ["a", "b", "c"].map(scene.connect) as Three
    for (const [at, client] of [a, b, c].entries()) client.say([START, BigInt(at)])
    await a.hears("ACK#1 0")
    a.die()
    await b.hears("ACK#1 0")
    await b.ask(REQUEST, 10n)
    b.die()
    await c.hears("ACK#1 0")
    await c.sleep(20n)
    await c.hears(`FREE_UNTIL ${20n + FREE_RUN}`, "RUN 20")
  })

  on("of one that is held back, and of one that said nothing, is nobody's business", {}, async (scene) => {
    const [a] = await running(scene, 100n) as [ExactClient]
    const held = scene.connect("held"), silent = scene.connect("silent")
    await silently(scene, [a], () => held.say([START, 2n]))
    held.die()
    silent.die()
    await eventually("both have left", async () => (await Effect.runPromise(scene.server.stats)).clients === 1)
    await a.sleep(200n)
    await a.hears(`FREE_UNTIL ${200n + FREE_RUN}`, "RUN 200")
    expect(scene.log).toEqual([])
  })

  on("a clean departure at WAIT is normal life", { clients: 2 }, async (scene) => {
    const [a, b] = await running(scene, 100n, 200n) as Two
    await a.ask(WAIT)
    await b.hears(`FREE_UNTIL ${200n + FREE_RUN}`, "RUN 200")
    a.hangUp()
    await a.isDisconnected()
    await b.sleep(300n)
    await b.hears(`FREE_UNTIL ${300n + FREE_RUN}`, "RUN 300")
    expect(scene.log).toEqual([])
  })
})

describe("What the calendar does: Violations cost that client its connection, the others go on untouched", () => {
  type State = "silent" | "held" | "waiting" | "running"
  const raw = (bytes: number, whole: ReadonlyArray<readonly [number, number, bigint]> = []) => (bad: ExactClient) => {
    const messages = [...whole.map(([op, seq, time]) => ({ op, seq, time })), { op: GET, seq: 60, time: NONE }]
    const all = Buffer.concat(messages.map(toBytes))
    bad.wire.push(`> all but ${16 - bytes} of the bytes of ${messages.length} messages, end`)
    bad.socket.end(all.subarray(0, all.length - 16 + bytes))
  }
  const say = (op: number, time = NONE) => (bad: ExactClient) => {
    bad.seq = 69
    bad.say([op, time])
  }
  const acknowledge = (seq: number) => (bad: ExactClient) => bad.send({ op: ACK, seq, time: 0n })

  // What it does, when, the rule in the log, and the message there.
  const violations: ReadonlyArray<readonly [string, State, (bad: ExactClient) => unknown, string, RegExp]> = [
    ["START twice", "held", say(START, 1n), "StartTwice", /start #70 1\b/i],
    ["START twice", "waiting", say(START, 1n), "StartTwice", /start #70 1\b/i],
    ["START twice", "running", say(START, 8n), "StartTwice", /start #70 8\b/i],
    ["REQUEST before START", "silent", say(REQUEST, 5n), "BeforeStart", /request #70 5\b/i],
    ["GET before START", "silent", say(GET), "BeforeStart", /get #70\b/i],
    ["WAIT by a client that isn't running", "silent", say(WAIT), "", /wait #70\b/i],
    ["WAIT by a client that isn't running", "held", say(WAIT), "NotRunning", /wait #70\b/i],
    ["WAIT by a client that isn't running", "waiting", say(WAIT), "NotRunning", /wait #70\b/i],
    ["UPDATE by a client that isn't running", "silent", say(UPDATE, 70n), "", /update #70 70\b/i],
    ["UPDATE by a client that isn't running", "held", say(UPDATE, 70n), "NotRunning", /update #70 70\b/i],
    ["UPDATE by a client that isn't running", "waiting", say(UPDATE, 150n), "NotRunning", /update #70 150\b/i],
    ["UPDATE into the past", "running", say(UPDATE, 49n), "UpdateIntoThePast", /update #70 49\b/i],
    ["UPDATE into the past, to 0", "running", say(UPDATE, 0n), "UpdateIntoThePast", /update #70 0\b/i],
    ["UPDATE past its free-until", "running", say(UPDATE, 101n), "UpdatePastFreeUntil", /update #70 101\b/i],
    ["UPDATE past its free-until, to the end", "running", say(UPDATE, NONE), "UpdatePastFreeUntil", /update #70\b/i],
    ["a client sending RUN", "silent", say(RUN, 5n), "CalendarsOwn", /run #70 5\b/i],
    ["a client sending RUN", "waiting", say(RUN, 5n), "CalendarsOwn", /run #70 5\b/i],
    ["a client sending RUN", "running", say(RUN, 5n), "CalendarsOwn", /run #70 5\b/i],
    ["a client sending FREE_UNTIL", "held", say(FREE_UNTIL, 5n), "CalendarsOwn", /free_?until #70 5\b/i],
    ["a client sending FREE_UNTIL", "waiting", say(FREE_UNTIL, 5n), "CalendarsOwn", /free_?until #70 5\b/i],
    ["a client sending FREE_UNTIL", "running", say(FREE_UNTIL, 5n), "CalendarsOwn", /free_?until #70 5\b/i],
    ["an ACK nobody waits for", "silent", acknowledge(70), "UnexpectedAck", /ack #70\b/i],
    ["an ACK nobody waits for", "held", acknowledge(1), "UnexpectedAck", /ack #1\b/i],
    ["an ACK nobody waits for", "waiting", acknowledge(70), "UnexpectedAck", /ack #70\b/i],
    ["an ACK nobody waits for, of RUN once more", "running", acknowledge(2), "UnexpectedAck", /ack #2\b/i],
    ["an unknown op, the next", "waiting", say(10, 3n), "UnknownOp", /\b10\b.*#70/],
    ["an unknown op, the last", "running", say(0xffff_ffff, 3n), "UnknownOp", /(4294967295|0xffffffff).*#70/i],
    ["an unknown op", "silent", say(256, 3n), "UnknownOp", /\b256\b.*#70/],
    ["a stream that ends inside a message, after 1 byte", "waiting", raw(1), "CutShort", /\b1 byte/],
    ["a stream that ends inside a message, after 15 bytes", "running", raw(15), "CutShort", /\b15 bytes/],
    ["a stream that ends inside a message, after 8 bytes", "silent", raw(8), "CutShort", /\b8 bytes/],
    ["a stream that ends inside a message, after 4 bytes", "held", raw(4), "CutShort", /\b4 bytes/],
  ]
  for (const [what, state, violate, rule, message] of violations) {
    on(`${what} (${state})`, { clients: state === "waiting" || state === "running" ? 3 : 2 }, async (scene) => {
      let bad: ExactClient, a: ExactClient, b: ExactClient
      if (state === "waiting" || state === "running") {
        ;[a, b, bad] = await people(scene, 100n, 200n, state === "waiting" ? FAR : 50n) as Three
        if (state === "waiting") await a.hears("FREE_UNTIL 200", "RUN 100")
        else await bad.hears("FREE_UNTIL 100", "RUN 50")
      } else {
        ;[a, b] = await running(scene, 100n, 200n) as Two
        bad = scene.connect("bad")
        if (state === "held") await silently(scene, [a, b], () => bad.say([START, 3n]))
      }
      // Its ACKs have come, so that it isn't they that nobody waits for.
      if (state === "running") await bad.heardNothing()
      violate(bad)
      await bad.isDisconnected()
      if (state === "running") await a.hears("FREE_UNTIL 200", "RUN 100")
      for (const each of [a, b]) expect(await each.ask(GET)).toBe(100n)
      await a.sleep(300n)
      await b.hears("FREE_UNTIL 300", "RUN 200")
      await b.ask(UPDATE, 250n)
      await b.sleep(400n)
      await a.hears("FREE_UNTIL 400", "RUN 300")
      await b.heardNothing()
      expect(scene.log).toEqual([expect.stringContaining(rule)])
      expect(scene.log[0]).toMatch(message)
    })
  }

  on("what was said before a violation was said; what comes after it counts for nothing", {}, async (scene) => {
    const [a] = await running(scene, 100n) as [ExactClient]
    a.send(
      { op: UPDATE, seq: 50, time: 150n },
      { op: GET, seq: 51, time: NONE },
      { op: RUN, seq: 52, time: 0n },
      { op: UPDATE, seq: 53, time: 900n },
    )
    const b = scene.connect("b")
    await b.enter(2n)
    await eventually("a is disconnected", () => a.closed)
    expect(await b.ask(GET_TOD)).toBe(150n)
    expect(scene.log).toHaveLength(1)
  })
})

describe("Later revisions: a calendar must serve both", () => {
  /** A guest that sleeps so often so long, as kernels do: by itself where it may. */
  const sleeper = async (client: ExactClient, recent: boolean, period: bigint, times: number) => {
    const woke: Array<bigint> = []
    let now = 0n
    let free: bigint | undefined
    for (let nth = 0; nth < times; nth++) {
      const until = now + period
      if (free !== undefined && until < free) {
        now = until
        await client.ask(UPDATE, now)
        // Only the older one says again what it has said already.
        if (!recent) await client.ask(UPDATE, now)
      } else {
        await client.sleep(until)
        if (recent) free = undefined
        for (;;) {
          const { op, time } = await client.next()
          if (op === FREE_UNTIL) free = time
          else if (op === RUN) {
            now = time
            break
          }
        }
      }
      expect(await client.ask(GET)).toBe(now)
      woke.push(now)
    }
    client.hangUp()
    return woke
  }

  for (const first of ["old", "recent"]) {
    on(`an old and a recent guest on one calendar, the ${first} one first`, { clients: 2 }, async (scene) => {
      const [a, b] = [scene.connect(first), scene.connect("other")].map((client, at) => client.say([START, BigInt(at)]))
      const live = async (client: ExactClient, recent: boolean, period: bigint, times: number) => {
        await client.hears("ACK#1 0")
        return await sleeper(client, recent, period, times)
      }
      const [one, two] = await Promise.all([
        live(a!, first === "recent", 30n, 100),
        live(b!, first !== "recent", 100n, 40),
      ])
      expect(one).toEqual(Array.from({ length: 100 }, (_, at) => 30n * BigInt(at + 1)))
      expect(two).toEqual(Array.from({ length: 40 }, (_, at) => 100n * BigInt(at + 1)))
      expect(await Effect.runPromise(scene.server.ended)).toBe("left")
      expect(scene.log).toEqual([])
    })
  }

  on("one that forgets freeUntil on WAIT is told it in each turn, be it the same", { clients: 2 }, async (scene) => {
    const [a] = await running(scene, 100n, 1_000n) as [ExactClient]
    for (let time = 200n; time < 1_000n; time += 100n) {
      await a.sleep(time)
      await a.hears("FREE_UNTIL 1000", `RUN ${time}`)
    }
  })

  on("one that keeps freeUntil over WAIT is told of a lower one before RUN", { clients: 2 }, async (scene) => {
    const [a, b] = await running(scene, 100n, 1_000n) as Two
    await a.sleep(200n)
    await a.hears("FREE_UNTIL 1000", "RUN 200")
    await a.sleep(FAR)
    await b.hears(`FREE_UNTIL ${FAR}`, "RUN 1000")
    await a.ask(REQUEST, 1_100n)
    await b.hears("FREE_UNTIL 1100")
    await b.sleep(1_150n)
    await a.hears("FREE_UNTIL 1150", "RUN 1100")
  })

  on("the older one may send UPDATE for a time that it has sent already", { clients: 2 }, async (scene) => {
    const [a, b] = await running(scene, 100n, 1_000n) as Two
    for (const time of [100n, 100n, 150n, 150n, 150n]) expect(await a.ask(UPDATE, time)).toBe(0n)
    expect(await b.ask(GET)).toBe(150n)
    expect(scene.log).toEqual([])
  })
})

describe("Clients that are slow, many-worded, deaf or half gone cost the others nothing", () => {
  on(
    "one that writes a byte at a time is answered, and the others between its bytes",
    { clients: 2 },
    async (scene) => {
      const [a, b] = await running(scene, 100n, 200n) as Two
      const slow = [{ op: UPDATE, seq: 40, time: 130n }, { op: REQUEST, seq: 41, time: 190n }, {
        op: GET,
        seq: 42,
        time: NONE,
      }]
      for (const [at, message] of slow.entries()) {
        for (const byte of toBytes(message)) {
          expect(await b.ask(GET)).toBe(at === 0 ? 100n : 130n)
          a.socket.write(Uint8Array.of(byte))
        }
        await a.hears(`ACK#${message.seq} ${message.op === GET ? 130 : 0}`)
      }
      await a.ask(WAIT)
      await a.hears("FREE_UNTIL 200", "RUN 190")
    },
  )

  on("a burst of 10,000 requests in one write: each is answered, the last one counts", {}, async (scene) => {
    const a = scene.connect("a")
    await a.enter(1n)
    const times = Array.from({ length: 10_000 }, (_, at) => BigInt((at * 7_919) % 10_007))
    a.say(...times.map((time) => [REQUEST, time] as const))
    for (let at = 0; at < times.length; at++) await a.hears(`ACK#${at + 2} 0`)
    await a.ask(WAIT)
    await a.hears(`FREE_UNTIL ${times.at(-1)! + FREE_RUN}`, `RUN ${times.at(-1)!}`)
  })

  on(
    "a burst of 10,000 requests, each the earliest: the running one is told of each",
    { clients: 2 },
    async (scene) => {
      const [a, b] = await running(scene, 100n, FAR) as Two
      const times = Array.from({ length: 10_000 }, (_, at) => 20_000n - BigInt(at))
      const first = b.seq + 1
      b.say(...times.map((time) => [REQUEST, time] as const))
      for (const time of times) await a.hears(`FREE_UNTIL ${time}`)
      for (let at = 0; at < times.length; at++) await b.hears(`ACK#${first + at} 0`)
      await a.sleep(FAR)
      await b.hears(`FREE_UNTIL ${FAR}`, `RUN ${times.at(-1)!}`)
    },
  )

  on("one that closes its half has left: the turn and the requests", { clients: 3 }, async (scene) => {
    const [a, b, c] = await running(scene, 100n, 200n, 300n) as Three
    b.hangUp()
    await b.isDisconnected()
    await a.ask(REQUEST, 150n)
    a.hangUp()
    await c.hears(`FREE_UNTIL ${300n + FREE_RUN}`, "RUN 300")
    expect(scene.log).toEqual([])
  })

  on(
    "what was said before the half was closed counts: a burst with its end in one go",
    { clients: 2 },
    async (scene) => {
      const [a, b] = await running(scene, 100n, 200n) as Two
      a.say([UPDATE, 150n], [BROADCAST, 3n]).hangUp()
      await b.hears("BROADCAST 3", `FREE_UNTIL ${200n + FREE_RUN}`, "RUN 200")
    },
  )

  on(
    "one that never reads keeps its turn, and everybody else is answered, until it is dead",
    { clients: 3 },
    async (scene) => {
      const [a, b, c] = await running(scene, 50n, 100n, 200n) as Three
      await a.sleep(150n)
      await b.hears("FREE_UNTIL 150", "RUN 100")
      a.socket.pause()
      for (let value = 0n; value < 2_000n; value++) expect(await c.ask(BROADCAST, value)).toBe(0n)
      for (let value = 0n; value < 2_000n; value++) await b.hears(`BROADCAST ${value}`)
      await b.sleep(FAR)
      await eventually("it is its turn", async () => (await Effect.runPromise(scene.server.stats)).time === 150n)
      for (const each of [b, c]) expect(await each.ask(GET)).toBe(150n)
      // It may go on to 200, for all that it has heard.
      await silently(scene, [c], () => b.say([REQUEST, 180n]), 1)
      await c.heardNothing()
      a.die()
      await b.hears(`ACK#${b.seq} 0`, "FREE_UNTIL 200", "RUN 180")
    },
  )

  on("ten thousand that connect and say nothing delay nobody", { clients: 2 }, async (scene) => {
    const words = await Effect.runPromise(Effect.provide(Runtimes.locate("Deno"), NodeServices.layer))
    const [command = "", ...args] = [...words, built("test/support/crowd.ts"), scene.path, "10000"]
    const crowd = ChildProcess.spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] })
    try {
      const said = await new Promise<string>((resolve) => crowd.stdout.once("data", (chunk) => resolve(String(chunk))))
      expect(said).toBe("connected\n")
      // Those that the server has yet to look at are connected as well.
      while ((await Effect.runPromise(scene.server.stats)).clients < 10_000) {
        await new Promise((go) => setTimeout(go, 1))
      }
      const [a, b] = await running(scene, 100n, 200n) as Two
      await a.sleep(300n)
      await b.hears("FREE_UNTIL 300", "RUN 200")
      for (const client of [a, b]) client.hangUp()
    } finally {
      crowd.kill("SIGKILL")
    }
    expect(await Effect.runPromise(scene.server.ended)).toBe("left")
  })
})
