/**
 * The clock against SPEC 2–9 and 11 written down naively, and laws that hold for every
 * state. Each failure names its revision, its mode and its seed.
 *
 * @module
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { isFault } from "../src/core/Fault.ts"
import * as Guest from "../src/core/Guest.ts"
import { Op } from "../src/core/Message.ts"
import type { Nanos } from "../src/core/Nanos.ts"
import { type CoreEvent, describeFault, Hand } from "./support/hand.ts"
import { LaterHand } from "./support/handLater.ts"
import { Naive } from "./support/naive.ts"
import { NaiveLater } from "./support/naiveLater.ts"
import { addParts, expectSameParts, partsOf } from "./support/parts.ts"
import { random } from "./support/random.ts"
import type { Case } from "./support/replay.ts"
import { type Handlers, serviceRun } from "./support/serviceRun.ts"
import { programOf, Tape } from "./support/tape.ts"
import { Enough, type Mode, type Program, program, type Revision, type Shape, World } from "./support/world.ts"

const MODES: ReadonlyArray<Mode> = ["off", "basic", "inf-cpu", "external"]
const REVISIONS: ReadonlyArray<Revision> = ["5.8", "6.1", "6.12"]

/** What happened in a world when `guest` ran in it, as far as it came. */
const traceOf = (world: World, guest: { readonly run: () => void }): ReadonlyArray<string> => {
  try {
    guest.run()
  } catch (error) {
    if (!(error instanceof Enough)) throw error
    world.note("enough")
  }
  return world.trace
}

const naively = (seed: number, mode: Mode, shape: Shape): ReadonlyArray<string> => {
  const world = new World(seed, shape.nasty ?? false)
  const ran = program(seed, mode, shape)
  return traceOf(world, ran.revision === "5.8" ? new Naive(ran, world) : new NaiveLater(ran, world))
}

const handOf = (ran: Program, world: World): Hand =>
  ran.revision === "5.8" ? new Hand(ran, world) : new LaterHand(ran, world)

const byHand = (seed: number, mode: Mode, shape: Shape): ReadonlyArray<string> => {
  const world = new World(seed, shape.nasty ?? false)
  return traceOf(world, handOf(program(seed, mode, shape), world))
}

const asService = (
  seed: number,
  mode: Mode,
  shape: Shape,
  handlers: Handlers,
): Effect.Effect<ReadonlyArray<string>> => {
  const world = new World(seed, shape.nasty ?? false)
  return Effect.as(serviceRun(program(seed, mode, shape), world, handlers), world.trace)
}

/** Both traces up to where they part, so that a failure shows that place and not thousands of lines. */
const expectSame = (got: ReadonlyArray<string>, expected: ReadonlyArray<string>, where: string): void => {
  const length = Math.max(got.length, expected.length)
  for (let i = 0; i < length; i++) {
    if (got[i] === expected[i]) continue
    const around = (trace: ReadonlyArray<string>) => trace.slice(Math.max(0, i - 8), i + 2)
    expect(around(got), `${where}, record ${i}`).toEqual(around(expected))
  }
}

const isDeletion = (record: string): boolean => record.startsWith("deleted")

/** So many of `count` seeds are tried: the later revisions were, 15,000 each, when their model was written. */
const shareOf = (revision: Revision, count: number): number => revision === "5.8" ? count : Math.ceil(count / 12)

describe("the model of later revisions", () => {
  it("does what the 400 recorded cases of 6.12 have", () => {
    const lines = readFileSync(new URL("vectors/guest-clock-6.12.jsonl", import.meta.url), "utf8").trimEnd().split("\n")
    for (const line of lines) {
      const recorded = JSON.parse(line) as Case
      const tape = new Tape(recorded)
      new NaiveLater(programOf(recorded), tape).run()
      tape.end()
    }
    expect(lines).toHaveLength(400)
  })
})

