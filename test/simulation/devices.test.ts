import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { GuestClock } from "../../src/index.ts"
import { Device, Devices } from "../../src/simulation.ts"
import { it } from "../../src/testing.ts"

const now = Effect.flatMap(GuestClock.GuestClock, (clock) => clock.now)

describe("a device behind registers", () => {
  const counter = Device.registers("counter", () => {
    let count = 0n
    return {
      COUNT: { read: () => count },
      ADD: {
        write: (value: bigint) => {
          count += value
        },
      },
    }
  }, { accessTime: 70n })

  it.simulated("keeps the CPU busy for each access", () =>
    Effect.gen(function* () {
      const device = yield* counter
      yield* device.write("ADD", 2n)
      yield* device.write("ADD", 3n)
      expect(yield* device.read("COUNT")).toBe(5n)
      expect(yield* now).toBe(210n)
    }))

  it.simulated("says which registers can be read and written to", () =>
    Effect.gen(function* () {
      const device = yield* counter
      const read = yield* Effect.flip(device.read("ADD"))
      expect(read.message).toMatch(/register.*ADD.*those of counter that can be read are COUNT/)
      const written = yield* Effect.flip(device.write("COUNT", 1n))
      expect(written.message).toMatch(/register.*COUNT.*those of counter that can be written to are ADD/)
      expect((yield* Effect.flip(device.read("NONE" as never)))._tag).toBe("OptionError")
    }))

  it.simulated("is given 64 bits", () =>
    Effect.gen(function* () {
      const device = yield* counter
      yield* device.write("ADD", -1n)
      expect(yield* device.read("COUNT")).toBe(2n ** 64n - 1n)
    }))
})

describe("an interrupt line", () => {
  const button = Device.registers("button", ({ irq, after }) => ({
    PRESS_AFTER: { write: (delay: bigint) => void after(delay, () => irq.raise()) },
    ACKNOWLEDGE: { write: () => irq.lower() },
  }))

  it.simulated("interrupts once each time it is raised, at the ns", () =>
    Effect.gen(function* () {
      const device = yield* button
      const seen: Array<bigint> = []
      yield* device.irq.onInterrupt(({ now }) => void seen.push(now))
      for (const delay of [100n, 200n, 300n]) yield* device.write("PRESS_AFTER", delay)
      yield* Effect.sleep(250n)
      // It was high all the time.
      expect(seen).toEqual([100n])
      yield* device.write("ACKNOWLEDGE", 0n)
      yield* Effect.sleep(100n)
      expect(seen).toEqual([100n, 300n])
    }))

  it.simulated("remembers what it was raised for while it was disabled", () =>
    Effect.gen(function* () {
      const device = yield* button
      const seen: Array<bigint> = []
      yield* device.irq.onInterrupt(({ now }) => void seen.push(now))
      yield* device.irq.disable
      yield* device.write("PRESS_AFTER", 100n)
      yield* Effect.sleep(1000n)
      expect(seen).toEqual([])
      yield* device.irq.enable
      yield* Effect.sleep(1n)
      expect(seen).toEqual([1000n])
    }))

  it.simulated("interrupts work that is under way", () =>
    Effect.gen(function* () {
      const clock = yield* GuestClock.GuestClock
      const device = yield* button
      const seen: Array<bigint> = []
      // The handler is busy as well, and what is interrupted ends when it would have.
      yield* device.irq.onInterrupt(({ now }) => Effect.andThen(clock.ndelay(30n), Effect.sync(() => seen.push(now))))
      yield* device.write("PRESS_AFTER", 100n)
      yield* clock.ndelay(500n)
      expect(seen).toEqual([100n])
      expect(yield* now).toBe(500n)
    }))

  it.simulated("wakes who waits for it", () =>
    Effect.gen(function* () {
      const device = yield* button
      yield* device.write("PRESS_AFTER", 123n)
      yield* device.irq.wait
      expect(yield* now).toBe(123n)
      yield* device.irq.wait
      expect(yield* now).toBe(123n)
    }))
})

describe("the timer", () => {
  it.simulated("goes off once, or again and again without drift", () =>
    Effect.gen(function* () {
      const timer = yield* Devices.timer("timer", { accessTime: 10n })
      const seen: Array<bigint> = []
      yield* timer.irq.onInterrupt(({ now }) => void seen.push(now))
      yield* timer.write("PERIOD", 1000n)
      yield* timer.write("CONTROL", Devices.TIMER_RUN)
      yield* Effect.sleep(500n)
      expect(yield* timer.read("COUNT")).toBe(490n)
      yield* Effect.sleep(2000n)
      expect(seen).toEqual([1020n])
      expect(yield* timer.read("STATUS")).toBe(1n)
      yield* timer.write("STATUS", 0n)
      expect(yield* timer.read("STATUS")).toBe(0n)
      const began = (yield* now) + 10n
      yield* timer.irq.onInterrupt(({ now }) => {
        seen.push(now - began)
        timer.irq.lower()
      })
      yield* timer.write("CONTROL", Devices.TIMER_RUN | Devices.TIMER_PERIODIC)
      yield* Effect.sleep(3500n)
      yield* timer.write("CONTROL", 0n)
      yield* Effect.sleep(3500n)
      expect(seen).toEqual([1020n, 1000n, 2000n, 3000n])
    }))
})

