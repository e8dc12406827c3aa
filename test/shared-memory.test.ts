import { describe, expect, it } from "vitest"
import * as Calendar from "../src/core/Calendar.ts"
import * as MemoryTurns from "../src/internal/core/MemoryTurns.ts"
import { Op } from "../src/core/Message.ts"
import type { Nanos } from "../src/core/Nanos.ts"
import * as SharedMemory from "../src/core/SharedMemory.ts"
import { type Options, type Way, World } from "./support/memoryWorld.ts"
import { type Random, random } from "./support/random.ts"

const FOREVER = (1n << 63n) - 1n
const LAST = (1n << 64n) - 1n
const ns = (time: bigint): Nanos => time as Nanos

/** A world's clients, and how each of them works. */
const drawn = (seed: number): Options => {
  const dice = random(seed)
  const count = 2 + dice.int(5)
  return {
    seed,
    ways: Array.from({ length: count }, () => dice.pick<Way>(["memory", "memory", "messages", "ignores the memory"])),
    early: 1 + dice.int(count),
    // With few slots, some have none.
    slots: dice.bool(0.3) ? 2 + dice.int(3) : 16,
    work: 5 + dice.int(40),
    deaths: dice.bool(0.3),
  }
}

const allBy = (options: Options, way: Way): Options => ({ ...options, ways: options.ways.map(() => way) })

describe("clients that share memory", () => {
  /** All that the clients of a world saw. */
  const views = ({ guests, grants, board: { violations, breaches } }: World) => ({
    seen: guests.map(({ seen }) => seen),
    grants,
    violations,
    breaches,
  })

  it("have the same turns at the same times, and see the same times, as by messages", { timeout: 60_000 }, () => {
    let shared = 0
    let grants = 0
    for (let seed = 0; seed < 1000; seed++) {
      const options = drawn(seed)
      const byMessages = views(new World(allBy(options, "messages")).run())
      const mixed = new World(options).run()
      expect(views(mixed), `seed ${seed}`).toEqual(byMessages)
      const byMemory = new World(allBy(options, "memory")).run()
      expect(views(byMemory), `seed ${seed}`).toEqual(byMessages)
      if (options.slots > options.ways.length) expect(byMemory.board.sharedTurns).toBe(byMemory.grants.length)
      expect([byMessages.violations, byMessages.breaches], `seed ${seed}`).toEqual([[], []])
      shared += mixed.board.sharedTurns
      grants += mixed.grants.length
    }
    expect(shared).toBeGreaterThan(10_000)
    expect(grants - shared).toBeGreaterThan(10_000)
  })

  it("take two messages for a turn", () => {
    const options: Options = {
      seed: 1,
      early: 2,
      ways: ["memory", "memory"],
      slots: 3,
      work: 1000,
      deaths: false,
    }
    const { messages, grants } = new World(options).run()
    // Each sends START, and has the ACK of that.
    expect(grants.length).toBeGreaterThan(500)
    expect(messages).toBeLessThan(2 * grants.length + 10)
  })
})