describe.each(REVISIONS)("the clock of %s against SPEC written down naively", (revision) => {
  const everySeed = (count: number, f: (seed: number, shape: Shape) => void): void => {
    for (let seed = 0; seed < shareOf(revision, count); seed++) f(seed, { revision, nasty: seed % 2 === 1 })
  }

  for (const mode of MODES) {
    it(`the core driven by hand does in ${mode} mode what SPEC says, whatever the program`, () => {
      everySeed(4000, (seed, shape) => {
        expectSame(byHand(seed, mode, shape), naively(seed, mode, shape), `${revision}, ${mode}, seed ${seed}`)
      })
    }, 60_000)

    it.live(`the service does in ${mode} mode what SPEC says, whatever the program`, () =>
      Effect.gen(function* () {
        for (let seed = 100_000; seed < 100_000 + shareOf(revision, 1000); seed++) {
          const shape = { revision, nasty: seed % 2 === 1 }
          const got = yield* asService(seed, mode, shape, "effect")
          expectSame(got, naively(seed, mode, shape), `${revision}, ${mode}, seed ${seed}`)
        }
      }), 60_000)
  }

  it("long runs do what SPEC says as well", () => {
    for (const mode of MODES) {
      for (let seed = 0; seed < shareOf(revision, 40); seed++) {
        const shape = { revision, length: 300 }
        expectSame(byHand(seed, mode, shape), naively(seed, mode, shape), `${revision}, ${mode}, long, seed ${seed}`)
      }
    }
  }, 60_000)

  it.live(
    "a handler does the same whether it is a function, an effect, or an effect that lets other fibers run",
    () =>
      Effect.gen(function* () {
        for (const mode of MODES) {
          for (let seed = 0; seed < shareOf(revision, 400); seed++) {
            const shape = { revision, plain: true, nasty: false }
            const expected = naively(seed, mode, shape)
            for (const handlers of ["plain", "effect", "yielding"] as const) {
              // A function can't wait, so all that it adds is told when it has returned: what the calendar says in
              // between is too late to spare a message, and interrupts find more added (SPEC 11.3, 11.4).
              if (revision !== "5.8" && mode === "external" && handlers === "plain") continue
              const got = yield* asService(seed, mode, shape, handlers)
              const where = `${revision}, ${mode}, seed ${seed}, ${handlers} handlers`
              // A function can't wait: what it has the calendar told is told when it has returned.
              for (const part of [isDeletion, (record: string) => !isDeletion(record)]) {
                expectSame(got.filter(part), expected.filter(part), where)
              }
              if (mode !== "external" || handlers !== "plain") expectSame(got, expected, where)
            }
          }
        }
      }),
    60_000,
  )

  it.live("a seed that is run twice gives the same trace twice", () =>
    Effect.gen(function* () {
      for (const mode of MODES) {
        for (let seed = 0; seed < shareOf(revision, 100); seed++) {
          const shape = { revision, nasty: true }
          expectSame(
            byHand(seed, mode, shape),
            byHand(seed, mode, shape),
            `${revision}, ${mode}, seed ${seed}, by hand`,
          )
          expectSame(
            yield* asService(seed, mode, shape, "effect"),
            yield* asService(seed, mode, shape, "effect"),
            `${revision}, ${mode}, seed ${seed}, as a service`,
          )
        }
      }
    }), 60_000)

  it("the programs are worth running: every fault but one comes up, and all that can be noted", () => {
    const faults = new Set<string>()
    const records = new Set<string>()
    for (const mode of MODES) {
      for (let seed = 0; seed < 1000; seed++) {
        const shape = { revision, nasty: seed % 2 === 1 }
        for (const record of naively(seed, mode, shape)) {
          const [kind = "", name = ""] = record.split(" ")
          records.add(kind)
          if (kind === "fault") faults.add(name)
        }
      }
    }
    expect([...faults].sort()).toEqual([
      "AckSequenceMismatch",
      "EventTimeMismatch",
      "InvalidMessage",
      "LinkBroken",
      "NotExternal",
      "OnStackEventDequeued",
      "SleepForever",
      "TimeWentBackwards",
    ])
    for (const kind of ["fire", "tick", "relay", "poll", "tx", "rx", "host", "value", "warn", "deleted"]) {
      expect(records, kind).toContain(kind)
    }
    if (revision !== "5.8") expect(records).toContain("late")
    if (revision === "6.12") expect(records).toContain("broadcast")
  })
})

// ------------------------------------------------------------------ any state

/** A guest that has been through the program of a seed, with all its states. */
const lived = (seed: number, mode: Mode, shape: Shape = {}): Hand => {
  const world = new World(seed, shape.nasty ?? false)
  const hand = handOf(program(seed, mode, shape), world)
  traceOf(world, hand)
  return hand
}

/** Everything there is in a state; the queue as its entries. */
const addDigest = (parts: Array<unknown>, state: Guest.Guest): void => {
  for (const { event, time } of Guest.pending(state)) parts.push(event._tag === "Event" ? event.name : event._tag, time)
  const { pending: _, ...rest } = state
  addParts(parts, rest)
}
const digest = (state: Guest.Guest): ReadonlyArray<unknown> => {
  const parts: Array<unknown> = []
  addDigest(parts, state)
  return parts
}

