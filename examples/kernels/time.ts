/**
 * A Linux kernel whose clock is wrong asks a server for the time, and the server is a program in TypeScript: it reads and
 * writes Ethernet frames. It answers `rdate` (RFC 868, over TCP) and `ntpd` (NTP, over UDP), whichever the kernel has.
 *
 * ```sh
 * interop/uml/build                           # once: about ten minutes
 * deno run -A examples/kernels/time.ts        # or: bun, or: node, from 26 on
 * ```
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { running } from "../../interop/uml/guest.ts"
import { Host, Malformed, Ntp, Tcp } from "../../src/devices.ts"
import { Guest, Network, World } from "../../src/simulation.ts"

/** The time of day at simulated time 0: ns since 1970. */
const START = BigInt(Date.parse("2026-11-29T12:00:00Z")) * 1_000_000n

const folder = fileURLToPath(new URL(".", import.meta.url))

const lan = Network.make("lan", { hosts: ["client", "server"], latency: "1 millis" })

const client = Guest.kernel("client", {
  ...running("6.12", { folder, script: "host.sh", variables: { IP: "10.0.0.2", DO: "time.sh" } }),
  networks: [{ to: lan, mac: "02:00:00:00:00:02" }],
  console: (line) => {
    if (/UTC|rdate/.test(line)) printed.push(line)
  },
})

const printed: Array<string> = []

/** The port that is asked for the time by TCP. */
const TIME_PORT = 37

/** Where the server's streams begin, all of them. */
const BEGIN = 1000

/** What the server answers to a segment: it says the time, in seconds since 1900, and closes the connection. */
const said = (tcp: Required<Tcp.Tcp>, now: bigint): Partial<Tcp.Tcp> | undefined => {
  const { syn, ack, fin, psh } = Tcp.flags
  const acknowledgment = tcp.sequence + tcp.payload.length + ((tcp.flags & (syn | fin)) === 0 ? 0 : 1) >>> 0
  if (tcp.flags === syn) return { sequence: BEGIN, acknowledgment, flags: syn | ack }
  if ((tcp.flags & fin) !== 0) return { sequence: BEGIN + 6, acknowledgment, flags: ack }
  if (tcp.acknowledgment !== BEGIN + 1) return undefined
  const payload = new Uint8Array(4)
  new DataView(payload.buffer).setUint32(0, Number(Ntp.fromNanos(now) >> 32n))
  return { sequence: BEGIN + 1, acknowledgment, flags: psh | ack | fin, payload }
}

const server = Guest.make(
  "server",
  Effect.gen(function* () {
    const port = yield* Network.open(lan)
    const host = yield* Host.make({ mac: "02:00:00:00:00:01", ip: "10.0.0.1" })
    /** The frames that answer what was delivered. */
    const answer = (delivered: Host.Delivered, now: bigint): ReadonlyArray<Uint8Array> => {
      const to = delivered.from
      if (delivered._tag === "Segment" && delivered.tcp.destinationPort === TIME_PORT) {
        const { sourcePort: destinationPort } = delivered.tcp
        const segment = said(delivered.tcp, now)
        if (segment === undefined) return []
        const rest = { to, sourcePort: TIME_PORT, destinationPort, sequence: 0, flags: 0, payload: new Uint8Array(0) }
        return host.segment({ ...rest, ...segment })
      }
      if (delivered._tag === "Datagram" && delivered.udp.destinationPort === Ntp.PORT) {
        const question = Ntp.decode(delivered.udp.payload)
        if (Malformed.isMalformed(question) || question.mode !== Ntp.modes.client) return []
        const payload = Ntp.encode(Ntp.reply(question, now))
        return host.datagram({ to, sourcePort: Ntp.PORT, destinationPort: delivered.udp.sourcePort, payload })
      }
      return []
    }
    while (true) {
      const { message, at } = yield* port.receive
      const { send, delivered } = host.receive(message)
      for (const frame of send) yield* port.send(frame)
      if (delivered === undefined) continue
      for (const frame of answer(delivered, START + at)) yield* port.send(frame)
    }
  }),
  { daemon: true },
)

const main = Effect.gen(function* () {
  const world = World.make({ guests: [client, server, ...lan.guests], links: lan.links })
  const { journal } = yield* World.run(world, { start: START, journal: true })
  for (const line of printed) yield* Console.log(line)
  yield* Console.log("")
  const asked = journal.filter((entry) => entry._tag === "Arrived" && entry.guest === "server")
  const begin = asked[0]!.time
  for (const entry of asked) {
    // The kernel draws its port, and where its stream begins: by its command line too, which has this folder's path.
    if (entry._tag !== "Arrived" || entry.title === undefined) continue
    const title = entry.title.replace(/ seq.*bytes/, "").replace(/:\d{5} /, " ")
    yield* Console.log(`${String(entry.time - begin).padStart(9)} ns  ${title}`)
  }
})

await Effect.runPromise(main)
