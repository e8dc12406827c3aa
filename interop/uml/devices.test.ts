/**
 * Real kernels with devices in TypeScript: each time is exact, and the same in every run.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { resolve } from "node:path"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import { diskModel } from "../../src/internal/simulation/DiskModel.ts"
import * as Kernel from "./Kernel.ts"

/** What a program of this folder prints, as JSON. */
const run = <A>(runtime: Runtimes.Name, program: string, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const words = yield* Runtimes.locate(runtime)
    const { code, stdout, stderr } = yield* exec([...words, resolve("interop/uml", program), ...args])
    expect({ code, stderr: stderr.replaceAll(/.*(?:ExperimentalWarning|trace-warnings).*\n/g, "") }).toEqual({
      code: 0,
      stderr: "",
    })
    return JSON.parse(stdout) as A
  }).pipe(Effect.provide(NodeServices.layer))

interface Pinged {
  readonly printed: readonly [string, string]
  readonly frames: ReadonlyArray<readonly [from: "left" | "right", at: string, bytes: number]>
  readonly reports: ReadonlyArray<string>
}

/** All pairs of kernels that there are, a mixed one once. */
const pairs = Kernel.built().flatMap((left) =>
  Kernel.built().filter((right) => left <= right).map((right) => [left, right] as const)
)

describe.each(pairs)("kernels of Linux %s and %s", (left, right) => {
  it.live("ping each other over 0.5 ms each way: 1 ms, to the ns, the same in every run on every runtime", () =>
    Effect.gen(function* () {
      const ping = (runtime: Runtimes.Name, how = "memory") =>
        run<Pinged>(runtime, "pinging.ts", left, right, "ping -c 4 10.0.0.2", "sleep 5", "Infinity", how)
      const first = yield* ping("Deno")
      const [, ...times] = [...first.printed[0].matchAll(/ time=(\d\.\d{3}) ms$/gm)].map(([, time]) => time)
      // The kernel's clock has ticks of 256 ns, and its ping rounds to a µs. The first one waits for ARP as well.
      expect(times.length).toBe(3)
      for (const time of times) expect(["1.000", "1.001"]).toContain(time)
      // ARP and ICMP, there and back: each answer leaves when the question has arrived.
      expect(first.frames.map(([from, , bytes]) => `${from} ${bytes}`)).toEqual([
        "left 42",
        "right 42",
        ...[1, 2, 3, 4].flatMap(() => ["left 98", "right 98"]),
      ])
      for (let at = 0; at < first.frames.length; at += 2) {
        expect(BigInt(first.frames[at + 1]![1])).toBe(BigInt(first.frames[at]![1]) + 500_000n)
      }
      expect(first.reports).toEqual(expect.arrayContaining(["left Ready", "right Ready", "left Left", "right Left"]))
      for (const runtime of ["Deno", "Bun", "Node"] as const) {
        expect((yield* ping(runtime)).frames, runtime).toEqual(first.frames)
      }
      // Whether the calendar shares its memory with them or not.
      expect((yield* ping("Deno", "messages")).frames).toEqual(first.frames)
    }))

  it.live("send 1 MB by TCP, each frame at the same ns in every run", () =>
    Effect.gen(function* () {
      const script = "dd if=/dev/zero bs=1000 count=1000 2>/dev/null | nc 10.0.0.2 5000"
      const send = run<Pinged>("Deno", "pinging.ts", left, right, script, "nc -l -p 5000 | wc -c\nsleep 1")
      const first = yield* send
      expect(first.printed[1]).toMatch(/^1000000$/m)
      expect(first.frames.length).toBeGreaterThan(700)
      expect((yield* send).frames).toEqual(first.frames)
    }))

  it.live.each([1, 4, 30])(
    "go on without one that is killed when it has sent %i frames",
    (kill) =>
      Effect.gen(function* () {
        const script = ["ping -i 0.05 -c 100 10.0.0.2", "sleep 3\nping -c 2 -W 1 10.0.0.1\nnow"] as const
        const ping = run<Pinged>("Deno", "pinging.ts", left, right, ...script, String(kill))
        const first = yield* ping
        expect(first.printed[0]).toBe("Died")
        expect(first.printed[1]).toMatch(/^2 packets transmitted, 0 packets received/m)
        expect(first.frames.filter(([from]) => from === "left").length).toBe(kill)
        const again = yield* ping
        expect(again.frames).toEqual(first.frames)
        const now = ({ printed }: Pinged) => /^\d{9,}$/m.exec(printed[1])?.[0]
        expect(now(first)).toBeDefined()
        expect(now(again)).toBe(now(first))
      }),
  )
})

