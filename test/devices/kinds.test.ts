/**
 * The kinds of devices, with kernels that are guests in TypeScript.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as BlockDevice from "../../src/devices/BlockDevice.ts"
import * as ConsoleDevice from "../../src/devices/ConsoleDevice.ts"
import * as EntropyDevice from "../../src/devices/EntropyDevice.ts"
import * as NetworkDevice from "../../src/devices/NetworkDevice.ts"
import type * as VirtioDevice from "../../src/devices/VirtioDevice.ts"
import * as Distribution from "../../src/simulation/Distribution.ts"
import { diskModel } from "../../src/internal/simulation/DiskModel.ts"
import { Mode } from "../../src/index.ts"
import type * as VhostMessage from "../../src/internal/virtio/VhostMessage.ts"
import { random } from "../support/random.ts"
import type { Buffer } from "../support/virtio/driver.ts"
import * as FakeKernel from "../support/virtio/kernel.ts"
import * as Messages from "../support/virtio/messages.ts"
import * as World from "../support/virtio/world.ts"

const text = new TextDecoder()

/** A kernel with a driver at work. */
const kernelAt = (path: string, queues: number, features = 1n << 32n) =>
  Effect.tap(FakeKernel.connect(path, queues), (kernel) => kernel.probe(features))

/** Has one request done, and what was written into its last buffers. */
const ask = (kernel: FakeKernel.Kernel, queue: number, buffers: ReadonlyArray<Buffer>) =>
  Effect.gen(function* () {
    const driver = kernel.drivers[queue]!
    const before = kernel.calls.length
    const { head, offsets } = driver.chain(buffers)
    driver.offer(head)
    yield* kernel.kick(queue)
    yield* kernel.called(before + 1)
    const [used] = driver.used()
    expect(used?.head).toBe(head)
    const rooms = buffers.flatMap((buffer, at) => typeof buffer === "number" ? [[offsets[at]!, buffer] as const] : [])
    const bytes = rooms.flatMap(([at, length]) => [...driver.file.subarray(at, at + length)]).slice(0, used!.written)
    return { bytes: Uint8Array.from(bytes), at: kernel.calls.at(-1)!.at }
  })

const header = (type: number, sector = 0) => {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, true)
  view.setBigUint64(8, BigInt(sector), true)
  return bytes
}

const sectors = (count: number, seed: number) => {
  const rng = random(seed)
  return Uint8Array.from({ length: 512 * count }, () => rng.int(256))
}

/** What a disk of these options answers. */
const disk = (
  options: Partial<BlockDevice.Options>,
  use: (asked: {
    readonly read: (sector: number, count: number) => Effect.Effect<{ status: number; data: Uint8Array; at: bigint }>
    readonly write: (sector: number, data: Uint8Array) => Effect.Effect<{ status: number; at: bigint }>
    readonly other: (type: number, room?: number) => Effect.Effect<{ status: number; data: Uint8Array }>
    readonly kernel: FakeKernel.Kernel
  }) => Effect.Effect<void, unknown, never>,
) => {
  const reports: Array<string> = []
  const program = World.run(
    (path) =>
      BlockDevice.make({
        store: new Uint8Array(512 * 64),
        ...options,
        path: `${path}/disk`,
        name: "sda",
        onReport: (report: VirtioDevice.Report) => reports.push(World.said(report)),
      }),
    [(path) =>
      Effect.gen(function* () {
        const kernel = yield* kernelAt(`${path}/disk`, 1)
        const libc = yield* Effect.context<never>()
        const run = (buffers: ReadonlyArray<Buffer>) =>
          Effect.map(ask(kernel, 0, buffers), ({ bytes, at }) => ({
            status: bytes.at(-1)!,
            data: bytes.subarray(0, -1),
            at,
          })).pipe(Effect.orDie, Effect.provideContext(libc)) as Effect.Effect<
            { status: number; data: Uint8Array; at: bigint }
          >
        yield* use({
          read: (sector, count) => run([header(0, sector), 512 * count, 1]),
          write: (sector, data) => run([header(1, sector), data, 1]),
          other: (type, room = 0) => run([header(type), ...room > 0 ? [room] : [], 1]),
          kernel,
        })
      })],
  )
  return Effect.runPromise(program).then(() => reports)
}

