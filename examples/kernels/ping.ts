/**
 * Two Linux kernels on one cable of 0.5 ms: one pings the other, and a round trip takes 1 ms of simulated time, to the ns.
 * The first one takes two, as each asks for the other's address.
 *
 * ```sh
 * interop/uml/build                           # once: about ten minutes
 * deno run -A examples/kernels/ping.ts        # or: bun, or: node, from 26 on
 * ```
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { running } from "../../interop/uml/guest.ts"
import { Guest, Network, World } from "../../src/simulation.ts"

const folder = fileURLToPath(new URL(".", import.meta.url))

const cable = Network.cable("cable", { ends: ["alpha", "beta"], latency: "500 micros" })

const printed: Array<string> = []

const alpha = Guest.kernel("alpha", {
  ...running("6.1", { folder, script: "host.sh", variables: { IP: "10.0.0.1", DO: "ping.sh" } }),
  networks: [{ to: cable, mac: "02:00:00:00:00:01" }],
  console: (line) => {
    if (/packets/.test(line)) printed.push(line)
  },
})

const beta = Guest.kernel("beta", {
  ...running("6.12", { folder, script: "host.sh", variables: { IP: "10.0.0.2", DO: "wait.sh" } }),
  networks: [{ to: cable, mac: "02:00:00:00:00:02" }],
}, { daemon: true })

const main = Effect.gen(function* () {
  const world = World.make({ guests: [alpha, beta], links: [cable] })
  const { journal } = yield* World.run(world, { journal: true })
  for (const line of printed) yield* Console.log(line)
  yield* Console.log("")
  // From the first frame on: until then a kernel boots.
  const begin = journal[0]!.time
  for (const { _tag, time, guest, title } of journal.flatMap((entry) => "title" in entry ? [entry] : []).slice(0, 8)) {
    const arrow = _tag === "Arrived" ? "←" : "→"
    yield* Console.log(`${String(time - begin).padStart(8)} ns  ${guest.padEnd(5)} ${arrow} ${title}`)
  }
})

await Effect.runPromise(main)
