/**
 * A guest while it runs: its program on its clock, its ends of links, and its part
 * of the journal.
 *
 * What a guest sends is handed over while it has the turn: it tells the calendar the
 * time, hands the message over, and waits until the receiver's clock knows when it
 * arrives (SPEC 9.5). So no time can pass in between, in whichever process the
 * receiver is. Meanwhile the program's simulated time is frozen.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { OptionError } from "../../core/Fault.ts"
import { type ClockError, event, GuestClock, type Handling } from "../../GuestClock.ts"
import { seededRandom } from "../platform/SeededRandom.ts"
import { isOwn } from "../platform/StackFrames.ts"
import { badName } from "../services/Checks.ts"
import { Interrupts } from "../../services/Interrupts.ts"
import { after, andThen, atOnce, type Rest, toEffect } from "../services/Rest.ts"
import type { Runner } from "../virtual/Runner.ts"
import * as Stuck from "../virtual/Stuck.ts"
import * as VirtualTime from "../../VirtualTime.ts"
import * as Standalone from "./Standalone.ts"
import * as Children from "./Children.ts"
import { LinkEnd } from "./LinkEnd.ts"
import { BadValue, copied, failed, type GuestFailed } from "./Failure.ts"
import type { Guest } from "../../simulation/Guest.ts"
import { handOver, handOverNow } from "./Sending.ts"
import * as Journal from "../../simulation/Journal.ts"
import * as Link from "../../simulation/Link.ts"
import type { Mailbox } from "./Mailbox.ts"
import { inOneStep } from "./RealWait.ts"
import { ProcessTable } from "./ProcessTable.ts"
import type { Random } from "../../simulation/Random.ts"
import { type Arrival, type OnArrival, type Port, Self } from "./Self.ts"
import * as Statistics from "../../simulation/Statistics.ts"
import { type Note, Stop, stopsAt } from "./Stop.ts"
import type { Packet, Transport } from "./Transport.ts"
import { InFlight } from "./InFlight.ts"
import { whyNot, type Wire } from "./LinkCodec.ts"

export { GuestFailed } from "./Failure.ts"

/** What is left of a guest when it is over. */
export interface Outcome {
  readonly guest: string
  /** Its time then, in ns. */
  readonly time: bigint
  readonly statistics: Statistics.Snapshot
  readonly journal: Journal.Journal
  /** Why it has ended its world, if it has. */
  readonly stopped?: string
}

/** What a guest is run with. */
export interface Setup {
  readonly guest: Guest
  readonly links: ReadonlyArray<Link.Any>
  /** The world's chance: a guest and its links have streams of it by their names. */
  readonly random: Random
  readonly transport: Transport
  /** Whether it keeps a journal. */
  readonly journal: boolean
  /** The program has ended: done before the guest leaves the calendar. */
  readonly onEnded: Effect.Effect<void>
  /** It ends the world, by itself or at one of its notes: done while it has the turn. */
  readonly onStopped: Effect.Effect<void>
  readonly stopWhen?: ((note: Note) => boolean) | undefined
  /** It has failed: done before the guest leaves the calendar, so that nobody has a turn any more. */
  readonly onFailed?: (failure: GuestFailed) => Effect.Effect<void>
  /** What a calendar would see to, of a guest that has none. */
  readonly alone?: Standalone.Standalone
}

/** A guest while it runs. */
export class Node {
  readonly name: string
  readonly #setup: Setup
  readonly #statistics: Statistics.Statistics
  readonly #ends = new Map<string, LinkEnd>()
  readonly #journal: Array<Journal.Entry> = []
  #clock: GuestClock | undefined
  /** What is handed over is, in the order in which it was sent, also by fibers of handlers. */
  readonly #oneByOne = Semaphore.makeUnsafe(1).withPermit
  #interrupts: Interrupts | undefined
  #runner: Runner | undefined
  #stamp = 0
  #endedAt: bigint | undefined
  #hasFailed = false
  readonly #stop = new Stop()
  /** What it was when its world was over for it, though finalizers may run. */
  #final: Outcome | undefined
  readonly #processes: ProcessTable

