import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import { performance } from "node:perf_hooks"
import type * as Command from "../../src/core/Command.ts"
import { isFault } from "../../src/core/Fault.ts"
import * as Guest from "../../src/core/Guest.ts"
import type { Nanos } from "../../src/core/Nanos.ts"
import type { GuestTrace } from "../../src/services/Tracer.ts"
import * as Trace from "../../src/trace.ts"
import { sized } from "../numbers.ts"
import type { Case, Suite } from "../suite.ts"

/** Of each kind below; each record is one, but for one digest a thousand. */
const ROUNDS = sized(250_000)

/** What a traced clock does in a round: an event is added and delivered; a million things to record in all. */
const rounds = (trace: GuestTrace | undefined): void => {
  const core = trace?.transitions ?? Guest
  let state = Guest.make("inf-cpu")
  const follow = (next: Guest.Transition) => {
    if (isFault(next)) throw next
    state = next.state
  }
  for (let round = 0; round < ROUNDS; round++) {
    const event: Command.Event = { _tag: "Event", name: "packet", handler: true }
    follow(core.addEvent(state, event, state.now + 1000n as Nanos))
    follow(core.sleep(state, true))
    trace?.handling(state, event)
    trace?.handled(state)
  }
  trace?.end(state)
}

/** ns for each of the million. */
const measured = (name: string, run: (clock: Clock.Clock) => void): Case => ({
  name,
  measure: () =>
    Effect.runPromise(Effect.map(Clock.Clock, (clock) => {
      const began = performance.now()
      run(clock)
      return (performance.now() - began) * 1e6 / (4 * ROUNDS)
    })),
})

const guest = (sink: Trace.Sink, clock: Clock.Clock): GuestTrace =>
  Trace.tracerOf(sink, clock).guest("inf-cpu", "bench")

const toFile = (clock: Clock.Clock): void => {
  const path = Path.join(Os.tmpdir(), `guest-clock-bench-${process.pid}.ndjson`)
  const file = Fs.openSync(path, "w")
  try {
    const sink = Trace.ndjson((bytes) => Fs.writeSync(file, bytes))
    rounds(guest(sink, clock))
    sink.flush()
  } finally {
    Fs.closeSync(file)
    Fs.rmSync(path)
  }
}

const suite: Suite = {
  about: "A million things that a guest does, traced",
  unit: "ns each",
  more: false,
  cases: [
    measured("not traced", () => rounds(undefined)),
    measured("a ring of 10,000", (clock) => rounds(guest(Trace.ring(10_000), clock))),
    measured("NDJSON, to nowhere", (clock) => rounds(guest(Trace.ndjson(() => {}), clock))),
    measured("NDJSON, to a file", toFile),
  ],
}

export default suite
