import { describe, expect, it } from "vitest"
import * as Calendar from "../src/core/Calendar.ts"
import * as IntMap from "../src/internal/core/IntMap.ts"
import { type Message, nameOf, Op } from "../src/core/Message.ts"
import { FOREVER, NONE } from "../src/core/Nanos.ts"
import * as Violation from "../src/core/Violation.ts"
import { random } from "./support/random.ts"

const DAY = 86_400_000_000_000n
const FREE_RUN = 1n << 62n

/** Clients by name at a calendar. They acknowledge everything at once, unless told not to. */
class Table {
  calendar: Calendar.Calendar
  readonly mute = new Set<string>()
  /** Every message sent to anyone that was no ACK, in order. */
  readonly sent: Array<readonly [string, Message]> = []
  violations: Array<Violation.Violation> = []
  #names = new Map<number, string>()
  #keys = new Map<string, number>()
  #seqs = new Map<string, number>()
  #lines: Array<string> = []

  constructor(options?: Calendar.Options) {
    this.calendar = Calendar.make(options)
  }

  /** What the calendar did since the last call: `A Run 100`, `A closed`, … */
  take(): ReadonlyArray<string> {
    const lines = this.#lines
    this.#lines = []
    return lines
  }

  connect(...names: ReadonlyArray<string>): this {
    for (const name of names) {
      const key = this.#names.size
      this.#names.set(key, name)
      this.#keys.set(name, key)
      this.#seqs.set(name, 0)
      this.#apply(Calendar.connected(this.calendar, key))
    }
    return this
  }

  /** A message under the client's next number, or under `seq`. */
  say(name: string, op: number, time: bigint = NONE, seq?: number): this {
    if (seq === undefined) this.#seqs.set(name, seq = this.#seqs.get(name)! + 1)
    this.#apply(Calendar.clientMessage(this.calendar, this.#keys.get(name)!, { op, seq, time }))
    return this
  }

  /** REQUEST and WAIT. */
  sleep(name: string, until: bigint): this {
    return this.say(name, Op.Request, until).say(name, Op.Wait)
  }

  /** Acknowledges the last `count` messages that it was sent and kept quiet about. */
  hear(name: string, count = 1): this {
    const told = this.sent.filter(([to]) => to === name).map(([, message]) => message)
    for (const { seq } of told.slice(-count)) this.say(name, Op.Ack, 0n, seq)
    return this
  }

  /** What a client in the calendar's process asks. */
  ask(name: string, op: number, time: bigint = NONE): Calendar.Answered {
    const answered = Calendar.asked(this.calendar, this.#keys.get(name)!, { op, seq: 0, time })
    this.#apply(answered)
    return answered
  }

  hangUp(name: string, leftover?: number): this {
    this.#apply(Calendar.disconnected(this.calendar, this.#keys.get(name)!, leftover))
    return this
  }

  #apply({ state, commands }: Calendar.Transition): void {
    this.calendar = state
    for (const command of commands) {
      if (command._tag === "Ended") {
        this.#lines.push("ended")
        continue
      }
      const name = this.#names.get(command.client)!
      if (command._tag === "Disconnect") {
        this.violations.push(command.violation)
        this.#lines.push(`${name} closed`)
        continue
      }
      const { op, time } = command.message
      this.#lines.push(`${name} ${nameOf(op)} ${time}`)
      if (op !== Op.Ack) this.sent.push([name, command.message])
    }
    for (const command of commands) {
      if (command._tag !== "Send" || command.message.op === Op.Ack) continue
      const name = this.#names.get(command.client)!
      if (!this.mute.has(name)) this.say(name, Op.Ack, 0n, command.message.seq)
    }
  }
}

/** Clients, let in at time 0 in this order, who sleep until the times given. What happened so far is taken. */
const sleepers = (times: Readonly<Record<string, bigint>>, options?: Calendar.Options): Table => {
  const names = Object.keys(times)
  const table = new Table({ ...options, clients: names.length }).connect(...names)
  names.forEach((name, index) => table.say(name, Op.Start, BigInt(index)))
  for (const name of names) table.sleep(name, times[name]!)
  return table
}

