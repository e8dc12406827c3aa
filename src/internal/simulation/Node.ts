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
import { traits } from "../../core/Modes.ts"
import { type ClockError, event, GuestClock, type Handling } from "../../GuestClock.ts"
import { seededRandom } from "../platform/SeededRandom.ts"
import { isOwn } from "../platform/StackFrames.ts"
import { restartingAt } from "./WarmUpEvent.ts"
import { Carrier } from "./Carrier.ts"
import { isNetwork, type Tap } from "./Tap.ts"
import { badName } from "../services/Checks.ts"
import { Interrupts } from "../../services/Interrupts.ts"
import { atOnce } from "../services/AtOnce.ts"
import type { Runner } from "../virtual/Runner.ts"
import * as Stuck from "../virtual/Stuck.ts"
import * as VirtualTime from "../../VirtualTime.ts"
import * as Standalone from "./Standalone.ts"
import * as Children from "./Children.ts"
import { LinkEnd } from "./LinkEnd.ts"
import { copied, failed, type GuestFailed } from "./Failure.ts"
import type { Guest } from "../../simulation/Guest.ts"
import { handOver, handOverNow } from "./Sending.ts"
import type * as Journal from "../../simulation/Journal.ts"
import * as Link from "../../simulation/Link.ts"
import type { Mailbox } from "./Mailbox.ts"
import { inOneStep } from "./RealWait.ts"
import { Notes } from "./Notes.ts"
import type { Tell } from "./ProcessTrace.ts"
import { ProcessTable } from "./ProcessTable.ts"
import type { Random } from "../../simulation/Random.ts"
import { type Arrival, type Linked, type OnArrival, type Port, Self } from "./Self.ts"
import * as Statistics from "../../simulation/Statistics.ts"
import { type Note, Stop, stopsAt } from "./Stop.ts"
import type { Packet, Transport } from "./Transport.ts"
import { InFlight } from "./InFlight.ts"
import type { Wire } from "./LinkCodec.ts"

export { GuestFailed } from "./Failure.ts"

/**
 * The outcome of a guest: its statistics, its journal, and when it ended.
 *
 * @since 0.1.0
 * @category models
 */
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
export interface Setup extends Statistics.Settings {
  readonly guest: Guest
  readonly links: ReadonlyArray<Link.Any>
  /** The world's chance: a guest and its links have streams of it by their names. */
  readonly random: Random
  readonly transport: Transport
  /** Whether it keeps a journal. */
  readonly journal: boolean
  /** Called for each frame. */
  readonly tap?: Tap | undefined
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
  readonly #carrier: Carrier
  readonly #notes: Notes
  #clock: GuestClock | undefined
  /** What is handed over is, in the order in which it was sent, also by fibers of handlers. */
  readonly #oneByOne = Semaphore.makeUnsafe(1).withPermit
  #interrupts: Interrupts | undefined
  #runner: Runner | undefined
  #endedAt: bigint | undefined
  #hasFailed = false
  readonly #stop = new Stop()
  /** What it was when its world was over for it, though finalizers may run. */
  #final: Outcome | undefined
  readonly #processes: ProcessTable

  constructor(setup: Setup) {
    this.name = setup.guest.name
    this.#setup = setup
    this.#carrier = new Carrier(this.name, setup.random)
    this.#notes = new Notes(this.name, setup.journal)
    this.#statistics = new Statistics.Statistics(() => this.now, setup)
    this.#processes = new ProcessTable(this.name, this.#statistics)
    const mine = setup.links.filter((link) => Link.endsOf(link).has(this.name))
    for (const link of mine) this.#ends.set(link.name, new LinkEnd(this.name, link, setup.random))
  }

  /** Its time, in ns: that of its end, once it has ended. */
  get now(): bigint {
    return this.#endedAt ?? this.#clock?.sync.now ?? 0n
  }

  /** Whether its program has ended by itself. */
  get hasEnded(): boolean {
    return this.#endedAt !== undefined
  }

  /** Whether its program has failed, or a fault has ended its clock: it is about to fail by that. */
  get isFailing(): boolean {
    return this.#hasFailed || this.#clock?.sync.isDead() === true
  }

