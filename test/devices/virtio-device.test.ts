/**
 * A device's whole way, sockets, memory and calendar included, with a kernel that is a guest in TypeScript.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import * as VirtioDevice from "../../src/devices/VirtioDevice.ts"
import * as GuestClock from "../../src/GuestClock.ts"
import { Mode } from "../../src/index.ts"
import * as VhostMessage from "../../src/internal/virtio/VhostMessage.ts"
import type { Rule } from "../../src/internal/virtio/Violation.ts"
import type * as Libc from "../../src/internal/platform/native/Libc.ts"
import * as FakeKernel from "../support/virtio/kernel.ts"
import * as Messages from "../support/virtio/messages.ts"
import { folder, run, said, surroundings } from "../support/virtio/world.ts"

/** Reverses what it is given, 300 ns after it has it; it has it 200 ns after the kick. */
const reverser = {
  id: 42,
  queues: 2,
  latency: 200n,
  handle: ({ bytes }: VirtioDevice.Request) => ({ after: 300n, answer: bytes.slice().reverse() }),
} as const

interface Seen {
  readonly path: string
  readonly reports: ReadonlyArray<string>
}

/** A device with these options, and a program that is its kernel. */
const world = <A, E>(
  options: Omit<VirtioDevice.Options, "path">,
  kernel: (seen: Seen) => Effect.Effect<A, E, GuestClock.GuestClock | Libc.Libc | Scope.Scope>,
  around?: "clock" | "virtual time",
) =>
  Effect.suspend(() => {
    const reports: Array<string> = []
    const onReport = (report: VirtioDevice.Report) => void reports.push(said(report))
    let result: A | undefined
    const running = run(
      (path) => VirtioDevice.make({ ...options, path: `${path}/device`, name: "device", onReport }),
      [(path) =>
        Effect.map(kernel({ path: `${path}/device`, reports }), (found) => {
          result = found
        })],
      around,
    )
    return Effect.map(running, ({ path }) => ({ result, reports, path: `${path}/device` }))
  })

/** One request, from the kernel's first word to its driver's interrupt. */
const request = (kernel: FakeKernel.Kernel, text: string, queue = 0) =>
  Effect.gen(function* () {
    const driver = kernel.drivers[queue]!
    const before = kernel.calls.length
    const { head, offsets } = driver.chain([new TextEncoder().encode(text), 16])
    driver.offer(head)
    yield* kernel.kick(queue)
    yield* kernel.called(before + 1)
    const [used] = driver.used()
    expect(used).toEqual({ head, written: text.length })
    const answer = driver.file.slice(offsets[1], offsets[1]! + text.length)
    return { text: new TextDecoder().decode(answer), at: kernel.calls.at(-1)!.at }
  })

