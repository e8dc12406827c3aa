/**
 * A switch that learns (IEEE 802.1D, a transparent bridge without spanning tree): which ports a frame leaves by.
 *
 * It knows nothing of links or clocks: a port is a number, and the time is an argument, as in {@link Switch.receive}.
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import { OptionError } from "../core/Fault.ts"
import { macAt } from "../internal/devices/Bytes.ts"
import { badNanos, badWhole } from "../internal/services/Checks.ts"
import { orFail } from "../internal/services/Unsafe.ts"
import { HEADER } from "./Ethernet.ts"

/**
 * The options of a switch.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** How many ports it has, 2 to 65,536: their numbers are from 0 on. */
  readonly ports: number
  /** For how long it knows where an address is, in ns, 1 or more. Default: 300 s, as 802.1D recommends. */
  readonly ageing?: bigint
  /** The most addresses that it knows, 1 to 1,048,576: one more, and that which was quiet for longest goes. Default: 8,192. */
  readonly addresses?: number
}

/**
 * Where an address is.
 *
 * @since 0.2.0
 * @category models
 */
export interface Entry {
  readonly mac: string
  readonly port: number
  /** When something came from there last, in ns. */
  readonly seen: bigint
}

/** A port, and when something came from there last. */
interface Place {
  port: number
  seen: bigint
}

const NOBODY: ReadonlyArray<number> = []

/** Addresses of 48 bits as numbers, which a map finds faster than texts. */
const keyAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! * 256 + bytes[at + 1]!) * 2 ** 32 +
  ((bytes[at + 2]! << 24 | bytes[at + 3]! << 16 | bytes[at + 4]! << 8 | bytes[at + 5]!) >>> 0)

const macOf = (key: number): string => {
  const bytes = new Uint8Array(6)
  for (let i = 5, left = key; i >= 0; i--, left = Math.floor(left / 256)) bytes[i] = left % 256
  return macAt(bytes, 0)
}

/** 01:80:c2:00:00:00 to …:0f are for the next bridge itself, as pauses and spanning trees: they go no further. */
const RESERVED = 0x0180_c200_0000

/**
 * A switch: a table of addresses, and nothing else. Made by {@link make}.
 *
 * @since 0.2.0
 * @category models
 */
export class Switch {
  readonly #ageing: bigint
  readonly #addresses: number
  /** The ports that a frame is flooded to, by the port that it came in by. */
  readonly #others: ReadonlyArray<ReadonlyArray<number>>
  readonly #each: ReadonlyArray<ReadonlyArray<number>>
  /** In the order in which something came from them last. */
  readonly #table = new Map<number, Place>()

  /** @internal */
  constructor({ ports, ageing = 300_000_000_000n, addresses = 8192 }: Options) {
    this.#ageing = ageing
    this.#addresses = addresses
    const all = Array.from({ length: ports }, (_, port) => port)
    this.#each = all.map((port) => [port])
    this.#others = all.map((port) => all.filter((other) => other !== port))
  }

  /**
   * The ports by which a frame that comes in by `port` at `now`, in ns, goes out again: that of its destination, all
   * others if nobody knows where that is or it is a group, and none if it is at the same port. Frames without a whole
   * header, from a group, or for the next bridge itself (01:80:c2:00:00:00 to 0f) go nowhere. A port that there isn't
   * is thrown as an `OptionError`.
   *
   * @example
   * ```ts
   * import { Ethernet, Switch } from "guest-clock/devices"
   *
   * const [a, b] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"]
   * const frame = (source: string, destination: string) =>
   *   Ethernet.encode({ destination, source, type: 0x88b5, payload: new Uint8Array(0) })
   * const made = Switch.makeUnsafe({ ports: 3 })
   * console.log(made.receive(0, frame(a, b), 0n)) // [ 1, 2 ]
   * console.log(made.receive(1, frame(b, a), 1n)) // [ 0 ]
   * console.log(made.receive(0, frame(a, b), 2n)) // [ 1 ]
   * ```
   */
  receive(port: number, frame: Uint8Array, now: bigint): ReadonlyArray<number> {
    const others = this.#others[port]
    if (others === undefined) {
      throw new OptionError("port", port, `the switch's ports are 0 to ${this.#others.length - 1}`)
    }
    if (frame.length < HEADER || (frame[6]! & 1) === 1) return NOBODY
    const destination = keyAt(frame, 0)
    this.#learn(keyAt(frame, 6), port, now)
    if (destination >= RESERVED && destination <= RESERVED + 15) return NOBODY
    if ((frame[0]! & 1) === 1) return others
    const place = this.#table.get(destination)
    if (place === undefined) return others
    if (now - place.seen >= this.#ageing) {
      this.#table.delete(destination)
      return others
    }
    return place.port === port ? NOBODY : this.#each[place.port]!
  }

  #learn(address: number, port: number, now: bigint): void {
    const table = this.#table
    const place = table.get(address)
    if (place !== undefined) {
      table.delete(address)
      place.port = port
      place.seen = now
      table.set(address, place)
      return
    }
    if (table.size >= this.#addresses) {
      const [quietest] = table.keys()
      table.delete(quietest!)
    }
    table.set(address, { port, seen: now })
  }

  /** Forgets who is at a port, as when its cable is pulled; who was there is found again by flooding. */
  forget(port: number): void {
    for (const [address, place] of this.#table) {
      if (place.port === port) this.#table.delete(address)
    }
  }

  /** Where addresses are as of `now`, in ns: that which was quiet for longest first. */
  table(now: bigint): ReadonlyArray<Entry> {
    return Array.from(this.#table, ([address, { port, seen }]) => ({ mac: macOf(address), port, seen }))
      .filter(({ seen }) => now - seen < this.#ageing)
  }
}

/**
 * Checks the options of a switch, and returns what is wrong.
 *
 * @since 0.2.0
 * @category checks
 */
export const check = ({ ports, ageing, addresses }: Options): OptionError | undefined =>
  badWhole("ports", ports, 2, 65_536) ??
    (ageing === undefined ? undefined : badNanos("ageing", ageing, 1n, 1n << 62n)) ??
    (addresses === undefined ? undefined : badWhole("addresses", addresses, 1, 1 << 20))

/**
 * A switch that knows nobody yet. Throws an `OptionError` for options that can't be; {@link make} fails.
 *
 * @example
 * ```ts
 * import { Switch } from "guest-clock/devices"
 *
 * console.log(Switch.makeUnsafe({ ports: 4 }).table(0n)) // []
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeUnsafe = (options: Options): Switch => {
  const bad = check(options)
  if (bad !== undefined) throw bad
  return new Switch(options)
}

/**
 * A switch that knows nobody yet. Fails with an `OptionError` for options that can't be.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Switch } from "guest-clock/devices"
 *
 * const error = await Effect.runPromise(Effect.flip(Switch.make({ ports: 1 })))
 * console.log(error.message) // ports can't be 1: it is a whole number from 2 to 65536
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Switch, OptionError> => orFail(() => makeUnsafe(options))
