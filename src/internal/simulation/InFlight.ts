/**
 * A message in flight, as an event of its receiver.
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import { HookedEvent } from "../../core/Command.ts"
import type { ClockError, Event, Handler, Handling } from "../../Event.ts"
import type { Packet } from "./Transport.ts"

/** Takes what has arrived. */
export type Arrive = (packet: Packet, handling: Handling) => Effect.Effect<void, ClockError> | void

const handler: Handler = (handling, event) => {
  const { arrive, packet } = event as InFlight
  return arrive(packet, handling)
}

/** A packet's arrival. */
export class InFlight extends HookedEvent implements Event {
  readonly packet: Packet
  readonly arrive: Arrive
  readonly handler = handler

  constructor(packet: Packet, arrive: Arrive) {
    super()
    this.packet = packet
    this.arrive = arrive
  }
  get name(): string {
    return `${this.packet.link} from ${this.packet.from}`
  }
}
