import { describe, expect, it } from "@effect/vitest"
import * as Memory from "../../src/internal/virtio/Memory.ts"
import { isViolation, type Rule, type Violation } from "../../src/internal/virtio/Violation.ts"
import * as Virtqueue from "../../src/internal/virtio/Virtqueue.ts"
import { random } from "../support/random.ts"
import { type Buffer, Driver, GUEST, USER } from "../support/virtio/driver.ts"

const { indirect, eventIndex } = Virtqueue.Feature

const take = (queue: Virtqueue.Virtqueue): Virtqueue.Chain => {
  const chain = queue.take()
  if (chain === undefined || isViolation(chain)) throw new Error(chain === undefined ? "no chain" : chain.detail)
  return chain
}

const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

describe("a virtqueue", () => {
  it("takes chains in the order in which the driver made them available, and gives them back in any", () => {
    const driver = new Driver()
    const queue = driver.queue()
    expect(queue.take()).toBe(undefined)
    const chains = [[bytes(1, 2), 3], [bytes(4), bytes(5, 6), 1, 2]].map((buffers) => driver.chain(buffers))
    for (const { head } of chains) driver.offer(head)
    const [first, second] = [take(queue), take(queue)]
    expect(queue.take()).toBe(undefined)
    expect([queue.readFrom(first), queue.readFrom(second)]).toEqual([bytes(1, 2), bytes(4, 5, 6)])
    expect([first.writableBytes, second.writableBytes]).toEqual([3, 3])
    expect(queue.held).toBe(2)

    expect(queue.writeTo(second, bytes(7, 8, 9, 10))).toBe(3)
    expect(queue.give(second, 3)).toBe(undefined)
    expect(queue.give(first, 0)).toBe(undefined)
    expect(queue.held).toBe(0)
    expect(driver.used()).toEqual([{ head: second.head, written: 3 }, { head: first.head, written: 0 }])
    const [one, two] = chains[1]!.offsets.slice(2)
    expect([driver.file[one!], ...driver.file.subarray(two, two! + 2)]).toEqual([7, 8, 9])
  })

  it("follows an indirect table where that was agreed on, and finds fault with it where not", () => {
    const driver = new Driver()
    driver.offer(driver.chain([bytes(1), bytes(2, 3), 4], true).head)
    const queue = driver.queue(indirect)
    const chain = take(queue)
    expect([queue.readFrom(chain), chain.writableBytes]).toEqual([bytes(1, 2, 3), 4])
    expect(driver.queue().take()).toMatchObject({ rule: "BadDescriptor" })
  })

  it("calls the driver unless it doesn't want to be", () => {
    const driver = new Driver()
    const queue = driver.queue()
    const serve = () => {
      driver.offer(driver.chain([1]).head)
      expect(queue.give(take(queue), 1)).toBe(undefined)
    }
    expect(queue.wantsCall()).toBe(false)
    serve()
    expect(queue.wantsCall()).toBe(true)
    expect(queue.wantsCall()).toBe(false)
    driver.view.setUint16(driver.at.available, 1, true)
    serve()
    expect(queue.wantsCall()).toBe(false)
  })

  it("calls the driver when the index has come that it waits for, and says which one it waits for itself", () => {
    const driver = new Driver()
    const queue = driver.queue(eventIndex)
    const usedEvent = driver.at.available + 4 + 2 * driver.size
    const availableEvent = () => driver.view.getUint16(driver.at.used + 4 + 8 * driver.size, true)
    const serve = () => {
      driver.offer(driver.chain([1]).head)
      queue.give(take(queue), 1)
      return queue.wantsCall()
    }
    driver.view.setUint16(usedEvent, 2, true)
    expect([serve(), serve(), serve(), serve()]).toEqual([false, false, true, false])
    expect(queue.take()).toBe(undefined)
    expect(availableEvent()).toBe(4)
  })

  it("goes on over the end of the indices' 16 bits", () => {
    const driver = new Driver({ base: 0xfffe })
    const queue = driver.queue(0n, 0xfffe)
    for (let nth = 0; nth < 6; nth++) {
      const { head } = driver.chain([bytes(nth)])
      driver.offer(head)
      const chain = take(queue)
      expect(queue.readFrom(chain)).toEqual(bytes(nth))
      queue.give(chain, 0)
      expect(queue.wantsCall()).toBe(true)
      expect(driver.used()).toEqual([{ head, written: 0 }])
    }
  })

  it("takes what any driver offers and gives all of it back", () => {
    for (let seed = 0; seed < 300; seed++) {
      const rng = random(seed)
      const driver = new Driver({ size: rng.pick([2, 8, 64]), fileBytes: 1 << 20 })
      const features = rng.bool() ? indirect | (rng.bool() ? eventIndex : 0n) : 0n
      const queue = driver.queue(features)
      for (let round = 0; round < 30; round++) {
        const length = 1 + rng.int(features === 0n ? 2 : 6)
        const reads = rng.int(length + 1)
        const buffers = Array.from(
          { length },
          (_, index): Buffer =>
            index < reads ? Uint8Array.from({ length: rng.int(40) }, () => rng.int(256)) : rng.int(40),
        )
        const { head, offsets } = driver.chain(buffers, features !== 0n && length > driver.size)
        driver.offer(head)
        const chain = take(queue)
        const given = buffers.filter((buffer) => typeof buffer !== "number")
        expect(queue.readFrom(chain), `seed ${seed}`).toEqual(Uint8Array.from(given.flatMap((part) => [...part])))
        const room = buffers.reduce<number>((all, buffer) => all + (typeof buffer === "number" ? buffer : 0), 0)
        const answer = Uint8Array.from({ length: rng.int(room + 10) }, () => rng.int(256))
        const written = Math.min(room, answer.length)
        expect(queue.writeTo(chain, answer), `seed ${seed}`).toBe(written)
        queue.give(chain, written)
        expect(driver.used()).toEqual([{ head, written }])
        const found = buffers.flatMap((buffer, index) =>
          typeof buffer === "number" ? [...driver.file.subarray(offsets[index], offsets[index]! + buffer)] : []
        )
        expect(found.slice(0, written), `seed ${seed}`).toEqual([...answer.subarray(0, written)])
      }
    }
  })
})

