/**
 * A disk of a kernel (virtio 1.2, section 5.2): what it keeps is in a file, in memory, or behind functions; how long it
 * takes is what a model of a disk says; what it fails at, a plan of impairments.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { OptionError } from "../core/Fault.ts"
import * as Stores from "../internal/devices/Store.ts"
import { diskModel, type DiskOptions, type DiskRequest, type DiskResponse } from "../internal/simulation/DiskModel.ts"
import { ServiceLine, type Serving } from "../internal/simulation/ServiceLine.ts"
import { badFlag } from "../internal/services/Checks.ts"
import * as Impairment from "../simulation/Impairment.ts"
import * as Random from "../simulation/Random.ts"
import * as VirtioDevice from "./VirtioDevice.ts"

export type { Store } from "../internal/devices/Store.ts"

/**
 * What a disk has done for its driver, when it is done. Times are in ns.
 *
 * @since 0.2.0
 * @category models
 */
export interface Served {
  readonly kind: "read" | "write" | "flush"
  /** The first of the sectors, and how many; 0 and 0 of a flush. */
  readonly sector: number
  readonly count: number
  /** When the disk got it, and when it was done. */
  readonly from: bigint
  readonly until: bigint
  readonly outcome: "done" | "failed" | "corrupted"
}

/**
 * The options of a disk.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends Pick<VirtioDevice.Options, "path" | "name" | "onReport" | "patience"> {
  /**
   * What is behind it: its bytes, a file that there is, or functions; sectors of 512 bytes, 1 or more. The file is read and
   * written as the driver does, and to its disk when the driver flushes.
   */
  readonly store: Uint8Array | { readonly file: string } | Stores.Store
  /** The driver may only read. Default: false. */
  readonly readOnly?: boolean
  /**
   * How long it takes: seek, rotation and transfer, as of `Devices.disk`, with sectors of 512 bytes, of which it must have
   * as many as there are. Default: no time at all.
   */
  readonly disk?: DiskOptions
  /**
   * What goes wrong with reads and writes: `drop` is an error, `corrupt` another byte than was written, `delay` a later
   * end, an outage an error for all that is under way. `duplicate` does nothing.
   */
  readonly impairments?: Impairment.Plan
  /** What decides which ones: a whole number from 0 to 2^32 − 1. Default: 0. */
  readonly seed?: number
  /** How long a request takes from the driver to the disk. Default: 0. */
  readonly latency?: Duration.Input
  /** Told of what it has done. */
  readonly onServed?: (served: Served) => void
}

const FEATURE = { segments: 1n << 2n, readOnly: 1n << 5n, flush: 1n << 9n, indirect: 1n << 28n } as const

/** The most buffers of one request: the queue has 256 descriptors, and two are for the header and the status. */
const MOST_SEGMENTS = 126

const TYPE = { read: 0, write: 1, flush: 4, identify: 8 } as const
const STATUS = { done: 0, failed: 1, unsupported: 2 } as const
const HEADER_BYTES = 16
const ID_BYTES = 20

const noTime: Serving<DiskRequest, DiskResponse> = {
  serve: () => ({ time: 0n, response: { seek: 0n, rotation: 0n, transfer: 0n } }),
}

const configOf = (sectors: number): Uint8Array => {
  const bytes = new Uint8Array(24)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(sectors), true)
  view.setUint32(12, MOST_SEGMENTS, true)
  view.setUint32(20, Stores.SECTOR_BYTES, true)
  return bytes
}

/** The model of a disk that has as many sectors as its store. */
const modelOf = (
  { name, path, disk }: Options,
  { sectors }: Stores.Store,
): Serving<DiskRequest, DiskResponse> | OptionError => {
  if (disk === undefined) return noTime
  const model = diskModel(name ?? path, disk)
  const { tracks = 100_000, sectorsPerTrack = 500 } = disk
  return model instanceof OptionError || sectors <= tracks * sectorsPerTrack
    ? model
    : new OptionError("tracks", tracks, `times sectorsPerTrack it is as many sectors as the store has, ${sectors}`)
}

