/**
 * A network card of a kernel (virtio 1.2, section 5.1): Ethernet frames in and out, at exact times. What is beyond it,
 * wires, a switch, other machines, is the program's.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { OptionError } from "../core/Fault.ts"
import type { GuestClock } from "../GuestClock.ts"
import type { NativeUnavailable } from "../internal/platform/native/Libc.ts"
import type { ListenError } from "../internal/platform/SocketFile.ts"
import { badFlag, badWhole } from "../internal/services/Checks.ts"
import * as VirtioDevice from "./VirtioDevice.ts"

/**
 * How a network card is.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends Pick<VirtioDevice.Options, "path" | "name" | "onReport" | "patience"> {
  /**
   * Its address, as `02:00:00:00:00:01`: neither that of a group nor 0. Default: one that its name decides, as a kernel
   * would draw another one each time.
   */
  readonly mac?: string
  /** The longest payload of a frame in bytes, 68 to 65,535. Default: 1500, and the driver isn't told. */
  readonly mtu?: number
  /** Whether the link is up at first. Default: true. */
  readonly linkUp?: boolean
  /** How long a frame takes from the driver to the card. Default: 0. */
  readonly latency?: Duration.Input
}

/**
 * What a card has done: frames that the driver sent, that it was given, and that were dropped on their way to it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Stats {
  readonly sent: number
  readonly received: number
  readonly dropped: number
}

/**
 * A network card.
 *
 * @since 0.2.0
 * @category models
 */
export interface NetworkDevice extends VirtioDevice.VirtioDevice {
  readonly mac: string
  /**
   * What becomes of each frame that the driver sends, in place of what did before: a plain function, called in the turn
   * of the device's guest, with a copy of the frame, without a checksum of its own (FCS), and the time in ns.
   */
  readonly onFrame: (handler: (frame: Uint8Array, at: bigint) => void) => void
  /**
   * Gives the driver a frame now, in the turn of the device's guest: a handler or its program. All frames of one ns are
   * one interrupt of the kernel's. `dropped`: the driver isn't at work, the link is down, 256 frames wait for buffers
   * already, or the frame is longer than the driver has room for.
   */
  readonly receive: (frame: Uint8Array) => "received" | "dropped"
  /** The link goes up or down, and the driver is told, in the turn of the device's guest. */
  readonly setLink: (isUp: boolean) => void
  readonly stats: () => Stats
}

const FEATURE = { mtu: 1n << 3n, mac: 1n << 5n, status: 1n << 16n, indirect: 1n << 28n } as const
const VERSION_1 = 1n << 32n
const LINK_UP = 1
const [RECEIVE, SEND] = [0, 1]

/** The header before each frame: its last two bytes are there with {@link VERSION_1} only. */
const HEADER_BYTES = { legacy: 10, modern: 12 } as const

/** How many frames wait for buffers. */
const MOST_WAITING = 256

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/

const bytesOf = (mac: string): Uint8Array | undefined =>
  typeof mac === "string" && MAC.test(mac) ? Uint8Array.from(mac.split(":"), (part) => parseInt(part, 16)) : undefined

/** A locally administered address that a name decides: FNV-1a, twice. */
const macOf = (name: string): string => {
  let [low, high] = [0x811c9dc5, 0x050c5d1f]
  for (let at = 0; at < name.length; at++) {
    low = Math.imul(low ^ name.charCodeAt(at), 0x01000193) >>> 0
    high = Math.imul(high ^ low, 0x01000193) >>> 0
  }
  const parts = [2, high & 0xff, low >>> 24, (low >>> 16) & 0xff, (low >>> 8) & 0xff, low & 0xff]
  return parts.map((part) => part.toString(16).padStart(2, "0")).join(":")
}

const headerBytes = (features: bigint | undefined): number =>
  ((features ?? 0n) & VERSION_1) === 0n ? HEADER_BYTES.legacy : HEADER_BYTES.modern

