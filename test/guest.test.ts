/**
 * The core's transitions, rule by rule (SPEC 1–9).
 *
 * @module
 */
import { describe, expect, it } from "@effect/vitest"
import type * as Command from "../src/core/Command.ts"
import { type Fault, isFault } from "../src/core/Fault.ts"
import * as Guest from "../src/core/Guest.ts"
import * as Modes from "../src/core/Modes.ts"
import { Op } from "../src/core/Message.ts"
import * as Nanos from "../src/core/Nanos.ts"
import { describeState } from "./support/hand.ts"
import { isOfFirst, underTest } from "./support/revision.ts"

const ns = (value: bigint): Nanos.Nanos => {
  const time = Nanos.make(value)
  if (Nanos.isMisuse(time)) throw time
  return time
}
const FOREVER = 2n ** 63n - 1n
const NONE = 2n ** 64n - 1n

const event = (name: string): Command.Event => ({ _tag: "Event", name, handler: true })

/** The state and the commands of a transition that is no fault. */
const next = (transition: Guest.Transition): Guest.Next => {
  if (isFault(transition)) throw transition
  return transition
}
const faultOf = (transition: object): Fault => {
  if (!isFault(transition)) throw new Error("this was no fault")
  return transition
}

const added = (state: Guest.Guest, ...events: ReadonlyArray<readonly [Command.Event, bigint]>): Guest.Guest =>
  events.reduce((state, [event, at]) => Guest.addEvent(state, event, ns(at)).state, state)

const order = (state: Guest.Guest): ReadonlyArray<string> => /\[(.*)\]/.exec(describeState(state))![1]!.split(" ")

/** Does what resumes; the rest is left, in order. */
const settle = (state: Guest.Guest, commands: ReadonlyArray<Command.Command>) => {
  const left: Array<Command.Command> = []
  const go = (commands: ReadonlyArray<Command.Command>) => {
    for (const command of commands) {
      if (command._tag !== "Resume") left.push(command)
      else {
        const resumed = next(Guest.resume(state, command.step))
        state = resumed.state
        go(resumed.commands)
      }
    }
  }
  go(commands)
  return { state, left }
}

const settled = (transition: Guest.Transition) => settle(next(transition).state, next(transition).commands)

/** A guest of the revision under test. */
const { revision } = underTest
const make = (mode: Guest.Mode): Guest.Guest => Guest.make(mode, revision)

const [a, b, c, d] = [event("a"), event("b"), event("c"), event("d")]
const idle = make("inf-cpu")
const at = (now: bigint, mode: Guest.Mode = "inf-cpu"): Guest.Guest => ({ ...make(mode), now: ns(now) })

describe("setting the time (SPEC 3)", () => {
  it("goes forward, and stays where it is", () => {
    expect(Guest.setTime(at(5n), ns(5n))).toMatchObject({ now: 5n })
    expect(Guest.setTime(at(5n), ns(6n))).toMatchObject({ now: 6n })
    expect(Guest.setTime(at(5n), ns(FOREVER - 1n))).toMatchObject({ now: FOREVER - 1n })
  })

  it("never goes back", () => {
    expect(Guest.setTime(at(5n), ns(4n))).toMatchObject({ _tag: "TimeWentBackwards", from: 5n, to: 4n })
  })

  it("never comes to FOREVER or past it", () => {
    for (const time of [FOREVER, FOREVER + 1n, NONE]) {
      expect(Guest.setTime(at(5n), ns(time))).toMatchObject({ _tag: "SleepForever" })
    }
  })
})