describe("connecting", () => {
  it("does nothing before START, and acknowledges START with time 0", () => {
    const table = new Table().connect("A")
    expect(table.take()).toEqual([])
    expect(table.say("A", Op.Start, 7n).take()).toEqual(["A Ack 0"])
  })

  it("holds START's ACK back until the expected number of clients has sent START", () => {
    const table = new Table({ clients: 2 }).connect("A", "B", "C").say("A", Op.Start, 1n)
    expect(table.take()).toEqual([])
    expect(table.say("C", Op.Start, 2n).take()).toEqual(["A Ack 0"])
  })

  it("lets the expected clients in one after another, in order of ID", () => {
    const table = new Table({ clients: 3 }).connect("A", "B", "C")
    expect(table.say("A", Op.Start, 30n).say("B", Op.Start, 10n).say("C", Op.Start, 20n).take()).toEqual(["B Ack 0"])
    expect(table.say("B", Op.Wait).take()).toEqual(["B Ack 0", "C Ack 0"])
    expect(table.say("C", Op.Wait).take()).toEqual(["C Ack 0", "A Ack 0"])
  })

  it("lets those of one ID in by order of START", () => {
    const table = new Table({ clients: 3 }).connect("A", "B", "C")
    table.say("C", Op.Start, NONE).say("A", Op.Start, NONE).say("B", Op.Start, 0n)
    expect(table.take()).toEqual(["B Ack 0"])
    expect(table.say("B", Op.Wait).take()).toEqual(["B Ack 0", "C Ack 0"])
  })

  it("lets those who come later in after the expected ones, again in order of ID", () => {
    const table = new Table({ clients: 2 }).connect("A", "B", "C", "D")
    table.say("A", Op.Start, 30n).say("B", Op.Start, 20n).say("C", Op.Start, 10n).say("D", Op.Start, 5n)
    expect(table.say("B", Op.Wait).say("A", Op.Wait).say("D", Op.Wait).take().filter((_, at) => at % 2 === 0)).toEqual([
      "B Ack 0",
      "A Ack 0",
      "D Ack 0",
      "C Ack 0",
    ])
  })

  it("doesn't count who left before the expected number was reached", () => {
    const table = new Table({ clients: 2 }).connect("A", "B", "C").say("A", Op.Start, 1n).hangUp("A")
    expect(table.say("B", Op.Start, 2n).take()).toEqual([])
    expect(table.say("C", Op.Start, 3n).take()).toEqual(["B Ack 0"])
  })

  it("lets no time pass before the first WAIT of everyone it lets in", () => {
    const table = new Table({ clients: 2 }).connect("A", "B").say("A", Op.Start, 1n).say("B", Op.Start, 2n)
    table.sleep("A", 0n)
    expect(table.take()).not.toContain("A Run 0")
    table.sleep("B", 5n)
    expect(table.take()).toContain("A Run 0")
  })

  it("lets a later client in between two turns, never during one", () => {
    const table = sleepers({ A: 100n, B: 200n }).connect("C")
    table.take()
    expect(table.say("C", Op.Start, 9n).take()).toEqual([])
    expect(table.sleep("A", 300n).take()).toEqual(["A Ack 0", "A Ack 0", "C Ack 0"])
    expect(table.sleep("C", 1n).take()).toContain("C Run 1")
  })

  it("shows each client a time that starts at 0 when it is let in", () => {
    const table = sleepers({ A: 100n }).connect("B").say("B", Op.Start, 1n).sleep("A", 150n)
    table.take()
    expect(table.say("B", Op.Get).take()).toEqual(["B Ack 0"])
    expect(table.say("A", Op.Get).take()).toEqual(["A Ack 100"])
    expect(table.sleep("B", 60n).take().slice(2)).toEqual(["A FreeUntil 160", "A Run 150"])
    expect(table.sleep("A", 1000n).take().slice(2)).toEqual(["B FreeUntil 900", "B Run 60"])
    expect(table.say("B", Op.Update, 70n).say("A", Op.Get).take()).toEqual(["B Ack 0", "A Ack 170"])
  })

  it("takes up what a client sent after START when it lets it in", () => {
    const table = new Table({ clients: 2 }).connect("A", "B").say("A", Op.Start, 1n)
    table.say("A", Op.Request, 5n).say("A", Op.Get)
    expect(table.take()).toEqual([])
    expect(table.say("B", Op.Start, 2n).take()).toEqual(Array(3).fill("A Ack 0"))
  })

  it("passes nothing on for a client that isn't let in", () => {
    const table = sleepers({ A: 100n, B: 200n }).connect("C").say("C", Op.Start, 9n)
    table.take()
    expect(table.say("C", Op.Broadcast, 5n).take()).toEqual([])
    expect(table.say("A", Op.Wait).take()).toEqual(["A Ack 0", "C Ack 0", "C Ack 0", "A Broadcast 5", "B Broadcast 5"])
  })

  it("lets nobody end a turn, or move time, before being let in", () => {
    for (const op of [Op.Wait, Op.Update]) {
      const table = new Table({ clients: 2 }).connect("A", "B").say("A", Op.Start, 1n).say("A", op, 5n)
      expect(table.take()).toEqual(["A closed"])
    }
  })
})

