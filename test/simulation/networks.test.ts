/** Networks: frames over cables and through a switch, at exact times, and what is seen of them. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { Ethernet } from "../../src/devices.ts"
import { Processes } from "../../src/processes.ts"
import { Capture, Guest, Journal, Link, Network, World } from "../../src/simulation.ts"
import * as Trace from "../../src/trace.ts"
import { builtUrl } from "../support/built.ts"
import * as Tshark from "../support/tshark.ts"
import { addressOf, answers, frameOf, pings, world } from "../support/worlds/lan.ts"

const [A, B] = [addressOf(1).mac, addressOf(2).mac] as const

/** What guests noted, one line each. */
const notes = (journal: Journal.Journal): ReadonlyArray<string> =>
  journal.flatMap((entry) => entry._tag === "Noted" ? [`${entry.guest}: ${entry.text} ${entry.data}`] : [])

const pongs = (journal: Journal.Journal) => notes(journal).filter((line) => line.includes("pong"))

describe("a cable", () => {
  it.live("carries a ping in twice its latency, to the ns; the first one waits for ARP", () =>
    Effect.gen(function* () {
      const cable = Network.cable("cable", { ends: ["ann", "bob"], latency: "500 micros" })
      const guests = [pings("ann", 1, cable, { to: 2 }), answers("bob", 2, cable)]
      const { journal } = yield* World.run(World.make({ guests, links: [cable] }), { journal: true })
      expect(pongs(journal)).toEqual(["ann: pong 1 2000000", "ann: pong 2 1000000", "ann: pong 3 1000000"])
    }))

  it.live("takes as long for a frame as its bytes do, or as an Ethernet does", () =>
    Effect.gen(function* () {
      for (const [size, ns] of [[undefined, 43_200n], [Network.onWire, 67_200n]] as const) {
        const cable = Network.cable("cable", {
          ends: ["ann", "bob"],
          bandwidth: 10_000_000,
          ...size !== undefined && { size },
        })
        const times: Array<bigint> = []
        const ann = Guest.make(
          "ann",
          Effect.flatMap(Network.open(cable), (port) => port.send(frameOf(B, A, 54))),
        )
        const bob = Guest.make(
          "bob",
          Effect.flatMap(Network.open(cable), (port) => Effect.map(port.receive, ({ at }) => times.push(at))),
        )
        yield* World.run(World.make({ guests: [ann, bob], links: [cable] }))
        expect(times).toEqual([ns])
      }
      expect([0, 60, 61, 1514].map((bytes) => Network.onWire(new Uint8Array(bytes)))).toEqual([84, 84, 85, 1538])
    }))

  it.live("brings each receiver bytes of its own, as they were when they were sent", () =>
    Effect.gen(function* () {
      const lan = Network.make("lan", { hosts: ["ann", "bob", "cid"], latency: "1 millis" })
      const got: Array<Uint8Array> = []
      const ann = Guest.make(
        "ann",
        Effect.gen(function* () {
          const port = yield* Network.open(lan)
          const buffer = new Uint8Array(100)
          buffer.set(frameOf(Ethernet.BROADCAST, A), 20)
          // A view, of whose buffer nothing else may arrive.
          yield* port.send(buffer.subarray(20, 80))
          buffer.fill(7)
        }),
      )
      const receiver = (name: string) =>
        Guest.make(
          name,
          Effect.gen(function* () {
            const { message } = yield* (yield* Network.open(lan)).receive
            expect(message).toEqual(frameOf(Ethernet.BROADCAST, A))
            expect(message.buffer.byteLength).toBe(60)
            got.push(message)
            message.fill(1)
          }),
        )
      const guests = [ann, receiver("bob"), receiver("cid"), ...lan.guests]
      yield* World.run(World.make({ guests, links: lan.links }))
      expect(got).toHaveLength(2)
      expect(got[0]!.buffer).not.toBe(got[1]!.buffer)
    }))

  it.live("carries nothing but bytes", () =>
    Effect.gen(function* () {
      const cable = Network.cable("cable", { ends: ["ann", "bob"] })
      const ann = Guest.make(
        "ann",
        Effect.flatMap(Network.open(cable), (port) => port.send("hello" as unknown as Uint8Array)),
      )
      const bob = Guest.make("bob", Effect.void)
      const error = yield* Effect.flip(World.run(World.make({ guests: [ann, bob], links: [cable] })))
      expect(error.message).toBe(
        'the guest "ann" failed at 0 ns: a message on the link "cable" can\'t be "hello": Expected Uint8Array',
      )
      expect(error).toMatchObject({ _tag: "GuestFailed", link: "cable" })
    }))
})

