/**
 * SPEC 11 once more, as naively as can be, with those parts of SPEC 2–9 that hold
 * for it: what the clock of later revisions is compared with. Written from SPEC
 * alone; it knows nothing of src/.
 *
 * @module
 */
import { NaiveFault } from "./naive.ts"
import { HOST, neverOr, type Op, type Program, type Surroundings } from "./world.ts"

const FOREVER = 2n ** 63n - 1n
const NONE = 2n ** 64n - 1n

type Who = { readonly is: "event"; readonly number: number } | { readonly is: "timer" } | { readonly is: "onstack" }

interface Waiting {
  readonly who: Who
  readonly time: bigint
}

const nameOf = (who: Who): string => who.is === "event" ? String(who.number) : who.is

const list = (entries: ReadonlyArray<Waiting>): string =>
  `[${entries.map(({ who, time }) => `${nameOf(who)}@${time}`).join(" ")}]`

/** The clock of a guest of a later revision. */
export class NaiveLater {
  now = 0n
  queue: Array<Waiting> = []
  due: Array<Waiting> = []
  alarm: "none" | "simulated" | "real" = "none"
  nextEvent = 0n
  timerIsPeriodic = false
  interval = 0n
  start: bigint | undefined
  waiting = 0
  previousRequest: bigint | undefined
  freeUntil: bigint | undefined
  propagated = 0n
  broadcast = { value: 0n, fresh: false }
  sequence = 0
  warned = false
  user = false
  masked = false
  inInterrupt = false
  blocked = false
  /** Interrupts that arrived in an exchange and haven't run. */
  arrived: Array<number> = []
  /** Somebody sees to those that arrived: they don't nest. */
  seesToArrived = false
  ticks = 0
  readonly #program: Program
  readonly #world: Surroundings
  readonly #events: Array<Who>
  readonly #withoutHandler = new Set<Who>()
  readonly #timer: Who = { is: "timer" }

  constructor(program: Program, world: Surroundings) {
    this.#program = program
    this.#world = world
    this.#events = Array.from(program.events, (_, number) => ({ is: "event", number }))
    this.start = program.start
    world.guestNow = () => this.now
  }

