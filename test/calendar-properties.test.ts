import { describe, expect, it } from "vitest"
import * as Calendar from "../src/core/Calendar.ts"
import * as EventQueue from "../src/core/EventQueue.ts"
import * as IntMap from "../src/internal/core/IntMap.ts"
import { Op } from "../src/core/Message.ts"
import { CalendarChecker } from "./support/calendarChecker.ts"
import { type Client, FOREVER, Guest, Rogue } from "./support/calendarClients.ts"
import { expectSameParts, partsOf } from "./support/parts.ts"
import { type Random, random } from "./support/random.ts"

interface Weather {
  /** How many calendars to try. */
  readonly worlds: number
  /** How many clients, at most. */
  readonly clients: number
  readonly rogues: boolean
  /** The chance, at each step, that somebody dies or comes late. */
  readonly deaths: number
  readonly late: number
  /** The chance, at each step, of an interrupt from outside the simulation. */
  readonly outside: number
  /** The step at which somebody dies for certain. */
  readonly dieAt?: number
  /** How much work a guest has, at most. */
  readonly work?: number
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part) => typeof part === "bigint" ? `${part}n` : part)

/** All there is to a state, as it shows. */
const portrait = (calendar: Calendar.Calendar): ReadonlyArray<unknown> =>
  partsOf({
    ...calendar,
    clients: [...IntMap.entries(calendar.clients)],
    schedule: EventQueue.entries(calendar.schedule.requests).map(({ event, time }) => [event, time]),
    gathered: EventQueue.entries(calendar.gathered).map(({ event, time }) => [event, time]),
    late: EventQueue.entries(calendar.late).map(({ event, time }) => [event, time]),
  })

/** An `expect` that costs next to nothing as long as it holds: there are millions of them. */
const same = <A>(got: A, expected: A): void => {
  if (got !== expected) expect(got).toBe(expected)
}

/** A state met on the way, and what it must still do and look like in the end. */
interface Memory {
  readonly before: Calendar.Calendar
  readonly portrait: ReadonlyArray<unknown>
  readonly again: () => Calendar.Transition
  readonly commands: ReadonlyArray<unknown>
}

/** One calendar and its clients, to the end. */
class World {
  readonly #log: Array<readonly [what: string, details: unknown, commands: unknown]> = []
  messages = 0
  readonly checker: CalendarChecker
  readonly #weather: Weather
  /** How many steps it took. */
  steps = 0
  readonly #dice: Random
  readonly #clients: Array<Client> = []
  readonly #memories: Array<Memory> = []
  #calendar: Calendar.Calendar

