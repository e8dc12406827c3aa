/**
 * Hands packets to their receivers while the guest has the turn (SPEC 9.5).
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { traits } from "../../core/Modes.ts"
import type { ClockError, GuestClock } from "../../GuestClock.ts"
import type { HandedOver, Packet, Transport } from "./Transport.ts"

/**
 * Hands packets over as far as that can be done at once: in one process it is a step of the receiver's and the
 * calendar's state, while this guest has the turn. What is left, and those whose receivers have left; and what comes
 * first, as how its clock ends if the calendar has left it.
 */
export const handOverNow = (
  packets: ReadonlyArray<Packet>,
  { sync }: GuestClock,
  transport: Transport,
): HandedOver => {
  const left: Array<Packet> = []
  if (transport.deliverNow === undefined || !sync.isWithCalendar()) return { left, rest: packets }
  const first = sync.propagateTime()
  if (first !== undefined) return { left, rest: packets, first }
  for (const [index, packet] of packets.entries()) {
    const became = transport.deliverNow(packet)
    if (became === "not now") return { left, rest: packets.slice(index) }
    if (became === "left") left.push(packet)
  }
  // Where messages are looked at, the calendar has told this guest by one how far it may still run.
  return { left, rest: [], first: sync.hearCalendar() }
}

/** Tell the time before you knock, and don't go on before you were heard (SPEC 9.5). */
export const handOver = (
  packets: ReadonlyArray<Packet>,
  clock: GuestClock,
  transport: Transport,
): Effect.Effect<ReadonlyArray<Packet>, ClockError> => {
  if (!traits[clock.mode].hasCalendar) return transport.deliver(packets)
  return Effect.gen(function* () {
    yield* clock.propagateTime
    const heard = yield* Deferred.make<ReadonlyArray<Packet>>()
    yield* Effect.forkDetach(Effect.flatMap(transport.deliver(packets), (left) => Deferred.succeed(heard, left)), {
      startImmediately: true,
    })
    yield* clock.waitReadable(Effect.asVoid(Deferred.await(heard)))
    // The calendar may have told the guest since that it can't run as far by itself any more, as a receiver
    // wants to run before that. It says so before it answers this.
    yield* clock.propagateTime
    return yield* Deferred.await(heard)
  })
}
