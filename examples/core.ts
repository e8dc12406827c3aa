/**
 * The pure core alone, stepped by hand: no Effect, no runtime, no time but the
 * guest's. A state is a value, so a snapshot is a variable, and going back to it
 * is using it again.
 *
 * run: examples/core.ts
 *
 * @module
 */
import type { Command, Event } from "../src/core/Command.ts"
import { isFault } from "../src/core/Fault.ts"
import * as Guest from "../src/core/Guest.ts"
import * as Nanos from "../src/core/Nanos.ts"

const ns = (value: bigint) => value as Nanos.Nanos
const event = (name: string): Event => ({ _tag: "Event", name, handler: true })

const describe = (state: Guest.Guest): string => {
  const pending = Guest.pending(state).map(({ event, time }) =>
    `${event._tag === "Event" ? event.name : event._tag}@${time}`
  )
  return `now ${state.now}, pending [${pending.join(" ")}]`
}

/** Carries out what a transition asks for: here handlers only print their names. */
const run = (transition: Guest.Transition): Guest.Guest => {
  if (isFault(transition)) throw transition
  let state = transition.state
  const agenda: Array<Command> = [...transition.commands]
  for (let command = agenda.shift(); command !== undefined; command = agenda.shift()) {
    if (command._tag === "Deliver") console.log(`  ${command.event.name} at ${state.now}`)
    if (command._tag !== "Resume") continue
    const next = Guest.resume(state, command.step)
    if (isFault(next)) throw next
    state = next.state
    agenda.unshift(...next.commands)
  }
  return state
}

const [retry, timeout] = [event("retry"), event("timeout")]

let state = run(Guest.boot(Guest.make("inf-cpu"), { monotonic: Nanos.ZERO, wall: Nanos.ZERO }))
state = run(Guest.addEvent(state, timeout, ns(300n)))
state = run(Guest.addEvent(state, retry, ns(100n)))
const snapshot = state
console.log(`before:          ${describe(snapshot)}`)

console.log("busy for 200 ns:")
state = run(Guest.ndelay(state, ns(200n)))
console.log(`after:           ${describe(state)}`)

console.log(`the snapshot:    ${describe(snapshot)}`)
console.log("what if nothing was retried?")
const other = run(Guest.sleep(Guest.deleteEvent(snapshot, retry), true))
console.log(`after sleeping:  ${describe(other)}`)
console.log(`and still:       ${describe(state)}`)

const forever = Guest.sleep(other, true)
console.log(`sleeping on:     ${isFault(forever) ? forever : "fine"}`)