describe("the queue (SPEC 4)", () => {
  it("is in order of time, and first in first out at one time", () => {
    expect(order(added(idle, [a, 7n], [b, 5n], [c, 7n], [d, 5n]))).toEqual(["b@5", "d@5", "a@7", "c@7"])
  })

  it("leaves an event that is pending where it is", () => {
    const state = added(idle, [a, 7n], [b, 9n])
    const again = Guest.addEvent(state, a, ns(1n))
    expect(again.state).toBe(state)
    expect(again.commands).toEqual([])
  })

  it("takes no event without a handler: it warns and does nothing else", () => {
    const state = added(idle, [a, 7n])
    const { state: same, commands } = Guest.addEvent(state, { ...b, handler: undefined }, ns(1n))
    expect(same).toBe(state)
    expect(commands).toEqual([{ _tag: "Warn", warning: { _tag: "EventWithoutHandler" } }])
  })

  it("warns even of a pending event that has lost its handler since", () => {
    const mutable = { ...a, handler: true as unknown }
    const state = added(idle, [mutable, 7n])
    mutable.handler = undefined
    expect(Guest.addEvent(state, mutable, ns(1n)).commands).toMatchObject([{ _tag: "Warn" }])
  })

  if (isOfFirst()) {
    it("puts the newer of two on-stack entries at one time in front, wherever the older one stands", () => {
      // Busy until 5, interrupted by an event at 3, whose handler is busy until 5 as well.
      const outer = next(Guest.ndelay(added(idle, [a, 3n], [b, 5n]), ns(5n)))
      expect(order(outer.state)).toEqual(["b@5", "onstack@5"])
      const behind = added(outer.state, [c, 5n])
      expect(order(behind)).toEqual(["b@5", "onstack@5", "c@5"])
      const inner = next(Guest.ndelay(behind, ns(2n)))
      // Behind b, which was there first, before the older on-stack entry; that one is not taken.
      expect(inner.state.now).toBe(5n)
      expect(inner.commands).toMatchObject([{ _tag: "Deliver", event: b }, { _tag: "Resume" }])
      expect(order(inner.state)).toEqual(["onstack@5", "onstack@5", "c@5"])
      const finished = settle(inner.state, inner.commands.slice(1))
      expect(order(finished.state)).toEqual(["onstack@5", "c@5"])
      expect(finished.left).toEqual([])
    })
  }

  it("keeps the time of the first event as of the last add; deletes don't touch it", () => {
    const state = added(idle, [a, 7n], [b, 5n])
    expect(state.nextEvent).toBe(5n)
    const without = Guest.deleteEvent(state, b)
    expect(without.nextEvent).toBe(5n)
    expect(Guest.deleteEvent(without, a).nextEvent).toBe(5n)
    expect(added(without, [c, 9n]).nextEvent).toBe(7n)
  })

  it("takes an event back, and says whether there was one: a state that is the same says no", () => {
    const state = added(idle, [a, 7n])
    expect(Guest.deleteEvent(state, b)).toBe(state)
    const without = Guest.deleteEvent(state, a)
    expect(without).not.toBe(state)
    expect(Guest.isPending(without, a)).toBe(false)
    expect(Guest.isPending(state, a)).toBe(true)
  })

  it("takes any time, even one that nobody lives to see", () => {
    expect(order(added(idle, [a, NONE], [b, FOREVER], [c, 0n]))).toEqual([`c@0`, `b@${FOREVER}`, `a@${NONE}`])
  })
})

describe("advancing (SPEC 5)", () => {
  if (isOfFirst()) {
    it("a delay of nothing delivers what is due now, which was there before", () => {
      const { state, left } = settled(Guest.ndelay(added(idle, [a, 0n]), ns(0n)))
      expect(left).toMatchObject([{ _tag: "Deliver", event: a }])
      expect(order(state)).toEqual([""])
    })
  }

  if (isOfFirst()) {
    it("a delay ends at its time, before an event that was added for that time later", () => {
      const first = next(Guest.ndelay(added(idle, [a, 3n]), ns(5n)))
      // The handler of a adds b at the very end of the delay: it is behind the delay's own entry.
      const during = added(first.state, [b, 5n])
      const { state, left } = settle(during, first.commands.slice(1))
      expect([state.now, order(state), left]).toEqual([5n, ["b@5"], []])
    })
  }

  if (isOfFirst()) {
    it("an idle advance ends after one event, and leaves no entry of its own", () => {
      const { state, left } = settled(Guest.updateTime(added(idle, [a, 3n], [b, 3n]), ns(FOREVER), true))
      expect(left).toMatchObject([{ _tag: "Deliver", event: a }])
      expect([state.now, order(state)]).toEqual([3n, ["b@3"]])
    })
  }

  it("an event that lies in the past makes time go back, which is a fault", () => {
    const state = { ...added(idle, [a, 3n]), now: ns(4n) }
    expect(faultOf(Guest.ndelay(state, ns(5n)))).toMatchObject({ _tag: "TimeWentBackwards", from: 4n, to: 3n })
  })

  it("a handler that is busy for longer than the code it interrupted is a fault", () => {
    const outer = next(Guest.ndelay(added(idle, [a, 3n]), ns(5n)))
    expect(faultOf(Guest.ndelay(outer.state, ns(10n)))._tag).toBe("OnStackEventDequeued")
    // Just as long is fine.
    expect(isFault(Guest.ndelay(outer.state, ns(2n)))).toBe(false)
  })

  it("a delay to the end of time is a fault that leaves the state as it was", () => {
    const state = added(idle, [a, FOREVER])
    const before = describeState(state)
    for (const delay of [FOREVER, FOREVER + 1n, NONE]) {
      expect(faultOf(Guest.ndelay(state, ns(delay)))._tag).toBe("SleepForever")
    }
    expect(describeState(state)).toBe(before)
  })
})

