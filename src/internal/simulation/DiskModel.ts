/**
 * How long a disk takes for what it is asked: seek, rotation and transfer, as a function of the time alone and of where
 * its arm is.
 *
 * @module
 */
import { OptionError } from "../../core/Fault.ts"
import { badChoice, badNanos, badWhole } from "../services/Checks.ts"
import { LONGEST, type Serving } from "./ServiceLine.ts"

/**
 * The options of a disk. Times are at most 2^62 ns. The defaults are those of a disk of 7,200 revolutions a minute.
 *
 * @since 0.1.0
 * @category models
 */
export interface DiskOptions {
  /** A whole number, 1 or more, as sectors are. Default: 100,000. */
  readonly tracks?: number
  readonly sectorsPerTrack?: number
  /** What a seek takes at least, in ns; without one, the arm stays where it is. Default: 1 ms. */
  readonly settleTime?: bigint
  /** What each track that it passes adds, in ns. Default: 80. */
  readonly timePerTrack?: bigint
  /** How long a revolution takes, in ns. Default: 8,333,333. */
  readonly revolution?: bigint
  /** Which request is next: the first to come, or the nearest track. Default: `first-come`. */
  readonly schedule?: "first-come" | "nearest"
}

/**
 * A read or a write of so many sectors in a row, 1 or more; sector 0 is the first of track 0.
 *
 * @since 0.1.0
 * @category models
 */
export interface DiskRequest {
  readonly sector: number
  readonly count: number
}

/**
 * What a request took, in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface DiskResponse {
  readonly seek: bigint
  /** Until the first sector came by. */
  readonly rotation: bigint
  readonly transfer: bigint
}

/** A disk with these options, its arm at track 0; or what is wrong with them. */
export const diskModel = (
  name: string,
  options: DiskOptions,
): Serving<DiskRequest, DiskResponse> | OptionError => {
  const { tracks = 100_000, sectorsPerTrack = 500, settleTime = 1_000_000n, timePerTrack = 80n } = options
  const { revolution = 8_333_333n, schedule = "first-come" } = options
  for (const [option, count] of [["tracks", tracks], ["sectorsPerTrack", sectorsPerTrack]] as const) {
    if (!Number.isSafeInteger(count) || count < 1) {
      return new OptionError(option, count, "it is a whole number, 1 or more")
    }
  }
  const badSchedule = badChoice("schedule", schedule, ["first-come", "nearest"])
  if (badSchedule !== undefined) return badSchedule
  for (
    const [option, time, least] of [["settleTime", settleTime, 0n], ["timePerTrack", timePerTrack, 0n], [
      "revolution",
      revolution,
      1n,
    ]] as const
  ) {
    if (badNanos(option, time, least, LONGEST) !== undefined) {
      return new OptionError(option, time, `it is a bigint, a time in ns, ${least} or more, up to 2^62`)
    }
  }
  let track = 0
  const trackOf = (sector: number) => Math.floor(sector / sectorsPerTrack) % tracks
  const perTrack = BigInt(sectorsPerTrack)
  const sectors = tracks * sectorsPerTrack
  return {
    serve: ({ sector, count }, now) => {
      const bad = badWhole(`sector of ${name}`, sector, 0, sectors - 1) ??
        badWhole(`count of ${name}`, count, 1, sectors - sector)
      if (bad !== undefined) throw bad
      const distance = BigInt(Math.abs(trackOf(sector) - track))
      const seek = distance === 0n ? 0n : settleTime + distance * timePerTrack
      // Where on the track the head is, as a share of a revolution, is a matter of time alone.
      const wanted = BigInt(sector % sectorsPerTrack) * revolution / perTrack
      const rotation = (wanted - (now + seek) % revolution + revolution) % revolution
      const transfer = (BigInt(count) * revolution + perTrack - 1n) / perTrack
      track = trackOf(sector + count - 1)
      return { time: seek + rotation + transfer, response: { seek, rotation, transfer } }
    },
    ...schedule === "nearest" && {
      choose: (waiting) =>
        waiting.reduce(
          (best, { sector }, index) =>
            Math.abs(trackOf(sector) - track) < Math.abs(trackOf(waiting[best]!.sector) - track) ? index : best,
          0,
        ),
    },
  }
}