describe("turns", () => {
  it("grants the earliest request, with FREE_UNTIL at the next one, then RUN with the time", () => {
    const table = sleepers({ A: 200n, B: 100n, C: 300n })
    expect(table.take().slice(-2)).toEqual(["B FreeUntil 200", "B Run 100"])
    expect(table.calendar.time).toBe(100n)
    expect(table.say("B", Op.Wait).take()).toEqual(["B Ack 0", "A FreeUntil 300", "A Run 200"])
  })

  it("lets the last one on the schedule run on for 2^62 ns", () => {
    expect(sleepers({ A: 100n }).take().slice(-2)).toEqual([`A FreeUntil ${100n + FREE_RUN}`, "A Run 100"])
  })

  it("grants requests at one time in the order in which they were made", () => {
    const table = sleepers({ A: 9n, B: 5n, C: 5n }).say("A", Op.Request, 5n)
    expect(table.take()).toContain("B Run 5")
    expect(table.say("B", Op.Wait).take()).toContain("C Run 5")
    expect(table.say("C", Op.Wait).take()).toContain("A Run 5")
  })

  it("keeps the place of a request repeated unchanged, and acknowledges it", () => {
    const table = sleepers({ A: 1n, B: 5n, C: 5n })
    table.take()
    expect(table.say("B", Op.Request, 5n).take()).toEqual(["B Ack 0"])
    expect(table.say("A", Op.Wait).take()).toContain("B Run 5")
  })

  it("loses the place of a request that was changed in between", () => {
    const table = sleepers({ A: 1n, B: 5n, C: 5n }).say("B", Op.Request, 6n).say("B", Op.Request, 5n)
    table.say("A", Op.Wait)
    expect(table.take()).toContain("C Run 5")
  })

  it("runs nobody else before the WAIT of the one that runs, whatever is due", () => {
    const table = sleepers({ A: 1n, B: 5n })
    table.take()
    table.say("B", Op.Request, 0n).say("A", Op.Request, 0n).say("A", Op.Get)
    expect(table.take().filter((line) => line.includes("Run"))).toEqual([])
  })

  it("tells the running client at once that another's request became the earliest", () => {
    const table = sleepers({ A: 100n, B: 500n, C: 600n })
    expect(table.take()).toContain("A FreeUntil 500")
    expect(table.say("C", Op.Request, 400n).take()).toEqual(["A FreeUntil 400", "C Ack 0"])
    expect(table.say("B", Op.Request, 450n).take()).toEqual(["B Ack 0"])
    expect(table.say("A", Op.Request, 300n).take()).toEqual(["A Ack 0"])
    expect(table.say("B", Op.Request, 350n).take()).toEqual(["A FreeUntil 350", "B Ack 0"])
  })

  it("tells nothing to a client in its first turn, in which no time may pass", () => {
    const table = sleepers({ A: 100n, B: 500n }).connect("C").say("C", Op.Start, 9n).sleep("A", 600n)
    table.take()
    expect(table.say("B", Op.Request, 400n).take()).toEqual(["B Ack 0"])
  })

  it("begins every turn with FREE_UNTIL, as a recent guest forgot the last one when it sent WAIT", () => {
    const table = sleepers({ A: 100n, B: 500n })
    expect(table.take()).toContain("A FreeUntil 500")
    expect(table.sleep("A", 200n).take().slice(-2)).toEqual(["A FreeUntil 500", "A Run 200"])
  })

  it("runs a request in the past at the time now", () => {
    const table = sleepers({ A: 100n, B: 500n })
    table.take()
    expect(table.say("B", Op.Request, 40n).take()).toEqual(["A FreeUntil 100", "B Ack 0"])
    expect(table.say("B", Op.Request, 30n).take()).toEqual(["B Ack 0"])
    expect(table.say("A", Op.Wait).take()).toContain("B Run 100")
  })

  it("idles while somebody waits with nothing on the schedule, until a request comes", () => {
    const table = new Table().connect("A").say("A", Op.Start).say("A", Op.Wait)
    table.take()
    expect(table.say("A", Op.Request, 5n).take()).toEqual(["A Ack 0", `A FreeUntil ${5n + FREE_RUN}`, "A Run 5"])
  })

  it("takes a request for FOREVER as one for never, which replaces the earlier one", () => {
    const table = sleepers({ A: 100n, B: 500n }).say("B", Op.Request, FOREVER)
    table.take()
    expect(table.sleep("A", FOREVER).take()).toEqual(["A Ack 0", "A Ack 0"])
    expect(table.say("A", Op.Request, FOREVER - 1n).take()).toContain(`A Run ${FOREVER - 1n}`)
    expect(table.say("B", Op.Get).take()).toEqual([`B Ack ${FOREVER - 1n}`])
  })

  it("stays below FOREVER for clients that came late, too", () => {
    const table = sleepers({ A: 100n }).connect("B").say("B", Op.Start, 1n).sleep("A", FOREVER - 1n)
    table.take()
    table.sleep("B", FOREVER - 100n)
    expect(table.take()).toContain(`A Run ${FOREVER - 1n}`)
    table.say("A", Op.Update, FOREVER)
    expect(table.violations.map((violation) => violation.rule)).toEqual(["UpdatePastFreeUntil"])
  })
})

