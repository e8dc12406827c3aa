/**
 * Random guest programs, and a world for them: a calendar and a host that a
 * seed decides. Whoever runs a program in two ways in two worlds of one seed
 * gets the same trace, unless the two ways differ.
 *
 * The world is written from SPEC and PROTOCOL; it knows nothing of src/.
 *
 * @module
 */
import { type Random, random } from "./random.ts"

/** How time advances (SPEC 1). */
export type Mode = "off" | "basic" | "inf-cpu" | "external"

/** Whose clock it is (SPEC 11). */
export type Revision = "5.8" | "6.1" | "6.12"

/** What a guest does: the ops of the recorded cases, and a few more. */
export type Op =
  | readonly ["addRel", event: number, delay: bigint]
  | readonly ["addAt", event: number, time: bigint]
  | readonly ["delete" | "noHandler" | "irq", event: number]
  | readonly ["ndelay" | "nextEvent", ns: bigint]
  | readonly ["sleep" | "read" | "readMasked" | "wallclock" | "periodic" | "oneShot" | "shutdown" | "alarm"]
  | readonly ["propagate" | "waitReadable" | "init" | "enterUser"]
  | readonly ["broadcast", value: bigint]
  | readonly ["user", running: boolean]

/** A guest's main line, and what its handlers do. */
export interface Program {
  readonly mode: Mode
  readonly revision: Revision
  readonly id: bigint
  readonly start: bigint | undefined
  readonly events: ReadonlyArray<ReadonlyArray<Op>>
  readonly ticks: ReadonlyArray<ReadonlyArray<Op>>
  readonly interrupts: ReadonlyArray<ReadonlyArray<Op>>
  readonly script: ReadonlyArray<Op>
}

/** Which of the more unusual things a program may do. */
export interface Shape {
  /** Handlers only add and delete events, as those that are plain functions can. */
  readonly plain?: boolean
  /** The longest main line. */
  readonly length?: number
  /** Times that make faults. */
  readonly nasty?: boolean
  /** Whose clock it is; 5.8 unless it is given. */
  readonly revision?: Revision
}

const EVENTS = 6

const someDelay = (rng: Random, shape: Shape): bigint => {
  if (shape.nasty && rng.bool(0.01)) return rng.pick([2n ** 63n - 1n, 2n ** 63n, 2n ** 62n])
  switch (rng.int(8)) {
    case 0:
      return 0n
    case 1:
      return rng.pick([1n, 255n, 256n, 257n])
    case 2:
      return rng.pick([9_999_999n, 10_000_000n, 10_000_001n, 25_000_000n])
    default:
      return BigInt(rng.int(40))
  }
}

const someOp = (rng: Random, mode: Mode, shape: Shape, inHandler: boolean): Op => {
  const event = rng.int(EVENTS)
  const device = (): Op =>
    rng.pick<Op>([["periodic"], ["nextEvent", someDelay(rng, shape)], ["oneShot"], ["shutdown"], ["user", rng.bool()]])
  if (inHandler && shape.plain) return rng.bool(0.7) ? ["addRel", event, someDelay(rng, shape)] : ["delete", event]
  const choice = rng.int(inHandler ? 80 : 100)
  if (choice < 35) return ["addRel", event, someDelay(rng, shape)]
  if (choice < 37) return shape.nasty ? ["addAt", event, rng.bigint(60n)] : ["delete", event]
  if (choice < 45) return ["delete", event]
  // A handler is seldom busy for long: mostly it makes an OnStackEventDequeued.
  if (choice < 58) return ["ndelay", inHandler ? BigInt(rng.int(4)) : someDelay(rng, shape)]
  if (choice < 64) return rng.pick<Op>([["read"], ["readMasked"], ["wallclock"]])
  if (choice < 70) return device()
  if (choice < 71 && shape.nasty) return ["noHandler", event]
  if (choice < 78 && mode === "external") return rng.pick<Op>([["irq", event], ["propagate"], ["irq", event]])
  if (choice < 78 && shape.nasty && rng.bool(0.05)) return ["irq", event]
  if (inHandler) return ["addRel", event, someDelay(rng, shape)]
  if (choice < 94) return ["sleep"]
  if (choice < 96 && mode === "external") return ["waitReadable"]
  return choice < 98 && shape.nasty && (mode === "basic" || mode === "off") ? ["alarm"] : device()
}