  get #mode() {
    return this.#program.mode
  }

  get #is612(): boolean {
    return this.#program.revision === "6.12"
  }

  // --------------------------------------------------------------- SPEC 11.1
  masking<A>(f: () => A): A {
    const before = this.masked
    this.masked = true
    const result = f()
    if (!before) this.unmask()
    return result
  }

  unmask(): void {
    this.masked = false
    if (this.due.length > 0) {
      this.masked = true
      this.inInterrupt = true
      while (this.due.length > 0) this.fire(this.due.shift()!.who)
      this.inInterrupt = false
      this.unmask()
    }
    while (this.alarm !== "none" || this.arrived.length > 0) {
      const { alarm, arrived } = this
      this.alarm = "none"
      this.arrived = []
      this.masked = true
      for (const number of arrived) this.late(number)
      if (alarm === "real") this.basicPart()
      if (alarm !== "none") this.tick()
      this.masked = false
    }
  }

  fire(who: Who): void {
    if (who.is !== "event" || this.#withoutHandler.has(who)) return
    this.#world.began(`fire ${who.number}`, this.now, this)
    this.handle(this.#program.events[who.number]!)
  }

  tick(): void {
    const before = this.inInterrupt
    this.inInterrupt = true
    if (this.user) this.#world.note("relay")
    this.#world.began("tick", this.now, this)
    this.handle(this.#program.ticks[this.ticks++] ?? [])
    this.inInterrupt = before
  }

  /** The host's timer went off. */
  hostAlarm(): void {
    if (this.masked) {
      this.alarm = "real"
      return
    }
    this.masking(() => {
      this.basicPart()
      this.tick()
    })
  }

  basicPart(): void {
    if (this.#mode !== "basic") return
    this.setTime(this.nextEvent)
    this.remove(this.#timer)
    if (this.timerIsPeriodic) this.add(this.#timer, this.now + this.interval)
  }

  handle(ops: ReadonlyArray<Op>): void {
    for (const op of ops) if (this.#world.mayHandle()) this.exec(op)
  }

  // ------------------------------------------------------------------ SPEC 3
  setTime(time: bigint): void {
    if (time < this.now) throw new NaiveFault(`TimeWentBackwards ${this.now} ${time}`)
    if (time >= FOREVER) throw new NaiveFault("SleepForever")
    this.now = time
  }

  // ------------------------------------------------------------ SPEC 4, 11.1
  isPending(who: Who): boolean {
    return [...this.queue, ...this.due].some((entry) => entry.who === who)
  }

  add(who: Who, time: bigint): void {
    if (this.#withoutHandler.has(who)) return this.#world.note("warn EventWithoutHandler")
    if (this.isPending(who)) return
    this.masking(() => {
      const index = this.queue.findIndex((entry) =>
        entry.time > time || (entry.time === time && entry.who.is === "onstack" && who.is === "onstack")
      )
      this.queue.splice(index < 0 ? this.queue.length : index, 0, { who, time })
      const first = this.queue[0]!.time
      this.tell(first)
      this.nextEvent = first
    })
  }

  remove(who: Who): boolean {
    if (!this.isPending(who)) return false
    return this.masking(() => {
      this.queue = this.queue.filter((entry) => entry.who !== who)
      this.due = this.due.filter((entry) => entry.who !== who)
      return true
    })
  }

  // ------------------------------------------------------------ SPEC 5, 11.1
  updateTime(next: bigint, idle: boolean): void {
    const mine: Who = { is: "onstack" }
    this.add(mine, next)
    for (let finished = false; !finished;) {
      const first = this.queue[0]!
      const { who, time } = first
      this.moveTime(time, idle)
      if (this.queue[0] === first) {
        this.queue.shift()
        if (this.#mode === "off" ? this.now < time : this.now !== time) throw new NaiveFault("EventTimeMismatch")
        if (who === mine) finished = true
        else if (who.is === "onstack") throw new NaiveFault("OnStackEventDequeued")
        else if (who.is === "event") this.due.push({ who, time })
        else {
          if (this.timerIsPeriodic) this.add(who, this.now + this.interval)
          if (this.alarm === "none") this.alarm = "simulated"
        }
      }
      if (this.queue.length > 0) this.tell(this.queue[0]!.time)
      if (idle) break
    }
    this.remove(mine)
  }

  ndelay(ns: bigint): void {
    this.masking(() => this.updateTime(this.now + ns, false))
  }

  // ------------------------------------------------------------ SPEC 7, 11.1
  sleep(): void {
    this.masking(() => {
      if (this.#mode === "basic") this.#world.note("host disarm")
      this.updateTime(FOREVER, true)
      const timer = this.queue.find(({ who }) => who === this.#timer)
      if (this.#mode !== "basic" || timer === undefined) return
      this.#world.note(this.timerIsPeriodic ? `host every ${this.interval}` : `host once ${timer.time - this.now}`)
    })
  }

  // ------------------------------------------------------------ SPEC 8, 11.2
  get #hosted(): boolean {
    return this.#mode === "off" || this.#mode === "basic"
  }

  device(periodic: boolean, interval: bigint): void {
    if (this.#mode !== "off") {
      this.remove(this.#timer)
      this.timerIsPeriodic = periodic
      this.interval = interval
      this.add(this.#timer, this.now + interval)
    }
    if (this.#hosted) this.#world.note(`host ${periodic ? "every" : "once"} ${interval}`)
  }

  shutdown(): void {
    if (this.#mode !== "off") this.remove(this.#timer)
    if (this.#hosted) this.#world.note("host disarm")
  }

  cycles(): bigint {
    if (this.#mode === "off") return this.#world.host.monotonic / 256n
    if (!this.masked && !this.inInterrupt && this.waiting === 0) this.ndelay(256n)
    return this.now / 256n
  }

  wallClock(): bigint {
    if (this.#mode === "off") return this.#world.host.wall
    if (this.start === undefined) {
      if (this.#mode === "external") {
        const timeOfDay = this.exchange(8, NONE)
        this.getTime()
        this.start = BigInt.asUintN(64, timeOfDay - this.now)
      } else this.start = HOST.wall
    }
    return BigInt.asUintN(64, this.start + this.now)
  }

  // ------------------------------------------------------ SPEC 9, 11.3, 11.4
  getTime(): void {
    this.exchange(4, NONE)
  }

  exchange(op: number, time: bigint): bigint {
    const before = this.blocked
    this.blocked = true
    const seq = ++this.sequence
    this.#world.wrote({ op, seq, time }, this.masked, this.blocked)
    let heard = { op: -1, seq: 0, time: 0n }
    while (heard.op !== 0) {
      if (op === 1 && this.#is612) this.poll(false)
      heard = this.hear()
    }
    if (heard.seq !== seq) throw new NaiveFault("AckSequenceMismatch")
    if (op === 4) this.setTime(heard.time)
    this.blocked = before
    if (!this.blocked && !this.seesToArrived && this.arrived.length > 0) {
      this.seesToArrived = true
      if (this.masked) { while (this.arrived.length > 0) this.late(this.arrived.shift()!) }
      else this.masking(() => {})
      this.seesToArrived = false
    }
    return heard.time
  }

  hear(): { op: number; seq: number; time: bigint } {
    const heard = this.#world.read(this.masked, this.blocked)
    if (!("message" in heard)) {
      throw new NaiveFault(heard.leftover === 0 ? "LinkBroken" : `InvalidMessage ${heard.leftover}`)
    }
    const { message } = heard
    if (message.op === 0) {
      this.arrived.push(...heard.arrived ?? [])
      return message
    }
    if (message.op === 6) this.setTime(message.time)
    else if (message.op === 7) this.freeUntil = message.time
    else if (message.op === 9 && this.#is612) this.broadcast = { value: message.time, fresh: true }
    else if (!this.warned) {
      this.warned = true
      this.#world.note("warn UnexpectedMessage")
    }
    this.#world.wrote({ op: 0, seq: message.seq, time: 0n }, this.masked, this.blocked)
    return message
  }

  /** An interrupt that arrived in an exchange runs. */
  late(number: number): void {
    this.#world.note(`late ${number} ${this.masked}`)
    this.handle(this.#program.interrupts[number]!)
  }

  tell(time: bigint): void {
    if (this.#mode !== "external" || this.previousRequest === time) return
    if (this.waiting === 0 && this.freeUntil !== undefined && time < this.freeUntil) return
    this.previousRequest = time
    this.exchange(2, time)
  }

  moveTime(time: bigint, idle: boolean): void {
    if (this.#mode === "off") {
      if (time > this.now) this.awaitHost(time)
      return
    }
    if (this.#mode !== "external") return this.setTime(time)
    if (this.waiting === 0 && this.freeUntil !== undefined && time < this.freeUntil) return this.setTime(time)
    this.tell(time)
    this.previousRequest = undefined
    this.freeUntil = undefined
    this.waiting++
    this.exchange(3, NONE)
    do this.poll(idle)
    while (this.hear().op !== 6)
    this.waiting--
    this.previousRequest = undefined
  }

  /** Off mode has interrupts on while it waits, but for a handler's own waits: SPEC has no events there (docs/revisions.md). */
  awaitHost(time: bigint): void {
    if (!this.inInterrupt) this.unmask()
    this.now = this.#world.hostReached(HOST.monotonic + time) - HOST.monotonic
    this.masked = true
  }

  poll(idle: boolean): void {
    for (;;) {
      if (idle && !this.masked) throw new NaiveFault("IdleWithInterruptsOn")
      const polled = this.#world.poll(false, this.masked, this.blocked)
      if (typeof polled !== "number") return
      this.handle(this.#program.interrupts[polled]!)
      this.#world.interruptEnded()
    }
  }

  propagate(): void {
    if (this.#mode !== "external" || this.now === this.propagated) return
    this.exchange(5, this.now)
    this.propagated = this.now
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
        return this.ndelay(op[1])
      case "sleep":
        return this.sleep()
      case "read":
        return this.#world.note(`value ${this.cycles()}`)
      case "readMasked":
        return this.#world.note(`value ${this.masking(() => this.cycles())}`)
      case "wallclock":
        return this.#world.note(`value ${this.wallClock()}`)
      case "periodic":
        return this.device(true, 10_000_000n)
      case "nextEvent":
        return this.device(false, op[1] + 1n)
      case "oneShot":
        return this.device(false, 1n)
      case "shutdown":
        return this.shutdown()
      case "alarm":
        return this.hostAlarm()
      case "user":
        this.user = op[1]
        return
      case "irq":
        if (this.#mode !== "external") throw new NaiveFault("NotExternal")
        this.getTime()
        return this.add(this.#events[op[1]]!, this.now)
      case "propagate":
        return this.propagate()
      case "waitReadable":
        if (this.#mode !== "external") return
        while (this.#world.poll(true, this.masked, this.blocked) !== "other") this.hear()
        return
      case "broadcast":
        this.broadcast.value = op[1]
        this.exchange(9, op[1])
        return
      case "enterUser":
        if (this.#mode !== "external" || !this.broadcast.fresh) return
        this.broadcast.fresh = false
        return this.#world.note(`broadcast ${this.broadcast.value}`)
      case "init":
        return
    }
  }

  describe(): string {
    const calendar = this.#mode === "external"
      ? ` waiting ${this.waiting} previous ${this.previousRequest} free ${this.freeUntil} broadcast ${this.broadcast.value}`
      : ""
    return `state ${this.now} next ${neverOr(this.nextEvent)} ${list(this.queue)} due ${list(this.due)} ${
      this.alarm === "none" ? "quiet" : "alarm"
    }${calendar}`
  }

  /** The whole program. */
  run(): void {
    try {
      if (this.#mode === "external") this.exchange(1, this.#program.id)
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