const addOutcome = (parts: Array<unknown>, next: Guest.Transition | Guest.Guest): void => {
  if (isFault(next)) parts.push(describeFault(next))
  else if (!("commands" in next)) addDigest(parts, next)
  else {
    addDigest(parts, next.state)
    // A step may hold an advance's own entry: a new object each time, of no other identity.
    addParts(parts, next.commands)
  }
}

const stranger: CoreEvent = { _tag: "Event", name: "stranger", handler: true }
const WORDS = [0n, 1n, 2n ** 32n, 2n ** 63n - 2n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n].map((time) =>
  time as Nanos
)
const OPS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 77, 2 ** 31, 2 ** 32 - 1]
const SEQS = [0, 1, 2, 2 ** 31, 2 ** 32 - 1]

/** The transitions that only later revisions make. */
const laterFutures = (state: Guest.Guest): ReadonlyArray<Guest.Transition | Guest.Guest> => [
  Guest.hostAlarm(state, true),
  Guest.lateAlarm(state, true),
  Guest.lateAlarm(state, false),
  Guest.setAlarm(state, "none"),
  Guest.readWallClock(state, { monotonic: state.now, wall: state.now }),
  Guest.enterUser(state),
  Guest.broadcast(state, 7n as Nanos),
  ...Guest.firstDue(state) === undefined ? [] : [Guest.takeDue(state)],
]

/** Every kind of transition, each from this very state: what they all come to. */
const futures = (state: Guest.Guest, events: ReadonlyArray<CoreEvent>, seed: number): ReadonlyArray<unknown> => {
  const rng = random(seed)
  const time = () => rng.bool() ? state.now + BigInt(rng.int(50)) as Nanos : rng.pick(WORDS)
  const results: Array<Guest.Transition | Guest.Guest> = [
    Guest.addEvent(state, stranger, time()),
    Guest.ndelay(state, BigInt(rng.int(50)) as Nanos),
    Guest.updateTime(state, time(), rng.bool()),
    Guest.sleep(state, true),
    Guest.sleep(state, false),
    Guest.hostAlarm(state),
    Guest.periodic(state),
    Guest.nextEvent(state, BigInt(rng.int(50)) as Nanos),
    Guest.oneShot(state),
    Guest.shutdown(state),
    Guest.readClockSource(state, rng.bool()),
    Guest.irqEvent(state, stranger),
    Guest.propagateTime(state),
    Guest.runUserProcess(state, rng.bool()),
    Guest.abandon(state, []),
    Guest.boot(state, { monotonic: state.now, wall: state.now }),
    ...state.settings.revision.defersHandlers ? laterFutures(state) : [],
    ...events.flatMap((event) => [
      Guest.addEvent(state, event, time()),
      Guest.deleteEvent(state, event),
    ]),
  ]
  const setTime = Guest.setTime(state, time())
  results.push(setTime)
  if (state.external !== undefined) {
    const seq = rng.bool() ? state.external.sequence : rng.pick(SEQS)
    results.push(Guest.handleMessage(state, { op: rng.pick(OPS), seq, time: time() }))
  }
  // One step further, so that queues are taken from and grow on.
  const further = results.flatMap((next) =>
    isFault(next) || !("commands" in next) ? [] : next.commands.filter((command) => command._tag === "Resume").map(
      (command) => Guest.resume(next.state, command.step),
    )
  )
  const parts: Array<unknown> = []
  for (const next of [...results, ...further]) {
    parts.push("outcome")
    addOutcome(parts, next)
  }
  return parts
}

const modeOf = (seed: number): Mode => MODES[seed % MODES.length]!