describe("idling (SPEC 7)", () => {
  it("with nothing to wake it, it would sleep forever", () => {
    expect(faultOf(Guest.sleep(idle, true))._tag).toBe("SleepForever")
  })

  if (isOfFirst()) {
    it("in basic mode disarms the host timer first, and arms it afterwards for what is left", () => {
      const boot = settled(Guest.boot(make("basic"), { monotonic: ns(0n), wall: ns(0n) })).state
      const ticking = added(settled(Guest.nextEvent(boot, ns(99n))).state, [a, 30n])
      expect(settled(Guest.sleep(ticking, true)).left).toMatchObject([
        { _tag: "DisarmHostTimer" },
        { _tag: "Deliver", event: a },
        { _tag: "ArmHostTimerOnce", delay: 70n },
      ])
      const periodic = added(settled(Guest.periodic(boot)).state, [a, 30n])
      expect(settled(Guest.sleep(periodic, true)).left).toMatchObject([
        { _tag: "DisarmHostTimer" },
        { _tag: "Deliver", event: a },
        { _tag: "ArmHostTimerEvery", interval: 10_000_000n },
      ])
    })
  }

  if (isOfFirst()) {
    it("in basic mode arms nothing afterwards where the timer event isn't pending", () => {
      const boot = settled(Guest.boot(make("basic"), { monotonic: ns(0n), wall: ns(0n) })).state
      expect(settled(Guest.sleep(settled(Guest.oneShot(boot)).state, true)).left).toMatchObject([
        { _tag: "DisarmHostTimer" },
        { _tag: "Tick", relay: false },
      ])
    })
  }

  it("in external mode with interrupts on is a fault", () => {
    const state = added(make("external"), [a, 5n])
    expect(faultOf(Guest.sleep(state, false))._tag).toBe("IdleWithInterruptsOn")
    expect(isFault(Guest.sleep(state, true))).toBe(false)
  })
})