/** What the kernel's only process does with its devices, and says of it. */
const SCRIPT = `
a=$(now)
dd if=/dev/vda of=/dev/null bs=4096 count=8 skip=100 iflag=direct 2>/dev/null
echo "dd from $a to $(now)"
mount -t sysfs none /tmp
echo virtio_rng.0 > /tmp/devices/virtual/misc/hw_random/rng_current
umount /tmp
dd if=/dev/hwrng bs=16 count=1 2>/dev/null | hexdump -C
stty -F /dev/hvc0 raw -echo
echo hello > /dev/hvc0
read -r line < /dev/hvc0
echo "$line at $(now)"
mke2fs /dev/vda > /dev/null
mkdir /tmp/disk
mount -t ext2 /dev/vda /tmp/disk
cp /bin/busybox /tmp/disk/
dd if=/dev/zero of=/tmp/disk/zeros bs=64k count=16 conv=fsync 2>/dev/null
umount /tmp/disk
mount -t ext2 /dev/vda /tmp/disk
md5sum /bin/busybox /tmp/disk/busybox
umount /tmp/disk
now`

interface Used {
  readonly printed: string
  readonly served: ReadonlyArray<
    readonly [
      kind: "read" | "write" | "flush",
      sector: number,
      count: number,
      from: string,
      until: string,
      outcome: string,
    ]
  >
  readonly console: ReadonlyArray<readonly [text: string, at: string]>
  readonly reports: ReadonlyArray<string>
}

describe.each(Kernel.builtWithDrivers())("a kernel of Linux %s with a disk, a console and entropy", (version) => {
  const use = (runtime: Runtimes.Name) => run<Used>(runtime, "usingDevices.ts", version, SCRIPT, "disk")
  /** What its process has said. */
  const saidIn = ({ printed }: Used) => printed.slice(printed.indexOf("Run /init"))

  it.live("reads and writes as fast as the model of the disk, and finds what it wrote", () =>
    Effect.gen(function* () {
      const { served, console: seen, reports, ...used } = yield* use("Deno")
      const printed = saidIn({ served, console: seen, reports, ...used })
      const model = diskModel("expected", {})
      if ("message" in model) throw model
      // One at a time, in the order in which they came.
      let free = 0n
      for (const [kind, sector, count, from, until, outcome] of served) {
        expect(outcome).toBe("done")
        if (kind === "flush") continue
        const begun = BigInt(from) > free ? BigInt(from) : free
        free = begun + model.serve({ sector, count }, begun).time
        expect(BigInt(until)).toBe(free)
      }
      const reads = served.filter(([kind, sector]) => kind === "read" && sector >= 800 && sector < 864)
      expect(reads.slice(0, 8).map(([, sector, count]) => [sector, count])).toEqual(
        Array.from({ length: 8 }, (_, nth) => [800 + 8 * nth, 8]),
      )
      const [, from = "", to = ""] = /^dd from (\d+) to (\d+)$/m.exec(printed) ?? []
      const took = BigInt(reads[7]![4]) - BigInt(reads[0]![3])
      // What dd takes is what the disk takes, and a few µs: each time that a kernel reads its clock is 256 ns.
      expect(took).toBeGreaterThan(60_000_000n)
      expect(Number(BigInt(to) - BigInt(from) - took)).toBeGreaterThan(0)
      expect(Number(BigInt(to) - BigInt(from) - took)).toBeLessThan(20_000)
      const [[, one], [, other]] = [...printed.matchAll(/^([0-9a-f]{32}) /gm)] as never as [
        [string, string],
        [string, string],
      ]
      expect(other).toBe(one)
      expect(seen.map(([text]) => text).join("")).toMatch(/^hello/)
      expect(printed).toMatch(/^typed at 0?1000\d{6}$/m)
      expect([...reports].sort()).toEqual(
        ["console", "disk", "entropy"].flatMap((name) => ["Connected", "Left", "Ready"].map((tag) => `${name} ${tag}`)),
      )
    }))

  it.live("does all of it at the same ns, in every run on every runtime", () =>
    Effect.gen(function* () {
      const first = yield* use("Deno")
      for (const runtime of ["Deno", "Bun", "Node"] as const) {
        const again = yield* use(runtime)
        expect({ served: again.served, seen: again.console }, runtime)
          .toEqual({ served: first.served, seen: first.console })
        // With it the UUID of its file system, which mke2fs draws and 6.12 says.
        expect(saidIn(again), runtime).toBe(saidIn(first))
      }
    }))
})
