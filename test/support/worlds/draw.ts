/**
 * Draws plans of worlds from a seed. Each kind of thing that may be there is left out of every second world, so that
 * one of them that goes wrong doesn't hide the others (Groce et al., "Swarm testing", 2012).
 *
 * @module
 */
import * as Schema from "effect/Schema"
import { Distribution, Random } from "../../../src/simulation.ts"
import type { Body, GuestPlan, Interval, Kind, Latency, LinkPlan, Quirk, Send, Step, WorldPlan } from "./plan.ts"
import * as Values from "./values.ts"

/** What a world may have, or not. */
export const features = [
  "buses",
  "distributions",
  "bandwidth",
  "loss",
  "duplication",
  "reordering",
  "outages",
  "impairments",
  "corrupt",
  "nonsense",
  "lossy",
  "quirks",
  "broken",
  "concurrent",
  "cut short",
  "races",
  "forks",
  "handlers",
  "busy handlers",
  "busy beside others",
  "throwing",
  "timers",
  "plugs",
  "streams",
  "rich notes",
  "hopeless notes",
  "failing",
  "ends",
  "daemons",
  "costly reads",
  "orders",
  "ties",
] as const

/** One of {@link features}. */
export type Feature = typeof features[number]

/** Those that end most worlds early: rarer than the others. */
const RARE: ReadonlySet<Feature> = new Set([
  "nonsense",
  "busy handlers",
  "broken",
  "throwing",
  "hopeless notes",
  "failing",
])

/** About how long a world is, in ns. */
const HORIZON = 3_000_000

const NAMES = ["ann", "bob", "cid", "dee", "eve"]

/** All that is drawn for one world. */
class Draw {
  readonly #random: Random.Random
  readonly #has: ReadonlySet<Feature>
  readonly #guests: ReadonlyArray<string>
  #links: ReadonlyArray<LinkPlan> = []
  #sent = 0

