/** Kernels as guests of worlds, on their networks: exact times, beside guests in TypeScript; and what is left of bad ones. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import { resolve } from "node:path"
import process from "node:process"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import { Host } from "../../src/devices.ts"
import { Guest, type Journal, Network, World } from "../../src/simulation.ts"
import * as Tshark from "../../test/support/tshark.ts"
import { running } from "./guest.ts"
import * as Kernel from "./Kernel.ts"
import { folder } from "./support.ts"

const IP = { alpha: "10.0.0.1", beta: "10.0.0.2", peer: "10.0.0.9" } as const
const MAC = { alpha: "02:00:00:00:00:01", beta: "02:00:00:00:00:02", peer: "02:00:00:00:00:09" } as const

/** A kernel with an address that runs these commands. */
const kernel = (
  name: "alpha" | "beta",
  version: Kernel.Version,
  to: Network.Network | Network.Cable,
  { commands, folder, printed, daemon = false }: {
    readonly commands: string
    readonly folder: string
    readonly printed?: Array<string>
    readonly daemon?: boolean
  },
) => {
  Fs.writeFileSync(
    `${folder}/${name}.sh`,
    `ip addr add ${IP[name]}/24 dev eth0\nip link set eth0 up\n${commands}\n`,
  )
  return Guest.kernel(name, {
    ...running(version, { folder, script: `${name}.sh` }),
    networks: [{ to, mac: MAC[name] }],
    console: (line) => void printed?.push(line),
  }, { daemon })
}

const WAIT = "sleep 1000000"

/** A test in real time, with a folder of its own. */
const live = (what: string, test: (folder: string) => Effect.Effect<void, unknown>) =>
  it.live(what, () => Effect.flatMap(folder, test).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 110_000)

/** How long each ping took from when it left a guest to when its answer was there, in ns. */
const roundTrips = (journal: Journal.Journal, guest: string): ReadonlyArray<bigint> => {
  const sent = new Map<string, bigint>()
  return journal.flatMap((entry) => {
    if (entry.guest !== guest || !("title" in entry) || entry.title === undefined) return []
    const [, what, number] = /^(ping|pong) (\S+)/.exec(entry.title) ?? []
    if (what === "ping" && entry._tag === "Sent") sent.set(number!, entry.time)
    return what === "pong" && entry._tag === "Arrived" ? [entry.time - sent.get(number!)!] : []
  })
}

/** A guest's end of a network, with addresses, that pings and is told what comes. */
const peer = (
  to: Network.Network | Network.Cable,
  { pings = 0, answer = () => [] }: {
    readonly pings?: number
    readonly answer?: (host: Host.Host, delivered: Host.Delivered) => ReadonlyArray<Uint8Array>
  },
  options: Guest.Options = {},
) =>
  Guest.make(
    "peer",
    Effect.gen(function* () {
      const port = yield* Network.open(to)
      const host = yield* Host.make({ mac: MAC.peer, ip: IP.peer })
      const listening = Effect.gen(function* () {
        while (true) {
          const { send, delivered } = host.receive((yield* port.receive).message)
          const answers = delivered === undefined ? [] : answer(host, delivered)
          for (const frame of [...send, ...answers]) yield* port.send(frame)
        }
      })
      yield* Effect.forkChild(listening, { startImmediately: true })
      // Until the kernel is there.
      yield* Effect.sleep("2 seconds")
      for (let sequence = 1; sequence <= pings; sequence++) {
        for (const frame of host.ping({ to: IP.alpha, sequence })) yield* port.send(frame)
        yield* Effect.sleep("100 millis")
      }
      if (pings === 0) return yield* Effect.never
    }),
    options,
  )

const built = Kernel.built()
const pairs = built.flatMap((one) => built.map((other) => [one, other] as const))