describe("a network", () => {
  it.live("has a ping pass its switch twice, and nobody else sees it once the switch knows both", () =>
    Effect.gen(function* () {
      const lan = Network.make("lan", { hosts: ["ann", "bob", "cid"], latency: "250 micros" })
      const guests = [pings("ann", 1, lan, { to: 2 }), answers("bob", 2, lan), answers("cid", 3, lan), ...lan.guests]
      const { journal } = yield* World.run(World.make({ guests, links: lan.links }), { journal: true })
      expect(pongs(journal)).toEqual(["ann: pong 1 2000000", "ann: pong 2 1000000", "ann: pong 3 1000000"])
      // A question for all and three pings, and of those only the question.
      expect(notes(journal).filter((line) => line.startsWith("bob"))).toHaveLength(4)
      expect(notes(journal).filter((line) => line.startsWith("cid"))).toHaveLength(1)
    }))

  it.live("floods what is for somebody who was quiet for the time of ageing", () =>
    Effect.gen(function* () {
      const hosts = ["ann", "bob", "cid"]
      const counts = (ageing: bigint) =>
        Effect.gen(function* () {
          const lan = Network.make("lan", { hosts, ageing })
          const bob = Guest.make(
            "bob",
            Effect.gen(function* () {
              const port = yield* Network.open(lan)
              yield* port.send(frameOf(A, B))
              yield* Effect.never
            }),
            { daemon: true },
          )
          const ann = Guest.make(
            "ann",
            Effect.gen(function* () {
              const port = yield* Network.open(lan)
              yield* Effect.sleep("1 millis")
              yield* port.send(frameOf(B, A))
              yield* Effect.sleep("1 millis")
            }),
          )
          const guests = [bob, ann, answers("cid", 3, lan), ...lan.guests]
          const { journal } = yield* World.run(World.make({ guests, links: lan.links }), { journal: true })
          return notes(journal).length
        })
      expect(yield* counts(1_000_000n)).toBe(2)
      expect(yield* counts(1_000_001n)).toBe(1)
    }))

  it.live("has a host's cable be as it says, and all others as the network's", () =>
    Effect.gen(function* () {
      const lan = Network.make("lan", {
        hosts: ["ann", "bob", "cid"],
        latency: "1 millis",
        cables: { bob: { latency: "3 millis" } },
      })
      const guests = [pings("ann", 1, lan, { to: 2, times: 2 }), answers("bob", 2, lan)]
      const all = [...guests, answers("cid", 3, lan), ...lan.guests]
      const { journal } = yield* World.run(World.make({ guests: all, links: lan.links }), { journal: true })
      expect(pongs(journal)).toEqual(["ann: pong 1 16000000", "ann: pong 2 8000000"])
    }))

  it.live(
    "does the same for a seed each time, another thing for another, and the same in processes",
    () =>
      Effect.gen(function* () {
        const lines = ({ journal }: World.Result) => journal.map(Journal.format)
        const one = lines(yield* World.run(world, { journal: true, seed: 1 }))
        expect(one.length).toBeGreaterThan(200)
        expect(one.join("\n")).toMatch(/✗ bob on lan\/bob: .*: loss/)
        expect(lines(yield* World.run(world, { journal: true, seed: 1 }))).toEqual(one)
        expect(lines(yield* World.run(world, { journal: true, seed: 2 }))).not.toEqual(one)
        const module = builtUrl("test/support/worlds/lan.ts")
        const apart = yield* Effect.provide(World.run(world, { journal: true, seed: 1 }), Processes.layer({ module }))
        expect(lines(apart)).toEqual(one)
      }),
    60_000,
  )

  it.live("has options that are checked", () =>
    Effect.gen(function* () {
      const hosts = ["ann", "bob"]
      const cases: ReadonlyArray<readonly [string, Network.Options, string]> = [
        ["", { hosts }, 'the name of a guest can\'t be "": a name is a text of 1 character or more'],
        ["lan", { hosts: ["ann"] }, 'hosts of the network "lan" can\'t be ["ann"]: it has 2 hosts or more'],
        [
          "lan",
          { hosts: ["ann", "ann"] },
          'hosts of the network "lan" can\'t be ["ann","ann"]: each host is there once',
        ],
        ["ann", { hosts }, 'hosts of the network "ann" can\'t be ann: its switch is called that'],
        ["lan", { hosts, cables: { cid: {} } }, 'cables of the network "lan" can\'t be cid: its hosts are ann, bob'],
        ["lan", { hosts, ageing: 0 }, "ageing can't be 0: it is a bigint of ns, from 1 to 2^62"],
        ["lan", { hosts, addresses: 0 }, "addresses can't be 0: it is a whole number from 1 to 1048576"],
      ]
      const others = [[
        "lan",
        { hosts, loss: 2 },
        'loss of the link "lan/ann" can\'t be 2: it is a share, from 0 to 1',
      ]] as const
      for (const [name, options, message] of [...cases, ...others]) {
        const lan = Network.make(name, options)
        const guests = hosts.map((name) => Guest.make(name, Effect.void))
        const world = World.make({ guests: [...guests, ...lan.guests], links: lan.links })
        const error = yield* Effect.flip(World.run(world))
        expect(error).toMatchObject({ _tag: "OptionError", message })
      }
    }))
})

