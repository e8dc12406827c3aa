/**
 * Builds a network card (virtio 1.2, section 5.1). It listens nowhere yet: see `Serving`.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { OptionError } from "../../core/Fault.ts"
import type { NetworkDevice, Options } from "./CardOptions.ts"
import type { Request } from "./DeviceOptions.ts"
import type { GuestClock } from "../../GuestClock.ts"
import { badFlag, badWhole } from "../services/Checks.ts"
import { build } from "./Build.ts"
import type { Hosted } from "./Hosted.ts"
import { refuse } from "./Refusal.ts"

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

/** A card, and what serves kernels for it. */
export interface BuiltCard {
  readonly card: NetworkDevice
  readonly hosted: Hosted
}

/** Builds a card that lets go of its kernel when the scope closes. */
export const buildCard = (options: Options): Effect.Effect<BuiltCard, OptionError, GuestClock | Scope.Scope> =>
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
    let buffers: Array<Request> = []
    let waiting: Array<Uint8Array> = []

    /** Puts a frame into a buffer of the driver's, behind a header that says nothing; whether it fits. */
    const put = (frame: Uint8Array, buffer: Request): boolean => {
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

    const { device, hosted } = yield* build({
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
          return refuse(`a frame with ${request.bytes.length} bytes of its header; it has ${header}`)
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
    const card: NetworkDevice = {
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
    return { card, hosted }
  })
