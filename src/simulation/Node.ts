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
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { OptionError } from "../core/Fault.ts"
import { type ClockError, event, GuestClock, type Handling } from "../GuestClock.ts"
import { seededRandom } from "../platform/Chance.ts"
import { isOwn } from "../platform/Frames.ts"
import { Interrupts } from "../services/Interrupts.ts"
import type { Runner } from "../virtual/Runner.ts"
import * as Stuck from "../virtual/Stuck.ts"
import type { Supervisor } from "../virtual/Supervisor.ts"
import * as VirtualTime from "../VirtualTime.ts"
import { Channel } from "./Channel.ts"
import type { Guest } from "./Guest.ts"
import * as Journal from "./Journal.ts"
import * as Link from "./Link.ts"
import { Mailbox } from "./Mailbox.ts"
import type { Random } from "./Random.ts"
import { type Arrival, type OnArrival, type Port, Self } from "./Self.ts"
import * as Statistics from "./Statistics.ts"
import type { Packet, Transport } from "./Transport.ts"

/** A guest's program failed. */
export class GuestFailed extends Error {
  readonly _tag: "GuestFailed"
  override readonly name: "GuestFailed"
  readonly guest: string
  /** The guest's time then, in ns. */
  readonly time: bigint
  /** What it failed with, for people. */
  readonly why: string
  constructor(guest: string, time: bigint, why: string, options?: ErrorOptions) {
    super(`the guest ${JSON.stringify(guest)} failed at ${time} ns: ${why}`, options)
    this._tag = "GuestFailed"
    this.name = "GuestFailed"
    this.guest = guest
    this.time = time
    this.why = why
  }
}

/** What is left of a guest when it is over. */
export interface Outcome {
  readonly guest: string
  /** Its time then, in ns. */
  readonly time: bigint
  readonly statistics: Statistics.Snapshot
  readonly journal: Journal.Journal
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
}

/** A guest's end of a link, while it runs. */
interface End {
  readonly link: Link.Any
  readonly arrived: Mailbox<Arrival<unknown>>
  /** Who is at the others. */
  readonly peers: ReadonlySet<string>
  /** The way to a peer: made when it is used first, as a link may have a thousand ends. */
  readonly channel: (peer: string) => Channel
  readonly encode: (message: unknown) => unknown
  readonly size: (message: unknown) => number
  handler: OnArrival<unknown> | undefined
  pluggedIn: boolean
}

const utf8 = new TextEncoder()

/** A link's messages to JSON, and back. */
export const codec = (
  link: Link.Any,
): { readonly encode: (message: unknown) => unknown; readonly decode: (json: unknown) => unknown } => {
  const schema: Schema.Codec<unknown, unknown> = Schema.toCodecJson(link.options.message)
  return { encode: Schema.encodeSync(schema), decode: Schema.decodeSync(schema) }
}

/** A guest while it runs. */
export class Node {
  readonly name: string
  readonly #setup: Setup
  readonly #statistics: Statistics.Statistics
  readonly #ends = new Map<string, End>()
  readonly #journal: Array<Journal.Entry> = []
  #clock: GuestClock | undefined
  #interrupts: Interrupts | undefined
  #supervisor: Supervisor | undefined
  #stamp = 0
  #endedAt: bigint | undefined