describe("the disk", () => {
  const options = { tracks: 1000, sectorsPerTrack: 100, settleTime: 500n, timePerTrack: 3n, revolution: 10_000n }

  it.simulated("takes its seek, its rotation and its transfer, to the ns", () =>
    Effect.gen(function* () {
      const disk = yield* Devices.disk("disk", options)
      const interrupts: Array<bigint> = []
      yield* disk.irq.onInterrupt(({ now }) => void interrupts.push(now))
      // Track 20, and sector 50 of it: half a revolution on.
      expect(yield* disk.submit({ sector: 2050, count: 4 })).toEqual({ seek: 560n, rotation: 4440n, transfer: 400n })
      expect(yield* now).toBe(5400n)
      // The next sector of the same track comes by at once.
      expect(yield* disk.submit({ sector: 2054, count: 1 })).toEqual({ seek: 0n, rotation: 0n, transfer: 100n })
      // The one before has just gone by.
      expect(yield* disk.submit({ sector: 2054, count: 1 })).toEqual({ seek: 0n, rotation: 9900n, transfer: 100n })
      expect(yield* now).toBe(15_500n)
      expect(interrupts).toEqual([5400n, 5500n, 15_500n])
    }))

  it.simulated.each([["first-come", [900, 100, 800]], ["nearest", [900, 800, 100]]] as const)(
    "serves one at a time, %s",
    ([schedule, expected]) =>
      Effect.gen(function* () {
        const disk = yield* Devices.disk("disk", { ...options, schedule })
        const served: Array<number> = []
        const read = (track: number) =>
          Effect.map(disk.submit({ sector: track * 100, count: 1 }), () => void served.push(track))
        yield* Effect.all([900, 100, 800].map(read), { concurrency: "unbounded" })
        expect(served).toEqual(expected)
        expect(disk.waiting()).toBe(0)
      }),
  )

  it.simulated("names an option that can't be", () =>
    Effect.gen(function* () {
      expect((yield* Effect.flip(Devices.disk("disk", { tracks: 0 }))).message).toMatch(/tracks.*0.*1 or more/)
      expect((yield* Effect.flip(Devices.disk("disk", { sectorsPerTrack: 1.5 }))).message).toMatch(
        /sectorsPerTrack.*1\.5/,
      )
      expect((yield* Effect.flip(Devices.disk("disk", { settleTime: -1n }))).message).toMatch(
        /settleTime.*-1.*0 or more/,
      )
      expect((yield* Effect.flip(Devices.disk("disk", { revolution: 0n }))).message).toMatch(/revolution.*0.*1 or more/)
    }))
})

describe("the UART", () => {
  it.simulated("sends a byte in ten bits, and bytes back to back without drift", () =>
    Effect.gen(function* () {
      const uart = yield* Devices.uart("uart", { baud: 3 })
      const sent: Array<readonly [number, bigint]> = []
      const clock = yield* GuestClock.GuestClock
      uart.onSent((byte) => sent.push([byte, clock.nowUnsafe()]))
      for (const byte of [65n, 66n, 67n]) yield* uart.write("DATA", byte)
      yield* Effect.sleep("20 seconds")
      // A byte takes 10/3 s: the third ends at 10 s to the ns.
      expect(sent).toEqual([[65, 3_333_333_333n], [66, 6_666_666_666n], [67, 10_000_000_000n]])
    }))

  it.simulated("has two of them talk over their buffers, with interrupts", () =>
    Effect.gen(function* () {
      const one = yield* Devices.uart("one", { baud: 1_000_000 })
      const other = yield* Devices.uart("other", { baud: 1_000_000, fifo: 4 })
      one.onSent(other.arrive)
      const text = "hello, world"
      const heard: Array<number> = []
      yield* other.write("CONTROL", Devices.UART_ON_RECEIVED)
      yield* Effect.forkChild(Effect.forever(Effect.gen(function* () {
        yield* other.irq.wait
        while (((yield* other.read("STATUS")) & Devices.UART_RECEIVED) !== 0n) {
          heard.push(Number(yield* other.read("DATA")))
        }
      })))
      for (const char of text) yield* one.write("DATA", BigInt(char.charCodeAt(0)))
      yield* Effect.sleep("1 millis")
      expect(String.fromCharCode(...heard)).toBe(text)
      expect(yield* other.read("STATUS")).toBe(Devices.UART_ROOM)
    }))

  it.simulated("says what it lost, and when there is room again", () =>
    Effect.gen(function* () {
      const uart = yield* Devices.uart("uart", { baud: 1_000_000, fifo: 2 })
      const sent: Array<number> = []
      uart.onSent((byte) => sent.push(byte))
      const interrupts: Array<bigint> = []
      yield* uart.irq.onInterrupt(({ now }) => void interrupts.push(now))
      yield* uart.write("CONTROL", Devices.UART_ON_ROOM)
      for (const byte of [1n, 2n, 3n]) yield* uart.write("DATA", byte)
      expect(yield* uart.read("STATUS")).toBe(0n)
      yield* Effect.sleep("1 millis")
      expect(sent).toEqual([1, 2])
      expect(interrupts).toEqual([10_000n])
      for (const byte of [7, 8, 9]) uart.arrive(byte)
      expect(yield* uart.read("STATUS")).toBe(
        Devices.UART_RECEIVED | Devices.UART_ROOM | Devices.UART_OVERRUN,
      )
      yield* uart.write("STATUS", 0n)
      expect([yield* uart.read("DATA"), yield* uart.read("DATA"), yield* uart.read("DATA")]).toEqual([7n, 8n, 0n])
      expect(yield* uart.read("STATUS")).toBe(Devices.UART_ROOM)
      for (const option of ["baud", "fifo"]) {
        expect((yield* Effect.flip(Devices.uart("uart", { [option]: 0 }))).message).toMatch(option)
      }
    }))
})
