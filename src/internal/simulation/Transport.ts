/**
 * Carries packets from one guest's end of a link to another's: by a call in one process, by a socket between two.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { Wire } from "./LinkCodec.ts"
import type { ClockError } from "../../Event.ts"

/** A message on its way to another guest. */
export interface Packet {
  readonly link: string
  readonly from: string
  readonly to: string
  /** The receiver's own. */
  readonly message: unknown
  /** The same as it is on its way. */
  readonly wire: Wire
  /** The sender's time, in ns. */
  readonly sentAt: bigint
  /** How long after that it arrives, in ns. */
  readonly delay: bigint
  /** The sender's Lamport stamp. */
  readonly stamp: number
  /** It will fail its checksum. */
  readonly corrupted: boolean
}

/** Takes what arrives for a guest. */
export interface Receiver {
  /** Over when the guest's clock knows of it. */
  readonly receive: (packet: Packet) => Effect.Effect<void>
  /** The same at once; whether that could be done. */
  readonly receiveNow: (packet: Packet) => boolean
}

/** The way to the other guests. */
export interface Transport {
  /** Hands packets over. It ends when their receivers' clocks know of them, with those whose receivers have left. */
  readonly deliver: (packets: ReadonlyArray<Packet>) => Effect.Effect<ReadonlyArray<Packet>>
  /** Hands one over at once, where its receiver is in this process: what became of it. */
  readonly deliverNow?: (packet: Packet) => "heard" | "left" | "not now"
}

/** What became of packets that were to be handed over at once. */
export interface HandedOver {
  /** Those whose receivers have left. */
  readonly left: ReadonlyArray<Packet>
  /** Those that are still to be handed over, … */
  readonly rest: ReadonlyArray<Packet>
  /** … and what is to be done before. */
  readonly first?: Effect.Effect<void, ClockError> | undefined
}

/** The guests of one process, plugged into each other. */
export class Switch implements Transport {
  readonly #receivers = new Map<string, Receiver>()

  /** From now on, `receiver` takes what is for the guest; none: the guest has left. */
  plug(guest: string, receiver: Receiver | undefined): void {
    if (receiver === undefined) this.#receivers.delete(guest)
    else this.#receivers.set(guest, receiver)
  }

  deliverNow(packet: Packet): "heard" | "left" | "not now" {
    const receiver = this.#receivers.get(packet.to)
    if (receiver === undefined) return "left"
    return receiver.receiveNow(packet) ? "heard" : "not now"
  }

  deliver(packets: ReadonlyArray<Packet>): Effect.Effect<ReadonlyArray<Packet>> {
    const undelivered: Array<Packet> = []
    return Effect.as(
      Effect.forEach(packets, (packet) => {
        const receiver = this.#receivers.get(packet.to)
        if (receiver !== undefined) return receiver.receive(packet)
        undelivered.push(packet)
        return Effect.void
      }, { discard: true }),
      undelivered,
    )
  }
}
