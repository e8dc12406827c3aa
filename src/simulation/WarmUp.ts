/**
 * Finds the end of a simulation's warm-up: the time from which its measurements no longer depend on how it began.
 *
 * @since 0.2.0
 * @category statistics
 * @module
 */
import type * as Effect from "effect/Effect"
import { OptionError } from "../core/Fault.ts"
import { orFail } from "../internal/services/Unsafe.ts"
import type { Sample } from "../internal/simulation/Instruments.ts"
import { courseOf } from "../internal/simulation/Statistics.ts"
import type { Snapshot } from "./Statistics.ts"

/**
 * How many of these means of batches in a row belong to the warm-up, by the marginal standard error rule (White, Cobb and
 * Spratt, WSC 2000; with batches of five values it is MSER-5): as many as leave the mean of all others with the least
 * standard error. None (`undefined`) where that comes to half of them, since the run is too short to tell then, or where
 * there are fewer than 10.
 *
 * @example
 * ```ts
 * import { WarmUp } from "guest-clock/simulation"
 *
 * console.log(WarmUp.mser([9, 7, 5, 3, 3, 2, 3, 3, 2, 3, 3, 2, 3, 3])) // 3
 * ```
 *
 * @since 0.1.0
 * @category warm-up
 */
export const mser = (means: ReadonlyArray<number>): number | undefined => {
  const { length } = means
  if (length < 10) return undefined
  const half = Math.floor(length / 2)
  let best = { deleted: half, error: Infinity }
  // From the last on, so that each of them is added up once.
  let [count, mean, squares] = [0, 0, 0]
  for (let deleted = length - 1; deleted >= 0; deleted--) {
    const off = means[deleted]! - mean
    mean += off / ++count
    squares += off * (means[deleted]! - mean)
    const error = squares / (count * count)
    if (deleted <= half && error <= best.error) best = { deleted, error }
  }
  return best.deleted === half ? undefined : best.deleted
}

/** A statistic's course in a run. */
interface Course {
  readonly every: number
  readonly samples: ReadonlyArray<Sample>
}

/** The same with batches of so many times as many values. */
const longer = ({ every, samples }: Course, times: number): Course => ({
  every: every * times,
  samples: Array.from({ length: Math.floor(samples.length / times) }, (_, i) => {
    const batches = samples.slice(i * times, (i + 1) * times)
    return { time: batches.at(-1)!.time, value: batches.reduce((sum, { value }) => sum + value, 0) / times }
  }),
})

/** How long a course's batches are: in values, or in ns. */
const lengthOf = ({ every, samples: [first, second] }: Course): number =>
  every > 1 || first === undefined || second === undefined ? every : Number(second.time - first.time)

const found = (runs: ReadonlyArray<Snapshot>, name: string): bigint | undefined => {
  const courses: Array<Course> = []
  for (const run of runs) {
    const course = run.find((reading) => reading._tag === "Series" && reading.name === courseOf(name))
    if (course?._tag !== "Series") {
      const measured = run.filter(({ _tag }) => _tag !== "Counter" && _tag !== "Series").map(({ name }) => name)
      throw new OptionError("name", name, `what was measured is ${measured.join(", ") || "nothing"}`)
    }
    courses.push(course)
  }
  const longest = Math.max(...courses.map(lengthOf))
  const alike = courses.map((course) => longer(course, Math.max(1, Math.round(longest / lengthOf(course)))))
  const batches = Math.min(...alike.map(({ samples }) => samples.length))
  const means = Array.from(
    { length: batches },
    (_, i) => alike.reduce((sum, { samples }) => sum + samples[i]!.value, 0) / alike.length,
  )
  const deleted = batches === Infinity ? undefined : mser(means)
  if (deleted === undefined || deleted === 0) return deleted === 0 ? 0n : undefined
  return alike.map(({ samples }) => samples[deleted - 1]!.time).reduce((last, time) => time > last ? time : last)
}

/**
 * The simulated time, in ns, at which all of these runs have warmed up, by the course of the statistic `name`: each is what
 * a guest measured in a run with `course: name` (`World.run`). Their batches are averaged, {@link mser} says how many of
 * those belong to the warm-up, and the last of the runs to have come to its end tells the time. None where the runs are
 * too short to tell; it fails with an `OptionError` where one doesn't have that course.
 *
 * @since 0.1.0
 * @category warm-up
 */
export const find = (runs: ReadonlyArray<Snapshot>, name: string): Effect.Effect<bigint | undefined, OptionError> =>
  orFail(() => found(runs, name))