describe("a REQUEST that is earlier than the running client knows of", () => {
  /** A runs, to 500 as far as it knows, and acknowledges nothing from now on. */
  const unhearing = (times: Readonly<Record<string, bigint>> = { A: 100n, B: 500n, C: 600n, D: 700n }) => {
    const table = sleepers(times)
    table.mute.add("A")
    table.take()
    return table
  }

  it("is acknowledged when that one has acknowledged its FREE_UNTIL, and not before", () => {
    const table = unhearing()
    expect(table.say("C", Op.Request, 400n).take()).toEqual(["A FreeUntil 400"])
    expect(table.hear("A").take()).toEqual(["C Ack 0"])
  })

  it("waits for the FREE_UNTIL that it caused itself, where there are several", () => {
    const table = unhearing().say("B", Op.Request, 400n).say("C", Op.Request, 300n)
    expect(table.take()).toEqual(["A FreeUntil 400", "A FreeUntil 300"])
    const [first, second] = table.sent.slice(-2).map(([, message]) => message.seq)
    expect(table.say("A", Op.Ack, 0n, first!).take()).toEqual(["B Ack 0"])
    expect(table.say("A", Op.Ack, 0n, second!).take()).toEqual(["C Ack 0"])
  })

  it("waits for another's FREE_UNTIL, if without that the running client may pass it", () => {
    const table = unhearing().say("B", Op.Request, 400n)
    table.say("C", Op.Request, 450n).say("D", Op.Request, 400n)
    expect(table.take()).toEqual(["A FreeUntil 400"])
    expect(table.hear("A").take()).toEqual(["B Ack 0", "C Ack 0", "D Ack 0"])
    expect(table.say("C", Op.Request, 420n).take()).toEqual(["C Ack 0"])
  })

  it("waits as well where the calendar itself has called the running client back", () => {
    const table = unhearing()
    const paused = Calendar.allow(table.calendar, { turns: 0 })
    expect(paused.commands).toMatchObject([{ client: 0, message: { op: Op.FreeUntil, time: 100n } }])
    table.calendar = paused.state
    expect(table.say("B", Op.Request, 400n).say("C", Op.Request, 500n).take()).toEqual(["C Ack 0"])
    expect(table.say("A", Op.Ack, 0n, 3).take()).toEqual(["B Ack 0"])
  })

  it("is acknowledged when the running client is gone, or breaks a rule", () => {
    const gone = unhearing().say("C", Op.Request, 400n)
    expect(gone.hangUp("A").take()).toEqual(["A FreeUntil 400", "C Ack 0", "C FreeUntil 500", "C Run 400"])
    const bad = unhearing().say("C", Op.Request, 400n)
    expect(bad.say("A", 77).take().slice(1)).toEqual(["A closed", "C Ack 0", "C FreeUntil 500", "C Run 400"])
  })

  it("is acknowledged before anybody runs, where the running client ends its turn before it hears", () => {
    const table = unhearing().say("C", Op.Request, 400n)
    expect(table.say("A", Op.Wait).take()).toEqual(["A FreeUntil 400", "A Ack 0"])
    // Nobody passes a time any more: others are answered.
    expect(table.say("B", Op.Request, 450n).say("B", Op.Get).take()).toEqual(["B Ack 0", "B Ack 100"])
    expect(table.connect("E").say("E", Op.Start).take()).toEqual([])
    expect(table.hear("A").take()).toEqual(["C Ack 0", "E Ack 0"])
    expect(table.say("E", Op.Wait).take()).toEqual(["E Ack 0", "C FreeUntil 450", "C Run 400"])
  })

  it("doesn't keep the next turn any more when all who waited have left", () => {
    const table = unhearing().say("C", Op.Request, 400n).say("A", Op.Wait)
    table.take()
    expect(table.hangUp("C").take()).toEqual([`B FreeUntil 700`, "B Run 500"])
    expect(table.hear("A").violations).toEqual([])
  })

  it("that ended a turn leaves no second one: WAIT and UPDATE are over then", () => {
    for (const op of [Op.Wait, Op.Update]) {
      const table = unhearing().say("C", Op.Request, 400n).say("A", Op.Wait).say("A", op, 200n)
      expect(table.violations.map(({ rule }) => rule)).toEqual(["NotRunning"])
      expect(table.take()).toContain("C Run 400")
    }
  })

  it("keeps the ACKs of its client in order, and what follows takes effect at once", () => {
    const table = unhearing().say("C", Op.Request, 400n).say("C", Op.Get).say("C", Op.Request, 300n)
    table.say("C", Op.Broadcast, 7n).say("C", Op.GetTimeOfDay)
    expect(table.take()).toEqual([
      "A FreeUntil 400",
      "A FreeUntil 300",
      "A Broadcast 7",
      "B Broadcast 7",
      "D Broadcast 7",
    ])
    table.say("A", Op.Update, 250n).take()
    expect(table.say("A", Op.Ack, 0n, 3).take()).toEqual(["C Ack 0", "C Ack 250"])
    // FREE_UNTIL 300, and BROADCAST.
    expect(table.say("A", Op.Ack, 0n, 4).take()).toEqual(["C Ack 0", "C Ack 0", "C Ack 250"])
  })

  it("that was replaced is the last one in its place when its turn comes", () => {
    const table = unhearing().say("C", Op.Request, 400n).say("C", Op.Request, 650n)
    expect(table.take()).toEqual(["A FreeUntil 400"])
    expect(table.hear("A").take()).toEqual(["C Ack 0", "C Ack 0"])
    expect(table.say("A", Op.Wait).take()).toContain("B Run 500")
    const never = unhearing().say("C", Op.Request, 400n).say("C", Op.Request, FOREVER)
    expect(never.hear("A").take()).toEqual(["A FreeUntil 400", "C Ack 0", "C Ack 0"])
  })

  it("waits no longer when its client has left", () => {
    const table = unhearing().say("C", Op.Request, 400n).hangUp("C")
    expect(table.hear("A").take()).toEqual(["A FreeUntil 400"])
    expect(table.say("A", Op.Wait).take()).toEqual(["A Ack 0", "B FreeUntil 700", "B Run 500"])
  })

  it("isn't waited for if it is the running client's own, a later one, or made in a first turn", () => {
    const table = unhearing().say("A", Op.Request, 200n).say("B", Op.Request, 500n).say("C", Op.Request, FOREVER)
    expect(table.take()).toEqual(["A Ack 0", "B Ack 0", "C Ack 0"])
    const first = sleepers({ A: 100n, B: 500n }).connect("N").say("N", Op.Start, 9n).sleep("A", 600n)
    first.take()
    expect(first.say("B", Op.Request, 50n).take()).toEqual(["B Ack 0"])
  })

  it("in the past waits for the FREE_UNTIL of the time now", () => {
    const table = unhearing().say("C", Op.Request, 40n)
    expect(table.take()).toEqual(["A FreeUntil 100"])
    expect(table.say("D", Op.Request, 30n).take()).toEqual([])
    expect(table.hear("A").take()).toEqual(["C Ack 0", "D Ack 0"])
  })

  it("waits where RUN isn't acknowledged yet: behind it comes what is to be heard", () => {
    const table = sleepers({ A: 100n, B: 500n })
    table.mute.add("A")
    expect(table.sleep("A", 200n).take()).toContain("A Run 200")
    expect(table.say("B", Op.Request, 300n).take()).toEqual(["A FreeUntil 300"])
    expect(table.hear("A", 3).take()).toEqual(["B Ack 0"])
  })

  it("is answered at once if the running client asks, as that knows at once what it is told", () => {
    const table = unhearing()
    expect(table.ask("A", Op.Get).answer).toBe(100n)
    expect(table.say("C", Op.Request, 400n).take()).toEqual(["A FreeUntil 400", "C Ack 0"])
  })

  it("is acknowledged as soon as the running client asks", () => {
    const table = unhearing().say("C", Op.Request, 400n)
    expect(table.ask("A", Op.GetTimeOfDay).answer).toBe(100n)
    expect(table.take()).toEqual(["A FreeUntil 400", "C Ack 0"])
  })

  it("can't be asked, and is to be sent as a message", () => {
    const table = unhearing()
    table.ask("C", Op.Get)
    const before = table.calendar
    expect(table.ask("C", Op.Request, 400n)).toMatchObject({ isLater: true, answer: undefined, commands: [] })
    expect(table.calendar).toBe(before)
    expect(table.ask("C", Op.Request, 550n)).toMatchObject({ isLater: false, answer: 0n })
    expect(table.say("C", Op.Request, 400n).take()).toEqual(["A FreeUntil 400"])
    for (const op of [Op.Get, Op.GetTimeOfDay]) expect(table.ask("C", op)).toMatchObject({ isLater: true })
    expect(table.hear("A").take()).toEqual(["C Ack 0"])
    expect(table.ask("C", Op.Get)).toMatchObject({ isLater: false, answer: 100n })
  })

  it("lets its client say so much more meanwhile, and no more", () => {
    const table = unhearing().say("C", Op.Request, 400n)
    for (let said = 1; said < Calendar.MAX_UNANSWERED; said++) table.say("C", Op.Get)
    expect(table.violations).toEqual([])
    expect(table.say("C", Op.Get).violations.map(({ rule }) => rule)).toEqual(["TooManyUnanswered"])
    expect(table.hear("A").say("A", Op.Wait).take()).toContain("B Run 500")
  })
})