describe("a driver that breaks the rules", () => {
  const broken = (spoil: (driver: Driver) => void, features = indirect): Violation => {
    const driver = new Driver()
    driver.offer(driver.chain([bytes(1), 4]).head)
    spoil(driver)
    const found = driver.queue(features).take()
    if (!isViolation(found)) throw new Error("nothing was found")
    return found
  }

  const cases: ReadonlyArray<readonly [string, Rule, (driver: Driver) => void]> = [
    ["an index that runs ahead", "IndexRunsAhead", (driver) => driver.view.setUint16(driver.at.available + 2, 9, true)],
    [
      "an index that goes back",
      "IndexRunsAhead",
      (driver) => driver.view.setUint16(driver.at.available + 2, 65_535, true),
    ],
    [
      "a head outside of the table",
      "BadDescriptor",
      (driver) => driver.view.setUint16(driver.at.available + 4, 8, true),
    ],
    ["a buffer before the memory", "BadDescriptor", (driver) => driver.descriptor(0, 0, GUEST - 1n, 1, 0)],
    ["a buffer past the memory", "BadDescriptor", (driver) => driver.descriptor(0, 0, GUEST + 65_530n, 7, 0)],
    ["a buffer that wraps", "BadDescriptor", (driver) => driver.descriptor(0, 0, (1n << 64n) - 1n, 0xffff_ffff, 0)],
    ["a next descriptor that there isn't", "BadDescriptor", (driver) => driver.descriptor(0, 0, GUEST, 1, 1, 8)],
    ["a chain that is a loop", "EndlessChain", (driver) => driver.descriptor(0, 0, GUEST, 1, 1, 0)],
    ["a chain that is a wider loop", "EndlessChain", (driver) => {
      driver.descriptor(0, 0, GUEST, 1, 1, 1)
      driver.descriptor(0, 1, GUEST, 1, 1, 0)
    }],
    ["what is read behind what is written", "BadDescriptor", (driver) => {
      driver.descriptor(0, 0, GUEST, 1, 3, 1)
      driver.descriptor(0, 1, GUEST, 1, 0)
    }],
    ["a table outside of the memory", "BadDescriptor", (driver) => driver.descriptor(0, 0, GUEST + 65_536n, 16, 4)],
    ["a table of half an entry", "BadDescriptor", (driver) => driver.descriptor(0, 0, GUEST, 24, 4)],
    ["an empty table", "BadDescriptor", (driver) => driver.descriptor(0, 0, GUEST, 0, 4)],
    ["a table that is too long", "BadDescriptor", (driver) => driver.descriptor(0, 0, GUEST, 16 * 1025, 4)],
    ["a table with a next descriptor", "BadDescriptor", (driver) => driver.descriptor(0, 0, GUEST, 16, 5, 1)],
    ["a table in a table", "BadDescriptor", (driver) => {
      driver.descriptor(0, 0, GUEST + 16n, 16, 4)
      driver.descriptor(0, 1, GUEST, 16, 4)
    }],
    ["a table that is a loop", "EndlessChain", (driver) => {
      driver.descriptor(0, 0, GUEST + 32n, 32, 4)
      driver.descriptor(32, 0, GUEST, 1, 1, 1)
      driver.descriptor(32, 1, GUEST, 1, 1, 0)
    }],
  ]
  it.each(cases)("%s: %s", (_, rule, spoil) => {
    expect(broken(spoil).rule).toBe(rule)
  })

  it("a chain of too many bytes, made of the same ones", () => {
    const driver = new Driver({ fileBytes: 1 << 20 })
    for (let at = 0; at < 40; at++) driver.descriptor(512, at, GUEST, 1 << 20, at < 39 ? 1 : 0, at + 1)
    driver.descriptor(0, 0, GUEST + 512n, 16 * 40, 4)
    driver.offer(0)
    expect(driver.queue(indirect).take()).toMatchObject({ rule: "BadRequest" })
  })

  it("a chain that the device still has", () => {
    const driver = new Driver()
    const { head } = driver.chain([1])
    driver.offer(head)
    driver.offer(head)
    const queue = driver.queue()
    take(queue)
    expect(queue.take()).toMatchObject({ rule: "ChainInUse" })
  })

  it("memory that was shortened", () => {
    const driver = new Driver()
    driver.offer(driver.chain([bytes(1, 2), 3]).head)
    let isThere = true
    const { regions, access } = driver.memory
    const shrinking: Memory.Access = {
      read: (index, offset, into) => isThere && access.read(index, offset, into),
      write: (index, offset, from) => isThere && access.write(index, offset, from),
    }
    const queue = new Virtqueue.Virtqueue(driver.queue().layout, { regions, access: shrinking }, 0n, 0)
    const chain = take(queue)
    expect(queue.give(chain, 1)).toBe(undefined)
    isThere = false
    driver.offer(chain.head)
    const calls = [
      queue.wantsCall(),
      queue.take(),
      queue.readFrom(chain),
      queue.writeTo(chain, bytes(1)),
      queue.give(chain, 1),
    ]
    for (const found of calls) expect(found).toMatchObject({ rule: "MemoryGone" })
  })

  const rings: ReadonlyArray<readonly [string, Partial<Virtqueue.Addresses>]> = [
    ["outside of the memory", { used: USER + 65_536n }],
    ["across its end", { available: USER + 65_536n - 10n }],
    ["not aligned", { descriptors: USER + 8n }],
    ["in the addresses of devices", { descriptors: GUEST }],
    ["past all addresses", { used: (1n << 64n) - 4n }],
  ]
  it.each(rings)("rings %s", (_, addresses) => {
    const driver = new Driver()
    expect(Virtqueue.layOut([driver.region], 0, 8, { ...driver.addresses, ...addresses })).toMatchObject({
      rule: "BadQueue",
    })
  })

  it("any bytes at all in the rings: a chain within the memory, or a fault with a name, and nothing is thrown", () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 4000; seed++) {
      const rng = random(seed)
      const driver = new Driver({ size: rng.pick([1, 4, 16]), fileBytes: 4096 })
      const queue = driver.queue(rng.bool() ? indirect | eventIndex : rng.bool() ? indirect : 0n)
      const rings = driver.allocate(0)
      // Some numbers that are likely to lead somewhere.
      const word = () => rng.bool(0.7) ? rng.int(driver.size + 1) : rng.int(65_536)
      for (let at = 0; at < driver.at.available; at += 16) {
        const address = rng.bool(0.9) ? GUEST + BigInt(rng.int(4096)) : rng.bigint(1n << 64n)
        driver.descriptor(
          0,
          at / 16,
          address,
          rng.bool(0.9) ? rng.pick([0, 1, 16, 64]) : rng.int(2 ** 32),
          rng.int(8),
          word(),
        )
      }
      for (let at = driver.at.available; at < rings; at += 2) driver.view.setUint16(at, word(), true)
      for (let round = 0; round < 20; round++) {
        const chain = queue.take()
        if (chain === undefined) break
        if (isViolation(chain)) {
          seen.add(chain.rule)
          break
        }
        for (const { index, offset, bytes } of [...chain.readable, ...chain.writable]) {
          expect(index === 0 && offset >= 0 && offset + bytes <= 4096, `seed ${seed}`).toBe(true)
        }
        const read = queue.readFrom(chain)
        const written = queue.writeTo(chain, new Uint8Array(rng.int(100)))
        if (isViolation(read) || isViolation(written)) throw new Error(`seed ${seed}: memory that is there`)
        queue.give(chain, written)
        queue.wantsCall()
        seen.add("chain")
      }
    }
    expect([...seen].sort()).toEqual(["BadDescriptor", "EndlessChain", "IndexRunsAhead", "chain"])
  })
})