  constructor(seed: number, weather: Weather) {
    this.#weather = weather
    this.#dice = random(seed)
    const expected = this.#dice.int(3) === 0 ? 0 : 1 + this.#dice.int(weather.clients)
    this.#calendar = Calendar.make({ clients: expected })
    this.checker = new CalendarChecker(expected, (key) => this.#clients[key]!.honest)
    const count = Math.max(expected, 1 + this.#dice.int(weather.clients))
    for (let arrived = 0; arrived < count; arrived++) this.#arrive(arrived >= expected && weather.rogues)
  }

  /** Runs until everyone has left. */
  run(): this {
    const { deaths, late, outside, dieAt } = this.#weather
    for (let steps = 0; this.#present().length > 0; steps++) {
      if (steps > 200_000) throw new Error("it doesn't come to an end")
      const dice = this.#dice
      this.steps = steps
      if (steps === dieAt) this.#hangUp(dice.pick(this.#present()), dice.bool(0.2) ? 1 + dice.int(15) : 0)
      else if (dice.bool(deaths)) this.#hangUp(dice.pick(this.#present()), dice.bool(0.2) ? 1 + dice.int(15) : 0)
      else if (dice.bool(late) && this.#clients.length < 3 * this.#weather.clients) this.#arrive(this.#weather.rogues)
      else if (dice.bool(outside)) this.#interrupt()
      else if (!this.#step()) this.#unstick()
    }
    for (const memory of this.#memories.reverse()) {
      expectSameParts(partsOf(memory.again().commands), memory.commands)
      expectSameParts(portrait(memory.before), memory.portrait)
    }
    return this
  }

  /** The last things that happened, a line each. */
  log(last = Infinity): ReadonlyArray<string> {
    return this.#log.slice(-last).map(([what, details, commands]) => `${what} ${text(details)} → ${text(commands)}`)
  }

  #present(): ReadonlyArray<Client> {
    return this.#clients.filter((client) => !client.gone)
  }

  #arrive(mayBeRogue: boolean): void {
    const dice = this.#dice
    const key = this.#clients.length
    this.#clients.push(
      mayBeRogue && dice.bool(0.3) ? new Rogue(key, dice) : new Guest({
        key,
        id: dice.bigint(4n),
        dice,
        recent: dice.bool(),
        work: dice.int(this.#weather.work ?? 20),
        others: this.#clients,
        loose: this.#weather.outside > 0 || this.#weather.deaths > 0 || this.#weather.rogues ||
          this.#weather.dieAt !== undefined,
      }),
    )
    this.#calendar = Calendar.connected(this.#calendar, key).state
    this.checker.connected(key)
    this.#log.push([`${key} connects`, "", []])
  }

  /** Lets somebody who can do something do it, or a message arrive. Says no if there is nothing left to do. */
  #step(): boolean {
    const present = this.#present()
    const first = this.#dice.int(present.length)
    for (let index = 0; index < present.length; index++) {
      const client = present[(first + index) % present.length]!
      const mayTalk = client.outbox.length > 0
      if (client.done && !mayTalk) {
        this.#hangUp(client, 0)
        return true
      }
      if (mayTalk && this.#dice.bool()) {
        this.#say(client)
        return true
      }
      if (client.step()) return true
      if (mayTalk) {
        this.#say(client)
        return true
      }
    }
    return false
  }

  /** All wait for each other: for a rogue that has the clock, or for an interrupt that won't come. */
  #unstick(): void {
    const present = this.#present()
    const rogue = present.find((client) => !client.honest)
    if (rogue !== undefined) return this.#hangUp(rogue, 0)
    const waiting = present.filter((client) => client instanceof Guest && client.entered && !client.idle)
    expect(waiting.map(({ key }) => key), "guests that wait for a time must run").toEqual([])
    // Those that are idle for good leave; so do those that wait for more to come.
    this.#hangUp(this.#dice.pick(present), 0)
  }

  #interrupt(): void {
    const guests = this.#present().filter((client): client is Guest => client instanceof Guest && client.entered)
    if (guests.length > 0) this.#dice.pick(guests).interrupts++
  }

  #say(client: Client): void {
    const { key } = client
    const message = client.outbox.shift()!
    const before = this.#calendar
    const again = () => Calendar.clientMessage(before, key, message)
    const { commands } = this.#apply(before, again)
    this.messages++
    this.#log.push([`${key} says`, message, commands])
    this.checker.message(key, message, commands)
    this.#look()
  }

  #hangUp(client: Client, leftover: number): void {
    client.gone = true
    const { key } = client
    const before = this.#calendar
    const { commands } = this.#apply(before, () => Calendar.disconnected(before, key, leftover))
    this.#log.push([`${key} hangs up`, leftover, commands])
    const others = commands.filter((command) => !(command._tag === "Disconnect" && command.client === key))
    if (commands.length - others.length !== (leftover > 0 ? 1 : 0)) {
      throw new Error(`${leftover} bytes: ${text(commands)}`)
    }
    this.checker.disconnected(key, others)
    this.#look()
  }

  #apply(before: Calendar.Calendar, again: () => Calendar.Transition): Calendar.Transition {
    const looks = this.#dice.int(20) === 0 ? portrait(before) : undefined
    const transition = again()
    this.#calendar = transition.state
    if (looks !== undefined) {
      this.#memories.push({ before, portrait: looks, again, commands: partsOf(transition.commands) })
    }
    for (const command of transition.commands) {
      if (command._tag === "Send") this.#clients[command.client]!.inbox.push(command.message)
      else if (command._tag === "Disconnect") this.#clients[command.client]!.gone = true
    }
    return transition
  }

  /** What if somebody who waits asked for the time? It would be the time that the messages add up to. */
  #look(): void {
    const { checker } = this
    const key = checker.waiting[0]
    if (key === undefined) return
    const { commands } = Calendar.clientMessage(this.#calendar, key, { op: Op.GetTimeOfDay, seq: 1, time: 0n })
    const [command] = commands
    if (command?._tag !== "Send" || command.message.time !== checker.time) {
      throw new Error(`it should be ${checker.time}: ${text(commands)}`)
    }
  }
}