describe.each(REVISIONS)("any state of the clock of %s", (revision) => {
  it("time never decreases, neither in the course of a run nor by any transition from any of its states", () => {
    for (let seed = 0; seed < shareOf(revision, 4000); seed++) {
      const { states } = lived(seed, modeOf(seed), { revision, nasty: true })
      states.forEach((state, i) => {
        if (i > 0 && state.now < states[i - 1]!.now) expect.fail(`seed ${seed}: state ${i} is before the one before`)
      })
      const rng = random(seed)
      const state = rng.pick(states)
      for (const time of WORDS) {
        for (
          const next of [
            Guest.handleMessage(state, { op: Op.Run, seq: 1, time }),
            Guest.updateTime(state, time, true),
            Guest.updateTime(state, time, false),
          ]
        ) {
          if (!isFault(next) && next.state.now < state.now) expect.fail(`seed ${seed}: time went back to ${time}`)
        }
      }
    }
  }, 60_000)

  it("time never comes to the end of time", () => {
    for (let seed = 1; seed < shareOf(revision, 4000); seed += 2) {
      for (const state of lived(seed, modeOf(seed >> 1), { revision, nasty: true }).states) {
        if (state.now >= 2n ** 63n - 1n) expect.fail(`seed ${seed}: it is ${state.now}`)
      }
    }
  }, 60_000)

  it("and any message give a state or a named fault, and leave the old state as it was, usable as before", () => {
    const faults = new Set<string>()
    let cases = 0
    for (let seed = 0; seed < shareOf(revision, 500); seed++) {
      const { states, events } = lived(seed, "external", { revision, nasty: false })
      const rng = random(seed)
      for (let i = 0; i < 3; i++) {
        const state = rng.pick(states)
        const before = digest(state)
        const then = futures(state, events, seed)
        const own = state.external!.awaiting?.sequence ?? state.external!.sequence
        for (const op of OPS) {
          for (const seq of [...SEQS, own]) {
            const time = rng.bool() ? rng.pick(WORDS) : rng.bigint(2n ** 64n) as Nanos
            const next = Guest.handleMessage(state, { op, seq, time })
            cases++
            if (isFault(next)) faults.add(next._tag)
            else {
              const replies = next.commands.filter((command) => command._tag === "Write")
              // All but ACK are answered with ACK, same seq, time 0 (SPEC 9.1).
              expectSameParts(
                partsOf(replies),
                partsOf(op === Op.Ack ? [] : [{ _tag: "Write", message: { op: 0, seq, time: 0n } }]),
                `seed ${seed}, op ${op}`,
              )
            }
          }
        }
        expectSameParts(digest(state), before, `seed ${seed}`)
        expectSameParts(futures(state, events, seed), then, `seed ${seed}`)
      }
    }
    expect(cases).toBeGreaterThanOrEqual(shareOf(revision, 100_000))
    expect([...faults].sort()).toEqual(["AckSequenceMismatch", "SleepForever", "TimeWentBackwards"])
  }, 60_000)

  it("stays usable however much has happened since: all states of long runs, gone back to at random", () => {
    for (const mode of MODES) {
      for (let seed = 0; seed < shareOf(revision, 3); seed++) {
        const { states, events } = lived(seed, mode, { revision, length: 300 })
        const rng = random(seed)
        const places = Array.from({ length: 300 }, () => rng.int(states.length))
        const isGoneBackTo = new Set(places)
        const first = states.map((state, i) => {
          const then = futures(state, events, i)
          // What nobody looks at again isn't kept: there is a lot of it.
          return [digest(state), isGoneBackTo.has(i) ? then : []] as const
        })
        for (const i of places) {
          const where = `${mode}, seed ${seed}, state ${i}`
          expectSameParts(digest(states[i]!), first[i]![0], where)
          expectSameParts(futures(states[i]!, events, i), first[i]![1], where)
        }
        // And all of them, the last first.
        for (let i = states.length - 1; i >= 0; i--) expectSameParts(digest(states[i]!), first[i]![0])
      }
    }
  }, 60_000)

  it("is frozen in time: a whole run from an old state is the run that was", () => {
    for (let seed = 0; seed < shareOf(revision, 500); seed++) {
      const mode: Mode = seed % 2 === 0 ? "inf-cpu" : "basic"
      const rng = random(seed)
      const { states, events } = lived(seed, mode, { revision })
      const i = rng.int(states.length)
      const run = () => {
        // Whoever delivers nothing but goes on sees every event pending in this state, in order.
        const seen: Array<unknown> = []
        let next: Guest.Transition = Guest.addEvent(states[i]!, events[0]!, states[i]!.now + 1_000_000n as Nanos)
        for (let sleeps = 0; sleeps < 20; sleeps++) {
          if (isFault(next)) break
          next = Guest.updateTime(next.state, 2n ** 63n - 1n as Nanos, true)
          addOutcome(seen, next)
          while (!isFault(next)) {
            const step: Extract<Guest.Next["commands"][number], { _tag: "Resume" }> | undefined = next.commands.find(
              (command) => command._tag === "Resume",
            )
            if (step === undefined) break
            next = Guest.resume(next.state, step.step)
            addOutcome(seen, next)
          }
        }
        return seen
      }
      expectSameParts(run(), run(), `${mode}, seed ${seed}, state ${i}`)
    }
  }, 60_000)
})