  constructor(setup: Setup) {
    this.name = setup.guest.name
    this.#setup = setup
    this.#statistics = new Statistics.Statistics(() => this.now)
    this.#processes = new ProcessTable(this.name, this.#statistics)
    for (const link of setup.links) {
      if (Link.endsOf(link).has(this.name)) this.#ends.set(link.name, new LinkEnd(this.name, link, setup.random))
    }
  }

  /** Its time, in ns: that of its end, once it has ended. */
  get now(): bigint {
    return this.#endedAt ?? this.#clock?.direct.now ?? 0n
  }

  /** Whether its program has ended by itself. */
  get hasEnded(): boolean {
    return this.#endedAt !== undefined
  }

  /** Whether its program has failed, or a fault has ended its clock: it is about to fail by that. */
  get isFailing(): boolean {
    return this.#hasFailed || this.#clock?.direct.isDead() === true
  }

  /** What is left of it, as of `time` ns, which it may have been waiting for. */
  outcome(time: bigint): Outcome {
    if (this.#final !== undefined) return this.#final
    const at = this.#endedAt ?? time
    return { guest: this.name, time: at, statistics: this.#statistics.snapshot(at), journal: [...this.#journal] }
  }

  /**
   * Its program's fibers, for people: where each is, and what it waits for; nothing if it has ended. To be asked only if
   * it can't go on, as that may end generators (see `platform/Frames`).
   */
  fibers(): ReadonlyArray<string> | undefined {
    if (this.#endedAt !== undefined) return undefined
    // The program is run by lines of this file: those say nothing of it.
    const fibers = this.#runner?.supervisor.fibers() ?? []
    return fibers.map((fiber) => Stuck.format({ ...fiber, lines: fiber.lines.filter((line) => !isOwn(line)) }))
  }

  /** Has reports of its program say what fibers wait for. */
  readonly #beAsked = Effect.withFiber((fiber) =>
    Effect.sync(() => {
      this.#runner = fiber.cache.scheduler as Runner
      this.#runner.supervisor.onStuck = (stuck) => {
        if (Standalone.isUp(stuck, this.#setup.alone)) this.#final ??= this.outcome(this.#setup.alone!.until!)
      }
      this.#runner.supervisor.others = this.#processes
      this.#runner.supervisor.waitsFor = (fiber) => {
        for (const { link, arrived } of this.#ends.values()) {
          if (arrived.isAwaitedBy(fiber)) return `receive on ${link.name}`
        }
        return this.#processes.waitsFor(fiber)
      }
    })
  )

  /** Runs the guest's program on the clock around it, until it ends. Whatever goes wrong in that is the guest's failure. */
  run(): Effect.Effect<void, GuestFailed, GuestClock | Interrupts> {
    const failing = Effect.catchCause(
      this.#run(),
      (cause) => Cause.hasInterruptsOnly(cause) ? Effect.failCause(cause as Cause.Cause<never>) : this.#fail(cause),
    )
    return Effect.tapError(failing, (failure) => this.#setup.onFailed?.(failure) ?? Effect.void)
  }

  #run(): Effect.Effect<void, GuestFailed | VirtualTime.RunError, GuestClock | Interrupts> {
    const { guest: { program, options }, alone } = this.#setup
    return Effect.gen({ self: this }, function* () {
      const clock = this.#clock = yield* GuestClock
      this.#interrupts = yield* Interrupts
      if (clock.mode === "external") {
        // Everybody is let in before anybody's program begins.
        yield* clock.addEvent(event("start", Effect.void), yield* clock.now)
        yield* clock.sleep
      }
      let children: Children.Children | undefined
      const running = Effect.gen({ self: this }, function* () {
        const time = yield* VirtualTime.VirtualTime
        yield* this.#beAsked
        if (options.watchesFibers !== false) children = yield* Children.watch(this.name, clock)
        const self = this.#self((effect) => inOneStep(this.#oneByOne(effect), time))
        const inWorld = Effect.provideService(this.#processes.run(program, clock), Self, self) as Effect.Effect<
          unknown,
          unknown,
          GuestClock | Interrupts | VirtualTime.VirtualTime
        >
        return yield* Effect.exit(seededRandom(this.#setup.random.fork(`guest ${this.name}`), inWorld))
      })
      const settings = yield* Standalone.optionsOf(options, alone, clock, () => this.#runner)
      const exit = this.#processes.main.told(
        yield* Effect.exit(this.#stop.ending(Effect.asVoid(Effect.flatten(VirtualTime.run(running, settings))))),
      )
      if (this.#final?.stopped !== undefined) return
      const unseen = children?.unseen() ?? this.#processes.failure
      if (unseen !== undefined) {
        this.#hasFailed = true
        return yield* Effect.fail(unseen)
      }
      if (Exit.isFailure(exit) && Standalone.isUp(Cause.squash(exit.cause), alone)) return
      if (Exit.isFailure(exit)) return yield* this.#fail(exit.cause)
      this.#end(clock)
      yield* clock.propagateTime
      yield* this.#setup.onEnded
    })
  }

  #fail(cause: Cause.Cause<unknown>): Effect.Effect<never, GuestFailed> {
    return Effect.suspend(() => {
      this.#hasFailed = true
      return Effect.fail(failed(this.name, this.now, cause))
    })
  }

  /** The program has ended: what is under way to it never arrives. */
  #end({ direct }: GuestClock): void {
    this.#endedAt = direct.now
    this.#enter({ _tag: "Ended", time: this.#endedAt, stamp: ++this.#stamp, guest: this.name })
    for (const { event } of direct.pending()) {
      if (event instanceof InFlight) this.#loseArriving(event.packet, "ended", this.#endedAt)
    }
  }

  /** Whether anybody wants to know what happens. */
  get #isNoted(): boolean {
    return this.#setup.journal || this.#clock?.trace !== undefined
  }

  #enter(entry: Journal.Entry): void {
    if (this.#final !== undefined) return
    if (this.#setup.journal) this.#journal.push(entry)
    this.#clock?.trace?.note(entry.time, { _tag: "Mark", name: Journal.title(entry) })
  }

  // ---------------------------------------------------------------------- sending

  #send(
    end: LinkEnd,
    message: unknown,
    to: string | undefined,
    frozen: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>,
  ): Effect.Effect<void, ClockError | OptionError> {
    const send = (): Rest<ClockError | OptionError> => {
      // Another fiber keeps the guest busy, and waits for the calendar: the guest isn't the one that runs.
      if (this.#clock?.direct.isStopped() === true) {
        return andThen(this.#interrupts!.occupy(true, () => undefined), send)
      }
      const { link } = end
      if (to !== undefined && (to === this.name || !Link.endsOf(link).has(to))) {
        const allowed = `at the other ends of ${JSON.stringify(link.name)} are ${end.peers.join(", ")}`
        return Effect.fail(new OptionError("to", to, allowed))
      }
      let wire: Wire
      try {
        wire = end.codec.wire(message)
      } catch (error) {
        return Effect.fail(this.#badMessage(end, message, error))
      }
      const now = this.now
      const { bandwidth } = link.options
      const bytes = bandwidth === undefined ? 0 : end.size(message, wire)
      if (typeof bytes !== "number") return Effect.fail(bytes)
      const packets = (to === undefined ? end.peers : [to]).flatMap((peer) =>
        this.#transmit(end, wire, peer, now, bytes)
      )
      if (packets.length === 0) return undefined
      const lose = (left: ReadonlyArray<Packet>) => {
        for (const { to } of left) this.#lose(end, to, wire, "left", now)
      }
      const { left, rest, first } = handOverNow(packets, this.#clock!, this.#setup.transport)
      lose(left)
      return after(
        first,
        () =>
          rest.length === 0 ? undefined : Effect.map(frozen(handOver(rest, this.#clock!, this.#setup.transport)), lose),
      )
    }
    return atOnce(send)
  }

  #badMessage({ link }: LinkEnd, message: unknown, error: unknown, what = "a message"): BadValue {
    const named = `${what} on the link ${JSON.stringify(link.name)}`
    return new BadValue(this.name, link.name, named, message, whyNot(error))
  }

  #transmit(end: LinkEnd, wire: Wire, peer: string, now: bigint, bytes: number): ReadonlyArray<Packet> {
    const { link, codec } = end
    const channel = end.channel(peer)
    const { copies, lost } = channel.send(now, bytes, end.pluggedIn)
    const stamp = ++this.#stamp
    end.count("sent", this.#statistics)
    if (this.#isNoted) {
      this.#enter({
        _tag: "Sent",
        time: now,
        stamp,
        guest: this.name,
        link: link.name,
        peer,
        message: this.#setup.journal ? codec.json(wire) : undefined,
        delays: copies.map(({ delay }) => delay),
      })
    }
    if (lost !== undefined) this.#lose(end, peer, wire, lost, now)
    const { corrupt } = link.options
    // By the message's place among those to this peer, so that what other options do changes nothing of it.
    const place = channel.sent
    return copies.map(({ delay, corrupted, isDuplicate }) => ({
      link: link.name,
      from: this.name,
      to: peer,
      ...this.#carried(
        end,
        corrupted && corrupt !== undefined
          ? this.#corrupted(end, wire, `${peer} ${place}${isDuplicate ? " duplicate" : ""}`)
          : wire,
      ),
      sentAt: now,
      delay,
      stamp,
      corrupted: corrupted && corrupt === undefined,
    }))
  }

  /** A message of the receiver's own. */
  #open(end: LinkEnd, wire: Wire, what?: string): unknown {
    try {
      return end.codec.open(wire)
    } catch (error) {
      throw this.#badMessage(end, end.codec.json(wire), error, what)
    }
  }

  #carried(end: LinkEnd, wire: Wire): Pick<Packet, "message" | "wire"> {
    return { message: this.#open(end, wire), wire }
  }

  /** What a message is corrupted to: a message as well. That it is none isn't the sender's mistake, but the link's. */
  #corrupted(end: LinkEnd, wire: Wire, which: string): Wire {
    const { link, codec } = end
    const what = "what a message is corrupted to"
    const chance = this.#setup.random.fork(`corrupt ${link.name} ${this.name} → ${which}`)
    let made: unknown
    try {
      made = link.options.corrupt!(this.#open(end, wire), chance)
      const corrupted = codec.wire(made)
      this.#open(end, corrupted, what)
      return corrupted
    } catch (error) {
      throw error instanceof BadValue ? error : this.#badMessage(end, made, error, what)
    }
  }

  #lose(end: LinkEnd, peer: string, wire: Wire, why: string, time: bigint): void {
    end.count("lost", this.#statistics)
    this.#enter({
      _tag: "Lost",
      time,
      stamp: ++this.#stamp,
      guest: this.name,
      link: end.link.name,
      peer,
      message: this.#setup.journal ? end.codec.json(wire) : undefined,
      why,
    })
  }

  // -------------------------------------------------------------------- receiving

  /** A packet's arrival is an interrupt, which is for later. */
  receive(packet: Packet): Effect.Effect<void> {
    return Effect.suspend(() => {
      const clock = this.#clock
      if (clock === undefined) return Effect.void
      if (this.#endedAt !== undefined) {
        this.#loseArriving(packet, "ended", this.#endedAt)
        return Effect.void
      }
      const arrival = new InFlight(packet, this.#arrive)
      const added = clock.mode === "external"
        ? clock.irqEvent(arrival, packet.delay)
        : Effect.flatMap(clock.now, (now) => clock.addEvent(arrival, now + packet.delay))
      // A guest whose clock is dead hears nothing.
      return Effect.ignore(added)
    })
  }

  /** The same at once, where the guest waits for its calendar, which is in this process; whether it does. */
  receiveNow(packet: Packet): boolean {
    const direct = this.#clock?.direct
    if (direct === undefined || this.#endedAt !== undefined || !direct.isInterruptible()) return false
    const rest = direct.irqEvent(new InFlight(packet, this.#arrive), packet.delay)
    // A guest whose clock dies of it hears nothing, and lets go of its calendar.
    if (rest !== undefined) Effect.runFork(Effect.ignore(toEffect(rest)))
    return true
  }

  #loseArriving({ link, from, wire, stamp }: Packet, why: string, time: bigint): void {
    const end = this.#ends.get(link)
    if (end === undefined) return
    this.#stamp = Math.max(this.#stamp, stamp)
    this.#lose(end, from, wire, why, time)
  }

  readonly #arrive = (packet: Packet, handling: Handling): Effect.Effect<void, ClockError> | void => {
    const end = this.#ends.get(packet.link)
    if (end === undefined) return
    const { from, sentAt, message } = packet
    const why = packet.corrupted ? "corrupted" : end.pluggedIn ? undefined : "unplugged"
    if (why !== undefined) return this.#loseArriving(packet, why, handling.now)
    this.#stamp = Math.max(this.#stamp, packet.stamp) + 1
    end.count("arrived", this.#statistics)
    if (this.#isNoted) {
      this.#enter({
        _tag: "Arrived",
        time: handling.now,
        stamp: this.#stamp,
        guest: this.name,
        link: packet.link,
        peer: from,
        message: this.#setup.journal ? end.codec.json(packet.wire) : undefined,
      })
    }
    const arrival: Arrival<unknown> = { message, from, sentAt, at: handling.now }
    if (end.handler !== undefined) return end.handler(arrival, handling) as Effect.Effect<void, ClockError> | void
    end.arrived.put(arrival)
  }

  // ------------------------------------------------------- what the program is given

  #self(frozen: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>): Self {
    return {
      name: this.name,
      now: () => this.now,
      random: this.#setup.random.fork(`program ${this.name}`),
      statistics: this.#statistics,
      note: (text, data = null) =>
        Effect.suspend(() => {
          const { now: time, name: guest } = this
          const noted = copied(guest, text, data)
          const note: Note = { _tag: "Noted", time, stamp: ++this.#stamp, guest, text, data: noted }
          this.#enter(note)
          return stopsAt(this.#setup.stopWhen, note) ? this.#stopWorld(text, frozen) : Effect.void
        }),
      stop: (reason) => {
        const bad = badName("the reason of a stop", reason)
        return bad === undefined ? this.#stopWorld(reason, frozen) : Effect.fail(bad)
      },
      processes: this.#processes,
      open: <M>(link: Link.Link<M>) =>
        Effect.suspend(() => {
          const end = this.#ends.get(link.name)
          if (end !== undefined) return Effect.succeed(this.#port<M>(end, frozen))
          const links = [...this.#ends.keys()].join(", ")
          const allowed = links === "" ? `${this.name} is at the end of none` : `the links of ${this.name} are ${links}`
          return Effect.fail(new OptionError("link", link.name, allowed))
        }),
    }
  }

  /** Ends the world, while the guest has the turn. */
  #stopWorld(reason: string, frozen: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>): Effect.Effect<never> {
    const clock = this.#clock!
    const stop = Effect.suspend((): Effect.Effect<never> => {
      // Another fiber keeps the guest busy, and waits for the calendar.
      if (clock.direct.isStopped()) {
        return Effect.andThen(Effect.orDie(this.#interrupts!.occupy(true, () => undefined)), stop)
      }
      if (this.#final !== undefined) return Effect.never
      this.#enter({ _tag: "Stopped", time: this.now, stamp: ++this.#stamp, guest: this.name, reason })
      this.#endedAt = this.now
      this.#final = { ...this.outcome(this.now), stopped: reason }
      const told = clock.mode === "external" ? Effect.ignore(clock.propagateTime) : Effect.void
      return this.#stop.begin(this.#runner!, Effect.andThen(told, this.#setup.onStopped), frozen)
    })
    return stop
  }

  #port<M>(end: LinkEnd, frozen: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>): Port<M> {
    const arrived = end.arrived as Mailbox<Arrival<M>>
    return {
      link: end.link.name,
      peers: [...end.peers],
      send: (message, to) => this.#send(end, message, to, frozen),
      receive: arrived.take,
      arrivals: Stream.fromEffectRepeat(arrived.take),
      onArrival: (handler) =>
        Effect.sync(() => {
          end.handler = handler as OnArrival<unknown>
        }),
      unplug: Effect.sync(() => {
        end.pluggedIn = false
      }),
      plugIn: Effect.sync(() => {
        end.pluggedIn = true
      }),
    }
  }
}