  /** What is left of it, as of `time` ns, which it may have been waiting for. */
  outcome(time: bigint): Outcome {
    if (this.#final !== undefined) return this.#final
    const at = this.#endedAt ?? time
    return { guest: this.name, time: at, statistics: this.#statistics.snapshot(at), journal: this.#notes.journal }
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
      if (this.#notes.tell !== undefined) this.#runner.onSleep = this.#processes.trace.sleeps
      this.#runner.supervisor.onStuck = (stuck) => {
        if (!Standalone.isUp(stuck, this.#setup.alone) || this.#final !== undefined) return
        this.#final = this.outcome(this.#setup.alone!.until!)
        this.#notes.close()
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
      this.#beTraced(clock)
      if (traits[clock.mode].hasCalendar) {
        // Everybody is let in before anybody's program begins.
        yield* clock.addEvent(event("start", Effect.void), yield* clock.now)
        yield* clock.sleep
      }
      yield* restartingAt(this.#setup.warmUp, this.#statistics, clock)
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
  #end({ sync }: GuestClock): void {
    this.#endedAt = sync.now
    this.#notes.ended(this.#endedAt)
    for (const { event } of sync.pending()) {
      if (event instanceof InFlight) this.#loseArriving(event.packet, "ended", this.#endedAt)
    }
  }

  /** Has its trace told what its program does, if it is traced. */
  #beTraced({ trace, nowUnsafe }: GuestClock): void {
    if (trace === undefined) return
    const tell: Tell = (note) => trace.note(nowUnsafe(), note)
    this.#notes.tell = this.#statistics.tell = this.#processes.trace.tell = tell
    for (const { link, arrived } of this.#ends.values()) {
      arrived.onWait = (fiber) => this.#processes.trace.fiberWaits(fiber, `receive on ${link.name}`)
    }
  }

  // ---------------------------------------------------------------------- sending

  #send(
    end: LinkEnd,
    message: unknown,
    to: string | undefined,
    frozen: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>,
  ): Effect.Effect<void, ClockError | OptionError> {
    const send = (): Effect.Effect<void, ClockError | OptionError> | undefined => {
      // Another fiber keeps the guest busy, and waits for the calendar: the guest isn't the one that runs.
      if (this.#clock?.sync.isStopped() === true) {
        return Effect.andThen(this.#interrupts!.occupy(true, () => undefined), atOnce(send))
      }
      const { link } = end
      if (to !== undefined && (to === this.name || !Link.endsOf(link).has(to))) {
        const allowed = `at the other ends of ${JSON.stringify(link.name)} are ${end.peers.join(", ")}`
        return Effect.fail(new OptionError("to", to, allowed))
      }
      let wire: Wire, bytes: number
      try {
        wire = end.codec.wire(message)
        bytes = link.options.bandwidth === undefined ? 0 : end.size(message, wire)
      } catch (error) {
        return Effect.fail(error instanceof OptionError ? error : this.#carrier.bad(end, message, error))
      }
      const now = this.now
      const packets = (to === undefined ? end.peers : [to]).flatMap((peer) =>
        this.#transmit(end, wire, peer, now, bytes)
      )
      if (packets.length === 0) return undefined
      const lose = (left: ReadonlyArray<Packet>) => {
        for (const packet of left) this.#lose(end, packet, "left", now)
      }
      const { left, rest, first } = handOverNow(packets, this.#clock!, this.#setup.transport)
      lose(left)
      const handRest = () => Effect.map(frozen(handOver(rest, this.#clock!, this.#setup.transport)), lose)
      const last = rest.length === 0 ? undefined : Effect.suspend(handRest)
      return first === undefined ? last : Effect.andThen(first, last ?? Effect.void)
    }
    return atOnce(send)
  }

  #transmit(end: LinkEnd, wire: Wire, peer: string, now: bigint, bytes: number): ReadonlyArray<Packet> {
    const { link } = end
    const channel = end.channel(peer)
    const outcome = channel.send(now, bytes, end.pluggedIn)
    end.count("sent", this.#statistics)
    if (outcome.lost !== undefined) end.count("lost", this.#statistics)
    const stamp = this.#notes.sent(end, peer, wire, now, outcome)
    this.#tap(end, peer, wire, now, "out", outcome.lost, outcome.copies.length)
    const { corrupt } = link.options
    // By the message's place among those to this peer, so that what other options do changes nothing of it.
    const place = channel.sent
    return outcome.copies.map(({ delay, corrupted, isDuplicate }, copy) => ({
      link: link.name,
      from: this.name,
      to: peer,
      ...this.#carrier.carried(
        end,
        corrupted && corrupt !== undefined
          ? this.#carrier.corrupted(end, wire, `${peer} ${place}${isDuplicate ? " duplicate" : ""}`)
          : wire,
      ),
      sentAt: now,
      delay,
      stamp,
      copy,
      corrupted: corrupted && corrupt === undefined,
      isChanged: corrupted && corrupt !== undefined,
    }))
  }

  #lose(end: LinkEnd, packet: Packet, why: string, time: bigint): void {
    end.count("lost", this.#statistics)
    this.#notes.lostOnItsWay(end, packet, why, time)
  }

  #tap(
    { link }: LinkEnd,
    peer: string,
    wire: Wire,
    time: bigint,
    direction: "in" | "out",
    lost?: string,
    copies = 1,
  ): void {
    if (this.#setup.tap === undefined || this.#final !== undefined || !isNetwork(link)) return
    const frame = wire as Uint8Array
    this.#setup.tap({ guest: this.name, link: link.name, peer, direction, time, frame, lost, copies })
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
      const added = traits[clock.mode].hasCalendar
        ? clock.irqEvent(arrival, packet.delay)
        : Effect.flatMap(clock.now, (now) => clock.addEvent(arrival, now + packet.delay))
      // A guest whose clock is dead hears nothing.
      return Effect.ignore(added)
    })
  }

  /** The same at once, where the guest waits for its calendar, which is in this process; whether it does. */
  receiveNow(packet: Packet): boolean {
    const sync = this.#clock?.sync
    if (sync === undefined || this.#endedAt !== undefined || !sync.isInterruptible()) return false
    const rest = sync.irqEvent(new InFlight(packet, this.#arrive), packet.delay)
    // A guest whose clock dies of it hears nothing, and lets go of its calendar.
    if (rest !== undefined) Effect.runFork(Effect.ignore(rest))
    return true
  }

  #loseArriving(packet: Packet, why: string, time: bigint): void {
    const end = this.#ends.get(packet.link)
    if (end !== undefined) this.#lose(end, packet, why, time)
  }

  readonly #arrive = (packet: Packet, handling: Handling): Effect.Effect<void, ClockError> | void => {
    const end = this.#ends.get(packet.link)
    if (end === undefined) return
    const { from, sentAt, message } = packet
    const why = packet.corrupted ? "corrupted" : end.pluggedIn ? undefined : "unplugged"
    this.#tap(end, from, packet.wire, handling.now, "in", why)
    if (why !== undefined) return this.#loseArriving(packet, why, handling.now)
    end.count("arrived", this.#statistics)
    this.#notes.arrived(end, packet, handling.now)
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
          const note = this.#notes.noted(text, copied(this.name, text, data), this.now)
          return stopsAt(this.#setup.stopWhen, note) ? this.#stopWorld(text, frozen) : Effect.void
        }),
      stop: (reason) => {
        const bad = badName("the reason of a stop", reason)
        return bad === undefined ? this.#stopWorld(reason, frozen) : Effect.fail(bad)
      },
      processes: this.#processes,
      open: <M>(link: Linked<M>) =>
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
      if (clock.sync.isStopped()) {
        return Effect.andThen(Effect.orDie(this.#interrupts!.occupy(true, () => undefined)), stop)
      }
      if (this.#final !== undefined) return Effect.never
      this.#notes.stopped(reason, this.now)
      this.#endedAt = this.now
      this.#final = { ...this.outcome(this.now), stopped: reason }
      this.#notes.close()
      const told = traits[clock.mode].hasCalendar ? Effect.ignore(clock.propagateTime) : Effect.void
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
