import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as os from "node:os"
import * as Message from "../src/core/Message.ts"
import { type Random, random } from "./support/random.ts"

const LITTLE = os.endianness() === "LE"

/** The 16 bytes as PROTOCOL has them, one by one. */
const bytesOf = ({ op, seq, time }: Message.Message): Uint8Array => {
  const inOrder = (value: bigint, size: number) => {
    const bytes = Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
    return LITTLE ? bytes : bytes.reverse()
  }
  return Uint8Array.from([...inOrder(BigInt(op), 4), ...inOrder(BigInt(seq), 4), ...inOrder(time, 8)])
}

const someMessage = (rng: Random): Message.Message => {
  const u32 = () => rng.bool() ? rng.pick([0, 1, 9, 10, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) : rng.int(2 ** 32)
  return {
    op: rng.bool(0.8) ? rng.int(12) : u32(),
    seq: u32(),
    time: rng.bool() ? rng.pick([0n, 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) : rng.bigint(2n ** 64n),
  }
}

const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

/** What a stream gives that is cut at `cuts`: its messages, and how many bytes are left. Chunks are wiped after use. */
const parseAll = (stream: Uint8Array, cuts: ReadonlyArray<number>) => {
  let parser = Message.parser
  const messages: Array<Message.Message> = []
  const edges = [0, ...cuts, stream.length]
  for (let i = 1; i < edges.length; i++) {
    const chunk = stream.slice(edges[i - 1], edges[i])
    const parsed = Message.parse(parser, chunk)
    chunk.fill(0xa5)
    parser = parsed.parser
    messages.push(...parsed.messages)
    expect(parser.length).toBeLessThan(16)
    expect(parser.length).toBe(edges[i]! % 16)
  }
  return { messages, left: parser.length }
}

describe("a message", () => {
  it("is 16 bytes in the host's byte order: op, seq, time", () => {
    expect(Message.SIZE).toBe(16)
    for (let seed = 0; seed < 5000; seed++) {
      const message = someMessage(random(seed))
      const bytes = Message.encode(message)
      expect(bytes, `seed ${seed}`).toEqual(bytesOf(message))
      expect(Message.decode(bytes), `seed ${seed}`).toEqual(message)
    }
  })

  it("is what 16 bytes say, whichever they are and wherever they lie in memory", () => {
    for (let seed = 0; seed < 5000; seed++) {
      const rng = random(seed)
      const memory = Uint8Array.from({ length: 64 }, () => rng.int(256))
      const start = rng.int(16)
      const view = memory.subarray(start)
      const offset = rng.int(64 - 16 - start + 1)
      const message = Message.decode(view, offset)
      expect(bytesOf(message), `seed ${seed}`).toEqual(memory.slice(start + offset, start + offset + 16))
      expect(Message.encode(message), `seed ${seed}`).toEqual(bytesOf(message))
    }
  })

  it("has the numbers of PROTOCOL", () => {
    expect(Message.Op).toEqual({
      Ack: 0,
      Start: 1,
      Request: 2,
      Wait: 3,
      Get: 4,
      Update: 5,
      Run: 6,
      FreeUntil: 7,
      GetTimeOfDay: 8,
      Broadcast: 9,
    })
  })

  it("has operations with the names, the numbers and the directions of PROTOCOL's table", () => {
    const page = readFileSync(new URL("../docs/protocol.md", import.meta.url), "utf8")
    const rows = [...page.matchAll(/^\| ([A-Z_]+) +\| (\d+) +\| ([a-z →]+?) +\|/gm)].map(([, name, op, direction]) => [
      Number(op),
      name,
      direction === "both" ? "both" : direction!.split(" → ")[0],
    ])
    expect(Object.entries(Message.operations).map(([op, { name, sender }]) => [Number(op), name, sender])).toEqual(rows)
    expect(Object.keys(Message.operations).map(Number)).toEqual(Object.values(Message.Op))
    expect([-1, 10, 2 ** 32 - 1, 0.5].filter(Message.isOp)).toEqual([])
  })

  it("is not made of numbers that don't fit", () => {
    const good = { op: 1, seq: 1, time: 1n }
    const bad = [
      { ...good, op: -1 },
      { ...good, op: 2 ** 32 },
      { ...good, op: 1.5 },
      { ...good, op: NaN },
      { ...good, seq: -1 },
      { ...good, seq: 2 ** 32 },
      { ...good, time: -1n },
      { ...good, time: 2n ** 64n },
    ]
    for (const message of bad) expect(() => Message.encode(message)).toThrow("bug in guest-clock")
  })

  it("is answered by an ACK with its seq and time 0", () => {
    expect(Message.ack({ op: 6, seq: 2 ** 32 - 1, time: 5n })).toEqual({ op: 0, seq: 2 ** 32 - 1, time: 0n })
  })

  it("can be read by people, even one that the protocol doesn't have", () => {
    expect(Message.format({ op: 2, seq: 4, time: 5735n })).toBe("Request #4 5735")
    expect(Message.format({ op: 77, seq: 4, time: 0n })).toContain("77")
    for (let op = 0; op <= 9; op++) expect(Message.nameOf(op)).not.toMatch(/\d/)
  })
})

describe("the parser", () => {
  const stream = (seed: number, count: number) => {
    const rng = random(seed)
    const messages = Array.from({ length: count }, () => someMessage(rng))
    return { messages, bytes: join(messages.map(bytesOf)) }
  }

  it("finds the same messages wherever a stream is cut in two, and wherever it is cut in three", () => {
    const { messages, bytes } = stream(1, 3)
    for (let a = 0; a <= bytes.length; a++) {
      for (let b = a; b <= bytes.length; b++) {
        expect(parseAll(bytes, [a, b]), `cut at ${a} and ${b}`).toEqual({ messages, left: 0 })
      }
    }
  })

  it("finds them byte by byte, with empty chunks in between as well", () => {
    const { messages, bytes } = stream(2, 20)
    const each = Array.from(bytes, (_, i) => i)
    expect(parseAll(bytes, each)).toEqual({ messages, left: 0 })
    expect(parseAll(bytes, each.flatMap((i) => [i, i]))).toEqual({ messages, left: 0 })
  })

  it("finds them at every message boundary, and all at once", () => {
    const { messages, bytes } = stream(3, 50)
    expect(parseAll(bytes, messages.map((_, i) => 16 * i))).toEqual({ messages, left: 0 })
    expect(parseAll(bytes, [])).toEqual({ messages, left: 0 })
  })

  it("finds them at thousands of random cuts, and keeps what trails behind", () => {
    for (let seed = 0; seed < 3000; seed++) {
      const rng = random(seed)
      const { messages, bytes } = stream(seed, rng.int(12))
      const trailing = Uint8Array.from({ length: rng.int(16) }, () => rng.int(256))
      const all = join([bytes, trailing])
      const cuts = Array.from({ length: rng.int(10) }, () => rng.int(all.length + 1)).sort((a, b) => a - b)
      expect(parseAll(all, cuts), `seed ${seed}`).toEqual({ messages, left: trailing.length })
    }
  })

  it("takes garbage for messages, and never throws", () => {
    for (let seed = 0; seed < 2000; seed++) {
      const rng = random(seed)
      const garbage = Uint8Array.from({ length: rng.int(200) }, () => rng.int(256))
      const cuts = Array.from({ length: rng.int(10) }, () => rng.int(garbage.length + 1)).sort((a, b) => a - b)
      const { messages, left } = parseAll(garbage, cuts)
      const again = join([...messages.map(bytesOf), garbage.slice(garbage.length - left)])
      expect(again, `seed ${seed}`).toEqual(garbage)
    }
  })

  it("can be used again: each time it goes on from the same place", () => {
    for (let seed = 0; seed < 1000; seed++) {
      const rng = random(seed)
      const { bytes } = stream(seed, 4)
      const cut = rng.int(bytes.length + 1)
      const { parser } = Message.parse(Message.parser, bytes.slice(0, cut))
      const held = parser.slice()
      const first = Message.parse(parser, bytes.slice(cut))
      const other = Uint8Array.from({ length: rng.int(40) }, () => rng.int(256))
      Message.parse(parser, other)
      expect(parser, `seed ${seed}`).toEqual(held)
      expect(Message.parse(parser, bytes.slice(cut)), `seed ${seed}`).toEqual(first)
    }
    expect(Message.parser).toEqual(new Uint8Array(0))
  })

  it("keeps nothing of a chunk's memory, nor of the memory around it", () => {
    const { messages, bytes } = stream(4, 3)
    const memory = new Uint8Array(200)
    for (let cut = 0; cut <= bytes.length; cut++) {
      memory.fill(0xee)
      memory.set(bytes.subarray(0, cut), 13)
      const before = Message.parse(Message.parser, memory.subarray(13, 13 + cut))
      memory.fill(0x11)
      memory.set(bytes.subarray(cut), 13)
      const after = Message.parse(before.parser, memory.subarray(13, 13 + bytes.length - cut))
      memory.fill(0x22)
      expect([...before.messages, ...after.messages], `cut at ${cut}`).toEqual(messages)
    }
  })

  it("takes what a runtime's sockets give: a Buffer out of a pool", () => {
    const { messages, bytes } = stream(5, 3)
    const pooled = Buffer.from(bytes)
    const before = Message.parse(Message.parser, pooled.subarray(0, 21))
    pooled.fill(0, 0, 21)
    const after = Message.parse(before.parser, pooled.subarray(21))
    expect([...before.messages, ...after.messages]).toEqual(messages)
  })
})
