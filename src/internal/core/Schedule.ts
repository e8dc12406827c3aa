/**
 * The calendar's schedule: who runs when, and in which order at equal times (PROTOCOL, guarantee 3).
 *
 * A schedule is a value.
 *
 * @module
 */
import * as EventQueue from "../../core/EventQueue.ts"
import { invariant } from "../../core/Fault.ts"
import type { Nanos } from "../../core/Nanos.ts"
import * as Random from "./Random.ts"

/** The order at equal times. */
export type Order =
  /** In the order in which the requests were made, as PROTOCOL has it. */
  | { readonly _tag: "FirstCome" }
  /** By ID, the lowest first; those of one ID in the order of their requests. */
  | { readonly _tag: "ById" }
  /** In an order that the seed alone decides: an unsigned 32-bit number. */
  | { readonly _tag: "Shuffled"; readonly seed: number }

/** First come, first served. */
export const firstCome: Order = { _tag: "FirstCome" }

/** The requests of all clients `K`: at most one of each. */
export interface Schedule<K> {
  readonly requests: EventQueue.EventQueue<K>
  readonly order: Order["_tag"]
  /** Where the pseudo-random numbers are. */
  readonly random: number
  /** The time whose requests stand in the right order already. */
  readonly arranged: Nanos | undefined
}

/** A schedule without requests. */
export const make = <K>(order: Order): Schedule<K> => ({
  requests: EventQueue.empty(),
  order: order._tag,
  random: order._tag === "Shuffled" ? order.seed >>> 0 : 0,
  arranged: undefined,
})

/** With other requests: written out, as each turn makes two of these. */
const having = <K>(
  { order, random }: Schedule<K>,
  requests: Schedule<K>["requests"],
  arranged: Nanos | undefined,
): Schedule<K> => ({ requests, order, random, arranged })

/** The earliest request; of several any, before they are {@link arrange}d. */
export const first = <K>(schedule: Schedule<K>): EventQueue.Entry<K> | undefined => EventQueue.first(schedule.requests)

/** When `client` is to run, in the calendar's ns. */
export const timeOf = <K>(schedule: Schedule<K>, client: K): Nanos | undefined =>
  EventQueue.timeOf(schedule.requests, client)

/** With this request in place of the client's earlier one. The same again keeps its place. */
export const request = <K>(schedule: Schedule<K>, client: K, at: Nanos): Schedule<K> => {
  if (timeOf(schedule, client) === at) return schedule
  const requests = EventQueue.add(EventQueue.remove(schedule.requests, client), client, at)
  return having(schedule, requests, schedule.arranged === at ? undefined : schedule.arranged)
}

/** Without the client's request. */
export const withdraw = <K>(schedule: Schedule<K>, client: K): Schedule<K> => {
  const requests = EventQueue.remove(schedule.requests, client)
  return requests === schedule.requests ? schedule : having(schedule, requests, schedule.arranged)
}

/** With the earliest requests in the order in which they are to be granted. There must be one. */
export const arrange = <K>(schedule: Schedule<K>, idOf: (client: K) => bigint): Schedule<K> => {
  const time = first(schedule)?.time
  invariant(time !== undefined, "only a schedule that has a request is put in order")
  if (schedule.order === "FirstCome" || schedule.arranged === time) return schedule
  let { requests, random } = schedule
  const due: Array<K> = []
  for (let entry = EventQueue.first(requests); entry?.time === time; entry = EventQueue.first(requests)) {
    due.push(entry.event)
    requests = EventQueue.takeFirst(requests)
  }
  // By ID in any case, so that chance doesn't depend on whose request came first in real time.
  due.sort((a, b) => idOf(a) < idOf(b) ? -1 : idOf(a) > idOf(b) ? 1 : 0)
  if (schedule.order === "Shuffled") {
    for (let left = due.length; left > 1; left--) {
      random = Random.next(random)
      const chosen = Math.floor(Random.number(random) * left)
      ;[due[left - 1], due[chosen]] = [due[chosen]!, due[left - 1]!]
    }
  }
  for (const client of due) requests = EventQueue.add(requests, client, time)
  return { ...schedule, requests, random, arranged: time }
}

/** Without its first request. */
export const takeFirst = <K>(schedule: Schedule<K>): Schedule<K> =>
  having(schedule, EventQueue.takeFirst(schedule.requests), schedule.arranged)