describe("a device of a kernel", () => {
  for (const around of ["clock", "virtual time"] as const) {
    it(`has each request when its latency is over, and answers when it says, on a ${around}`, async () => {
      const program = world(
        reverser,
        ({ path }) =>
          Effect.gen(function* () {
            const kernel = yield* FakeKernel.connect(path, 2)
            yield* kernel.probe()
            const first = yield* request(kernel, "abc")
            yield* kernel.clock.ndelay(1000n)
            const second = yield* request(kernel, "hello", 1)
            return [first, second, kernel.calls.map(({ queue }) => queue)]
          }),
        around,
      )
      const { result, reports } = await Effect.runPromise(program)
      expect(result).toEqual([{ text: "cba", at: 500n }, { text: "olleh", at: 2000n }, [0, 1]])
      expect(reports).toEqual(["Connected", "Ready", "Left"])
    })
  }

  it("answers by an Effect on its program's time, and requests that come meanwhile are answered in theirs", async () => {
    let nth = 0
    const options: Omit<VirtioDevice.Options, "path"> = {
      ...reverser,
      latency: 0n,
      handle: ({ bytes }) => Effect.as(Effect.sleep(nth++ === 0 ? "3 millis" : "1 millis"), bytes.slice().reverse()),
    }
    const program = world(
      options,
      ({ path }) =>
        Effect.gen(function* () {
          const kernel = yield* FakeKernel.connect(path, 2)
          yield* kernel.probe()
          for (const driver of kernel.drivers) driver.offer(driver.chain([Uint8Array.of(1, 2), 2]).head)
          yield* kernel.kick(0)
          yield* kernel.kick(1)
          yield* kernel.called(2)
          return kernel.calls
        }),
      "virtual time",
    )
    const { result } = await Effect.runPromise(program)
    expect(result).toEqual([{ queue: 1, at: 1_000_000n }, { queue: 0, at: 3_000_000n }])
  })

  it("calls its driver once for all that it completes at one time, and tells it of a new configuration", async () => {
    const kept: Array<VirtioDevice.Request> = []
    const options: Omit<VirtioDevice.Options, "path"> = {
      ...reverser,
      config: () => Uint8Array.of(7, 8),
      handle: (request, bus) => {
        kept.push(request)
        if (kept.length < 3) return
        bus.after(100n, () => kept.forEach(({ complete }) => complete(Uint8Array.of(1))))
        bus.after(100n, () => bus.configChanged())
      },
    }
    const { result } = await Effect.runPromise(world(options, ({ path }) =>
      Effect.gen(function* () {
        const kernel = yield* FakeKernel.connect(path, 2)
        yield* kernel.probe()
        const [driver] = kernel.drivers
        for (let at = 0; at < 3; at++) driver!.offer(driver!.chain([1]).head)
        yield* kernel.kick(0)
        yield* kernel.called(2)
        const config = yield* kernel.say(Messages.getConfig(0, 2))
        return [kernel.calls, driver!.used().length, [...config!.payload.subarray(12)]]
      })))
    expect(result).toEqual([[{ queue: "config", at: 300n }, { queue: 0, at: 300n }], 3, [7, 8]])
  })

  it("serves the next driver, and the next kernel, as the first; a second one at a time is refused", async () => {
    const { result, reports } = await Effect.runPromise(world(reverser, ({ path }) =>
      Effect.gen(function* () {
        const one = yield* FakeKernel.connect(path, 2)
        yield* one.probe()
        const texts = [yield* request(one, "ab")]
        expect(yield* Effect.flip(FakeKernel.connect(path, 2))).toBeInstanceOf(Error)
        for (const sent of Messages.letGo(2)) yield* one.say(sent)
        for (const driver of one.drivers) driver.file.fill(0)
        yield* one.hangUp
        yield* Effect.sleep(50)
        const two = yield* FakeKernel.connect(path, 2)
        yield* two.probe()
        texts.push(yield* request(two, "cd"))
        for (const sent of Messages.letGo(2)) yield* two.say(sent)
        yield* two.probe(1n << 32n)
        return texts.map(({ text }) => text)
      })))
    expect(result).toEqual(["ba", "dc"])
    expect(reports).toEqual(["Connected", "Ready", "Refused", "Left", "Connected", "Ready", "Ready", "Left"])
  })

  const bad: ReadonlyArray<readonly [option: string, given: Partial<VirtioDevice.Options>]> = [
    ["id", { id: 0 }],
    ["queues", { queues: 65 }],
    ["features", { features: 1n << 30n }],
    ["features", { features: -1n }],
    ["latency", { latency: -1n }],
    ["a duration", { latency: "soon" as never }],
    ["patience", { patience: NaN }],
    ["name", { name: "" }],
    ["handle", { handle: 1 as never }],
  ]
  it.each(bad)("can't have this %s: %o", async (_, given) => {
    const made = VirtioDevice.make({ path: "/nowhere/at/all", ...reverser, ...given })
    const error = await Effect.runPromise(Effect.flip(made).pipe(Effect.scoped, Effect.provide(Mode.infCpu())))
    expect(error._tag).toBe("OptionError")
  })

  it("can't listen where it can't, and says where", async () => {
    const made = VirtioDevice.make({ path: "/nowhere/at/all", ...reverser })
    const error = await Effect.runPromise(Effect.flip(made).pipe(Effect.scoped, Effect.provide(Mode.infCpu())))
    expect(error).toMatchObject({ _tag: "ListenError", path: "/nowhere/at/all" })
  })
})