/** An op of a guest of a later revision. What runs in an interrupt neither advances nor deletes (SPEC 11.3). */
const someLaterOp = (rng: Random, mode: Mode, shape: Shape, where: "main" | "handler" | "interrupt"): Op => {
  const event = rng.int(EVENTS)
  // An advance of centuries beside a periodic tick is no longer one, as none is delivered before it is over.
  const delayed = (op: Op): Op => op[0] === "ndelay" && op[1] > 2n ** 40n ? ["ndelay", 25_000_000n] : op
  const choice = rng.int(100)
  const canBroadcast = mode === "external" && shape.revision === "6.12"
  if (where === "interrupt") {
    if (choice < 30) return ["irq", event]
    if (choice < 40) return ["propagate"]
    if (choice < 50) return rng.pick<Op>([["readMasked"], ["wallclock"]])
    if (choice < 55 && canBroadcast) return ["broadcast", rng.bigint(9n)]
    return ["addRel", event, someDelay(rng, shape)]
  }
  // What a later guest has that the first hasn't: ticks and handlers that put others off, what is told once.
  if (choice < 6 && mode === "external") return rng.pick<Op>([["propagate"], ["propagate"], ["irq", event]])
  if (choice < 8 && canBroadcast) return rng.bool() ? ["broadcast", rng.bigint(9n)] : ["enterUser"]
  if (choice < 11 && (mode === "basic" || mode === "off")) return ["alarm"]
  if (choice < 14) return rng.pick<Op>([["periodic"], ["nextEvent", BigInt(rng.int(40))], ["oneShot"], ["shutdown"]])
  if (choice < 16 && shape.nasty) return rng.bool(0.8) ? ["addAt", event, rng.bigint(60n)] : ["noHandler", event]
  if (choice < 18 && where === "main") return ["init"]
  if (choice < 21) return rng.pick<Op>([["wallclock"], ["readMasked"]])
  if (choice < 26 && where === "handler") return delayed(["ndelay", someDelay(rng, shape)])
  return delayed(someOp(rng, mode, shape, where === "handler"))
}

const someOps = (
  rng: Random,
  mode: Mode,
  shape: Shape,
  most: number,
  where: "main" | "handler" | "interrupt",
): Array<Op> =>
  Array.from({ length: rng.int(most + 1) }, () => {
    const isLater = (shape.revision ?? "5.8") !== "5.8"
    const op: Op = isLater && !shape.plain
      ? someLaterOp(rng, mode, shape, where)
      : isLater && where === "interrupt"
      ? ["addRel", rng.int(EVENTS), someDelay(rng, shape)]
      : someOp(rng, mode, shape, where !== "main")
    // Who sleeps with nothing to wake for never wakes: rarely, so that runs get long.
    return op[0] === "sleep" && rng.bool(0.95) ? [["addRel", rng.int(EVENTS), BigInt(rng.int(40))] as const, op] : [op]
  }).flat()

/** The program of a seed. */
export const program = (seed: number, mode: Mode, shape: Shape = {}): Program => {
  const rng = random(seed)
  const handlers = (count: number, where: "handler" | "interrupt" = "handler") =>
    Array.from({ length: count }, () => someOps(rng, mode, shape, 4, where))
  return {
    mode,
    revision: shape.revision ?? "5.8",
    id: rng.pick([0n, 7n, 2n ** 64n - 1n]),
    start: rng.pick([undefined, 0n, 1_000_000n, 2n ** 64n - 1n]),
    events: handlers(EVENTS),
    ticks: handlers(3),
    // Before START is acknowledged nobody may ask the calendar for anything: what comes then only reads.
    interrupts: [...handlers(6, "interrupt"), [["readMasked"]]],
    script: someOps(rng, mode, shape, shape.length ?? 14, "main"),
  }
}