describe("two kernels on a cable of 0.5 ms", () => {
  for (const [one, other] of pairs) {
    live(
      `of Linux ${one} and ${other}: a ping takes 1 ms, to the ns, and each run is the same`,
      (folder) =>
        Effect.gen(function* () {
          const run = Effect.gen(function* () {
            const cable = Network.cable("cable", { ends: ["alpha", "beta"], latency: "500 micros" })
            const printed: Array<string> = []
            const commands = `sleep 0.1\nping -c 4 ${IP.beta}`
            const guests = [
              kernel("alpha", one, cable, { folder, printed, commands }),
              kernel("beta", other, cable, { folder, commands: WAIT, daemon: true }),
            ]
            const { journal } = yield* World.run(World.make({ guests, links: [cable] }), { journal: true })
            return { journal, times: printed.flatMap((line) => /time=(\S+) ms/.exec(line)?.[1] ?? []) }
          })
          const { journal, times } = yield* run
          expect(roundTrips(journal, "alpha")).toEqual([1_000_000n, 1_000_000n, 1_000_000n, 1_000_000n])
          expect(times[0]).toMatch(/^2\.00[01]$/)
          for (const time of times.slice(1)) expect(time).toMatch(/^1\.00[01]$/)
          expect(times).toHaveLength(4)
          const again = yield* run
          expect(again.journal).toEqual(journal)
          expect(again.times).toEqual(times)
        }),
    )
  }
})

describe.each(built)("a kernel of Linux %s", (version) => {
  live(
    "answers the pings of a guest in TypeScript through a switch, in no time of its own",
    (folder) =>
      Effect.gen(function* () {
        const lan = Network.make("lan", { hosts: ["alpha", "peer"], latency: "100 micros" })
        const alpha = kernel("alpha", version, lan, { folder, commands: WAIT, daemon: true })
        const world = World.make({ guests: [alpha, peer(lan, { pings: 5 }), ...lan.guests], links: lan.links })
        const { journal } = yield* World.run(world, { journal: true })
        expect(roundTrips(journal, "peer")).toEqual(Array(5).fill(400_000n))
      }),
  )

  live("has its question for an address answered by a guest in TypeScript", (folder) =>
    Effect.gen(function* () {
      const cable = Network.cable("cable", { ends: ["alpha", "peer"], latency: "1 millis" })
      const printed: Array<string> = []
      const commands = `sleep 0.1; nslookup -type=a router.example ${IP.peer} | sed 's/^/DNS /'`
      // The answer is the question, with an address behind it; names that are asked for otherwise aren't there.
      const answer = (host: Host.Host, delivered: Host.Delivered) => {
        if (delivered._tag !== "Datagram" || delivered.udp.destinationPort !== 53) return []
        const { sourcePort, payload } = delivered.udp
        const address = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]
        const response = Uint8Array.from([...payload.slice(0, payload.length), ...address])
        response.set([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], 2)
        return host.datagram({ to: delivered.from, sourcePort: 53, destinationPort: sourcePort, payload: response })
      }
      const guests = [
        kernel("alpha", version, cable, { folder, printed, commands }),
        peer(cable, { answer }, { daemon: true }),
      ]
      yield* World.run(World.make({ guests, links: [cable] }))
      expect(printed.filter((line) => line.startsWith("DNS")).join("\n")).toMatch(
        /Name:\s+router\.example\nDNS Address: 192\.0\.2\.7/,
      )
    }))

  live("is there from any time on, and sees itself start at 0", (folder) =>
    Effect.gen(function* () {
      const lan = Network.make("lan", { hosts: ["alpha", "peer"], latency: "100 micros" })
      Fs.writeFileSync(
        `${folder}/late.sh`,
        "ip addr add 10.0.0.1/24 dev eth0; ip link set eth0 up; cut -d' ' -f1 /proc/uptime\n" + WAIT,
      )
      const printed: Array<string> = []
      const alpha = Guest.kernel("alpha", {
        ...running(version, { folder, script: "late.sh" }),
        networks: [{ to: lan, mac: MAC.alpha }],
        after: "1.5 seconds",
        console: (line) => void printed.push(line),
      }, { daemon: true })
      const world = World.make({ guests: [alpha, peer(lan, { pings: 2 }), ...lan.guests], links: lan.links })
      const { journal } = yield* World.run(world, { journal: true })
      expect(roundTrips(journal, "peer")).toEqual([400_000n, 400_000n])
      expect(printed.filter((line) => /^\d\.\d+$/.test(line)).map(Number)).toEqual([expect.closeTo(0, 0)])
    }))

  live("counts frames for which it isn't there yet", (folder) =>
    Effect.gen(function* () {
      const cable = Network.cable("cable", { ends: ["alpha", "peer"] })
      const alpha = Guest.kernel("alpha", {
        ...running(version, { folder, script: "none" }),
        networks: [cable],
        after: "10 seconds",
      }, { daemon: true })
      const world = World.make({ guests: [alpha, peer(cable, { pings: 3 })], links: [cable] })
      const { guests } = yield* World.run(world)
      // It is asked for its address, each time.
      expect(guests[0]!.statistics.find(({ name }) => name === "eth0 dropped")).toMatchObject({ value: 3n })
    }))

  /** Folders and processes of worlds and kernels. */
  const leftovers = () => ({
    folders: Fs.readdirSync(Os.tmpdir()).filter((name) => /^guest-clock-(?:world|kernel)-/.test(name)),
    kernels: kernelsOf(process.pid),
  })

  live("that panics fails its world, with what it said; nothing is left", (folder) =>
    Effect.gen(function* () {
      const before = leftovers()
      const cable = Network.cable("cable", { ends: ["alpha", "peer"] })
      const { initrd: _, ...rest } = running(version, { folder, script: "none" })
      const alpha = Guest.kernel("alpha", { ...rest, networks: [cable] })
      const world = World.make({ guests: [alpha, peer(cable, { pings: 100 })], links: [cable] })
      const error = yield* Effect.flip(World.run(world))
      expect(error).toMatchObject({ _tag: "GuestFailed", guest: "alpha" })
      expect(error.message).toMatch(/the kernel was ended by SIGABRT before it powered off/)
      expect(error.message).toContain("Kernel panic - not syncing: VFS: Unable to mount root fs")
      expect(leftovers()).toEqual(before)
    }))

  live(
    "that is killed fails its world at once, whatever the others do; nothing is left",
    (folder) =>
      Effect.gen(function* () {
        const before = leftovers()
        const cable = Network.cable("cable", { ends: ["alpha", "peer"], latency: "1 millis" })
        const alpha = kernel("alpha", version, cable, { folder, commands: WAIT })
        const world = World.make({ guests: [alpha, peer(cable, { pings: 1_000_000 })], links: [cable] })
        const kill = Effect.callback<never>(() => {
          const timer = setTimeout(() => {
            const pid = kernelsOf(process.pid).find((pid) => !before.kernels.includes(pid))
            if (pid !== undefined) process.kill(pid, "SIGKILL")
          }, 5000)
          return Effect.sync(() => clearTimeout(timer))
        })
        const error = yield* Effect.flip(Effect.raceFirst(World.run(world), kill))
        expect(error.message).toContain('the guest "alpha" failed')
        expect(error.message).toContain("the kernel was ended by SIGKILL before it powered off")
        expect(leftovers()).toEqual(before)
      }),
  )

  live("is ended with its world: nothing is left", (folder) =>
    Effect.gen(function* () {
      const before = leftovers()
      const cable = Network.cable("cable", { ends: ["alpha", "peer"] })
      const alpha = kernel("alpha", version, cable, { folder, commands: WAIT })
      const world = World.make({ guests: [alpha, peer(cable, {}, { daemon: true })], links: [cable] })
      const { time } = yield* World.run(world, { until: "3 seconds" })
      expect(time).toBe(3_000_000_000n)
      expect(leftovers()).toEqual(before)
    }))
})