  constructor(seed: number, guests: number | undefined, without: ReadonlySet<string>) {
    const random = Random.makeUnsafe(seed)
    this.#random = random
    this.#has = new Set(
      features.filter((feature) =>
        random.fork(feature).chance(RARE.has(feature) ? 0.15 : 0.5) && !without.has(feature)
      ),
    )
    this.#guests = NAMES.slice(0, guests ?? [1, 2, 2, 2, 3, 3, 4, 5][this.#below(8)]!)
  }

  #below(n: number): number {
    return Number(this.#random.below(BigInt(n)))
  }

  #chance(probability: number): boolean {
    return this.#random.chance(probability)
  }

  #pick<A>(from: ReadonlyArray<A>): A {
    return this.#random.pick(from)!
  }

  /** Something if the world has it, and by chance. */
  #perhaps<A>(feature: Feature, probability: number, make: () => A): A | undefined {
    return this.#has.has(feature) && this.#chance(probability) ? make() : undefined
  }

  /** Fields without those that aren't there. */
  #fields<A extends object>(given: A): { [key in keyof A]: Exclude<A[key], undefined> } {
    return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never
  }

  // ----------------------------------------------------------------------------------------------- times and links

  /** A time: round where several things are to happen at once. */
  #ns(most: number): number {
    const ns = this.#below(most)
    return this.#has.has("ties") ? Math.round(ns / 100_000) * 100_000 : ns
  }

  #latency(): number | Latency {
    const encoded = (distribution: Distribution.Distribution) =>
      Schema.encodeUnknownSync(Distribution.Distribution)(distribution) as Latency
    const mean = BigInt(1 + this.#below(400_000))
    return this.#perhaps("distributions", 0.7, () =>
      encoded(
        this.#pick([
          () => Distribution.uniform(mean, mean * 3n),
          () => Distribution.exponential(mean),
          () => Distribution.erlang(mean, 3),
          () => Distribution.gamma(mean, 0.7),
          () => Distribution.normal(mean, mean / 3n),
          () => Distribution.logNormal(mean, 1),
          () => Distribution.pareto(mean, 1.5),
          () => Distribution.triangular(mean, mean * 2n, mean * 4n),
          () => Distribution.mixture([[1, mean], [2, Distribution.exponential(mean)]]),
          () => Distribution.empirical([[3, mean], [1, mean * 10n], [1, 0n]]),
        ])(),
      )) ?? (this.#chance(0.2) ? 0 : this.#ns(400_000))
  }

  #intervals(): ReadonlyArray<Interval> {
    return Array.from({ length: 1 + this.#below(2) }, (): Interval => {
      const from = this.#ns(HORIZON)
      return [from, from + 1 + this.#ns(HORIZON / 4)]
    })
  }

  #impairments(): NonNullable<LinkPlan["impairments"]> {
    const share = () => this.#chance(0.5) ? this.#random.number() * 0.4 : undefined
    return this.#fields({
      drop: share(),
      corrupt: share(),
      duplicate: share(),
      delay: share(),
      by: this.#chance(0.5) ? this.#latency() : undefined,
      during: this.#chance(0.3) ? this.#intervals() : undefined,
      outages: this.#chance(0.3) ? this.#intervals() : undefined,
    })
  }

  #link(name: string, ends: ReadonlyArray<string>): LinkPlan {
    const share = () => this.#random.number() * 0.5
    const impairments = this.#perhaps("impairments", 0.7, () => this.#impairments())
    return this.#fields({
      name,
      ends,
      kind: this.#perhaps("lossy", 0.4, () => "lossy" as const) ??
        this.#pick<Kind>(["plain", "rich", "changed", "number"]),
      latency: this.#chance(0.9) ? this.#latency() : undefined,
      bandwidth: this.#perhaps("bandwidth", 0.7, () => 1_000_000 * (1 + this.#below(5000))),
      size: this.#perhaps("bandwidth", 0.5, () => this.#pick([0, 64, 1500, "by hops"] as const)),
      queue: this.#perhaps("bandwidth", 0.4, () => 1 + this.#below(4)),
      loss: this.#perhaps("loss", 0.7, share),
      duplication: this.#perhaps("duplication", 0.7, share),
      reordering: this.#perhaps("reordering", 0.7, share),
      outages: this.#perhaps("outages", 0.7, () => this.#intervals()),
      impairments,
      corrupt: impairments?.corrupt === undefined
        ? undefined
        : this.#perhaps("nonsense", 0.7, () => this.#pick(["nonsense", "throws"] as const)) ??
          this.#perhaps("corrupt", 0.7, () => "other" as const),
    }) as LinkPlan
  }

  #drawLinks(): ReadonlyArray<LinkPlan> {
    const guests = this.#guests
    if (guests.length < 2) return []
    const count = 1 + this.#below(guests.length > 2 ? 3 : 2)
    return Array.from({ length: count }, (_, index) => {
      const some = this.#random.shuffle(guests)
      const isBus = guests.length > 2 && this.#has.has("buses") && this.#chance(0.6)
      return this.#link(`link${index}`, some.slice(0, isBus ? 3 + this.#below(guests.length - 2) : 2))
    })
  }

  // ------------------------------------------------------------------------------------------------------ programs

  #body(): Body {
    const quirk = this.#perhaps("broken", 0.1, () => "broken" as const) ??
      this.#perhaps(
        "quirks",
        0.4,
        () => this.#pick<Quirk>(["changed later", "excess", "strange numbers", "strange texts"]),
      )
    return this.#fields({ n: ++this.#sent, hops: this.#below(4), quirk }) as Body
  }

  #send(guest: string): Send | undefined {
    const links = this.#links.filter(({ ends }) => ends.includes(guest))
    if (links.length === 0) return undefined
    const link = this.#pick(links)
    const to = this.#chance(0.5) ? this.#pick(link.ends.filter((end) => end !== guest)) : undefined
    return this.#fields({ link: link.name, to, body: this.#body() }) as Send
  }

  #steps(guest: string, depth: number, least = 0): ReadonlyArray<Step> {
    const length = least + this.#below(depth === 0 ? 6 : 4)
    return Array.from({ length }, () => this.#step(guest, depth))
  }

  #arms(guest: string, depth: number): ReadonlyArray<ReadonlyArray<Step>> {
    return Array.from({ length: 2 + this.#below(2) }, () => this.#steps(guest, depth + 1, 1))
  }

  #step(guest: string, depth: number): Step {
    for (;;) {
      const step = this.#try(guest, depth)
      if (step !== undefined) return step
    }
  }

  /** One step of any kind, or none if the world hasn't got that kind. */
  #try(guest: string, depth: number): Step | undefined {
    const links = this.#links.filter(({ ends }) => ends.includes(guest))
    const link = links.length === 0 ? undefined : this.#pick(links).name
    const nests = depth < 3
    switch (this.#below(26)) {
      case 0:
      case 1:
        return { do: "sleep", ns: this.#ns(500_000) }
      case 2:
        if (depth > 0 && !this.#has.has("busy beside others")) return undefined
        return { do: "busy", ns: this.#ns(300_000) }
      case 3:
        return this.#chance(0.3) ? { do: "yield" } : { do: "clocks" }
      case 4:
      case 5:
      case 6: {
        const send = this.#send(guest)
        return send && { do: "send", send }
      }
      case 7: {
        if (link === undefined || !this.#has.has("concurrent")) return undefined
        const sends = Array.from({ length: 2 + this.#below(5) }, () => this.#send(guest)!)
        return { do: "sends", sends, atOnce: this.#pick([1, 2, 10]) }
      }
      case 8:
        if (!nests || !this.#has.has("cut short")) return undefined
        return { do: "within", ns: this.#chance(0.4) ? 0 : this.#ns(200_000), steps: this.#steps(guest, depth + 1, 1) }
      case 9:
      case 10:
      case 11:
        if (link === undefined) return undefined
        return this.#chance(0.05)
          ? { do: "receive", link }
          : { do: "receive", link, within: this.#chance(0.1) ? 0 : this.#ns(800_000) }
      case 12:
        if (link === undefined || !this.#has.has("streams")) return undefined
        return { do: "stream", link, count: 1 + this.#below(3), within: this.#ns(800_000) }
      case 13:
        if (link === undefined || !this.#has.has("handlers")) return undefined
        return this.#fields({
          do: "handle" as const,
          link,
          answer: this.#chance(0.7),
          busy: this.#perhaps("busy handlers", 0.3, () => this.#ns(50_000)),
          fails: this.#perhaps("throwing", 0.3, () => this.#pick(Object.keys(Values.failures))),
        }) as Step
      case 14:
        if (!this.#has.has("timers")) return undefined
        return this.#fields({
          do: "timer" as const,
          ns: this.#ns(500_000),
          send: this.#chance(0.5) ? this.#send(guest) : undefined,
          fails: this.#perhaps("throwing", 0.2, () => this.#pick(Object.keys(Values.failures))),
        }) as Step
      case 15:
        if (link === undefined || !this.#has.has("plugs")) return undefined
        return { do: this.#chance(0.4) ? "unplug" : "plugIn", link }
      case 16:
        return nests && this.#has.has("races") ? { do: "race", arms: this.#arms(guest, depth) } : undefined
      case 17:
        return nests && this.#has.has("concurrent") ? { do: "together", arms: this.#arms(guest, depth) } : undefined
      case 18:
        if (!nests || !this.#has.has("forks")) return undefined
        return this.#fields({
          do: "fork" as const,
          steps: this.#steps(guest, depth + 1, 1),
          then: this.#pick(["join", "interrupt", undefined] as const),
          ns: this.#ns(200_000),
        }) as Step
      case 19:
        return nests ? { do: "repeat", times: 1 + this.#below(5), steps: this.#steps(guest, depth + 1, 1) } : undefined
      case 20:
        return nests ? { do: "try", steps: this.#steps(guest, depth + 1, 1) } : undefined
      case 21:
        return {
          do: "note",
          value: this.#pick(Object.keys(
            this.#perhaps("hopeless notes", 0.2, () => Values.hopeless) ?? this.#perhaps("rich notes", 0.7, () =>
              Values.rich) ??
              Values.simple,
          )),
        }
      case 22:
        return { do: "draw" }
      case 23:
        return { do: "measure", value: this.#below(10) }
      case 24:
        if (!this.#has.has("failing") || !this.#chance(0.5)) return undefined
        return this.#chance(0.1)
          ? { do: "interrupt" }
          : { do: this.#pick(["fail", "die"] as const), value: this.#pick(Object.keys(Values.failures)) }
      default:
        return depth === 0 && this.#has.has("ends") && this.#chance(0.3) ? { do: "end" } : undefined
    }
  }

  #guest(name: string, index: number): GuestPlan {
    return this.#fields({
      name,
      steps: [...this.#steps(name, 0, 2), ...this.#steps(name, 0, 2)],
      // Not the first, as not all of them may be.
      daemon: index === 0 ? undefined : this.#perhaps("daemons", 0.4, () => true),
      readsCostTime: this.#perhaps("costly reads", 0.4, () => true),
    }) as GuestPlan
  }

  plan(): WorldPlan {
    this.#links = this.#drawLinks()
    const seed = this.#below(1000)
    const order = this.#perhaps("orders", 0.8, () => this.#pick(["by-id", "first-come", 1, 2, 3] as const))
    return this.#fields({
      guests: this.#guests.map((name, index) => this.#guest(name, index)),
      links: this.#links,
      seed,
      // What waits for ever ends then.
      until: 2 * HORIZON + this.#ns(HORIZON),
      order,
    }) as WorldPlan
  }
}

/** How a plan is drawn. */
export interface Drawing {
  /** How many guests. Default: 1 to 5. */
  readonly guests?: number
  /** What it hasn't got: some of {@link features}. */
  readonly without?: Iterable<string>
}

/** The plan that a seed decides. */
export const draw = (seed: number, { guests, without = [] }: Drawing = {}): WorldPlan =>
  new Draw(seed, guests, new Set(without)).plan()
