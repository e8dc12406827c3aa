/**
 * SPEC 2–9 once more, as naively as can be: a sorted array, an advance that is
 * a loop, handlers that are called. What the clock is compared with.
 *
 * @module
 */
import { HOST, type Mode, type Msg, neverOr, type Op, type Program, type World } from "./world.ts"

const FOREVER = 2n ** 63n - 1n
const NONE = 2n ** 64n - 1n

/** A fault of SPEC, by its name. */
export class NaiveFault extends Error {
  readonly fault: string
  constructor(fault: string) {
    super(fault)
    this.fault = fault
  }
}

type Who = { readonly is: "event"; readonly number: number } | { readonly is: "timer" } | { readonly is: "onstack" }

interface Waiting {
  readonly who: Who
  readonly time: bigint
}

/** The clock of a guest. */
export class Naive {
  now = 0n
  queue: Array<Waiting> = []
  nextEvent = 0n
  timerIsPeriodic = false
  interval = 0n
  start = 0n
  waiting = 0
  stopped = false
  ranIn = 0
  previousRequest: bigint | undefined
  freeUntil: bigint | undefined
  sequence = 0
  warned = false
  user = false
  context = { masked: false, inInterrupt: false }
  ticks = 0
  readonly mode: Mode
  readonly #program: Program
  readonly #world: World
  readonly #events: Array<Who>
  readonly #withoutHandler = new Set<Who>()
  readonly #timer: Who = { is: "timer" }

  constructor(program: Program, world: World) {
    this.mode = program.mode
    this.#program = program
    this.#world = world
    this.#events = program.events.map((_, number) => ({ is: "event", number }))
    world.guestNow = () => this.now
  }

  // ------------------------------------------------------------------ SPEC 3
  setTime(time: bigint): void {
    if (time < this.now) throw new NaiveFault(`TimeWentBackwards ${this.now} ${time}`)
    if (time >= FOREVER) throw new NaiveFault("SleepForever")
    this.now = time
  }

