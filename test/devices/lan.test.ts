import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Pcapng } from "../../src/devices.ts"
import * as Lan from "../../src/devices/Lan.ts"
import { Mode } from "../../src/index.ts"
import { parseDisk, parseNet } from "../../src/cli/devices.ts"
import { inRoom } from "../support/command.ts"
import * as FakeKernel from "../support/virtio/kernel.ts"
import * as World from "../support/virtio/world.ts"
import * as Fs from "node:fs"

/** A frame of 60 bytes: to and from the kernels with these numbers, from 1 on; 0 is everybody. */
const frame = (to: number, from: number): Uint8Array => {
  const bytes = new Uint8Array(60)
  bytes.set(to === 0 ? [255, 255, 255, 255, 255, 255] : [2, 0, 0, 0, 0, to])
  bytes.set([2, 0, 0, 0, 0, from], 6)
  return bytes
}

interface Sending {
  /** When, in µs. */
  readonly at: bigint
  readonly to: number
}

/** What kernels on one network receive, who send these frames: from whom, and when in µs. */
const exchange = async (options: Partial<Lan.Options>, plans: ReadonlyArray<ReadonlyArray<Sending>>) => {
  const received: Array<Array<string>> = plans.map(() => [])
  const reports: Array<string> = []
  let connected = 0
  const kernel = (nth: number) => (path: string) =>
    Effect.gen(function* () {
      // One after the other, as they get their ports in this order.
      while (connected < nth) yield* Effect.sleep(1)
      const found = yield* FakeKernel.connect(`${path}/lan`, 2)
      connected++
      yield* found.probe(1n << 32n)
      const [receiving, sending] = found.drivers
      const offsets = Array.from({ length: 20 }, () => {
        const { head, offsets } = receiving!.chain([72])
        receiving!.offer(head)
        return [head, offsets[0]!] as const
      })
      yield* found.kick(0)
      for (const { at, to } of plans[nth]!) {
        yield* found.clock.ndelay(at * 1000n - (yield* found.clock.now))
        sending!.offer(sending!.chain([new Uint8Array(12), frame(to, nth + 1)]).head)
        yield* found.kick(1)
      }
      yield* found.clock.ndelay(100_000_000n - (yield* found.clock.now))
      const calls = found.calls.filter(({ queue }) => queue === 0).map(({ at }) => at / 1000n)
      for (const [index, { head }] of receiving!.used().entries()) {
        const [, offset] = offsets.find(([each]) => each === head)!
        received[nth]!.push(`${receiving!.file[offset + 12 + 11]} at ${calls[index] ?? "once"}`)
      }
    })
  await Effect.runPromise(World.run(
    (path) => Lan.make({ ...options, path: `${path}/lan`, name: "lan", onReport: (each) => reports.push(each._tag) }),
    plans.map((_, nth) => kernel(nth)),
  ))
  return { received, reports }
}

describe("a network on one socket", () => {
  it("carries frames to everybody, and when it has learnt where an address is, there alone", async () => {
    const { received } = await exchange({ latency: "500 micros" }, [
      [{ at: 1000n, to: 0 }, { at: 3000n, to: 2 }],
      [{ at: 2000n, to: 1 }],
      [{ at: 4000n, to: 2 }, { at: 5000n, to: 9 }],
    ])
    expect(received).toEqual([
      ["2 at 2500", "3 at 5500"],
      ["1 at 1500", "1 at 3500", "3 at 4500", "3 at 5500"],
      ["1 at 1500"],
    ])
  })

  it("has a bandwidth, a queue, and losses that its seed decides", async () => {
    // 60 bytes at 480 kbit/s take 1 ms.
    const burst = [1000n, 1000n, 1000n].map((at) => ({ at, to: 2 }))
    const slow = await exchange({ bandwidth: 480_000, queue: 2, latency: 0 }, [burst, []])
    expect(slow.received[1]).toEqual(["1 at 2000", "1 at 3000"])
    const many = Array.from({ length: 20 }, (_, nth) => ({ at: 1000n * BigInt(nth + 1), to: 2 }))
    const lossy = async (seed: number) => (await exchange({ loss: 0.5, seed }, [many, []])).received[1]
    const first = await lossy(1)
    expect(await lossy(1)).toEqual(first)
    expect(await lossy(2)).not.toEqual(first)
    expect(first!.length).toBeGreaterThan(2)
    expect(first!.length).toBeLessThan(18)
  })

  it("tells of each frame at each port, and what becomes of it", async () => {
    const told: Array<string> = []
    const onFrame = ({ port, at, direction, lost, frame }: Lan.Passing) =>
      void told.push(`${direction} ${port} at ${at / 1000n}: ${frame.length}${lost === undefined ? "" : `, ${lost}`}`)
    await exchange({ latency: "500 micros", onFrame, outages: [{ from: 5_000_000n, until: 6_000_000n }] }, [
      [{ at: 1000n, to: 2 }, { at: 5000n, to: 2 }],
      [{ at: 2000n, to: 1 }],
    ])
    expect(told).toEqual([
      "in 0 at 1000: 60",
      "out 1 at 1500: 60",
      "in 1 at 2000: 60",
      "out 0 at 2500: 60",
      "in 0 at 5000: 60, outage",
    ])
  })

  it.each([
    ["most", { most: 1 }],
    ['loss of the link "lan"', { loss: 2 }],
    ['bandwidth of the link "lan"', { bandwidth: 0 }],
    ["seed", { seed: 0.5 }],
  ])("can't have this %s: %o", async (option, given) => {
    const made = Lan.make({ path: "/nowhere/at/all", name: "lan", ...given })
    const error = await Effect.runPromise(Effect.flip(made).pipe(Effect.scoped, Effect.provide(Mode.infCpu())))
    expect(error).toMatchObject({ _tag: "OptionError", option })
  })
})