describe("the clock event device and the clock source (SPEC 8)", () => {
  it("has the properties of SPEC", () => {
    expect(Modes.HZ).toBe(100)
    expect(Modes.TICK).toBe(10_000_000n)
    expect(Modes.clockEventDevice).toEqual({
      rating: 250,
      shift: 0,
      mult: 1,
      minDelta: 500n,
      maxDelta: 0xffffffffn,
      features: ["periodic", "one-shot"],
    })
    expect(Modes.clockSource).toMatchObject({ rating: 300, bits: 64, frequency: 1e9 / 256 })
  })

  it("has the names of each mode, and knows where calibration is skipped (SPEC 1)", () => {
    const of = (mode: Guest.Mode) => {
      const { clockEvent, clockSource, usesHostTimer, calibrateDelayIsKnown } = Modes.traits[mode]
      return [clockEvent, clockSource, usesHostTimer, calibrateDelayIsKnown]
    }
    expect(of("off")).toEqual(["posix-timer", "timer", true, false])
    expect(of("basic")).toEqual(["time-travel-timer", "time-travel-clock", true, false])
    expect(of("inf-cpu")).toEqual(["time-travel-timer-infcpu", "time-travel-clock", false, true])
    expect(of("external")).toEqual(["time-travel-timer-external", "time-travel-clock-external", false, true])
  })

  it("enforces its own bounds no further: any delta goes", () => {
    for (const delta of [0n, 1n, 499n, 2n ** 32n, FOREVER]) {
      expect(order(Guest.nextEvent(idle, ns(delta)).state)).toEqual([`timer@${delta + 1n}`])
    }
    expect(order(Guest.oneShot(at(5n)).state)).toEqual(["timer@6"])
  })

  it("is programmed anew each time: one timer event, its time the newest", () => {
    let state = Guest.periodic(idle).state
    expect(order(state)).toEqual(["timer@10000000"])
    state = Guest.nextEvent(state, ns(4n)).state
    expect(order(state)).toEqual(["timer@5"])
    expect(state.settings.timer.periodic).toBe(false)
    state = Guest.periodic(state).state
    expect(order(state)).toEqual(["timer@10000000"])
    expect(order(Guest.shutdown(state).state)).toEqual([""])
  })

  if (isOfFirst()) {
    it("uses the host timer in off and basic only, and the queue in all but off", () => {
      const commands = (mode: Guest.Mode) => {
        const state = make(mode)
        const tags = (next: Guest.Next) =>
          next.commands.filter((command) => command._tag !== "Exchange").map((command) => command._tag)
        return [Guest.periodic(state), Guest.nextEvent(state, ns(4n)), Guest.oneShot(state), Guest.shutdown(state)]
          .map(tags)
      }
      const hosted = [["ArmHostTimerEvery"], ["ArmHostTimerOnce"], ["ArmHostTimerOnce"], ["DisarmHostTimer"]]
      expect(commands("off")).toEqual(hosted)
      expect(commands("basic")).toEqual(hosted)
      expect(commands("inf-cpu")).toEqual([[], [], [], []])
      expect(commands("external")).toEqual([[], [], [], []])
      expect(order(Guest.periodic(make("off")).state)).toEqual([""])
    })
  }

  if (isOfFirst()) {
    it("a periodic tick goes on by itself, even where its tick shuts the device down only later", () => {
      let state = Guest.periodic(idle).state
      for (let tick = 1n; tick <= 3n; tick++) {
        const { state: after, left } = settled(Guest.sleep(state, true))
        expect(left).toEqual([{ _tag: "Tick", relay: false }])
        expect([after.now, order(after)]).toEqual([tick * 10_000_000n, [`timer@${(tick + 1n) * 10_000_000n}`]])
        state = after
      }
    })
  }

  if (isOfFirst()) {
    it("relays the alarm to a user process that runs", () => {
      const state = Guest.runUserProcess(Guest.oneShot(idle).state, true)
      expect(settled(Guest.sleep(state, true)).left).toEqual([{ _tag: "Tick", relay: true }])
      const stopped = Guest.runUserProcess(state, false)
      expect(settled(Guest.sleep(stopped, true)).left).toEqual([{ _tag: "Tick", relay: false }])
    })
  }

  it("a read costs 256 ns where it can be interrupted, and is free where not, or in off mode", () => {
    expect(settled(Guest.readClockSource(at(255n), true)).state.now).toBe(511n)
    expect(Guest.cycles(at(511n))).toBe(1n)
    expect(Guest.cycles(at(512n))).toBe(2n)
    expect(settled(Guest.readClockSource(at(255n), false)).state.now).toBe(255n)
    const off = settled(Guest.boot(make("off"), { monotonic: ns(1023n), wall: ns(0n) })).state
    expect(Guest.cycles(settled(Guest.readClockSource(off, true)).state)).toBe(3n)
  })

  if (isOfFirst()) {
    it("the host's alarm moves a basic guest to its next event's time and the timer event on (SPEC 8)", () => {
      const boot = settled(Guest.boot(make("basic"), { monotonic: ns(0n), wall: ns(0n) })).state
      const periodic = settled(Guest.periodic(boot)).state
      const { state, left } = settled(Guest.hostAlarm(periodic))
      expect([state.now, order(state)]).toEqual([10_000_000n, ["timer@20000000"]])
      expect(left).toEqual([{ _tag: "Tick", relay: false }])
      const once = settled(Guest.hostAlarm(settled(Guest.nextEvent(boot, ns(4n))).state))
      expect([once.state.now, order(once.state)]).toEqual([5n, [""]])
    })
  }

  if (isOfFirst()) {
    it("the host's alarm only ticks in off mode", () => {
      const off = settled(Guest.boot(make("off"), { monotonic: ns(0n), wall: ns(0n) })).state
      expect(settled(Guest.hostAlarm(off)).left).toEqual([{ _tag: "Tick", relay: false }])
    })
  }
})