describe("a bad kernel", () => {
  type Deed = (kernel: FakeKernel.Kernel) => Effect.Effect<unknown, unknown, Libc.Libc>
  const deeds: ReadonlyArray<readonly [what: string, ends: Rule | "Left", deed: Deed]> = [
    [
      "says half a message and hangs up",
      "CutShort",
      (kernel) => Effect.andThen(kernel.send(Uint8Array.of(1, 0, 0)), kernel.hangUp),
    ],
    [
      "hangs up in the middle of a kick",
      "Left",
      (kernel) => Effect.andThen(kernel.send(VhostMessage.encode(Messages.kick(0).message)), kernel.hangUp),
    ],
    ["hangs up while the device has a chain", "Left", (kernel) =>
      Effect.suspend(() => {
        kernel.drivers[0]!.offer(kernel.drivers[0]!.chain([4]).head)
        return Effect.andThen(kernel.kick(0), kernel.hangUp)
      })],
    ["kicks a queue whose index runs ahead", "IndexRunsAhead", (kernel) =>
      Effect.suspend(() => {
        kernel.drivers[0]!.view.setUint16(kernel.drivers[0]!.at.available + 2, 300, true)
        return kernel.kick(0)
      })],
    ["kicks a queue with a buffer outside of its memory", "BadDescriptor", (kernel) =>
      Effect.suspend(() => {
        const driver = kernel.drivers[0]!
        driver.descriptor(driver.at.descriptors, 0, 1n, 1, 0)
        driver.offer(0)
        return kernel.kick(0)
      })],
    [
      "sends other memory while its driver is at work",
      "BadDescriptors",
      (kernel) => kernel.say(Messages.memory([Messages.region(0)], 1), [kernel.memory.descriptor]),
    ],
    ["says what it can't", "UnknownRequest", (kernel) => kernel.say(Messages.sent(77))],
    ["speaks another version", "BadHeader", (kernel) => kernel.send(VhostMessage.ofU32(1, 2, 0))],
  ]
  /** What a good kernel sees of its device, beside a bad one or alone. */
  const beside = (deed: Deed | undefined) =>
    Effect.gen(function* () {
      const directory = yield* folder
      const server = yield* CalendarServer.serve({ clients: deed === undefined ? 2 : 3 })
      const reports: Array<string> = []
      const device = (name: string) =>
        VirtioDevice.make({
          ...reverser,
          path: `${directory}/${name}`,
          name,
          onReport: (report) => reports.push(`${name} ${said(report)}`),
        })
      const devices = Effect.gen(function* () {
        yield* device("good")
        yield* device("bad")
        const clock = yield* GuestClock.GuestClock
        while (true) yield* clock.sleep
      }).pipe(Effect.scoped)
      yield* Effect.forkScoped(Effect.provide(devices, Mode.linked(server.link("devices"), { id: 0n })))
      const kernel = (name: string, id: bigint, does: Deed) =>
        Effect.gen(function* () {
          const found = yield* FakeKernel.connect(`${directory}/${name}`, 2)
          yield* found.probe()
          yield* does(found)
        }).pipe(Effect.scoped, Effect.provide(Mode.linked(server.link(name), { id })))
      const seen: Array<unknown> = []
      const good = kernel("good", 1n, (found) =>
        Effect.gen(function* () {
          for (let nth = 0; nth < 5; nth++) {
            seen.push(yield* request(found, `number ${nth}`))
            yield* found.clock.ndelay(10_000n)
          }
        }))
      const both = deed === undefined ? [good] : [good, Effect.ignore(kernel("bad", 2n, deed))]
      yield* Effect.all(both, { concurrency: 2 })
      yield* Effect.sleep(20)
      return { seen, reports }
    }).pipe(Effect.scoped, Effect.provide(surroundings))

  it.each(deeds)("that %s loses its device, by name, and nobody else notices: %s", async (_, ends, deed) => {
    const alone = await Effect.runPromise(beside(undefined))
    expect(alone.seen.length).toBe(5)
    const { seen, reports } = await Effect.runPromise(beside(deed))
    expect(seen).toEqual(alone.seen)
    expect(reports.filter((report) => report.startsWith("bad"))).toEqual([
      "bad Connected",
      "bad Ready",
      ends === "Left" ? "bad Left" : `bad Broken ${ends}`,
    ])
    expect(reports.filter((report) => report.startsWith("good"))).toEqual(["good Connected", "good Ready", "good Left"])
  })

  it("that doesn't answer a call is waited for only so long", async () => {
    const { reports } = await Effect.runPromise(
      world({ ...reverser, patience: 100 }, ({ path }) =>
        Effect.gen(function* () {
          const kernel = yield* FakeKernel.connect(path, 2)
          yield* kernel.probe()
          yield* kernel.stopAnswering
          const [driver] = kernel.drivers
          driver!.offer(driver!.chain([1]).head)
          yield* kernel.kick(0)
          const due = GuestClock.event("later")
          due.handler = () => {}
          yield* kernel.clock.addEvent(due, 10_000n)
          yield* kernel.clock.sleep
          expect(yield* kernel.clock.now).toBe(10_000n)
        })),
    )
    expect(reports).toEqual(["Connected", "Ready", "Broken NoAnswer"])
  })

  it("that comes and goes two hundred times, at any moment, leaves no descriptor and no file", async () => {
    const count = () => Fs.readdirSync("/proc/self/fd").length
    let before = 0
    const { path } = await Effect.runPromise(world(reverser, ({ path }) =>
      Effect.gen(function* () {
        for (let nth = 0; nth < 200; nth++) {
          if (nth === 20) before = count()
          yield* Effect.gen(function* () {
            const kernel = yield* FakeKernel.connect(path, 2)
            if (nth % 4 > 0) yield* kernel.probe()
            if (nth % 4 > 1) kernel.drivers[0]!.offer(kernel.drivers[0]!.chain([1]).head)
            if (nth % 4 > 1) yield* kernel.kick(0)
            if (nth % 4 > 2) yield* kernel.send(Uint8Array.of(1))
          }).pipe(Effect.scoped)
          yield* Effect.sleep(nth % 5 === 0 ? 30 : 15)
        }
        yield* Effect.sleep(100)
        expect(count()).toBeLessThanOrEqual(before)
      })))
    expect(Fs.existsSync(path)).toBe(false)
  })
})
