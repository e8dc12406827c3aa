/**
 * Intrusive hooks: where an event that is pending keeps its own slot in the queue.
 *
 * @module
 */

/**
 * An intrusive hook of a queue, as a class to extend: an event that is a hook, or has one as its property `hook`, is
 * found without a hash lookup, which makes a queue twice as fast.
 *
 * **Details.** One hook serves one event. The event may be in any number of queues and versions: only those of one
 * table use the hook, the others use a map. The fields are the queue's own. A frozen hook is as none.
 *
 * @example
 * ```ts
 * import * as EventQueue from "guest-clock/core/EventQueue"
 * import type { Nanos } from "guest-clock/core/Nanos"
 *
 * class Alarm extends EventQueue.Hook {
 *   readonly label = "wake up"
 * }
 * const queue = EventQueue.add(EventQueue.empty<Alarm>(), new Alarm(), 10n as Nanos)
 * console.log(EventQueue.first(queue)?.event.label) // wake up
 * ```
 *
 * @since 0.2.0
 * @category models
 */
export class Hook {
  /** The table that has the event, or had it last. */
  table: unknown = undefined
  /** Its slot there. A hint: the event is pending only if the slot still has it. */
  slot: number = 0

  get hook(): this {
    return this
  }
}

/**
 * An event that may bring a hook of its own.
 *
 * @since 0.2.0
 * @category models
 */
export interface Hooked {
  /** Its {@link Hook}: nobody but the queue uses it. */
  readonly hook?: Hook
}

/** The hook of an event, which may be anything. */
export const hookOf = (event: unknown): Hook | undefined => (event as Hooked | null | undefined)?.hook