describe("a disk", () => {
  it("reads what was written, and takes as long as its model says", async () => {
    const served: Array<BlockDevice.Served> = []
    const model = diskModel("expected", {})
    if ("message" in model) throw model
    await disk(
      { disk: {}, onServed: (each) => served.push(each) },
      ({ read, write }) =>
        Effect.gen(function* () {
          const data = sectors(2, 1)
          const wrote = yield* write(10, data)
          const found = yield* read(10, 2)
          expect([wrote.status, found.status]).toEqual([0, 0])
          expect(found.data).toEqual(data)
          let now = 0n
          for (
            const [at, request] of [[wrote.at, { sector: 10, count: 2 }], [found.at, { sector: 10, count: 2 }]] as const
          ) {
            now += model.serve(request, now).time
            expect(at).toBe(now)
          }
          expect(now).toBeGreaterThan(8_000_000n)
          expect((yield* read(11, 1)).data).toEqual(data.subarray(512))
        }),
    )
    expect(served.map(({ kind, sector, count, outcome }) => [kind, sector, count, outcome])).toEqual([
      ["write", 10, 2, "done"],
      ["read", 10, 2, "done"],
      ["read", 11, 1, "done"],
    ])
  })

  it("has a file behind it, which is what was written", async () => {
    const path = `${Fs.mkdtempSync("/tmp/virtio-")}/file`
    Fs.writeFileSync(path, new Uint8Array(512 * 8))
    const data = sectors(3, 2)
    let flushed = 0
    await disk(
      { store: { file: path }, onServed: ({ kind }) => void (flushed += kind === "flush" ? 1 : 0) },
      ({ write, other }) =>
        Effect.gen(function* () {
          yield* write(5, data)
          expect((yield* other(4)).status).toBe(0)
        }),
    )
    expect(Fs.readFileSync(path).subarray(512 * 5)).toEqual(globalThis.Buffer.from(data))
    expect(flushed).toBe(1)
    Fs.rmSync(path.replace(/file$/, ""), { recursive: true })
  })

  it("flushes when what came before is done", async () => {
    const served: Array<readonly [string, bigint]> = []
    await disk(
      { disk: {}, onServed: ({ kind, until }) => served.push([kind, until]) },
      ({ kernel }) =>
        Effect.gen(function* () {
          const driver = kernel.drivers[0]!
          for (const buffers of [[header(1, 3), sectors(1, 1), 1], [header(4), 1], [header(1, 9), sectors(1, 1), 1]]) {
            driver.offer(driver.chain(buffers).head)
          }
          yield* Effect.orDie(kernel.kick(0) as Effect.Effect<void, unknown>)
          yield* Effect.orDie(kernel.called(2))
        }),
    )
    const [first, flush, last] = served
    expect([first![0], flush![0], last![0]]).toEqual(["write", "flush", "write"])
    expect(flush![1]).toBe(first![1])
    expect(last![1]).toBeGreaterThan(flush![1])
  })

  it("says what it can't do", async () => {
    const broken = {
      sectors: 64,
      read: () => {
        throw new Error("no")
      },
      write: () => {
        throw new Error("no")
      },
    }
    await disk({ store: broken }, ({ read, write, other }) =>
      Effect.gen(function* () {
        expect((yield* read(0, 1)).status).toBe(1)
        expect((yield* write(0, sectors(1, 1))).status).toBe(1)
        // Past its end, by a part of a sector, and something that there isn't.
        expect((yield* read(64, 1)).status).toBe(1)
        expect((yield* read(63, 2)).status).toBe(1)
        expect((yield* other(0, 100)).status).toBe(1)
        expect((yield* other(99)).status).toBe(2)
        expect(text.decode((yield* other(8, 20)).data.subarray(0, 3))).toBe("sda")
      }))
    await disk({ readOnly: true }, ({ read, write }) =>
      Effect.gen(function* () {
        expect((yield* read(0, 1)).status).toBe(0)
        expect((yield* write(0, sectors(1, 1))).status).toBe(1)
      }))
  })

  it("fails as a plan of faults says, by its seed", async () => {
    const statuses = async (seed: number) => {
      const found: Array<number> = []
      await disk({ impairments: { drop: 0.5 }, seed }, ({ read }) =>
        Effect.gen(function* () {
          for (let nth = 0; nth < 20; nth++) found.push((yield* read(nth, 1)).status)
        }))
      return found.join("")
    }
    const [first, again, other] = [await statuses(1), await statuses(1), await statuses(2)]
    expect(again).toBe(first)
    expect(other).not.toBe(first)
    expect(first).toMatch(/0.*1|1.*0/)
    await disk({ impairments: { corrupt: 1 } }, ({ read, write }) =>
      Effect.gen(function* () {
        const data = sectors(1, 3)
        yield* write(0, data)
        const { status, data: found } = yield* read(1, 1)
        expect(status).toBe(0)
        expect(found.filter((byte) => byte !== 0).length).toBe(1)
      }))
    const by = Distribution.from("700 nanos")
    await disk({ impairments: { delay: 1, by } }, ({ read }) =>
      Effect.gen(function* () {
        expect((yield* read(0, 1)).at).toBe(700n)
      }))
    await disk(
      { impairments: { outages: [{ from: 0n, until: 1000n }] } },
      ({ read, kernel }) =>
        Effect.gen(function* () {
          expect((yield* read(0, 1)).status).toBe(1)
          yield* Effect.orDie(kernel.clock.ndelay(2000n))
          expect((yield* read(0, 1)).status).toBe(0)
        }),
    )
  })

  it("hangs up on a kernel with a request that isn't one", async () => {
    const reports = await disk({}, ({ kernel }) =>
      Effect.gen(function* () {
        const driver = kernel.drivers[0]!
        driver.offer(driver.chain([new Uint8Array(15), 1]).head)
        yield* Effect.orDie(kernel.kick(0) as Effect.Effect<void, unknown>)
        yield* Effect.sleep(50)
      }))
    expect(reports).toEqual(["Connected", "Ready", "Broken BadRequest"])
  })

  const bad: ReadonlyArray<readonly [string, Partial<BlockDevice.Options>]> = [
    ["sectors (of 512 bytes) of store", { store: new Uint8Array(511) }],
    ["sectors (of 512 bytes) of store", { store: new Uint8Array(0) }],
    ["store", { store: { file: "/nowhere/at/all" } }],
    ["store", { store: 7 as never }],
    ["tracks", { disk: { tracks: 1, sectorsPerTrack: 63 } }],
    ["revolution", { disk: { revolution: 0n } }],
    ["impairments.drop", { impairments: { drop: 2 } }],
    ["seed", { seed: -1 }],
    ["readOnly", { readOnly: 1 as never }],
  ]
  it.each(bad)("can't have this %s: %o", async (option, given) => {
    const made = BlockDevice.make({ path: "/nowhere/at/all", store: new Uint8Array(512 * 64), ...given })
    const error = await Effect.runPromise(Effect.flip(made).pipe(Effect.scoped, Effect.provide(Mode.infCpu())))
    expect(error).toMatchObject({ _tag: "OptionError", option })
  })
})