describe("whatever is written into the memory", () => {
  /** Values that something may be made of that isn't checked. */
  const value = (dice: Random, { board: { calendar: { time } }, options: { slots } }: World): bigint =>
    dice.pick([
      () => 0n,
      () => 1n,
      () => LAST,
      () => FOREVER,
      () => FOREVER - 1n,
      () => time,
      () => time - BigInt(dice.int(1000)),
      () => time + BigInt(dice.int(100_000_000)),
      () => BigInt(dice.int(slots + 2)),
      () => dice.bigint(1n << 64n),
      () => 1n << dice.bigint(64n),
    ])()

  /** Writes into one of the fields that mean something, or anywhere. */
  const scribble = (dice: Random, world: World): void => {
    const { board: { memory: { u16, u32, u64 } }, options: { slots } } = world
    const slot = dice.int(slots)
    const word = BigInt.asUintN(64, value(dice, world))
    const small = Number(BigInt.asUintN(32, word))
    dice.pick<() => void>([
      () => u32[dice.int(2)] = small,
      () => u64[1] = word,
      () => u64[2] = word,
      () => u64[2] = word,
      () => u16[12] = small,
      () => u16[13] = small,
      () => u32[1024 + 32 * slot] = small,
      () => u32[1024 + 32 * slot + 1] = small,
      () => u64[512 + 16 * slot + 1] = word,
      () => u64[512 + 16 * slot + 2] = word,
      () => u32[dice.int(u32.length)] = small,
    ])()
  }

  it(
    "the calendar's time goes neither back nor past a request, nobody is run twice, and who works by messages sees it all exactly",
    {
      timeout: 60_000,
    },
    () => {
      const rules = new Map<string, number>()
      let survivors = 0
      for (let seed = 0; seed < 2000; seed++) {
        const dice = random(-1 - seed)
        let left = dice.int(200)
        const disturb = (world: World): void => {
          if (left <= 0 || dice.bool()) return
          left--
          // Who works by messages can be told from who doesn't by its slot alone, until it has said something.
          const unknown = world.board.turns.holders.filter(({ shares }) => shares === undefined).map(({ slot }) =>
            1024 + 32 * slot
          )
          const before = unknown.map((at) => world.board.memory.u32[at]!)
          scribble(dice, world)
          unknown.forEach((at, index) => world.board.memory.u32[at] = before[index]!)
        }
        const options = { ...drawn(seed), deaths: false }
        let world: World | undefined
        try {
          world = new World({ ...options, disturb })
          world.run()
        } catch (cause) {
          throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause })
        }
        for (const { rule } of world.board.breaches) rules.set(rule, (rules.get(rule) ?? 0) + 1)
        // No rule of messages is broken by what was found in the memory.
        expect(world.board.violations, `seed ${seed}`).toEqual([])
        options.ways.forEach((way, id) => {
          if (way === "memory") return
          expect(world.board.putOut, `seed ${seed}`).not.toContain(id)
          survivors += world.guests[id]!.seen.length
        })
      }
      for (const rule of Object.keys(SharedMemory.Rule)) expect(rules.get(rule), rule).toBeGreaterThan(50)
      expect(survivors).toBeGreaterThan(10_000)
    },
  )

  it("it is read within its bounds, and nothing is thrown", () => {
    const dice = random(7)
    for (let round = 0; round < 20_000; round++) {
      const slots = 2 + dice.int(6)
      const memory = SharedMemory.create(new ArrayBuffer(SharedMemory.sizeOf(slots)), slots)
      for (let index = 0; index < memory.u64.length; index += 1 + dice.int(40)) {
        memory.u64[index] = dice.pick([0n, 1n, LAST, FOREVER, dice.bigint(1n << 64n)])
      }
      const time = dice.bigint(1n << 62n)
      const freeUntil = time + dice.bigint(1n << 62n)
      const published = { time: ns(time), freeUntil: ns(freeUntil), running: dice.int(slots) }
      const members = Array.from({ length: slots - 1 }, (_, index) => ({
        slot: index + 1,
        shares: dice.pick([true, false, undefined]),
      }))
      const reading = SharedMemory.read(memory, published, members)
      expect(reading.time >= time && reading.time <= freeUntil).toBe(true)
      const sharers = members.filter(({ shares }) => shares === true).map(({ slot }) => slot)
      for (const { slot, at } of reading.requests) {
        expect(sharers).toContain(slot)
        expect(at >= 0n && at <= LAST).toBe(true)
      }
      for (const breach of reading.breaches) {
        expect([SharedMemory.NOBODY, ...sharers]).toContain(breach.slot)
        expect(SharedMemory.format(breach)).toContain(SharedMemory.Rule[breach.rule])
      }
    }
  })

  it("a client takes its header for what its length has room for, and no slot that isn't there", () => {
    const dice = random(8)
    let attached = 0
    for (let round = 0; round < 20_000; round++) {
      const bytes = dice.pick([0, 1, 7, 8, 4095, 4096, 4223, 4224, SharedMemory.sizeOf(2), SharedMemory.sizeOf(9)])
      const buffer = new ArrayBuffer(bytes + dice.int(3))
      const words = new Uint32Array(buffer, 0, bytes >> 2)
      const halves = new Uint16Array(buffer, 0, bytes >> 1)
      for (let index = 0; index < 8; index++) {
        if (index < words.length) words[index] = Number(dice.bigint(1n << 32n))
      }
      if (words.length > 8) {
        words[0] = dice.pick([2, 2, 2, 2, 0, 1, 3, 0xffff_ffff])
        words[1] = dice.pick([buffer.byteLength, bytes, 4096, 0, 0xffff_ffff, SharedMemory.sizeOf(2)])
        halves[13] = dice.pick([0, 1, 2, 3, 9, 10, 0xffff])
      }
      const result = SharedMemory.attach(buffer)
      if (result._tag === "Unusable") {
        expect(result.why).toMatch(/^the calendar's shared memory: /)
        continue
      }
      attached++
      const { memory } = result
      expect(SharedMemory.sizeOf(memory.slots)).toBeLessThanOrEqual(buffer.byteLength)
      const untouched = memory.u32.slice()
      for (const slot of [-1, 0, 0.5, NaN, Infinity, memory.slots, 1e9]) {
        expect(SharedMemory.join(memory, slot)).toBe(false)
        expect(SharedMemory.request(memory, slot, ns(5n))).toBe(false)
        SharedMemory.takeRun(memory, slot)
      }
      expect(memory.u32).toEqual(untouched)
    }
    expect(attached).toBeGreaterThan(200)
  })
})

