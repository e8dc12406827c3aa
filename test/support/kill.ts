/**
 * Kills clients of a calendar: processes of `victim.ts`, at every step of their lives.
 *
 * @module
 */
import * as ChildProcess from "node:child_process"
import { random } from "./random.ts"

/** Where a victim is killed: at one of these, or after some real time. */
const STEPS = [
  "connected",
  "half a START",
  "started",
  "first turn",
  "requested",
  "waiting",
  "half in a wait",
  "told to run",
  "turn",
  "updated",
  "half in a turn",
  "any time",
  "any time",
]

/** A victim that is on its way to its end. */
export interface Kill {
  /** It is dead; fails if it didn't come to its step, or ended by itself before. */
  readonly ended: Promise<void>
  /** Kills it now, wherever it is. */
  readonly now: () => void
}

/**
 * Starts a victim by these words, to which its seed and step are added, and kills it, when it has come to its step
 * or some real time after it has connected, at the latest after `lateMs`.
 */
export const kill = ([command = "", ...words]: ReadonlyArray<string>, seed: number, lateMs: number): Kill => {
  const dice = random(seed)
  const step = dice.pick(STEPS)
  const delay = dice.int(21)
  const child = ChildProcess.spawn(command, [...words, String(seed), step], { stdio: ["ignore", "pipe", "ignore"] })
  const die = () => child.kill("SIGKILL")
  const ended = new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => {
      die()
      reject(new Error(`seed ${seed}: the victim doesn't come to "${step}"`))
    }, lateMs)
    child.stdout.on("data", (text) => {
      if (String(text).includes("here")) die()
      else if (step === "any time") setTimeout(die, delay)
    })
    child.once("error", (error) => {
      clearTimeout(late)
      reject(new Error(`a victim can't be started: ${error.message}`))
    })
    child.once("close", (code) => {
      clearTimeout(late)
      if (code === null) resolve()
      else reject(new Error(`seed ${seed}: the victim ended with ${code} before it came to "${step}"`))
    })
  })
  return { ended, now: die }
}