describe("a network card", () => {
  const frame = (length: number) => Uint8Array.from({ length }, (_, at) => at & 0xff)

  /** Two kernels with a card each, and a wire between these. */
  const pair = (
    left: (kernel: FakeKernel.Kernel) => Effect.Effect<unknown, unknown, never>,
    right: (kernel: FakeKernel.Kernel) => Effect.Effect<unknown, unknown, never>,
    features = 1n << 32n,
    wired: (left: NetworkDevice.NetworkDevice, right: NetworkDevice.NetworkDevice) => void = () => {},
  ) => {
    const cards: Array<NetworkDevice.NetworkDevice> = []
    const kernel = (name: string, use: typeof left) => (path: string) =>
      Effect.gen(function* () {
        const found = yield* kernelAt(`${path}/${name}`, 2, features)
        yield* Effect.provideContext(use(found) as Effect.Effect<unknown>, yield* Effect.context<never>())
      })
    return Effect.runPromise(World.run(
      (path) =>
        Effect.gen(function* () {
          const a = yield* NetworkDevice.make({ path: `${path}/a`, mac: "02:00:00:00:00:0a" })
          const b = yield* NetworkDevice.make({ path: `${path}/b`, mac: "02:00:00:00:00:0b" })
          cards.push(a, b)
          a.onFrame((frame) => a.bus.after(500_000n, () => b.receive(frame)))
          b.onFrame((frame) => b.bus.after(500_000n, () => a.receive(frame)))
          wired(a, b)
        }),
      [kernel("a", left), kernel("b", right)],
    )).then(() => cards.map((card) => card.stats()))
  }

  const send = (kernel: FakeKernel.Kernel, bytes: Uint8Array, headerBytes = 12) => {
    const driver = kernel.drivers[1]!
    driver.offer(driver.chain([new Uint8Array(headerBytes), bytes]).head)
    return kernel.kick(1) as Effect.Effect<void, unknown>
  }
  const provide = (kernel: FakeKernel.Kernel, room = 1526) => {
    const driver = kernel.drivers[0]!
    const { head, offsets } = driver.chain([room])
    driver.offer(head)
    return Effect.as(kernel.kick(0) as Effect.Effect<void, unknown>, offsets[0]!)
  }
  /** Until the other end has had time for all of it. */
  const wait = (kernel: FakeKernel.Kernel, nanos: bigint) => kernel.clock.ndelay(nanos) as Effect.Effect<void, unknown>

  it.each([["12 bytes", 1n << 32n, 12], ["10 bytes, of an old driver", 0n, 10]])(
    "carries frames behind a header of %s, at exact times",
    async (_, features, headerBytes) => {
      const stats = await pair(
        (kernel) => Effect.andThen(wait(kernel, 1000n), send(kernel, frame(60), headerBytes)),
        (kernel) =>
          Effect.gen(function* () {
            const at = yield* provide(kernel)
            yield* kernel.called(1) as Effect.Effect<void, unknown>
            expect(kernel.calls).toEqual([{ queue: 0, at: 501_000n }])
            const driver = kernel.drivers[0]!
            expect(driver.used()).toEqual([{ head: 0, written: headerBytes + 60 }])
            const bytes = driver.file.subarray(at, at + headerBytes + 60)
            const zeros = new Uint8Array(headerBytes)
            if (headerBytes === 12) zeros[10] = 1
            expect(Uint8Array.from(bytes)).toEqual(Uint8Array.from([...zeros, ...frame(60)]))
          }),
        features,
      )
      expect(stats).toEqual([{ sent: 1, received: 0, dropped: 0 }, { sent: 0, received: 1, dropped: 0 }])
    },
  )

  it("keeps frames until the driver has buffers, and drops those that are too long for them", async () => {
    const stats = await pair(
      (kernel) =>
        Effect.gen(function* () {
          for (const length of [60, 61, 100]) yield* send(kernel, frame(length))
          // What a kernel has said when it is gone, its devices don't hear any more.
          yield* wait(kernel, 1000n)
        }),
      (kernel) =>
        Effect.gen(function* () {
          yield* wait(kernel, 2_000_000n)
          yield* provide(kernel)
          yield* provide(kernel)
          yield* provide(kernel, 111)
          yield* wait(kernel, 1000n)
          expect(kernel.drivers[0]!.used().map(({ written }) => written)).toEqual([72, 73, 0])
          // Kicks at one time are served together, and so are calls.
          expect(kernel.calls).toEqual([{ queue: 0, at: 2_000_000n }])
        }),
    )
    expect(stats).toEqual([{ sent: 3, received: 0, dropped: 0 }, { sent: 0, received: 2, dropped: 1 }])
  })

  it("has an address, and a link that goes down and up, as its driver reads", async () => {
    const config = (kernel: FakeKernel.Kernel) =>
      Effect.map(
        kernel.say(Messages.getConfig(0, 8)) as Effect.Effect<VhostMessage.Message, unknown>,
        ({ payload }) => [...payload.subarray(12)],
      )
    const stats = await pair(
      (kernel) =>
        Effect.gen(function* () {
          expect(yield* config(kernel)).toEqual([2, 0, 0, 0, 0, 10, 1, 0])
          yield* kernel.called(1) as Effect.Effect<void, unknown>
          expect(kernel.calls).toEqual([{ queue: "config", at: 1_000_000n }])
          expect(yield* config(kernel)).toEqual([2, 0, 0, 0, 0, 10, 0, 0])
          yield* send(kernel, frame(60))
        }),
      (kernel) => Effect.andThen(wait(kernel, 500_000n), send(kernel, frame(60))),
      undefined,
      (left) => void left.bus.after(1_000_000n, () => left.setLink(false)),
    )
    expect(stats).toEqual([{ sent: 1, received: 0, dropped: 1 }, { sent: 1, received: 0, dropped: 0 }])
  })

  it("has an address that its name decides, unless it is given one", async () => {
    const macs = await Effect.runPromise(
      Effect.gen(function* () {
        const path = yield* World.folder
        const made = (at: number, name: string) => NetworkDevice.make({ path: `${path}/${at}`, name })
        const cards = yield* Effect.all([made(0, "eth"), made(1, "eth"), made(2, "eti")])
        return cards.map(({ mac }) => mac)
      }).pipe(Effect.scoped, Effect.provide(Mode.infCpu())),
    )
    expect(macs[1]).toBe(macs[0])
    expect(macs[2]).not.toBe(macs[0])
    for (const mac of macs) expect(mac).toMatch(/^02(:[0-9a-f]{2}){5}$/)
  })

  it.each([
    ["mac", { mac: "01:00:00:00:00:01" }],
    ["mac", { mac: "02-00-00-00-00-01" }],
    ["mac", { mac: "00:00:00:00:00:00" }],
    ["mtu", { mtu: 67 }],
    ["linkUp", { linkUp: 1 as never }],
  ])("can't have this %s: %o", async (option, given) => {
    const made = NetworkDevice.make({ path: "/nowhere/at/all", ...given })
    const error = await Effect.runPromise(Effect.flip(made).pipe(Effect.scoped, Effect.provide(Mode.infCpu())))
    expect(error).toMatchObject({ _tag: "OptionError", option })
  })
})