describe("what clients ask", () => {
  it("answers every client at all times, in the order of its messages", () => {
    const table = sleepers({ A: 100n, B: 500n }, { start: 7n * DAY })
    table.take()
    table.say("B", Op.Get).say("B", Op.GetTimeOfDay).say("A", Op.Get).say("A", Op.GetTimeOfDay)
    expect(table.take()).toEqual(["B Ack 100", `B Ack ${7n * DAY + 100n}`, "A Ack 100", `A Ack ${7n * DAY + 100n}`])
  })

  it("tells the time of day as the start value plus the calendar's time, without the client's offset", () => {
    const table = sleepers({ A: DAY }, { start: 1000n }).connect("B").say("B", Op.Start, 1n).sleep("A", 2n * DAY)
    table.take()
    expect(table.say("B", Op.GetTimeOfDay).take()).toEqual([`B Ack ${DAY + 1000n}`])
  })

  it("moves its time to UPDATE, so that another's GET is right", () => {
    const table = sleepers({ A: 100n, B: 500n })
    table.take()
    table.say("A", Op.Update, 300n).say("B", Op.Get).say("A", Op.Update, 300n).say("A", Op.Update, 500n)
    expect(table.say("B", Op.Get).take()).toEqual(["A Ack 0", "B Ack 300", "A Ack 0", "A Ack 0", "B Ack 500"])
  })

  it("passes BROADCAST on to all others that were let in", () => {
    const table = sleepers({ A: 100n, B: 500n, C: 600n }).connect("D", "E").say("E", Op.Start)
    table.take()
    table.mute.add("C")
    expect([...table.say("B", Op.Broadcast, 0xffffn).take()].sort()).toEqual([
      "A Broadcast 65535",
      "B Ack 0",
      "C Broadcast 65535",
    ])
    expect(table.sleep("A", 700n).take()).toContain("E Ack 0")
    expect(table.say("E", Op.Wait).take()).toContain("B Run 500")
  })

  it("numbers what it sends to a client from 1 on, one by one", () => {
    const table = sleepers({ A: 100n, B: 500n }).sleep("A", 200n).say("B", Op.Broadcast, 1n)
    const seqs = table.sent.filter(([name]) => name === "A").map(([, message]) => message.seq)
    expect(seqs).toEqual([1, 2, 3, 4, 5])
  })

  it("serves on after 2^32 messages to a client", () => {
    const table = sleepers({ A: 100n, B: 500n })
    const clients = IntMap.set(table.calendar.clients, 0, {
      ...IntMap.get(table.calendar.clients, 0)!,
      sent: 0xffff_fffe,
      acked: 0xffff_fffe,
    })
    table.calendar = { ...table.calendar, clients }
    table.sleep("A", 200n).sleep("A", 300n).say("A", Op.Update, 310n)
    expect(table.sent.slice(-4).map(([, message]) => message.seq)).toEqual([0xffff_ffff, 0, 1, 2])
    expect(table.violations).toEqual([])
  })
})