/** The processes that this process has started and that are kernels. */
const kernelsOf = (pid: number): ReadonlyArray<number> =>
  spawnSync("ps", ["-o", "pid=,args=", "--ppid", String(pid)], { encoding: "utf8" }).stdout.split("\n").flatMap(
    (line) => {
      const [, child, args] = /^\s*(\d+) (.*)$/.exec(line) ?? []
      return args?.includes("time-travel=ext:") ? [Number(child)] : []
    },
  )

describe.each(Kernel.builtWithDrivers())("a kernel of Linux %s with drivers for all devices", (version) => {
  live("has disks, consoles and entropy, and does the same with them each time", (folder) =>
    Effect.gen(function* () {
      // Linux has another source as well, its host's.
      const commands = [
        "mkdir -p /sys; mount -t sysfs none /sys",
        "echo virtio_rng.0 > /sys/class/misc/hw_random/rng_current",
        "cat /dev/vda > /dev/hvc0",
        "dd if=/dev/hwrng bs=8 count=1 2>/dev/null | od -An -tx1 > /dev/hvc0",
      ]
      Fs.writeFileSync(`${folder}/all.sh`, `${commands.join("\n")}\n`)
      const run = (seed: number) =>
        Effect.gen(function* () {
          const store = new TextEncoder().encode("on the disk\n".padEnd(512, "."))
          const output: Array<readonly [text: string, at: bigint]> = []
          const alpha = Guest.kernel("alpha", {
            ...running(version, { folder, script: "all.sh", drivers: true }),
            disks: [{ store, disk: {} }],
            consoles: [{ onOutput: (bytes, at) => void output.push([new TextDecoder().decode(bytes), at]) }],
            entropy: true,
          })
          const { time } = yield* World.run(World.make({ guests: [alpha] }), { seed })
          return { output, time, text: output.map(([text]) => text).join("") }
        })
      const first = yield* run(1)
      expect(first.text).toMatch(/^on the disk\r?\n\.{500} ?( [0-9a-f]{2}){8}\r?\n$/)
      expect(yield* run(1)).toEqual(first)
      const other = yield* run(2)
      expect(other.text).not.toBe(first.text)
      expect(other.text.slice(0, 512)).toBe(first.text.slice(0, 512))
    }))
})