describe("guest-clock calendar", () => {
  it("reads networks and disks as they are typed", () => {
    expect(parseNet("/tmp/lan,latency=0.5ms,bandwidth=10000000,loss=0.01,seed=7,queue=3")).toMatchObject({
      value: { path: "/tmp/lan", bandwidth: 10_000_000, loss: 0.01, seed: 7, queue: 3 },
    })
    expect(parseDisk("/tmp/disk,file=a=b.img,timing=disk,access=read-only")).toEqual({
      value: { path: "/tmp/disk", store: { file: "a=b.img" }, readOnly: true, disk: {} },
    })
  })

  it.each([
    [parseNet("lan,latency=soon"), "latency is a time"],
    [parseNet("lan,loss=2"), "loss is a share"],
    [parseNet("lan,bandwidth=0"), "bandwidth is bits a second"],
    [parseNet("lan,speed=1"), '"speed=1" is none of the options'],
    [parseNet("lan,constructor=1"), "is none of the options"],
    [parseNet(",latency=1ms"), "begins with a path"],
    [parseDisk("disk"), "which file"],
    [parseDisk("disk,file="), "file is a file"],
    [parseDisk("disk,file=a,timing=fast"), "timing is none, or disk"],
  ])("says what is wrong with %o", (parsed, words) => {
    expect(parsed).toHaveProperty("expected", expect.stringContaining(words))
  })

  it.live(
    "has devices of its own, which leave when all others have",
    () =>
      inRoom("Deno", async ({ folder, socket, start }) => {
        Fs.writeFileSync(`${folder}/image`, new Uint8Array(4096))
        const [net, disk] = [`${folder}/lan`, `${folder}/disk`]
        const args = ["--clients", "1", "--net", `${net},latency=1ms`, "--disk", `${disk},file=${folder}/image`]
        const calendar = start("calendar", "--socket", socket, ...args)
        await calendar.printed(/listening on/)
        const guest = start("guest", "--socket", socket, "--id", "1", "sleep 1ms", "say done")
        expect(await Promise.all([guest.ended, calendar.ended]), calendar.stderr).toEqual([0, 0])
        expect(guest.stdout).toMatch(/done/)
        expect(calendar.stderr).toMatch(/client 0 has left/)
        expect([net, disk].map((path) => Fs.existsSync(path))).toEqual([false, false])
      }),
    60_000,
  )

  it.live(
    "writes captured frames of networks only, and says so if it can't",
    () =>
      inRoom("Deno", async ({ folder, socket, start }) => {
        const [net, pcap] = [`${folder}/lan`, `${folder}/frames.pcapng`]
        const calendar = start("calendar", "--socket", socket, "--clients", "1", "--net", net, "--pcap", pcap)
        await calendar.printed(/listening on/)
        const guest = start("guest", "--socket", socket, "--id", "1", "sleep 1ms")
        expect(await Promise.all([guest.ended, calendar.ended]), calendar.stderr).toEqual([0, 0])
        expect(new Uint8Array(Fs.readFileSync(pcap))).toEqual(Pcapng.header())
        const without = start("calendar", "--socket", socket, "--pcap", pcap)
        expect(await without.ended).toBe(1)
        expect(without.stderr).toContain("--pcap is for the frames of networks: give --net PATH as well")
        const nowhere = start("calendar", "--socket", socket, "--net", net, "--pcap", `${folder}/no/where`)
        expect(await nowhere.ended).toBe(1)
        expect(nowhere.stderr).toContain("the file of captured frames can't be")
        const full = start("calendar", "--socket", socket, "--clients", "1", "--net", net, "--pcap", "/dev/full")
        await full.printed(/listening on/)
        const other = start("guest", "--socket", socket, "--id", "1", "sleep 1ms")
        expect(await Promise.all([other.ended, full.ended])).toEqual([0, 1])
        expect(full.stderr).toContain("the captured frames in /dev/full aren't complete")
      }),
    60_000,
  )

  it.live("says which device can't be", () =>
    inRoom("Deno", async ({ folder, socket, start }) => {
      const typed = start("calendar", "--socket", socket, "--net", `${folder}/lan,latency=soon`)
      expect(await typed.ended).not.toBe(0)
      expect(typed.stderr + typed.stdout).toContain("latency is a time, as 0.5ms")
      const missing = start("calendar", "--socket", socket, "--disk", `${folder}/disk,file=${folder}/nothing`)
      expect(await missing.ended).toBe(1)
      expect(missing.stderr).toContain("the calendar's devices: ")
      expect(missing.stderr).toContain(`${folder}/nothing`)
    }), 60_000)
})