describe("leaving", () => {
  it("takes a client's requests off and ends its turn if it was running", () => {
    const table = sleepers({ A: 100n, B: 200n, C: 300n })
    table.take()
    expect(table.hangUp("B").take()).toEqual([])
    expect(table.hangUp("A").take()).toEqual([`C FreeUntil ${300n + FREE_RUN}`, "C Run 300"])
  })

  it("ends the turn of a client that leaves before it acknowledged RUN, or in its first turn", () => {
    const table = new Table({ clients: 2 }).connect("A", "B").say("A", Op.Start, 1n).say("B", Op.Start, 2n)
    table.take()
    expect(table.hangUp("A").take()).toEqual(["B Ack 0"])
    table.mute.add("B")
    expect(table.sleep("B", 1n).take()).toContain("B Run 1")
    expect(table.connect("C").say("C", Op.Start, 3n).hangUp("B").take()).toEqual(["C Ack 0"])
  })

  it("ends when the last client has left, and not before the first was let in", () => {
    const table = new Table({ clients: 1 }).connect("A", "B").hangUp("A").hangUp("B")
    expect(table.take()).toEqual([])
    table.connect("C", "D").say("C", Op.Start)
    table.take()
    expect(table.hangUp("C").take()).toEqual([])
    expect(table.hangUp("D").take()).toEqual(["ended"])
    expect(table.hangUp("D").take()).toEqual([])
  })
})