describe("regions of memory", () => {
  const region = { guest: 0x1000n, user: 0x9000n, bytes: 0x1000n, offset: 0x200n }
  it("are found by the kernel's addresses and by its devices', and a range lies in one of them", () => {
    const regions = [region, { ...region, guest: 0x2000n, user: 0xa000n, offset: 0n }]
    expect(Memory.find(regions, 0x1000n, 0x1000)).toEqual({ index: 0, offset: 0x200 })
    expect(Memory.find(regions, 0x2fffn, 1)).toEqual({ index: 1, offset: 0xfff })
    expect(Memory.findUser(regions, 0x9010n, 1)).toEqual({ index: 0, offset: 0x210 })
    // Two that touch may be two files.
    expect(Memory.find(regions, 0x1fffn, 2)).toBe(undefined)
    expect(Memory.find(regions, 0xfffn, 1)).toBe(undefined)
    expect(Memory.findUser(regions, 0x1000n, 1)).toBe(undefined)
  })

  const bad: ReadonlyArray<readonly [string, Partial<Memory.Region>]> = [
    ["empty", { bytes: 0n }],
    ["past all addresses", { guest: (1n << 64n) - 1n }],
    ["past all addresses of its process", { user: (1n << 64n) - 1n }],
    ["too far in its file", { offset: 1n << 53n }],
    ["over another one", { guest: 0x1fffn, user: 0x1_0000n }],
    ["over another one in its process", { guest: 0x1_0000n, user: 0x8fffn }],
  ]
  it.each(bad)("can't be %s", (_, change) => {
    expect(Memory.badRegions([region])).toBe(undefined)
    expect(Memory.badRegions([region, { ...region, guest: 0x4000n, user: 0xc000n, ...change }])).toMatchObject({
      rule: "BadRegion",
    })
  })
})