describe("the wall clock (SPEC 8)", () => {
  const host = { monotonic: ns(5n), wall: ns(1000n) }

  if (isOfFirst()) {
    it("is the option's, or else the host's at boot, plus the guest's time", () => {
      for (const mode of ["basic", "inf-cpu"] as const) {
        const optional = { ...settled(Guest.boot(make(mode), host, ns(7n))).state, now: ns(3n) }
        expect(Guest.wallClock(optional)).toBe(10n)
        const hosts = { ...settled(Guest.boot(make(mode), host)).state, now: ns(3n) }
        expect(Guest.wallClock(hosts)).toBe(1003n)
        // 0 is a time like any other: 1970.
        expect(Guest.wallClock(settled(Guest.boot(make(mode), host, ns(0n))).state)).toBe(0n)
      }
    })
  }

  it("is the host's in off mode, whatever the option says", () => {
    const state = settled(Guest.boot(make("off"), host, ns(7n))).state
    expect(Guest.wallClock(Guest.hostTime(state, { monotonic: ns(6n), wall: ns(2000n) }))).toBe(2000n)
  })
})

describe("the guest's end of the link (SPEC 9)", () => {
  const guest = make("external")

  /** Sends and acknowledges all that is exchanged, and lists it. */
  const exchanged = (transition: Guest.Transition) => {
    let { state, left } = settled(transition)
    const sent: Array<string> = []
    for (const command of left) {
      if (command._tag !== "Exchange") {
        sent.push(command._tag)
        continue
      }
      const begun = Guest.beginExchange(state, command.op, command.time)
      const [write] = begun.commands
      if (write?._tag !== "Write") throw new Error("an exchange begins with a write")
      sent.push(`${write.message.op} ${write.message.time}`)
      state = next(Guest.handleMessage(begun.state, { op: Op.Ack, seq: write.message.seq, time: 0n as Nanos.Nanos }))
        .state
    }
    return { state, sent }
  }

  it("counts its messages from 1 on", () => {
    let state: Guest.Guest = guest
    for (const op of [Op.Start, Op.Get, Op.Request]) {
      const begun = Guest.beginExchange(state, op, ns(0n))
      expect(begun.commands).toMatchObject([{ _tag: "Write", message: { op, seq: state.external!.sequence + 1 } }])
      state =
        next(Guest.handleMessage(begun.state, { op: Op.Ack, seq: begun.state.external!.sequence, time: 0n })).state
    }
    expect(state.external!.sequence).toBe(3)
  })

  it("counts on from 0 where 32 bits end", () => {
    const last = { ...guest, external: { ...guest.external!, sequence: 2 ** 32 - 1 } }
    expect(Guest.beginExchange(last, Op.Get, ns(NONE)).commands).toEqual([
      { _tag: "Write", message: { op: Op.Get, seq: 0, time: NONE } },
    ])
  })

  if (isOfFirst()) {
    it("tells the calendar of the first event, once for each new time (9.2)", () => {
      const one = exchanged(Guest.addEvent(guest, a, ns(7n)))
      expect(one.sent).toEqual(["2 7"])
      const later = exchanged(Guest.addEvent(one.state, b, ns(9n)))
      expect(later.sent).toEqual([])
      const earlier = exchanged(Guest.addEvent(later.state, c, ns(5n)))
      expect(earlier.sent).toEqual(["2 5"])
      // Deletes ask for nothing; the add after that tells what is first now.
      const deleted = Guest.deleteEvent(earlier.state, c)
      expect(exchanged(Guest.addEvent(deleted, d, ns(8n))).sent).toEqual(["2 7"])
    })
  }

  if (isOfFirst()) {
    it("waits for RUN to move: it forgets what it requested before WAIT and after RUN (9.3)", () => {
      const said: Array<string> = []
      let requested = 0n
      /** Does what is commanded, the calendar granting what was requested last. */
      const converse = (transition: Guest.Transition): Guest.Guest => {
        let { state } = next(transition)
        const hear = (op: number, seq: number, time: bigint) => {
          const heard = next(Guest.handleMessage(state, { op, seq, time }))
          state = heard.state
          heard.commands.forEach(go)
        }
        const go = (command: Command.Command): void => {
          if (command._tag === "Write") {
            const { op, seq, time } = command.message
            const { waiting, previousRequest } = state.external!
            said.push(`${op} ${seq} ${time}, waiting ${waiting}, previous ${previousRequest}`)
            if (op === Op.Request) requested = time
            if (op !== Op.Ack) hear(Op.Ack, seq, 0n)
          } else if (command._tag === "AwaitRun") hear(Op.Run, 100, requested)
          else if (command._tag !== "Deliver") {
            const went = next(
              command._tag === "Resume"
                ? Guest.resume(state, command.step)
                : command._tag === "Exchange"
                ? Guest.beginExchange(state, command.op, command.time)
                : expect.fail(`it had better not ${command._tag}`),
            )
            state = went.state
            went.commands.forEach(go)
          }
        }
        next(transition).commands.forEach(go)
        return state
      }
      const after = converse(Guest.ndelay(added(guest), ns(5n)))
      expect(said).toEqual([
        "2 1 5, waiting 0, previous 5",
        `3 2 ${NONE}, waiting 1, previous undefined`,
        "0 100 0, waiting 1, previous undefined",
      ])
      expect(after).toMatchObject({ now: 5n, external: { waiting: 0, previousRequest: undefined } })
      // The same time again is told again, since it was forgotten.
      converse(Guest.addEvent(after, a, ns(5n)))
      expect(said.at(-1)).toBe("2 3 5, waiting 0, previous 5")
      // And where it moves on with nothing new to tell, there is no REQUEST before WAIT.
      converse(Guest.sleep(added(after, [a, 5n]), true))
      expect(said.at(-3)).toBe(`3 3 ${NONE}, waiting 1, previous undefined`)
    })
  }

  if (isOfFirst()) {
    it("runs on by itself before freeUntil, not at it (9.3)", () => {
      const free = next(Guest.handleMessage(guest, { op: Op.FreeUntil, seq: 9, time: 10n })).state
      const round = (n: bigint) => {
        const begun = next(Guest.updateTime(free, ns(n), false))
        const answered = Guest.beginExchange(begun.state, Op.Request, ns(n))
        const told = next(Guest.handleMessage(answered.state, { op: Op.Ack, seq: 1, time: 0n })).state
        const step = begun.commands.at(-1)
        if (step?._tag !== "Resume") throw new Error("an advance goes on")
        return next(Guest.resume(told, step.step))
      }
      const before = round(9n)
      expect([before.state.now, before.commands]).toEqual([9n, []])
      const notBefore = round(10n)
      expect(notBefore.state.now).toBe(0n)
      expect(notBefore.commands).toMatchObject([{ _tag: "Exchange", op: Op.Wait }, { _tag: "AwaitRun" }, {}])
      expect(notBefore.state.external).toMatchObject({ waiting: 1, previousRequest: undefined })
    })
  }

  it("answers all but ACK with ACK, same seq, time 0", () => {
    for (const op of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 2 ** 32 - 1]) {
      const { commands } = next(Guest.handleMessage(guest, { op, seq: 77, time: 5n }))
      expect(commands.filter(({ _tag }) => _tag === "Write"), `op ${op}`).toEqual([
        { _tag: "Write", message: { op: 0, seq: 77, time: 0n } },
      ])
    }
    expect(Guest.handleMessage(guest, { op: 0, seq: 77, time: 5n })).toEqual({ state: guest, commands: [] })
  })

  it("warns once of a message that means nothing to it, whatever comes then", () => {
    let state: Guest.Guest = guest
    const warnings: Array<Command.Command> = []
    for (const op of [1, 2, 3, 4, 5, 8, 77, 2 ** 32 - 1, 1]) {
      const heard = next(Guest.handleMessage(state, { op, seq: op, time: 5n }))
      warnings.push(...heard.commands.filter(({ _tag }) => _tag === "Warn"))
      state = heard.state
    }
    expect(warnings).toEqual([{ _tag: "Warn", warning: { _tag: "UnexpectedMessage", op: 1, seq: 1, time: 5n } }])
  })

  it("takes an ACK of another message for a fault", () => {
    const { state } = Guest.beginExchange(guest, Op.Get, ns(NONE))
    for (const seq of [0, 2, 2 ** 32 - 1]) {
      expect(Guest.handleMessage(state, { op: Op.Ack, seq, time: 0n })).toMatchObject({
        _tag: "AckSequenceMismatch",
        expected: 1,
        got: seq,
      })
    }
  })

  it("takes the time from GET's ACK, under the rules of time, and the time of day from GET_TOD's", () => {
    const asking = { ...Guest.beginExchange(guest, Op.Get, ns(NONE)).state, now: ns(5n) }
    const ack = (time: bigint) => Guest.handleMessage(asking, { op: Op.Ack, seq: 1, time })
    expect(next(ack(6n)).state.now).toBe(6n)
    expect(ack(4n)).toMatchObject({ _tag: "TimeWentBackwards" })
    expect(ack(FOREVER)).toMatchObject({ _tag: "SleepForever" })
    // Of no other ACK.
    const told = { ...Guest.beginExchange(guest, Op.Request, ns(9n)).state, now: ns(5n) }
    expect(next(Guest.handleMessage(told, { op: Op.Ack, seq: 1, time: 8n })).state.now).toBe(5n)
  })

  it("lets an interrupt from outside in at the calendar's now, in external mode only (9.5)", () => {
    const entering = next(Guest.irqEvent(guest, a))
    expect(entering.commands).toMatchObject([{ _tag: "Exchange", op: Op.Get, time: NONE }, { _tag: "Resume" }])
    for (const mode of ["off", "basic", "inf-cpu"] as const) {
      expect(Guest.irqEvent(make(mode), a)).toMatchObject({ _tag: "NotExternal" })
    }
  })

  it("is ahead of what its calendar knows where it ran on by itself, until it says so or hears the time (9.5)", () => {
    const heard = (state: Guest.Guest, op: number, time: bigint, seq = 50) =>
      next(Guest.handleMessage(state, { op, seq, time })).state
    const said = (state: Guest.Guest, op: number, time: bigint, answer = 0n) => {
      const begun = Guest.beginExchange(state, op, ns(time)).state
      return heard(begun, Op.Ack, answer, begun.external!.sequence)
    }
    const free = heard(heard(guest, Op.Run, 5n), Op.FreeUntil, 100n)
    expect(Guest.isAhead(free)).toBe(false)
    const ran = { ...free, now: ns(60n) }
    expect(Guest.isAhead(ran)).toBe(true)
    expect(Guest.isAhead(said(ran, Op.Update, 60n))).toBe(false)
    expect(Guest.isAhead(said(ran, Op.Get, NONE, 60n))).toBe(false)
    expect(Guest.isAhead(heard(ran, Op.Run, 60n))).toBe(false)
    // It asks nobody before it goes to 99; and one that said WAIT has no time to tell.
    expect(Guest.isAhead(added(ran, [a, 99n]))).toBe(false)
    expect(Guest.isAhead(added(ran, [a, 100n]))).toBe(true)
    expect(Guest.isAhead(said(ran, Op.Wait, NONE))).toBe(false)
    expect(Guest.isAhead({ ...make("inf-cpu"), now: ns(60n) })).toBe(false)
  })

  if (isOfFirst()) {
    it("propagates its time by UPDATE, in external mode only (9.5)", () => {
      expect(Guest.propagateTime({ ...guest, now: ns(5n) }).commands).toEqual([
        { _tag: "Exchange", op: Op.Update, time: 5n },
      ])
      for (const mode of ["off", "basic", "inf-cpu"] as const) {
        expect(Guest.propagateTime(make(mode)).commands).toEqual([])
      }
    })
  }
})