describe("violations", () => {
  const running = () => sleepers({ A: 100n, B: 500n })
  const cases: ReadonlyArray<readonly [string, Violation.Rule, string, (table: Table) => void]> = [
    ["START twice", "StartTwice", "Start #9 7", (table) => table.say("A", Op.Start, 7n, 9)],
    ["UPDATE into the past", "UpdateIntoThePast", "Update #9 99", (table) => table.say("A", Op.Update, 99n, 9)],
    [
      "UPDATE back behind an UPDATE",
      "UpdateIntoThePast",
      "Update #9 199",
      (table) => table.say("A", Op.Update, 200n).say("A", Op.Update, 199n, 9),
    ],
    [
      "UPDATE past its free-until",
      "UpdatePastFreeUntil",
      "Update #9 501",
      (table) => table.say("A", Op.Update, 501n, 9),
    ],
    ["WAIT by a client that isn't running", "NotRunning", "Wait #9 5", (table) => table.say("B", Op.Wait, 5n, 9)],
    ["UPDATE by a client that isn't running", "NotRunning", "Update #9 5", (table) => table.say("B", Op.Update, 5n, 9)],
    ["RUN from a client", "CalendarsOwn", "Run #9 5", (table) => table.say("A", Op.Run, 5n, 9)],
    ["FREE_UNTIL from a client", "CalendarsOwn", "FreeUntil #9 5", (table) => table.say("B", Op.FreeUntil, 5n, 9)],
    ["an ACK when nobody waits for one", "UnexpectedAck", "Ack #9 5", (table) => table.say("B", Op.Ack, 5n, 9)],
    ["an unknown op", "UnknownOp", "op 10 #9 5", (table) => table.say("B", 10, 5n, 9)],
    ["the largest op", "UnknownOp", "op 4294967295 #9 5", (table) => table.say("B", 0xffff_ffff, 5n, 9)],
    ["a stream that ends inside a message", "CutShort", "end of stream", (table) => table.hangUp("A", 15)],
    ["REQUEST before START", "BeforeStart", "Request #9 5", (table) => table.connect("C").say("C", Op.Request, 5n, 9)],
    ["GET before START", "BeforeStart", "Get #9 5", (table) => table.connect("C").say("C", Op.Get, 5n, 9)],
    [
      "GET_TOD before START",
      "BeforeStart",
      "GetTimeOfDay #9 5",
      (table) => table.connect("C").say("C", Op.GetTimeOfDay, 5n, 9),
    ],
    [
      "BROADCAST before START",
      "BeforeStart",
      "Broadcast #9 5",
      (table) => table.connect("C").say("C", Op.Broadcast, 5n, 9),
    ],
    ["WAIT before START", "NotRunning", "Wait #9 5", (table) => table.connect("C").say("C", Op.Wait, 5n, 9)],
    [
      "START twice before it is let in",
      "StartTwice",
      "Start #9 5",
      (table) => table.connect("C").say("C", Op.Start).say("C", Op.Start, 5n, 9),
    ],
    ["WAIT before the ACK of RUN", "NotRunning", "Wait #9 5", (table) => {
      table.mute.add("A")
      table.sleep("A", 101n).say("A", Op.Wait, 5n, 9)
    }],
    ["an ACK out of order", "UnexpectedAck", "Ack #4 0", (table) => {
      table.mute.add("A")
      table.sleep("A", 101n).say("A", Op.Ack, 0n, 4)
    }],
    [
      "UPDATE past time 0 in a first turn",
      "UpdatePastFreeUntil",
      "Update #9 1",
      (table) => table.connect("C").say("C", Op.Start).say("A", Op.Wait).say("C", Op.Update, 1n, 9),
    ],
  ]
  for (const [what, rule, quoted, act] of cases) {
    it(`closes the connection for ${what}, says so, and serves the others on`, () => {
      const table = running()
      act(table)
      expect(table.violations.map((violation) => violation.rule)).toEqual([rule])
      expect(Violation.format(table.violations[0]!)).toContain(`, ${quoted}: `)
      expect(Violation.format(table.violations[0]!)).toContain(Violation.Rule[rule])
      const culprit = table.take().find((line) => line.endsWith("closed"))![0]
      if (table.calendar.turn?.client === 0) table.say("A", Op.Wait)
      if (culprit !== "B") expect(table.sent).toContainEqual(["B", expect.objectContaining({ op: Op.Run, time: 500n })])
      expect(table.say(culprit!, Op.Start).hangUp(culprit!, 3).violations).toHaveLength(1)
    })
  }

  it("takes the honest UPDATE of a client that had run on when another's request got in before it", () => {
    const table = running().say("B", Op.Request, 150n)
    table.say("A", Op.Update, 300n)
    table.take()
    expect(table.say("B", Op.Get).say("A", Op.Get).take()).toEqual(["B Ack 150", "A Ack 300"])
    expect(table.sleep("A", 400n).take()).toContain("B Run 150")
    expect(table.violations).toEqual([])
  })

  it("takes only one UPDATE past the free-until that a client has acknowledged", () => {
    const same = running().say("B", Op.Request, 150n).say("A", Op.Update, 300n).say("A", Op.Update, 300n)
    expect(same.violations).toEqual([])
    const table = running().say("B", Op.Request, 150n).say("A", Op.Update, 300n).say("A", Op.Update, 301n)
    expect(table.violations.map((violation) => violation.rule)).toEqual(["UpdatePastFreeUntil"])
    const other = running().say("B", Op.Request, 150n).say("A", Op.Update, 120n).say("A", Op.Update, 151n)
    expect(other.violations.map((violation) => violation.rule)).toEqual(["UpdatePastFreeUntil"])
  })

  it("bounds what a client may leave unacknowledged", () => {
    const table = running()
    table.mute.add("B")
    for (let sent = 0; sent < Calendar.MAX_UNACKNOWLEDGED; sent++) table.say("A", Op.Broadcast, 1n)
    expect(table.violations).toEqual([])
    expect(table.say("A", Op.Broadcast, 2n).violations.map((violation) => violation.rule)).toEqual([
      "TooManyUnacknowledged",
    ])
    expect(table.say("A", Op.Request, 600n).say("A", Op.Wait).take()).toContain("A Run 600")
  })

  it("bounds what it holds back", () => {
    const table = new Table({ clients: 2 }).connect("A").say("A", Op.Start)
    for (let sent = 0; sent < Calendar.MAX_HELD_BACK; sent++) table.say("A", Op.Get)
    expect(table.violations).toEqual([])
    expect(table.say("A", Op.Get).violations.map((violation) => violation.rule)).toEqual(["TooManyHeldBack"])
  })
})