/**
 * Makes a network card that listens until the scope closes. Fails as {@link VirtioDevice.make} does, and with an
 * `OptionError` for an address or an MTU that can't be.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import * as NetworkDevice from "guest-clock/devices/NetworkDevice"
 *
 * // A wire between two kernels: 0.5 ms each way.
 * const program = Effect.gen(function* () {
 *   const left = yield* NetworkDevice.make({ path: "/tmp/left.sock", mac: "02:00:00:00:00:01" })
 *   const right = yield* NetworkDevice.make({ path: "/tmp/right.sock", mac: "02:00:00:00:00:02" })
 *   left.onFrame((frame) => left.bus.after(500_000n, () => right.receive(frame)))
 *   right.onFrame((frame) => right.bus.after(500_000n, () => left.receive(frame)))
 *   yield* Effect.all([left.ended, right.ended])
 * })
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  options: Options,
): Effect.Effect<NetworkDevice, OptionError | ListenError | NativeUnavailable, GuestClock | Scope.Scope> =>
  Effect.gen(function* () {
    const { mac = macOf(String(options.name ?? options.path)), mtu, linkUp = true, ...rest } = options
    const address = bytesOf(mac)
    if (address === undefined || (address[0]! & 1) !== 0 || address.every((byte) => byte === 0)) {
      return yield* Effect.fail(
        new OptionError("mac", mac, "it is 6 bytes as 02:00:00:00:00:01, not of a group and not all 0"),
      )
    }
    const bad = badWhole("mtu", mtu ?? 1500, 68, 65_535) ?? badFlag("linkUp", linkUp)
    if (bad !== undefined) return yield* Effect.fail(bad)
    let isUp = linkUp
    let onFrame = (_frame: Uint8Array, _at: bigint): void => {}
    const stats = { sent: 0, received: 0, dropped: 0 }
    let buffers: Array<VirtioDevice.Request> = []
    let waiting: Array<Uint8Array> = []

    /** Puts a frame into a buffer of the driver's, behind a header that says nothing; whether it fits. */
    const put = (frame: Uint8Array, buffer: VirtioDevice.Request): boolean => {
      const header = headerBytes(device.features())
      const fits = header + frame.length <= buffer.room
      const bytes = new Uint8Array(fits ? header + frame.length : 0)
      if (fits) {
        if (header === HEADER_BYTES.modern) bytes[10] = 1
        bytes.set(frame, header)
      }
      buffer.complete(bytes)
      return fits
    }
    const receive = (frame: Uint8Array): "received" | "dropped" => {
      const buffer = isUp && device.features() !== undefined ? buffers.shift() : undefined
      if (buffer !== undefined) {
        const what = put(frame, buffer) ? "received" : "dropped"
        stats[what]++
        return what
      }
      if (!isUp || device.features() === undefined || waiting.length >= MOST_WAITING) {
        stats.dropped++
        return "dropped"
      }
      waiting.push(frame.slice())
      return "received"
    }

    const device: VirtioDevice.VirtioDevice = yield* VirtioDevice.make({
      ...rest,
      id: 1,
      queues: 2,
      features: FEATURE.mac | FEATURE.status | FEATURE.indirect | (mtu === undefined ? 0n : FEATURE.mtu),
      config: () => Uint8Array.of(...address, isUp ? LINK_UP : 0, 0, 1, 0, (mtu ?? 0) & 0xff, (mtu ?? 0) >> 8),
      handle: (request, bus) => {
        if (request.queue === RECEIVE) {
          const frame = waiting.shift()
          if (frame === undefined) buffers.push(request)
          else stats[put(frame, request) ? "received" : "dropped"]++
          return
        }
        if (request.queue !== SEND) return
        const header = headerBytes(device.features())
        if (request.bytes.length < header) {
          return VirtioDevice.refuse(`a frame with ${request.bytes.length} bytes of its header; it has ${header}`)
        }
        const frame = request.bytes.subarray(header)
        request.complete()
        stats.sent++
        if (isUp) onFrame(frame, bus.now())
      },
      onReset: () => {
        buffers = []
        waiting = []
      },
    })
    return {
      ...device,
      mac,
      onFrame: (handler) => {
        onFrame = handler
      },
      receive,
      setLink: (to) => {
        if (to === isUp) return
        isUp = to
        device.bus.configChanged()
      },
      stats: () => ({ ...stats }),
    }
  })