/**
 * Makes a disk that listens until the scope closes. Fails as {@link VirtioDevice.make} does, and with an `OptionError` for
 * a store, a model or a plan that can't be.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import * as BlockDevice from "guest-clock/devices/BlockDevice"
 *
 * // 16 MiB, on a disk of 7,200 revolutions a minute of which one read in a hundred fails.
 * const program = Effect.gen(function* () {
 *   const disk = yield* BlockDevice.make({
 *     path: "/tmp/disk.sock",
 *     store: new Uint8Array(16 * 1024 * 1024),
 *     disk: {},
 *     impairments: { drop: 0.01 },
 *     onServed: ({ kind, sector, from, until }) => console.log(kind, sector, until - from),
 *   })
 *   yield* disk.ended
 * })
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): VirtioDevice.Making<VirtioDevice.VirtioDevice> =>
  Effect.gen(function* () {
    const { readOnly = false, impairments, seed = 0, onServed, store: input, disk: _, ...rest } = options
    const random = yield* Random.make(seed)
    const bad = badFlag("readOnly", readOnly) ?? (impairments === undefined ? undefined : Impairment.check(impairments))
    if (bad !== undefined) return yield* Effect.fail(bad)
    const store = yield* Stores.make(input, readOnly)
    const model = modelOf(options, store)
    if (model instanceof OptionError) return yield* Effect.fail(model)
    const decide = impairments && Impairment.decider(impairments, random.fork("impairments"))
    const chance = random.fork("corruption")
    let line: ServiceLine<DiskRequest, DiskResponse> | undefined
    /** Reads and writes that aren't done, and flushes that wait for those before them. */
    const under = new Set<object>()
    const flushes = new Set<{ readonly before: Set<object>; readonly done: () => void }>()

    const over = (which: object): void => {
      under.delete(which)
      for (const flush of [...flushes]) {
        flush.before.delete(which)
        if (flush.before.size > 0) continue
        flushes.delete(flush)
        flush.done()
      }
    }
    /** What becomes of a request that is due now, and how much later. */
    const fate = (from: bigint, due: bigint): { readonly outcome: Served["outcome"]; readonly late: bigint } => {
      const suffered = decide?.({ now: from, due })[0]
      switch (suffered?._tag) {
        case "Drop":
          return { outcome: "failed", late: 0n }
        case "Corrupt":
          return { outcome: "corrupted", late: 0n }
        case "Deliver":
          return { outcome: "done", late: suffered.at > due ? suffered.at - due : 0n }
        default:
          return { outcome: "done", late: 0n }
      }
    }
    const spoil = (bytes: Uint8Array): void => {
      if (bytes.length > 0) bytes[Number(chance.below(BigInt(bytes.length)))]! ^= 1 + (chance.bits() & 0x7f)
    }

    const answer = (room: number, status: number, data: Uint8Array = new Uint8Array(0)): Uint8Array => {
      const bytes = new Uint8Array(room)
      bytes.set(data.subarray(0, room - 1))
      bytes[room - 1] = status
      return bytes
    }
    const handle = (request: VirtioDevice.Request, bus: VirtioDevice.Bus): VirtioDevice.Answer => {
      const { bytes, room } = request
      if (bytes.length < HEADER_BYTES || room < 1) {
        return VirtioDevice.refuse(
          `a request of ${bytes.length} bytes with room for ${room}; it has 16, and room for 1`,
        )
      }
      const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES)
      const [type, sector] = [view.getUint32(0, true), view.getBigUint64(8, true)]
      switch (type) {
        case TYPE.read:
        case TYPE.write:
          return access(request, bus, type === TYPE.read ? "read" : "write", sector)
        case TYPE.flush:
          return flush(request, bus)
        case TYPE.identify: {
          const text = new TextEncoder().encode(device.name).subarray(0, Math.min(ID_BYTES, room - 1))
          return answer(room, STATUS.done, text)
        }
        default:
          return answer(room, STATUS.unsupported)
      }
    }
    const access = (
      { bytes, room, complete }: VirtioDevice.Request,
      bus: VirtioDevice.Bus,
      kind: "read" | "write",
      from: bigint,
    ): VirtioDevice.Answer => {
      const length = kind === "read" ? room - 1 : bytes.length - HEADER_BYTES
      const count = length / Stores.SECTOR_BYTES
      if (!Number.isInteger(count) || count < 1 || from + BigInt(count) > BigInt(store.sectors)) {
        return answer(room, STATUS.failed)
      }
      if (kind === "write" && readOnly) return answer(room, STATUS.failed)
      const [sector, began] = [Number(from), bus.now()]
      const which = {}
      under.add(which)
      const done = (outcome: Served["outcome"]): void => {
        const data = kind === "read" ? new Uint8Array(length) : bytes.subarray(HEADER_BYTES)
        const found = outcome === "failed" ? outcome : move(kind, sector, data, outcome)
        onServed?.({ kind, sector, count, from: began, until: bus.now(), outcome: found })
        const status = found === "failed" ? STATUS.failed : STATUS.done
        complete(answer(room, status, kind === "read" && found !== "failed" ? data : undefined))
        over(which)
      }
      line ??= new ServiceLine(device.name, model, bus)
      line.submit({ sector, count }, (response) => {
        if (response instanceof OptionError) return done("failed")
        const { outcome, late } = fate(began, bus.now())
        if (late === 0n) done(outcome)
        else bus.after(late, () => done(outcome))
      })
    }
    /** Reads or writes, and spoils it if it is to be; whether that went well. */
    const move = (
      kind: "read" | "write",
      sector: number,
      data: Uint8Array,
      outcome: "done" | "corrupted",
    ): Served["outcome"] => {
      if (kind === "write" && outcome === "corrupted") spoil(data)
      try {
        store[kind](sector * Stores.SECTOR_BYTES, data)
      } catch {
        return "failed"
      }
      if (kind === "read" && outcome === "corrupted") spoil(data)
      return outcome
    }
    const flush = ({ room, complete }: VirtioDevice.Request, bus: VirtioDevice.Bus): VirtioDevice.Answer => {
      const began = bus.now()
      const done = (): void => {
        let outcome: Served["outcome"] = "done"
        try {
          store.flush?.()
        } catch {
          outcome = "failed"
        }
        onServed?.({ kind: "flush", sector: 0, count: 0, from: began, until: bus.now(), outcome })
        complete(answer(room, outcome === "done" ? STATUS.done : STATUS.failed))
      }
      if (under.size === 0) return done()
      flushes.add({ before: new Set(under), done })
    }

    const device: VirtioDevice.VirtioDevice = yield* VirtioDevice.make({
      ...rest,
      id: 2,
      queues: 1,
      features: FEATURE.segments | FEATURE.flush | FEATURE.indirect | (readOnly ? FEATURE.readOnly : 0n),
      config: () => configOf(store.sectors),
      handle,
    })
    return device
  })
