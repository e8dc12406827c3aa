/**
 * The result of a guest's transition: the next state and its commands, or a fault.
 *
 * @module
 */
import { type Command, resume as resumeAt, type Step } from "../../core/Command.ts"
import type { Fault } from "../../core/Fault.ts"
import { type Guest, nothingDeferred } from "./GuestState.ts"
import { append } from "./List.ts"

/**
 * A next state, and what must now be done.
 *
 * @since 0.1.0
 * @category models
 */
export interface Next {
  readonly state: Guest
  readonly commands: ReadonlyArray<Command>
}

/**
 * What a transition returns: the next state, or the fault that ends this clock.
 *
 * @since 0.1.0
 * @category models
 */
export type Transition = Next | Fault

/** Nothing is to be done. */
export const nothing: ReadonlyArray<Command> = []

/** A next state. */
export const to = (state: Guest, commands: ReadonlyArray<Command> = nothing): Next => ({ state, commands })

/** The commands, and then `step`. */
export const followedBy = (commands: ReadonlyArray<Command>, step: Step): ReadonlyArray<Command> =>
  append(commands, resumeAt(step))

const mask: Command = { _tag: "Mask" }
const unmask: Command = { _tag: "Unmask" }

/**
 * What is to be done, with interrupts masked meanwhile in a revision that does so (SPEC 11.1). Where nothing is to be
 * done and nothing waits for interrupts to be on, nobody notices.
 */
export const masked = (next: Next): Next => {
  const { state, commands } = next
  return !state.settings.revision.defersHandlers || commands.length === 0 && state.deferred === nothingDeferred
    ? next
    : to(state, [mask, ...commands, unmask])
}