const clear: Weather = { worlds: 1000, clients: 5, rogues: false, deaths: 0, late: 0, outside: 0 }

const weathers: Readonly<Record<string, Weather>> = {
  "guests of both generations": clear,
  "guests that come late and die at any moment": { ...clear, worlds: 500, deaths: 0.005, late: 0.01 },
  "guests that interrupts from outside reach": { ...clear, worlds: 100, outside: 0.02, late: 0.005 },
  "guests among rogues": { ...clear, worlds: 500, rogues: true, late: 0.01 },
  "many guests among rogues, in all weathers": {
    worlds: 40,
    clients: 20,
    rogues: true,
    deaths: 0.002,
    late: 0.01,
    outside: 0.01,
  },
}

describe("a calendar keeps what it guarantees", () => {
  for (const [who, weather] of Object.entries(weathers)) {
    it(`for ${who}`, { timeout: 60_000 }, () => {
      let messages = 0
      let runs = 0
      let heldBack = 0
      for (let seed = 0; seed < weather.worlds; seed++) {
        let world: World | undefined
        try {
          world = new World(seed, weather)
          world.run()
        } catch (cause) {
          const log = world?.log(40).join("\n")
          throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}\n${log}`, { cause })
        }
        messages += world.messages
        runs += world.checker.runs
        heldBack += world.checker.heldBack
      }
      expect(heldBack).toBeGreaterThan(10)
      expect(messages).toBeGreaterThan(10_000)
      expect(runs).toBeGreaterThan(1_000)
    })
  }

  it("for guests one of which dies, at every single moment", { timeout: 120_000 }, () => {
    const weather = { ...clear, clients: 3, work: 4 }
    let runs = 0
    for (let seed = 0; seed < 400; seed++) {
      const { steps } = new World(seed, weather).run()
      for (let dieAt = 0; dieAt <= steps; dieAt++, runs++) {
        try {
          new World(seed, { ...weather, dieAt }).run()
        } catch (cause) {
          throw new Error(`seed ${seed}, death at step ${dieAt}: ${cause instanceof Error ? cause.message : cause}`, {
            cause,
          })
        }
      }
    }
    expect(runs).toBeGreaterThan(30_000)
  })

  it("does the same again for the same seed", () => {
    const weather = { ...clear, rogues: true, deaths: 0.005, late: 0.01 }
    for (let seed = 0; seed < 20; seed++) {
      expect(new World(seed, weather).run().log()).toEqual(new World(seed, weather).run().log())
    }
  })

  it("takes any message from anyone in any state, without a throw", { timeout: 60_000 }, () => {
    const dice = random(1)
    const values = [0n, 1n, 5n, 1n << 62n, FOREVER - 1n, FOREVER, 1n << 63n, (1n << 64n) - 1n]
    for (let round = 0; round < 300; round++) {
      let calendar = Calendar.make({ clients: dice.int(4), start: dice.pick(values) })
      const live = new Set<number>()
      for (let step = 0; step < 150; step++) {
        const key = dice.int(6)
        let transition: Calendar.Transition
        if (!live.has(key) && dice.bool(0.5)) {
          transition = Calendar.connected(calendar, key)
          live.add(key)
        } else if (dice.bool(0.02)) {
          transition = Calendar.disconnected(calendar, key, dice.int(16))
          live.delete(key)
        } else {
          const client = IntMap.get(calendar.clients, key)
          const owes = client !== undefined && client.sent !== client.acked
          const op = owes && dice.bool(0.8) ? Op.Ack : dice.bool(0.2) ? dice.int(2 ** 32) : dice.int(10)
          const seq = dice.bool(0.1) ? dice.int(2 ** 32) : owes ? client.acked + 1 : step
          transition = Calendar.clientMessage(calendar, key, { op, seq, time: dice.pick(values) })
        }
        for (const command of transition.commands) {
          if (command._tag === "Disconnect") live.delete(command.client)
          if (command._tag !== "Send") continue
          same(BigInt.asUintN(64, command.message.time), command.message.time)
          same(command.message.seq >>> 0, command.message.seq)
          same(live.has(command.client), true)
        }
        same(transition.state.time >= calendar.time && transition.state.time < FOREVER, true)
        same(transition.state.clients.size, live.size)
        calendar = transition.state
      }
    }
  })
})