/** A message, independent of the codec's. */
export interface Msg {
  readonly op: number
  readonly seq: number
  readonly time: bigint
}

/** What a read of the link gave, and the interrupts that arrived in the exchange that it ends, if it ends one. */
export type Heard = { readonly message: Msg; readonly arrived?: ReadonlyArray<number> } | { readonly leftover: number }

/** Thrown when a run is long enough, or could go no further: no fault, just the end of the case. */
export class Enough extends Error {}

/** The host's clocks where a guest boots. */
export const HOST = { monotonic: 123_456_789_012_345n, wall: 1_700_000_000_000_000_000n }

const blocks = (blocked: boolean | undefined): string => blocked === undefined ? "" : ` ${blocked}`

const TIME_OF_DAY = 1_600_000_000_000_000_000n
const FOREVER = 2n ** 63n - 1n

/** What a guest has around it: it notes what the guest does, and answers it. */
export interface Surroundings {
  /** The guest's time, for a calendar that hears of it only now and then. */
  guestNow: () => bigint
  readonly host: { readonly monotonic: bigint; readonly wall: bigint }
  readonly note: (record: string) => void
  /** A handler began. */
  readonly began: (
    what: string,
    now: bigint,
    context: { readonly masked: boolean; readonly inInterrupt: boolean },
  ) => void
  /** Whether a handler has ops left: those that add themselves again would never end. */
  readonly mayHandle: () => boolean
  /** The guest wrote a message; `blocked` is of later revisions (SPEC 11.1). */
  readonly wrote: (message: Msg, masked: boolean, blocked?: boolean) => void
  /** The guest reads. */
  readonly read: (masked: boolean, blocked?: boolean) => Heard
  /** The guest polls: the number of the interrupt that arrived, or what is readable. */
  readonly poll: (withOther: boolean, masked: boolean, blocked?: boolean) => "link" | "other" | number
  /** The interrupt of the last poll has run. */
  readonly interruptEnded: () => void
  /** Off mode: the guest waits for the host's clock, which says so much then. */
  readonly hostReached: (time: bigint) => bigint
}

/** One run's surroundings: a seed decides what they answer. */
export class World implements Surroundings {
  readonly trace: Array<string> = []
  /** The guest's time, for a calendar that hears of it only now and then. */
  guestNow: () => bigint = () => 0n
  host = { ...HOST }
  readonly #rng: Random
  readonly #nasty: boolean
  readonly #said: Array<Msg> = []
  /** Later revisions: which interrupts arrive in an exchange, until its ACK is read. */
  readonly #arriving = new Map<Msg, ReadonlyArray<number>>()
  #runsPolled = false
  #requested: bigint | undefined
  #now = 0n
  #seq = 1000
  #ended = false
  #interrupts = 8
  #handlerOps = 60
  #deliveries = 0

  constructor(seed: number, nasty: boolean) {
    this.#rng = random(seed ^ 0x5eed)
    this.#nasty = nasty
  }

  note(record: string): void {
    this.trace.push(record)
    if (this.trace.length > 5000) throw new Enough()
  }

  /** A handler began. */
  began(what: string, now: bigint, context: { readonly masked: boolean; readonly inInterrupt: boolean }): void {
    this.note(`${what} at ${now}, ${context.masked ? "masked" : "on"}, ${context.inInterrupt ? "in" : "out"}`)
    if (++this.#deliveries > 400) throw new Enough()
  }

  /** Whether a handler has ops left: those that add themselves again would never end. */
  mayHandle(): boolean {
    return this.#handlerOps-- > 0
  }

  #rarely(oneIn: number): boolean {
    return this.#nasty && this.#rng.int(oneIn) === 0
  }