describe("a source of entropy", () => {
  it("gives the same to each kernel with the same seed, and other bytes with another", async () => {
    const drawn = async (seed?: number) => {
      const found: Array<string> = []
      const draw = (path: string) =>
        Effect.gen(function* () {
          const kernel = yield* kernelAt(`${path}/rng`, 1)
          for (const room of [16, 7]) found.push([...(yield* ask(kernel, 0, [room])).bytes].join())
        })
      await Effect.runPromise(World.run(
        (path) => EntropyDevice.make({ path: `${path}/rng`, ...seed !== undefined && { seed } }),
        [(path) =>
          Effect.gen(function* () {
            yield* Effect.scoped(draw(path))
            yield* Effect.sleep(50)
            yield* Effect.scoped(draw(path))
          })],
      ))
      return found
    }
    const [first, other] = [await drawn(), await drawn(1)]
    expect(first.map((bytes) => bytes.split(",").length)).toEqual([16, 7, 16, 7])
    expect(first.slice(2)).toEqual(first.slice(0, 2))
    expect(other).not.toEqual(first)
    expect(new Set(first[0]!.split(",")).size).toBeGreaterThan(8)
  })
})

describe("a console", () => {
  it("has what the kernel prints, and types, each at its time", async () => {
    const printed: Array<readonly [string, bigint]> = []
    const found: Array<unknown> = []
    await Effect.runPromise(World.run(
      (path) =>
        Effect.gen(function* () {
          const made = yield* ConsoleDevice.make({
            path: `${path}/console`,
            onOutput: (bytes, at) => printed.push([text.decode(bytes), at]),
          })
          made.bus.after(5000n, () => Effect.runSync(made.type("date\n")))
        }),
      [(path) =>
        Effect.gen(function* () {
          const kernel = yield* kernelAt(`${path}/console`, 2)
          yield* kernel.clock.ndelay(1000n)
          yield* ask(kernel, 1, [new TextEncoder().encode("login: ")])
          const driver = kernel.drivers[0]!
          const rooms = [3, 100].map((room) => driver.chain([room]))
          for (const { head } of rooms) driver.offer(head)
          yield* kernel.kick(0)
          yield* kernel.called(2)
          const written = driver.used().map(({ written }) => written)
          const [one, two] = rooms.map(({ offsets }) => offsets[0]!)
          found.push(kernel.calls[1], written, text.decode(driver.file.slice(one!, one! + 3)))
          found.push(text.decode(driver.file.slice(two!, two! + 2)))
        })],
    ))
    expect(printed).toEqual([["login: ", 1000n]])
    expect(found).toEqual([{ queue: 0, at: 5000n }, [3, 2], "dat", "e\n"])
  })

  it("keeps what is typed until the driver takes it, up to a bound", async () => {
    const outcomes: Array<string> = []
    await Effect.runPromise(World.run(
      (path) =>
        Effect.gen(function* () {
          const made = yield* ConsoleDevice.make({ path: `${path}/console` })
          yield* made.type("abc")
          outcomes.push((yield* Effect.flip(made.type(new Uint8Array(65_534))))._tag)
        }),
      [(path) =>
        Effect.gen(function* () {
          const kernel = yield* kernelAt(`${path}/console`, 2)
          const { bytes } = yield* ask(kernel, 0, [10])
          outcomes.push(text.decode(bytes))
        })],
    ))
    expect(outcomes).toEqual(["OptionError", "abc"])
  })
})
