/**
 * A Linux kernel sends 1 MB to another by TCP: 10 Mbit/s, 20 ms each way, and of 100 frames one is lost. Which ones, a
 * seed decides: the same seed, the same nanosecond of the end; another one, another.
 *
 * ```sh
 * interop/uml/build                           # once: about ten minutes
 * deno run -A examples/kernels/transfer.ts    # or: bun, or: node, from 26 on
 * ```
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { running } from "../../interop/uml/guest.ts"
import { Frame, Malformed } from "../../src/devices.ts"
import { Guest, type Journal, Network, World } from "../../src/simulation.ts"

const folder = fileURLToPath(new URL(".", import.meta.url))

const cable = Network.cable("cable", {
  ends: ["sender", "receiver"],
  latency: "20 millis",
  bandwidth: 10_000_000,
  size: Network.onWire,
  loss: 0.01,
})

/** What the kernels said last: how long it took the sender, in ns, and how many bytes the receiver has got. */
let [took, received] = [0n, 0]
const say = (line: string) => {
  const [, nanos, bytes] = /^took (\d+) ns|^(\d+)$/.exec(line) ?? []
  if (nanos !== undefined) took = BigInt(nanos)
  if (bytes !== undefined) received = Number(bytes)
}

const sender = Guest.kernel("sender", {
  ...running("6.12", { folder, script: "host.sh", variables: { IP: "10.0.0.1", DO: "send.sh" } }),
  networks: [{ to: cable, mac: "02:00:00:00:00:01" }],
  console: say,
})

const receiver = Guest.kernel("receiver", {
  ...running("6.12", { folder, script: "host.sh", variables: { IP: "10.0.0.2", DO: "receive.sh" } }),
  networks: [{ to: cable, mac: "02:00:00:00:00:02" }],
  console: say,
})

/** A segment with data: when it was sent, where in the stream it begins, and whether it was lost. */
interface Sent {
  readonly time: bigint
  readonly from: number
  readonly to: number
  readonly isLost: boolean
}

/** The segments that the sender has sent. */
const segmentsOf = (journal: Journal.Journal): ReadonlyArray<Sent> => {
  let first: number | undefined
  return journal.flatMap((entry) => {
    if (entry._tag !== "Sent" || entry.guest !== "sender") return []
    const bytes = Network.frameOf(entry)
    const frame = bytes === undefined ? undefined : Frame.decode(bytes)
    const tcp = frame === undefined || Malformed.isMalformed(frame) ? undefined : frame.tcp
    if (tcp === undefined || tcp.payload.length === 0) return []
    const from = tcp.sequence - (first ??= tcp.sequence) >>> 0
    return [{ time: entry.time, from, to: from + tcp.payload.length, isLost: entry.delays.length === 0 }]
  })
}

const [WIDTH, HEIGHT] = [78, 20]

/** What was sent over time: `·` for the first time, `×` and lost, `R` again. */
const plot = (segments: ReadonlyArray<Sent>): ReadonlyArray<string> => {
  const [begin, end] = [segments[0]!.time, segments.at(-1)!.time]
  const last = Math.max(...segments.map(({ to }) => to))
  const rows = Array.from({ length: HEIGHT }, () => Array<string>(WIDTH).fill(" "))
  let sent = 0
  for (const { time, from, to, isLost } of segments) {
    const column = Number((time - begin) * BigInt(WIDTH - 1) / (end - begin || 1n))
    const row = HEIGHT - 1 - Math.min(HEIGHT - 1, Math.floor(from * HEIGHT / last))
    const mark = isLost ? "×" : from < sent ? "R" : "·"
    if (rows[row]![column] === " " || mark !== "·") rows[row]![column] = mark
    sent = Math.max(sent, to)
  }
  return rows.map((row) => `│${row.join("").trimEnd()}`)
}

const ms = (nanos: bigint): string => `${nanos / 1_000_000n} ms`

const main = Effect.gen(function* () {
  const world = World.make({ guests: [sender, receiver], links: [cable] })
  const run = (seed: number) =>
    Effect.gen(function* () {
      const { journal } = yield* World.run(world, { seed, journal: true })
      yield* Console.log(`seed ${seed}: ${received} bytes in ${ms(took)}`)
      return { segments: segmentsOf(journal), took }
    })
  const { segments, took: first } = yield* run(1)
  yield* Console.log((yield* run(1)).took === first ? "        the same, to the ns" : "        not the same")
  yield* run(2)
  const sizes = segments.map(({ from, to }) => to - from)
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  const lost = segments.filter(({ isLost }) => isLost).length
  yield* Console.log(`\nwith seed 1: ${segments.length} segments of ${bytes} bytes, of which ${lost} were lost\n`)
  for (const line of plot(segments)) yield* Console.log(line)
  const shown = segments.at(-1)!.time - segments[0]!.time
  yield* Console.log(`└${"─".repeat(WIDTH)}\n 0${ms(shown).padStart(WIDTH - 1)}`)
  yield* Console.log("\n· sent   × lost   R sent again")
})

await Effect.runPromise(main)