  #say(op: number, time: bigint): void {
    this.#said.push({ op, seq: this.#seq++, time })
  }

  /** The guest wrote a message. */
  wrote(message: Msg, masked: boolean, blocked?: boolean): void {
    this.note(`tx ${message.op} ${message.seq} ${message.time} ${masked}${blocks(blocked)}`)
    if (message.op === 0) return
    const rng = this.#rng
    if (this.guestNow() > this.#now) this.#now = this.guestNow()
    if (rng.int(6) === 0) this.#say(7, this.#now + BigInt(rng.int(60)))
    if (this.#rarely(40)) this.#say(rng.pick([1, 2, 3, 4, 5, 8, 9, 10, 2 ** 32 - 1]), rng.bigint(2n ** 64n))
    if (this.#rarely(150)) this.#say(6, this.#now + BigInt(rng.int(3)))
    if (blocked !== undefined && rng.int(12) === 0) this.#say(9, rng.bigint(2n ** 64n))
    let time = 0n
    if (message.op === 2) this.#requested = message.time
    if (message.op === 4) {
      const room = this.#requested === undefined || this.#requested <= this.#now ? 0n : this.#requested - this.#now
      time = this.#now += rng.bool() ? 0n : rng.bigint((room < 20n ? room : 20n) + 1n)
    }
    if (message.op === 8) time = TIME_OF_DAY
    const ack: Msg = { op: 0, seq: this.#rarely(250) ? message.seq + 1 : message.seq, time }
    this.#said.push(ack)
    if (blocked === undefined) return
    const arrive = this.#runsPolled || this.#interrupts <= 0 || rng.int(5) > 0 ? 0 : 1 + rng.int(2)
    this.#interrupts -= arrive
    this.#arriving.set(ack, Array.from({ length: arrive }, () => rng.int(6)))
    if (rng.int(12) === 0) this.#say(rng.pick([7, 9]), this.#now + BigInt(rng.int(60)))
  }

  /** The guest reads. */
  read(masked: boolean, blocked?: boolean): Heard {
    if (this.#said.length === 0) this.#grant()
    if (this.#rarely(250) || this.#said.length === 0) this.#ended = true
    if (this.#ended) {
      const leftover = this.#rng.pick([0, 0, 1, 8, 15])
      this.note(`rx end ${leftover}`)
      return { leftover }
    }
    const message = this.#said.shift()!
    this.note(`rx ${message.op} ${message.seq} ${message.time} ${masked}${blocks(blocked)}`)
    const arrived = this.#arriving.get(message)
    return arrived === undefined ? { message } : { message, arrived }
  }

  #grant(): void {
    const rng = this.#rng
    if (rng.int(5) === 0) this.#say(7, this.#now + BigInt(rng.int(60)))
    if (this.#requested === undefined) return
    const time = this.#requested + (this.#rarely(20) ? BigInt(rng.int(5)) - 2n : 0n)
    if (this.#now < time) this.#now = time
    this.#say(6, time < 0n ? 0n : time)
  }

  /** The guest polls: the number of the interrupt that arrived, or what is readable. */
  poll(withOther: boolean, masked: boolean, blocked?: boolean): "link" | "other" | number {
    const rng = this.#rng
    const result = withOther
      ? this.#said.length === 0 || rng.bool() ? "other" : "link"
      : this.#interrupts > 0 && rng.int(3) === 0
      ? (this.#interrupts--, blocked ? 6 : rng.int(6))
      : "link"
    this.note(`poll ${withOther ? 2 : 1} ${masked}${blocks(blocked)} ${result}`)
    this.#runsPolled = typeof result === "number"
    return result
  }

  interruptEnded(): void {
    this.#runsPolled = false
  }

  /** Off mode: the guest waits for the host's clock. */
  hostReached(time: bigint): bigint {
    if (time >= FOREVER) throw new Enough()
    if (time > this.host.monotonic) {
      this.host.wall += time - this.host.monotonic
      this.host.monotonic = time
    }
    return this.host.monotonic
  }
}

/** A time, or that it never comes: the core spares an idle advance's own entry at the end of time (docs/differences.md). */
export const neverOr = (time: bigint): string => time >= 2n ** 63n - 1n ? "never" : String(time)
