/**
 * Watches the fibers of a guest's program: one that fails while nobody waits for it fails the guest.
 *
 * A fiber that is joined before time moves on counts as waited for.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { event, type GuestClock } from "../../GuestClock.ts"
import type { Failed } from "../platform/FiberExits.ts"
import type { AnyFiber } from "../platform/Suspension.ts"
import type { Runner } from "../virtual/Runner.ts"
import { waiting } from "../virtual/Stuck.ts"
import { failed, type GuestFailed } from "./Failure.ts"

/** What watches the fibers of one program. */
export interface Children {
  /** The failure of the first that nobody has looked at, if there is one. */
  readonly unseen: () => GuestFailed | undefined
}

const told = (guest: string, time: bigint, { fiber, cause }: Failed): GuestFailed => {
  // Numbers of fibers aren't the same in another process.
  const { where } = waiting(fiber, undefined, false)
  const name = where.length === 0 ? "" : `, in ${where.join(" < ")},`
  return failed(guest, time, cause, `a fiber that nobody waits for${name} failed: `)
}

/** Watches the fibers of the program that the calling fiber is the main one of: its failure is one of them, if it is interrupted. */
export const watch = (guest: string, { sync }: GuestClock): Effect.Effect<Children> =>
  Effect.withFiber((main: AnyFiber) =>
    Effect.sync(() => {
      const runner = main.cache.scheduler as Runner
      const children: Array<{ readonly child: Failed; readonly failure: GuestFailed }> = []
      const unseen = () => children.find(({ child }) => !child.isSeen)?.failure
      const judge = () => {
        if (unseen() !== undefined) main.interruptUnsafe()
      }
      const judging = event("a fiber has failed", judge)
      runner.supervisor.watch.onFailure = (child) => {
        children.push({ child, failure: told(guest, sync.now, child) })
        // A later task does it, as a fiber that runs at the same instant may be about to join this one.
        // On a clock that a fault has ended nothing is due any more.
        runner.scheduleTask(() => sync.isDead() ? judge() : sync.addEvent(judging, sync.now), 0)
      }
      return { unseen }
    })
  )