describe.each(built)("two kernels of Linux %s on a calendar's own network", (version) => {
  it.live("have all their frames in a file that tshark reads, at exact times", (context) =>
    Effect.gen(function* () {
      if (yield* Effect.promise(() => Tshark.isLeftOut(context, "reading the frames of kernels with tshark"))) return
      const path = yield* folder
      const [socket, net, pcap] = [`${path}/calendar`, `${path}/lan`, `${path}/frames.pcapng`]
      Fs.writeFileSync(
        `${path}/a.sh`,
        `ip addr add ${IP.alpha}/24 dev eth0; ip link set eth0 up; sleep 0.1; ping -c 3 ${IP.beta}`,
      )
      Fs.writeFileSync(`${path}/b.sh`, `ip addr add ${IP.beta}/24 dev eth0; ip link set eth0 up; sleep 4`)
      const words = yield* Runtimes.locate("Deno")
      const options = [
        "--clients",
        "2",
        "--net",
        `${net},latency=0.5ms`,
        "--pcap",
        pcap,
        "--start",
        "1700000000000000000",
      ]
      const calendar = yield* Effect.forkScoped(
        exec([...words, resolve("src/cli/main.ts"), "calendar", "--socket", socket, ...options]),
      )
      yield* Effect.callback<void>((resume) => {
        const timer = setInterval(() => Fs.existsSync(socket) && resume(Effect.void), 50)
        return Effect.sync(() => clearInterval(timer))
      })
      const boot = (id: number, script: string) =>
        Kernel.boot(version, { socket, id, run: { folder: path, script }, words: [`virtio_uml.device=${net}:1`] })
      const kernels = [yield* boot(1, "a.sh"), yield* boot(2, "b.sh")]
      for (const { ended } of kernels) yield* ended
      expect(yield* Fiber.join(calendar)).toMatchObject({ code: 0 })
      const read = Tshark.fields(pcap, ["frame.time_epoch", "frame.interface_name", "icmp.type", "icmp.seq"])
      const pings = read.filter(([, , type]) => type !== "")
      // Each there and back, at both ports.
      expect(pings).toHaveLength(12)
      const nanos = (time: string | undefined) => BigInt(String(time).replace(".", ""))
      for (let at = 0; at < pings.length; at += 4) {
        const times = pings.slice(at, at + 4).map(([time]) => nanos(time) - nanos(pings[at]![0]))
        expect(times).toEqual([0n, 500_000n, 500_000n, 1_000_000n])
      }
      expect(nanos(pings[0]![0]) / 1_000_000_000n).toBe(1_700_000_000n)
      expect(Tshark.complaints(pcap)).toBe("")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 110_000)
})

// With a kernel left out there are no examples: leftOut.ts says so.
describe.each(built.length === Kernel.versions.length ? Runtimes.names : [])("on %s", (runtime) => {
  it.live.each(["ping", "transfer", "time"])("the example %s does what it says", (name) =>
    Effect.gen(function* () {
      const words = yield* Runtimes.locate(runtime)
      const { code, stdout, stderr } = yield* exec([...words, resolve(`examples/kernels/${name}.ts`)])
      expect({ code, stderr: runtime === "Node" ? "" : stderr }).toEqual({ code: 0, stderr: "" })
      yield* Effect.promise(() => expect(stdout).toMatchFileSnapshot(`../../examples/kernels/${name}.out`))
    }).pipe(Effect.provide(NodeServices.layer)), 300_000)
})

it.each(["ping", "transfer", "time"])("the document shows what the example %s prints", (name) => {
  const printed = Fs.readFileSync(`examples/kernels/${name}.out`, "utf8")
  expect(Fs.readFileSync("docs/networks.md", "utf8")).toContain(printed)
})