const lan = () => Network.make("lan", { hosts: ["ann", "bob"], latency: "250 micros", cables: { bob: { loss: 0.3 } } })

const worldOf = (network: Network.Network) =>
  World.make({
    guests: [pings("ann", 1, network, { to: 2 }), answers("bob", 2, network), ...network.guests],
    links: network.links,
  })

describe("what is seen of a network", () => {
  it.live("is what each frame is: in the journal, its JSON and its lines, and in traces", () =>
    Effect.gen(function* () {
      const ring = Trace.ring(10_000)
      const network = Network.make("lan", { hosts: ["ann", "bob"], latency: "250 micros" })
      const { journal } = yield* Effect.provide(World.run(worldOf(network), { journal: true }), Trace.to(ring))
      const lines = journal.filter(({ guest }) => guest === "ann").map(Journal.format)
      expect(lines.slice(0, 4)).toEqual([
        "              0 ann        → lan on lan/ann: ARP who has 10.0.0.2? tell 10.0.0.1, in 250000 ns",
        "        1000000 ann        ← lan on lan/ann: ARP 10.0.0.2 is at 02:00:00:00:00:02",
        "        1000000 ann        → lan on lan/ann: ping 1#1 10.0.0.1 → 10.0.0.2, in 250000 ns",
        "        2000000 ann        ← lan on lan/ann: pong 1#1 10.0.0.2 → 10.0.0.1",
      ])
      const [first] = journal
      expect(first).toMatchObject({ _tag: "Sent", title: "ARP who has 10.0.0.2? tell 10.0.0.1" })
      if (first?._tag === "Sent") expect(first.message).toMatch(/^\/{8}AgAAAAAB/)
      const sent = ring.trace().records.flatMap(({ time, what }) =>
        what._tag === "Sent" ? [`${time} ${what.link}: ${what.title}`] : []
      )
      expect(sent).toContain("0 lan/ann: ARP who has 10.0.0.2? tell 10.0.0.1")
      expect(sent).toContain("1000000 lan/ann: ping 1#1 10.0.0.1 → 10.0.0.2")
    }))

  it.live("is called by any link's title, if it has one, whatever the messages are", () =>
    Effect.gen(function* () {
      const wire = Link.make("wire", {
        ends: ["ann", "bob"],
        message: Network.cable("x", { ends: ["a", "b"] }).options.message,
        title: (message) => `${message.length} bytes`,
      })
      const ann = Guest.make("ann", Effect.flatMap(Link.open(wire), (port) => port.send(new Uint8Array(3))))
      const bob = Guest.make("bob", Effect.void)
      const { journal } = yield* World.run(World.make({ guests: [ann, bob], links: [wire] }), { journal: true })
      expect(Journal.title(journal[0]!)).toBe("→ bob on wire: 3 bytes")
      const bad = Link.make("wire", { ...wire.options, title: 1 as never })
      const error = yield* Effect.flip(World.run(World.make({ guests: [ann, bob], links: [bad] })))
      expect(error.message).toBe('title of the link "wire" can\'t be 1: it is a function')
    }))

  const captured = (
    use: (path: string, journal: Journal.Journal) => Effect.Effect<void, unknown> | void | Promise<void>,
    options: World.Options = {},
  ) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped({ prefix: "networks-" })}/frames.pcapng`
      const world = worldOf(lan())
      const { journal } = yield* Effect.provide(World.run(world, { journal: true, ...options }), Capture.toFile(path))
      const used = use(path, journal)
      if (Effect.isEffect(used)) yield* used
      else yield* Effect.promise(() => Promise.resolve(used))
      return yield* fs.readFile(path)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

  it.live("is a file of captured frames, the same each time, that a world writes as it goes", () =>
    Effect.gen(function* () {
      const one = yield* captured(() => {}, { seed: 5 })
      expect(yield* captured(() => {}, { seed: 5 })).toEqual(one)
      expect(yield* captured(() => {}, { seed: 6 })).not.toEqual(one)
    }))

  it.live("is read by tshark: each frame at both ends of its cable, to the ns, and what became of it", (context) =>
    Effect.gen(function* () {
      const name = "reading the captured frames of a world with tshark"
      if (yield* Effect.promise(() => Tshark.isLeftOut(context, name))) return
      const start = 1_700_000_000_000_000_000n
      yield* captured((path, journal) => {
        const names = ["time_epoch", "interface_name", "packet_flags_direction", "comment", "len"]
        const read = Tshark.fields(path, names.map((name) => `frame.${name}`))
        const lost = new Map(
          journal.flatMap((entry) => entry._tag === "Lost" ? [[`${entry.time} ${entry.guest}`, entry.why]] : []),
        )
        const expected = journal.flatMap((entry) => {
          if (entry._tag !== "Sent" && entry._tag !== "Arrived") return []
          const time = start + entry.time
          const why = entry._tag === "Sent" ? lost.get(`${entry.time} ${entry.guest}`) : undefined
          return [[
            `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, "0")}`,
            `${entry.guest} on ${entry.link}`,
            entry._tag === "Sent" ? "0x00000002" : "0x00000001",
            why === undefined ? "" : `lost: ${why}`,
            String(atob(entry.message as string).length),
          ]]
        })
        expect([...read].sort()).toEqual(expected.sort())
        expect(read.filter(([, , , comment]) => comment === "lost: loss").length).toBeGreaterThan(0)
        expect(read.map(([time]) => time)).toEqual(read.map(([time]) => time).sort())
        expect(Tshark.complaints(path)).toBe("")
      }, { start, seed: 5 })
    }))

  it.live("is nowhere if the file can't be opened", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Effect.provide(World.run(worldOf(lan())), Capture.toFile("/nowhere/frames.pcapng")),
      )
      expect(error.message).toMatch(/^the file of captured frames can't be \/nowhere\/frames\.pcapng: ENOENT/)
    }))

  it.live("isn't complete if the disk is full, which is told once; the world goes on", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const layer = Capture.toFile("/dev/full", { onIncomplete: (error) => told.push(error.message) })
      const { time } = yield* Effect.provide(World.run(worldOf(lan())), layer)
      expect(time).toBe(30_000_000n)
      expect(told).toEqual([
        expect.stringMatching(/^the captured frames in \/dev\/full aren't complete: (ENOSPC|No space left)/),
      ])
    }))
})
