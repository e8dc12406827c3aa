/**
 * The error of a process that another one has interrupted.
 *
 * @module
 */
import { Tagged } from "../core/Tagged.ts"
import { textOf } from "./Failure.ts"

/**
 * A process was interrupted in what it waited for, by another one or by what took a resource from it.
 *
 * @since 0.1.0
 * @category errors
 */
export class Interrupted extends Tagged<"Interrupted"> {
  /** What it was interrupted for: whatever the interrupter gave, or a `Resource.Preempted`. */
  override readonly cause: unknown
  /** The process that did it, if it was one. */
  readonly by: string | undefined
  /** What was left of the hold that it ended, in ns; none, if it ended something else. */
  readonly left: bigint | undefined
  constructor(name: string, cause: unknown, by: string | undefined, left?: bigint) {
    const who = by === undefined ? "" : ` by ${JSON.stringify(by)}`
    super("Interrupted", `${titled(name)} was interrupted${who}${cause === undefined ? "" : `: ${textOf(cause)}`}`)
    this.cause = cause
    this.by = by
    this.left = left
  }
}

/** A process in messages. */
export const titled = (name: string): string => "the process " + JSON.stringify(name)
