/**
 * What goes over a world's networks, as a file of captured frames for Wireshark and tshark: in the format pcapng, at
 * simulated times, to the ns.
 *
 * Each end of a cable is an interface, `GUEST on CABLE`: what goes out there, with when it was sent, and what comes in,
 * with when it arrived. What is lost says why, in a comment.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { OptionError } from "../core/Fault.ts"
import * as CaptureFile from "../internal/devices/CaptureFile.ts"
import { CurrentTapping, type Tapped } from "../internal/simulation/Tap.ts"

export { CaptureIncomplete } from "../internal/devices/CaptureFile.ts"

/**
 * How frames are written to a file.
 *
 * @since 0.2.0
 * @category models
 */
export interface FileOptions {
  /** Told once, and at once, when something can't be written. Default: it is logged as an error at the end. */
  readonly onIncomplete?: (why: CaptureFile.CaptureIncomplete) => void
}

/** What is to be said of a frame. */
const commentOf = ({ lost, copies }: Tapped): string | undefined =>
  lost !== undefined ? `lost: ${lost}` : copies === 1 ? undefined : `${copies} copies`

const captured = (start: bigint, tapped: Tapped) => {
  const { guest, link, direction, time, frame } = tapped
  const comment = commentOf(tapped)
  const at = { interface: `${guest} on ${link}`, time: start + time }
  return { ...at, frame, direction, ...comment !== undefined && { comment } }
}

/**
 * Has all frames of worlds that are run with this layer written to the file at `path`, anew, while they are sent and
 * arrive: 64 KiB at most are in memory. Times are those of the world's time of day (`start`). The file is complete when
 * the layer is gone. One that can't be opened is an `OptionError`. Where something can't be written, as the disk is full,
 * the world goes on, nothing more is written, and `onIncomplete` is told.
 *
 * Guests in processes of their own (`Processes.layer`) write nothing.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Capture, Guest, Network, World } from "guest-clock/simulation"
 * import { readFileSync, rmSync } from "node:fs"
 *
 * const cable = Network.cable("cable", { ends: ["ann", "bob"], latency: "1 millis" })
 * const ann = Guest.make("ann", Effect.flatMap(Network.open(cable), (port) => port.send(new Uint8Array(60))))
 * const bob = Guest.make("bob", Effect.flatMap(Network.open(cable), (port) => port.receive))
 * const world = World.make({ guests: [ann, bob], links: [cable] })
 * await Effect.runPromise(Effect.provide(World.run(world), Capture.toFile("frames.pcapng")))
 * console.log(readFileSync("frames.pcapng").length) // 352
 * rmSync("frames.pcapng")
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const toFile = (path: string, { onIncomplete }: FileOptions = {}): Layer.Layer<never, OptionError> =>
  Layer.effect(
    CurrentTapping,
    Effect.map(
      CaptureFile.open(path, onIncomplete),
      (frames) => (start) => (tapped) => frames.capture(captured(start, tapped)),
    ),
  )