/** A memory of so many slots, with these clients in the first of them, all of whom share; the first one runs. */
const shared = (...clients: ReadonlyArray<bigint>) => {
  const memory = SharedMemory.create(new ArrayBuffer(SharedMemory.sizeOf(8)), 8)
  clients.forEach((id, index) => {
    SharedMemory.admit(memory, index + 1, id)
    SharedMemory.join(memory, index + 1)
  })
  const published = { time: ns(100n), freeUntil: ns(200n), running: 1 }
  SharedMemory.publish(memory, published)
  const members = clients.map((_, index) => ({ slot: index + 1, shares: true }))
  return { memory, published, members, read: () => SharedMemory.read(memory, published, members) }
}

describe("the memory", () => {
  it("has the layout of revision 2, byte by byte", () => {
    const bytes = new Uint8Array(SharedMemory.sizeOf(3))
    const memory = SharedMemory.create(bytes.buffer, 3)
    SharedMemory.admit(memory, 2, 0x1122_3344_5566_7788n)
    SharedMemory.join(memory, 2)
    SharedMemory.publish(memory, {
      time: ns(0x0102_0304_0506_0708n),
      freeUntil: ns(0x1112_1314_1516_1718n),
      running: 2,
    })
    SharedMemory.request(memory, 2, ns(0x0a0b_0c0d_0e0f_1011n))
    const expected = new DataView(new ArrayBuffer(4096 + 3 * 128))
    // The host's byte order, whatever that is.
    const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
    expected.setUint32(0, 2, little)
    expected.setUint32(4, 4096 + 3 * 128, little)
    expected.setBigUint64(8, 0x1112_1314_1516_1718n, little)
    expected.setBigUint64(16, 0x0102_0304_0506_0708n, little)
    expected.setUint16(24, 2, little)
    expected.setUint16(26, 3, little)
    expected.setUint32(4096 + 2 * 128, 1, little)
    expected.setUint32(4096 + 2 * 128 + 4, 1, little)
    expected.setBigUint64(4096 + 2 * 128 + 8, 0x0a0b_0c0d_0e0f_1011n, little)
    expected.setBigUint64(4096 + 2 * 128 + 16, 0x1122_3344_5566_7788n, little)
    expect(bytes).toEqual(new Uint8Array(expected.buffer))
    SharedMemory.dismiss(memory, 2)
    expect(bytes.subarray(4096).every((byte) => byte === 0)).toBe(true)
  })

  it.for<[number: number, holds: boolean]>([[1, false], [2, true], [65_535, true], [65_536, false], [2.5, false]])(
    "has 2 to 65,535 slots: %f",
    ([slots, holds]) => {
      const make = () => SharedMemory.create(new ArrayBuffer(SharedMemory.sizeOf(65_536)), slots)
      if (holds) expect(make().slots).toBe(slots)
      else expect(make).toThrow(/the calendar's choice/)
    },
  )

  it("of another version, or of none, leaves a client with messages", () => {
    for (const version of [0, 1, 3, 0xffff_ffff]) {
      const { memory } = shared()
      memory.u32[0] = version
      expect(SharedMemory.attach(memory.u32.buffer)).toEqual({
        _tag: "Unusable",
        why: `the calendar's shared memory: its version is ${version}, and 2 is known`,
      })
    }
  })

  it("may be longer than its slots need", () => {
    const buffer = new ArrayBuffer(1 << 16)
    SharedMemory.create(buffer, 4)
    expect(SharedMemory.attach(buffer)).toMatchObject({ _tag: "Attached", memory: { slots: 4 } })
  })
})

describe("a calendar's reading", () => {
  it("is how far the running client has come, and all requests by slot, those of others included", () => {
    const { memory, read } = shared(7n, 8n, 9n)
    SharedMemory.moveTime(memory, ns(150n))
    SharedMemory.request(memory, 1, ns(400n))
    SharedMemory.request(memory, 3, ns(190n))
    expect(read()).toEqual({
      time: 150n,
      requests: [{ slot: 1, at: 400n }, { slot: 3, at: 190n }],
      breaches: [],
    })
    expect(SharedMemory.freeUntil(memory)).toBe(190n)
  })

  it.for<[what: string, write: (memory: SharedMemory.SharedMemory) => void, rule: string, slot: number]>([
    ["time that goes back", ({ u64 }) => u64[2] = 99n, "MovedTimeBack", 1],
    ["time past its limit", ({ u64 }) => u64[2] = 201n, "PassedFreeUntil", 1],
    ["time without end", ({ u64 }) => u64[2] = LAST, "PassedFreeUntil", 1],
    ["a limit that is later", ({ u64 }) => u64[1] = 201n, "RaisedFreeUntil", 1],
    ["a version", ({ u32 }) => u32[0] = 3, "ChangedHeader", 1],
    ["a length", ({ u32 }) => u32[1] = 0, "ChangedHeader", 1],
    ["who runs", ({ u16 }) => u16[12] = 2, "ChangedHeader", 1],
    ["how many may", ({ u16 }) => u16[13] = 0xffff, "ChangedHeader", 1],
    ["that it doesn't share after all", ({ u32 }) => u32[1024 + 64] = 0, "ChangedCapabilities", 2],
  ])("names who wrote %s, and takes nothing of it", ([, write, rule, slot]) => {
    const { memory, published, read } = shared(7n, 8n)
    write(memory)
    const { time, requests, breaches } = read()
    expect([breaches.map(({ rule, slot }) => [rule, slot]), requests]).toEqual([[[rule, slot]], []])
    expect([published.time, 100n]).toContain(time)
    SharedMemory.publish(memory, published)
    if (rule !== "ChangedCapabilities") expect(read().breaches).toEqual([])
  })

  it.for([150n, 200n, 100n])("takes any time from now to its limit: %i", (time) => {
    const { memory, read } = shared(7n)
    SharedMemory.moveTime(memory, ns(time))
    expect(read()).toEqual({ time, requests: [], breaches: [] })
  })

  it("holds nobody to what was written while nobody who shares had the turn", () => {
    const { memory, members } = shared(7n)
    const published = { time: ns(100n), freeUntil: ns(200n), running: SharedMemory.NOBODY }
    SharedMemory.publish(memory, published)
    SharedMemory.moveTime(memory, ns(150n))
    const { time, breaches } = SharedMemory.read(memory, published, members)
    expect([time, breaches.map(SharedMemory.format)]).toEqual([100n, [
      "somebody: current_time is 150 ns, and may be 100 ns (PassedFreeUntil: the time in the memory goes no further than free_until allowed)",
    ]])
  })
})

describe("a request by the memory", () => {
  it("is all there is to it while a client has the turn that shares, and lowers its limit", () => {
    const { memory } = shared(7n, 8n)
    expect(SharedMemory.request(memory, 2, ns(300n))).toBe(true)
    expect(SharedMemory.freeUntil(memory)).toBe(200n)
    expect(SharedMemory.request(memory, 2, ns(120n))).toBe(true)
    expect(SharedMemory.freeUntil(memory)).toBe(120n)
    expect(SharedMemory.request(memory, 2, ns(150n))).toBe(true)
    expect(SharedMemory.freeUntil(memory)).toBe(120n)
  })

  it.for<[who: string, running: number]>([["nobody", 0], ["one that doesn't share", 3], ["no slot there is", 900]])(
    "isn't seen, and a message is needed, where %s has the turn",
    ([, running]) => {
      const { memory } = shared(7n, 8n)
      memory.u16[12] = running
      const before = memory.u32.slice()
      expect(SharedMemory.request(memory, 2, ns(120n))).toBe(false)
      expect(memory.u32).toEqual(before)
    },
  )

  it("of the client that has the turn leaves its limit as it is: it may go there by itself", () => {
    const { memory, read } = shared(7n, 8n)
    expect(SharedMemory.request(memory, 1, ns(120n))).toBe(true)
    expect([SharedMemory.freeUntil(memory), read().requests]).toEqual([200n, [{ slot: 1, at: 120n }]])
  })

  it("is taken back by one that never comes", () => {
    const { memory, read } = shared(7n, 8n)
    SharedMemory.request(memory, 2, ns(FOREVER))
    expect(read().requests).toEqual([{ slot: 2, at: FOREVER }])
    expect(SharedMemory.freeUntil(memory)).toBe(200n)
  })

  it("is over when its client is told to run, by whichever of both notes it", () => {
    for (
      const note of [
        SharedMemory.takeRun,
        (...[memory, slot]: Parameters<typeof SharedMemory.takeRun>) =>
          SharedMemory.setRequest(memory, slot, undefined),
      ]
    ) {
      const { memory, read } = shared(7n, 8n)
      SharedMemory.request(memory, 2, ns(120n))
      note(memory, 2)
      expect(read().requests).toEqual([])
    }
  })
})

describe("turns by the memory", () => {
  const wait = { op: Op.Wait, seq: 0, time: LAST }

  const reading = (time: bigint, ...requests: ReadonlyArray<readonly [slot: number, at: bigint]>) => ({
    time: ns(time),
    requests: requests.map(([slot, at]) => ({ slot, at: ns(at) })),
    breaches: [],
  })

  /** A calendar and its memory, without the memory itself. */
  class Site {
    calendar = Calendar.make()
    turns = MemoryTurns.make(8)
    /** What the last step had written. */
    write: MemoryTurns.Write | undefined
    commands: ReadonlyArray<Calendar.Command> = []

    /** Clients that are let in, one after the other, and share; the last of them has the turn. */
    constructor(...clients: ReadonlyArray<number>) {
      for (const client of clients) {
        this.connect(client)
        if (client !== clients.at(-1)) this.ask(client, wait)
      }
    }

    /** One that comes during a turn, and is held back. */
    start(client: number): void {
      this.calendar = Calendar.connected(this.calendar, client).state
      this.#apply(
        Calendar.clientMessage(this.calendar, client, { op: Op.Start, seq: 1, time: BigInt(client) }),
      )
    }

    connect(client: number): void {
      this.calendar = Calendar.connected(this.calendar, client).state
      const started = Calendar.clientMessage(this.calendar, client, { op: Op.Start, seq: 1, time: BigInt(client) })
      this.turns = MemoryTurns.admitted(this.turns, client).turns
      this.#apply(started)
      this.turns = MemoryTurns.heard(this.turns, client, true)
    }

    ask(client: number, message: { readonly op: number; readonly seq: number; readonly time: bigint }): void {
      this.#apply(Calendar.asked(this.calendar, client, message))
    }

    leave(client: number): void {
      this.turns = MemoryTurns.departed(this.turns, client).turns
      this.#apply(Calendar.disconnected(this.calendar, client))
    }

    /** What a reading stands for, which the calendar is told. */
    tell(read: SharedMemory.Reading): ReadonlyArray<MemoryTurns.Said> {
      const messages = MemoryTurns.said(this.turns, this.calendar, read)
      for (const { client, message } of messages) this.ask(client, message)
      return messages
    }

    get now(): readonly [running: number | undefined, time: bigint] {
      return [this.calendar.turn?.client, this.calendar.time]
    }

    #apply({ state, commands }: Calendar.Transition): void {
      this.calendar = state
      this.commands = commands
      const { turns, write } = MemoryTurns.shown(this.turns, state, commands)
      this.turns = turns
      this.write = write
    }
  }

  it("of requests for one time, put those of others first, by slot, and the running client's own last", () => {
    const site = new Site(5, 6, 7)
    // The running client is the one of slot 3; then that of slot 1.
    const messages = site.tell(reading(0n, [1, 40n], [2, 40n], [3, 40n]))
    expect(messages.map(({ client, message }) => [client, message.op, message.time])).toEqual([
      [5, Op.Request, 40n],
      [6, Op.Request, 40n],
      [7, Op.Request, 40n],
    ])
    site.ask(7, wait)
    expect(site.now).toEqual([5, 40n])
    const again = site.tell(reading(41n, [1, 50n], [2, 50n], [3, 50n]))
    expect(again.map(({ client, message }) => [client, message.op])).toEqual([
      [6, Op.Request],
      [7, Op.Request],
      [5, Op.Request],
    ])
  })

  it("keep nobody from being let in, where a client is alone that shares, and only there", () => {
    const site = new Site(5, 6)
    const keeps = () => MemoryTurns.keepsNewcomers(site.turns, site.calendar)
    site.tell(reading(0n, [2, 10n]))
    site.ask(6, wait)
    // Nobody else has asked for any time: it may run on for 2^62 ns.
    expect([site.now, keeps()]).toEqual([[6, 10n], false])
    site.start(7)
    expect(keeps()).toBe(true)
    site.ask(5, { op: Op.Request, seq: 0, time: 30n })
    expect(keeps()).toBe(false)
  })

  it("say nothing twice, and a request that stays keeps its place", () => {
    const site = new Site(5, 6)
    expect(site.tell(reading(0n, [1, 40n], [2, 40n])).length).toBe(2)
    expect(site.tell(reading(0n, [1, 40n], [2, 40n]))).toEqual([])
  })

  it("take a request before the client was let in as due at once, and one without end as none", () => {
    const site = new Site(5)
    site.tell(reading(0n, [1, 1000n]))
    site.ask(5, wait)
    site.connect(6)
    site.ask(5, wait)
    expect(site.now).toEqual([6, 1000n])
    expect(site.tell(reading(1000n, [2, FOREVER]))).toEqual([])
    expect(site.tell(reading(1000n, [2, 2000n]))[0]!.message.time).toBe(1000n)
    for (const never of [FOREVER, LAST]) {
      expect(site.tell(reading(1000n, [2, never]))).toEqual([
        { client: 6, message: { op: Op.Request, seq: 0, time: LAST } },
      ])
      expect(site.tell(reading(1000n, [2, never]))).toEqual([])
      site.tell(reading(1000n, [2, 2000n]))
    }
    expect(site.tell(reading(1000n, [2, 3n]))).toEqual([{ client: 6, message: { op: Op.Request, seq: 0, time: 0n } }])
    site.ask(6, wait)
    expect(site.now).toEqual([6, 1000n])
  })

  it("keep to a request that was written while the running client went past it", () => {
    const site = new Site(5, 6)
    site.tell(reading(0n, [2, 10n]))
    site.ask(6, wait)
    expect(site.now).toEqual([6, 10n])
    // It is at 50, and the other asks for 20; that it goes on costs it nothing.
    site.tell(reading(50n, [1, 20n], [2, 60n]))
    expect(site.now).toEqual([6, 20n])
    site.tell(reading(51n, [1, 20n], [2, 60n]))
    expect(site.now).toEqual([6, 20n])
    site.ask(6, wait)
    expect(site.now).toEqual([5, 20n])
    expect(site.commands.some(({ _tag }) => _tag === "Disconnect")).toBe(false)
  })

  it("take nothing of what culprits say, name each once, and lose nothing of what others say", () => {
    const site = new Site(5, 6)
    site.tell(reading(0n, [1, 30n]))
    const breach = { rule: "PassedFreeUntil", slot: 2, detail: "" } as const
    const nobody = { ...breach, slot: SharedMemory.NOBODY }
    const read = {
      ...reading(40n, [1, 20n], [2, 10n]),
      breaches: [nobody, breach, { ...breach, rule: "ChangedHeader" }],
    } as const
    expect(MemoryTurns.culprits(site.turns, read)).toEqual([{ client: 6, breach }])
    expect(site.tell(read)).toEqual([{ client: 5, message: { op: Op.Request, seq: 0, time: 20n } }])
    site.leave(6)
    expect(site.now).toEqual([5, 20n])
  })

  it("begin with the earliest request where nobody had the turn", () => {
    const site = new Site(5, 6, 7)
    site.ask(7, wait)
    expect(site.now).toEqual([undefined, 0n])
    site.tell(reading(0n, [1, 30n], [2, 20n], [3, 25n]))
    expect(site.now).toEqual([6, 20n])
    expect(site.calendar.turn?.freeUntil).toBe(25n)
  })

  it("give a slot that was free for longest, and none where all are taken", () => {
    let turns = MemoryTurns.make(4)
    const slots: Array<number | undefined> = []
    const admit = (client: number) => {
      const next = MemoryTurns.admitted(turns, client)
      turns = next.turns
      slots.push(next.slot)
    }
    const leave = (client: number) => {
      const next = MemoryTurns.departed(turns, client)
      turns = next.turns
      return next.slot
    }
    for (const client of [1, 2]) admit(client)
    expect(leave(1)).toBe(1)
    for (const client of [3, 4, 5]) admit(client)
    expect(slots).toEqual([1, 2, 3, 1, undefined])
    expect(leave(5)).toBe(undefined)
    expect(leave(3)).toBe(3)
    admit(6)
    expect(slots.at(-1)).toBe(3)
    expect(turns.holders.map(({ slot }) => slot)).toEqual([1, 2, 3])
  })

  it("are written when they begin, and of what goes on only an earlier limit", () => {
    const site = new Site(5, 6)
    expect(site.write).toEqual({
      _tag: "Publish",
      published: { time: 0n, freeUntil: 0n, running: 2 },
      granted: undefined,
    })
    site.tell(reading(0n, [2, 10n]))
    expect(site.write).toBe(undefined)
    site.ask(6, wait)
    expect(site.write).toMatchObject({ _tag: "Publish", published: { time: 10n, running: 2 }, granted: 2 })
    site.ask(6, { op: Op.Update, seq: 0, time: 15n })
    expect(site.write).toBe(undefined)
    site.ask(5, { op: Op.Request, seq: 0, time: 30n })
    expect(site.write).toEqual({ _tag: "Lower", freeUntil: 30n })
    site.ask(5, { op: Op.Request, seq: 0, time: 40n })
    expect(site.write).toBe(undefined)
    site.leave(6)
    expect(site.write).toMatchObject({ _tag: "Publish", published: { time: 40n, running: 1 }, granted: 1 })
    site.ask(5, wait)
    expect(site.write).toEqual({
      _tag: "Publish",
      published: { time: 40n, freeUntil: 40n, running: SharedMemory.NOBODY },
      granted: undefined,
    })
  })
})