describe("a map from whole numbers", () => {
  it("agrees with a Map, and every version stays as it was", () => {
    const dice = random(4)
    const sizes = [40, 1100, 1 << 20, 0xffff_ffff]
    for (const size of sizes) {
      const model = new Map<number, number>()
      const versions: Array<readonly [IntMap.IntMap<number>, ReadonlyArray<readonly [number, number]>]> = []
      let map = IntMap.empty<number>()
      for (let step = 0; step < 800; step++) {
        const known = [...model.keys()]
        const key = known.length > 0 && dice.bool() ? dice.pick(known) : dice.int(size + 1)
        if (dice.bool(0.6)) {
          map = IntMap.set(map, key, step)
          model.set(key, step)
        } else {
          map = IntMap.remove(map, key)
          model.delete(key)
        }
        expect(IntMap.get(map, key)).toBe(model.get(key))
        if (step % 50 === 0) versions.push([map, [...model].sort(([a], [b]) => a - b)])
      }
      for (const [version, entries] of versions) {
        const doubled = IntMap.map(version, (value, key) => 2 * value + key)
        expect([...IntMap.entries(doubled)]).toEqual(entries.map(([key, value]) => [key, 2 * value + key]))
        expect([...IntMap.entries(version)]).toEqual(entries)
        expect(version.size).toBe(entries.length)
      }
      for (const key of model.keys()) map = IntMap.remove(map, key)
      expect(map).toEqual(IntMap.empty())
      for (const key of [-1, 0.5, 2 ** 32, Number.NaN]) expect(IntMap.get(map, key)).toBeUndefined()
    }
  })
})