  // ------------------------------------------------------------------ SPEC 4
  add(who: Who, time: bigint): void {
    if (this.#withoutHandler.has(who)) return this.#world.note("warn EventWithoutHandler")
    if (this.queue.some((entry) => entry.who === who)) return
    const index = this.queue.findIndex((entry) =>
      entry.time > time || (entry.time === time && entry.who.is === "onstack" && who.is === "onstack")
    )
    this.queue.splice(index < 0 ? this.queue.length : index, 0, { who, time })
    this.tell(this.queue[0]!.time)
    this.nextEvent = this.queue[0]!.time
  }

  remove(who: Who): boolean {
    const index = this.queue.findIndex((entry) => entry.who === who)
    if (index >= 0) this.queue.splice(index, 1)
    return index >= 0
  }

  // ------------------------------------------------------------------ SPEC 5
  updateTime(next: bigint, idle: boolean): void {
    const mine: Who = { is: "onstack" }
    this.add(mine, next)
    for (let finished = false; !finished;) {
      const { who, time } = this.queue[0]!
      const cutShort = this.moveTime(time)
      if (this.queue[0]!.who === who && !(cutShort && this.now < this.queue[0]!.time)) {
        const due = this.queue.shift()!.time
        if (this.mode === "off" ? this.now < due : this.now !== due) throw new NaiveFault("EventTimeMismatch")
        if (who === mine) finished = true
        else if (who.is === "onstack") throw new NaiveFault("OnStackEventDequeued")
        else this.deliver(who)
      }
      if (this.queue.length > 0) this.tell(this.queue[0]!.time)
      if (idle) break
    }
    this.remove(mine)
  }

  // ------------------------------------------------------------------ SPEC 6
  deliver(who: Who): void {
    if (who.is === "event") {
      // SPEC has no word on one that lost its handler while it was pending: nothing runs.
      if (this.#withoutHandler.has(who)) return
      return this.within({ masked: true, inInterrupt: true }, () => {
        this.#world.began(`fire ${who.number}`, this.now, this.context)
        this.handle(this.#program.events[who.number]!)
      })
    }
    if (this.timerIsPeriodic) this.add(this.#timer, this.now + this.interval)
    this.tick()
  }

  tick(): void {
    this.within({ masked: true, inInterrupt: true }, () => {
      if (this.user) this.#world.note("relay")
      this.#world.began("tick", this.now, this.context)
      this.handle(this.#program.ticks[this.ticks++] ?? [])
    })
  }

  within(context: { masked: boolean; inInterrupt: boolean }, f: () => void): void {
    const before = this.context
    this.context = context
    f()
    this.context = before
  }

  handle(ops: ReadonlyArray<Op>): void {
    for (const op of ops) if (this.#world.mayHandle()) this.exec(op)
  }

  // ------------------------------------------------------------------ SPEC 7
  sleep(): void {
    this.within({ ...this.context, masked: true }, () => {
      if (this.mode === "basic") this.#world.note("host disarm")
      this.updateTime(FOREVER, true)
      const timer = this.queue.find((entry) => entry.who === this.#timer)
      if (this.mode !== "basic" || timer === undefined) return
      this.#world.note(this.timerIsPeriodic ? `host every ${this.interval}` : `host once ${timer.time - this.now}`)
    })
  }

  // ------------------------------------------------------------------ SPEC 8
  get #hosted(): boolean {
    return this.mode === "off" || this.mode === "basic"
  }

  program(periodic: boolean, interval: bigint): void {
    if (this.mode !== "off") {
      this.remove(this.#timer)
      this.timerIsPeriodic = periodic
      this.interval = interval
      this.add(this.#timer, this.now + interval)
    }
    if (this.#hosted) this.#world.note(`host ${periodic ? "every" : "once"} ${interval}`)
  }

  shutdown(): void {
    if (this.mode !== "off") this.remove(this.#timer)
    if (this.#hosted) this.#world.note("host disarm")
  }

  alarm(): void {
    if (this.mode === "basic") {
      this.setTime(this.nextEvent)
      this.remove(this.#timer)
      if (this.timerIsPeriodic) this.add(this.#timer, this.now + this.interval)
    }
    this.tick()
  }

  read(): void {
    if (this.mode === "off") return this.#world.note(`value ${this.#world.host.monotonic / 256n}`)
    if (!this.context.masked && !this.context.inInterrupt) this.updateTime(this.now + 256n, false)
    this.#world.note(`value ${this.now / 256n}`)
  }

  boot(): void {
    if (this.mode === "external") {
      this.start = this.exchange(8, NONE)
      this.getTime()
      this.start = BigInt.asUintN(64, this.start - this.now)
    } else this.start = this.#program.start ?? HOST.wall
  }

  // ------------------------------------------------------------------ SPEC 9
  getTime(): void {
    this.setTime(this.exchange(4, NONE))
  }

  exchange(op: number, time: bigint): bigint {
    let acknowledged: Msg | undefined
    if (op === 3) this.stopped = true
    this.within({ ...this.context, masked: true }, () => {
      const seq = ++this.sequence
      this.#world.wrote({ op, seq, time }, true)
      do acknowledged = this.hear(0)
      while (acknowledged.op !== 0)
      if (acknowledged.seq !== seq) throw new NaiveFault("AckSequenceMismatch")
    })
    return acknowledged!.time
  }

  hear(wait = this.waiting): Msg {
    const heard = this.#world.read(this.context.masked)
    if (!("message" in heard)) {
      throw new NaiveFault(heard.leftover === 0 ? "LinkBroken" : `InvalidMessage ${heard.leftover}`)
    }
    const { message } = heard
    if (message.op === 0) return message
    if (message.op === 6) {
      this.setTime(message.time)
      this.stopped = false
      this.ranIn = wait
    } else if (message.op === 7) this.freeUntil = message.time
    else if (!this.warned) {
      this.warned = true
      this.#world.note(`warn UnexpectedMessage`)
    }
    this.#world.wrote({ op: 0, seq: message.seq, time: 0n }, this.context.masked)
    return message
  }

  tell(time: bigint): void {
    if (this.mode !== "external" || this.previousRequest === time) return
    this.previousRequest = time
    this.exchange(2, time)
  }

  /** Whether it was left early: an interrupt in the wait has read its RUN. */
  moveTime(time: bigint): boolean {
    if (this.mode === "off") {
      if (time > this.now) this.#world.hostReached(HOST.monotonic + time)
      this.now = this.#world.host.monotonic - HOST.monotonic
      return false
    }
    const { freeUntil } = this
    if (this.mode !== "external" || (this.waiting === 0 && freeUntil !== undefined && time < freeUntil)) {
      this.setTime(time)
      return false
    }
    this.tell(time)
    this.previousRequest = undefined
    this.waiting++
    this.exchange(3, NONE)
    while (this.stopped) this.waitForMessage()
    const cutShort = this.ranIn !== this.waiting
    this.waiting--
    this.previousRequest = undefined
    return cutShort
  }

  waitForMessage(): void {
    this.within({ ...this.context, masked: false }, () => {
      for (;;) {
        const polled = this.#world.poll(false, this.context.masked)
        if (typeof polled !== "number") return
        this.within({ masked: true, inInterrupt: true }, () => this.handle(this.#program.interrupts[polled]!))
        if (!this.stopped) return
      }
    })
    if (this.stopped) this.hear()
  }

  // -------------------------------------------------------------- the script
  exec(op: Op): void {
    switch (op[0]) {
      case "addRel":
        return this.add(this.#events[op[1]]!, this.now + op[2])
      case "addAt":
        return this.add(this.#events[op[1]]!, op[2])
      case "delete":
        return this.#world.note(`deleted ${this.remove(this.#events[op[1]]!)}`)
      case "noHandler":
        this.#withoutHandler.add(this.#events[op[1]]!)
        return
      case "ndelay":
        return this.updateTime(this.now + op[1], false)
      case "sleep":
        return this.sleep()
      case "read":
        return this.read()
      case "readMasked":
        return this.within({ ...this.context, masked: true }, () => this.read())
      case "wallclock":
        return this.#world.note(
          `value ${this.mode === "off" ? this.#world.host.wall : BigInt.asUintN(64, this.start + this.now)}`,
        )
      case "periodic":
        return this.program(true, 10_000_000n)
      case "nextEvent":
        return this.program(false, op[1] + 1n)
      case "oneShot":
        return this.program(false, 1n)
      case "shutdown":
        return this.shutdown()
      case "alarm":
        return this.alarm()
      case "user":
        this.user = op[1]
        return
      case "irq":
        if (this.mode !== "external") throw new NaiveFault("NotExternal")
        this.getTime()
        return this.add(this.#events[op[1]]!, this.now)
      case "propagate":
        if (this.mode === "external") this.exchange(5, this.now)
        return
      case "init":
      case "broadcast":
      case "enterUser":
        // Of later revisions (`NaiveLater`).
        return
      case "waitReadable":
        if (this.mode !== "external") return
        while (this.#world.poll(true, this.context.masked) !== "other") this.hear()
        return
    }
  }

  describe(): string {
    const pending = this.queue.map(({ who, time }) => `${who.is === "event" ? who.number : who.is}@${time}`)
    const calendar = this.mode === "external"
      ? ` waiting ${this.waiting} previous ${this.previousRequest} free ${this.freeUntil}`
      : ""
    return `state ${this.now} next ${neverOr(this.nextEvent)} [${pending.join(" ")}]${calendar}`
  }

  /** The whole program. */
  run(): void {
    try {
      if (this.mode === "external") this.exchange(1, this.#program.id)
      this.boot()
      this.#world.note(this.describe())
      for (const op of this.#program.script) {
        this.exec(op)
        this.#world.note(this.describe())
      }
    } catch (error) {
      if (!(error instanceof NaiveFault)) throw error
      this.#world.note(`fault ${error.fault}`)
    }
  }
}