  constructor(setup: Setup) {
    this.name = setup.guest.name
    this.#setup = setup
    this.#statistics = new Statistics.Statistics(() => this.now)
    for (const link of setup.links) {
      const { ends, size } = link.options
      if (!ends.includes(this.name)) continue
      const { encode } = codec(link)
      const [settings, chance] = [Link.settingsOf(link), setup.random.fork(`link ${link.name}`)]
      const channels = new Map<string, Channel>()
      this.#ends.set(link.name, {
        link,
        arrived: new Mailbox(),
        peers: new Set(ends.filter((end) => end !== this.name)),
        channel: (peer) => {
          const made = channels.get(peer)
          if (made !== undefined) return made
          const channel = new Channel(settings, chance.fork(`${this.name} → ${peer}`))
          channels.set(peer, channel)
          return channel
        },
        encode,
        size: size ?? ((message) => utf8.encode(JSON.stringify(encode(message))).length),
        handler: undefined,
        pluggedIn: true,
      })
    }
  }

  /** Its time, in ns: that of its end, once it has ended. */
  get now(): bigint {
    return this.#endedAt ?? this.#clock?.direct.now ?? 0n
  }

  /** What is left of it, as of `time` ns, which it may have been waiting for. */
  outcome(time: bigint): Outcome {
    const at = this.#endedAt ?? time
    return { guest: this.name, time: at, statistics: this.#statistics.snapshot(at), journal: this.#journal }
  }

  /**
   * Its program's fibers, for people: where each is, and what it waits for; nothing if it has ended. To be asked only if
   * it can't go on, as that may end generators (see `platform/Frames`).
   */
  fibers(): ReadonlyArray<string> | undefined {
    if (this.#endedAt !== undefined) return undefined
    // The program is run by lines of this file: those say nothing of it.
    const fibers = this.#supervisor?.fibers() ?? []
    return fibers.map((fiber) => Stuck.format({ ...fiber, lines: fiber.lines.filter((line) => !isOwn(line)) }))
  }

  /** Has reports of its program say what fibers wait for. */
  readonly #beAsked = Effect.withFiber((fiber) =>
    Effect.sync(() => {
      this.#supervisor = (fiber.cache.scheduler as Runner).supervisor
      this.#supervisor.waitsFor = (fiber) => {
        for (const { link, arrived } of this.#ends.values()) {
          if (arrived.isAwaitedBy(fiber)) return `receive on ${link.name}`
        }
        return undefined
      }
    })
  )

  /** Runs the guest's program on the clock around it, until it ends. */
  run(): Effect.Effect<void, GuestFailed | ClockError, GuestClock | Interrupts> {
    const { program, options } = this.#setup.guest
    return Effect.gen({ self: this }, function* () {
      const clock = this.#clock = yield* GuestClock
      this.#interrupts = yield* Interrupts
      const host = yield* Effect.context<never>()
      if (clock.mode === "external") {
        // Everybody is let in before anybody's program begins.
        yield* clock.addEvent(event("start", Effect.void), yield* clock.now)
        yield* clock.sleep
      }
      const running = Effect.gen({ self: this }, function* () {
        const time = yield* VirtualTime.VirtualTime
        yield* this.#beAsked
        const self = this.#self((effect) => this.#frozen(effect, time, host))
        const inWorld = Effect.provideService(Effect.scoped(program), Self, self) as Effect.Effect<
          unknown,
          unknown,
          GuestClock | Interrupts | VirtualTime.VirtualTime
        >
        return yield* Effect.exit(seededRandom(this.#setup.random.fork(`guest ${this.name}`), inWorld))
      })
      const exit = yield* Effect.catch(
        VirtualTime.run(running, options),
        (stuck) => Effect.fail(this.#failed(Cause.fail(stuck))),
      )
      if (Exit.isFailure(exit)) return yield* Effect.fail(this.#failed(exit.cause))
      this.#endedAt = clock.direct.now
      this.#enter({ _tag: "Ended", time: this.#endedAt, stamp: ++this.#stamp, guest: this.name })
      yield* clock.propagateTime
      yield* this.#setup.onEnded
    })
  }

  #failed(cause: Cause.Cause<unknown>): GuestFailed {
    const squashed = Cause.squash(cause)
    const why = squashed instanceof Error ? squashed.message || squashed.name : String(squashed)
    return new GuestFailed(this.name, this.now, why, { cause: squashed })
  }

  /** A program may have something else of that name: then that is all there is. */
  #count(name: string): void {
    const counter = this.#statistics.counter(name)
    if (counter instanceof Statistics.Counter) counter.add()
  }

  #enter(entry: Journal.Entry): void {
    if (this.#setup.journal) this.#journal.push(entry)
    this.#clock?.trace?.note(entry.time, { _tag: "Mark", name: Journal.title(entry) })
  }

  // ---------------------------------------------------------------------- sending

  /** Does something that time must not pass in, outside of the program's own time. */
  #frozen<A, E>(
    effect: Effect.Effect<A, E>,
    time: VirtualTime.VirtualTime,
    host: Context.Context<never>,
  ): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      // What the guest sleeps for waits for its handler anyway.
      if (this.#interrupts!.context().inInterrupt) return effect
      const fiber = Effect.runForkWith(host)(effect)
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return exit
      return Effect.acquireUseRelease(
        Effect.sync(() => time.freeze()),
        () => Effect.uninterruptible(Fiber.join(fiber)),
        (release) => Effect.sync(release),
      )
    })
  }

  /** Tell the time before you knock, and don't go on before you were heard (SPEC 9.5). */
  #handOver(packets: ReadonlyArray<Packet>): Effect.Effect<ReadonlyArray<Packet>, ClockError> {
    const { transport } = this.#setup
    const clock = this.#clock!
    if (clock.mode !== "external") return transport.deliver(packets)
    return Effect.gen(function* () {
      yield* clock.propagateTime
      const heard = yield* Deferred.make<ReadonlyArray<Packet>>()
      yield* Effect.forkDetach(Effect.flatMap(transport.deliver(packets), (left) => Deferred.succeed(heard, left)), {
        startImmediately: true,
      })
      yield* clock.waitReadable(Effect.asVoid(Deferred.await(heard)))
      // The calendar may have told the guest since that it can't run as far by itself any more, as a receiver
      // wants to run before that. It says so before it answers this.
      yield* clock.propagateTime
      return yield* Deferred.await(heard)
    })
  }

  #send(
    end: End,
    message: unknown,
    to: string | undefined,
    frozen: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>,
  ): Effect.Effect<void, ClockError | OptionError> {
    return Effect.suspend((): Effect.Effect<void, ClockError | OptionError> => {
      const { link, peers } = end
      if (to !== undefined && !peers.has(to)) {
        const allowed = `at the other ends of ${JSON.stringify(link.name)} are ${[...peers].join(", ")}`
        return Effect.fail(new OptionError("to", to, allowed))
      }
      const now = this.now
      const { bandwidth } = link.options
      const bytes = bandwidth === undefined ? 0 : end.size(message)
      const packets = (to === undefined ? [...peers] : [to]).flatMap((peer) =>
        this.#transmit(end, message, peer, now, bytes)
      )
      if (packets.length === 0) return Effect.void
      return Effect.map(frozen(this.#handOver(packets)), (left) => {
        for (const { to } of left) this.#lose(end, to, message, "left", now)
      })
    })
  }

  #transmit(end: End, message: unknown, peer: string, now: bigint, bytes: number): ReadonlyArray<Packet> {
    const { link } = end
    const { copies, lost } = end.pluggedIn
      ? end.channel(peer).send(now, bytes)
      : { copies: [], lost: "unplugged" as const }
    const stamp = ++this.#stamp
    this.#count(`${link.name} sent`)
    this.#enter({
      _tag: "Sent",
      time: now,
      stamp,
      guest: this.name,
      link: link.name,
      peer,
      message: this.#setup.journal ? end.encode(message) : undefined,
      delays: copies.map(({ delay }) => delay),
    })
    if (lost !== undefined) this.#lose(end, peer, message, lost, now)
    const { corrupt } = link.options
    const chance = () => this.#setup.random.fork(`corrupt ${link.name} ${this.name} ${stamp}`)
    return copies.map(({ delay, corrupted }) => ({
      link: link.name,
      from: this.name,
      to: peer,
      message: corrupted && corrupt !== undefined ? corrupt(message, chance()) : message,
      sentAt: now,
      delay,
      stamp,
      corrupted: corrupted && corrupt === undefined,
    }))
  }

  #lose(end: End, peer: string, message: unknown, why: string, time: bigint): void {
    this.#count(`${end.link.name} lost`)
    this.#enter({
      _tag: "Lost",
      time,
      stamp: ++this.#stamp,
      guest: this.name,
      link: end.link.name,
      peer,
      message: this.#setup.journal ? end.encode(message) : undefined,
      why,
    })
  }

  // -------------------------------------------------------------------- receiving

  /** A packet's arrival is an interrupt, which is for later. */
  receive(packet: Packet): Effect.Effect<void> {
    return Effect.suspend(() => {
      const clock = this.#clock
      if (clock === undefined || this.#endedAt !== undefined) return Effect.void
      const arrival = event(`${packet.link} from ${packet.from}`, (handling) => this.#arrive(packet, handling))
      const added = clock.mode === "external"
        ? clock.irqEvent(arrival, packet.delay)
        : Effect.flatMap(clock.now, (now) => clock.addEvent(arrival, now + packet.delay))
      // A guest whose clock is dead hears nothing.
      return Effect.ignore(added)
    })
  }

  #arrive(packet: Packet, handling: Handling): Effect.Effect<void, ClockError> | void {
    const end = this.#ends.get(packet.link)
    if (end === undefined) return
    this.#stamp = Math.max(this.#stamp, packet.stamp) + 1
    const { from, sentAt, message } = packet
    const why = packet.corrupted ? "corrupted" : end.pluggedIn ? undefined : "unplugged"
    if (why !== undefined) return this.#lose(end, from, message, why, handling.now)
    this.#count(`${packet.link} arrived`)
    this.#enter({
      _tag: "Arrived",
      time: handling.now,
      stamp: this.#stamp,
      guest: this.name,
      link: packet.link,
      peer: from,
      message: this.#setup.journal ? end.encode(message) : undefined,
    })
    const arrival: Arrival<unknown> = { message, from, sentAt, at: handling.now }
    if (end.handler !== undefined) return end.handler(arrival, handling)
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
        Effect.sync(() =>
          this.#enter({ _tag: "Noted", time: this.now, stamp: ++this.#stamp, guest: this.name, text, data })
        ),
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

  #port<M>(end: End, frozen: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>): Port<M> {
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
