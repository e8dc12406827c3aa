/**
 * A network that any number of kernels connect to by one socket: a card for each, cables, and a switch that learns.
 *
 * ```text
 *   kernel ── card 0 ── cable ──▶ ┐        ┌──▶ card 1 ── kernel
 *                                 ├ switch ┤
 *   kernel ── card 2 ── cable ──▶ ┘        └──▶ …
 * ```
 *
 * A frame goes over the cable of who sends it, which takes its time, and has its queue and its chances; the switch takes
 * none.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { OptionError } from "../core/Fault.ts"
import type { GuestClock } from "../GuestClock.ts"
import { buildCard, type BuiltCard } from "../internal/devices/Card.ts"
import { serve } from "../internal/devices/Serving.ts"
import type { NativeUnavailable } from "../internal/platform/native/Libc.ts"
import type { ListenError } from "../internal/platform/SocketFile.ts"
import { badWhole } from "../internal/services/Checks.ts"
import { Channel } from "../internal/simulation/Channel.ts"
import * as Link from "../simulation/Link.ts"
import * as Random from "../simulation/Random.ts"
import type { NetworkDevice } from "./NetworkDevice.ts"
import * as Switch from "./Switch.ts"
import type * as VirtioDevice from "./VirtioDevice.ts"

/**
 * The options of a network. What its cables do to frames, in the direction of the switch, is as on a link: a frame that is
 * corrupted is thrown away, as by its check sequence.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends
  Pick<VirtioDevice.Options, "path" | "name" | "onReport" | "patience">,
  Pick<
    Link.Options<Uint8Array>,
    "latency" | "bandwidth" | "queue" | "loss" | "duplication" | "reordering" | "outages" | "impairments"
  > {
  /** What decides chance: a whole number from 0 to 2^32 − 1. Default: 0. */
  readonly seed?: number
  /** The most kernels at a time, 2 to 250. Default: 64. */
  readonly most?: number
  /** Told of each frame that a kernel sends, or is given, at once. */
  readonly onFrame?: (passing: Passing) => void
}

/**
 * A frame at a port of the network.
 *
 * @since 0.2.0
 * @category models
 */
export interface Passing {
  readonly port: number
  readonly frame: Uint8Array
  /** When, in ns. */
  readonly at: bigint
  /** From the kernel there, or to it. */
  readonly direction: "in" | "out"
  /** Why it gets no further, if it doesn't. */
  readonly lost: string | undefined
}

/**
 * A network.
 *
 * @since 0.2.0
 * @category models
 */
export interface Lan {
  /** The word for each kernel's command line: `virtio_uml.device=PATH:1`. */
  readonly option: string
  /** The cards that there are, by port. A kernel has the first one that is free, with the address 02:00:00:00:00:01 or on. */
  readonly cards: () => ReadonlyArray<NetworkDevice>
}

const macOf = (port: number): string => `02:00:00:00:00:${(port + 1).toString(16).padStart(2, "0")}`

/** A cable of the network, as a link: its options are checked as those of one. */
const ENDS = ["a kernel", "the switch"] as const

/**
 * Makes a network that listens until the scope closes. Fails as `VirtioDevice.make` does, and with an `OptionError` for what
 * can't be of its cables.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import * as Lan from "guest-clock/devices/Lan"
 *
 * // 10 Mbit/s and 20 ms, and one frame in a hundred gets lost: the same ones in every run.
 * const program = Effect.gen(function* () {
 *   const lan = yield* Lan.make({ path: "/tmp/lan.sock", latency: "20 millis", bandwidth: 10_000_000, loss: 0.01, seed: 7 })
 *   console.log(lan.option) // virtio_uml.device=/tmp/lan.sock:1
 *   yield* Effect.never
 * })
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  options: Options,
): Effect.Effect<Lan, OptionError | ListenError | NativeUnavailable, GuestClock | Scope.Scope> =>
  Effect.gen(function* () {
    const { path, name = path, seed = 0, most = 64, onReport, onFrame, patience, ...cables } = options
    const link = Link.make(name, { ...cables, ends: ENDS, message: Schema.Uint8Array })
    const bad = Link.badIn(link, new Set(ENDS)) ?? badWhole("most", most, 2, 250)
    if (bad !== undefined) return yield* Effect.fail(bad)
    const random = yield* Random.make(seed)
    const made = yield* Switch.make({ ports: most })
    const settings = Link.settingsOf(link)
    const ports: Array<BuiltCard> = []
    /** Gives a kernel a frame, if there is one at that port. */
    const give = (port: number, frame: Uint8Array): void => {
      const card = ports[port]?.card
      if (card === undefined) return
      const lost = card.receive(frame) === "dropped" ? "dropped" : undefined
      onFrame?.({ port, frame, at: card.bus.now(), direction: "out", lost })
    }
    /** A card at the next port, with a cable to the switch. */
    const plugIn = Effect.gen(function* () {
      const port = ports.length
      const cable = new Channel(settings, random.fork(`port ${port}`))
      const built = yield* buildCard({
        path,
        name: `${name} port ${port}`,
        mac: macOf(port),
        ...patience !== undefined && { patience },
        onReport: (report) => {
          if (report._tag === "Left" || report._tag === "Broken") made.forget(port)
          onReport?.(report)
        },
      })
      const { card } = built
      card.onFrame((frame, at) => {
        const { copies, lost } = cable.send(at, frame.length)
        const isUseless = lost === undefined && copies.every(({ corrupted }) => corrupted)
        onFrame?.({ port, frame, at, direction: "in", lost: isUseless ? "corrupted" : lost })
        for (const { delay, corrupted } of copies) {
          if (corrupted) continue
          card.bus.after(delay, () => {
            for (const to of made.receive(port, frame, card.bus.now())) give(to, frame)
          })
        }
      })
      ports.push(built)
      return built
    })
    const context = yield* Effect.context<GuestClock | Scope.Scope>()
    yield* serve(path, {
      admit: Effect.gen(function* () {
        const free = ports.find(({ hosted }) => !hosted.isTaken)
        if (free !== undefined) return free.hosted
        return ports.length < most ? (yield* plugIn).hosted : undefined
      }).pipe(Effect.orDie, Effect.provideContext(context)),
      refused: (kernel) => onReport?.({ _tag: "Refused", device: name, kernel }),
    }, most)
    return { option: `virtio_uml.device=${path}:1`, cards: () => ports.map(({ card }) => card) }
  })
