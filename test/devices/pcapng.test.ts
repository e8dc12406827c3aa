/** Files of captured frames: block by block, and as tshark reads them. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { describe, expect, it } from "vitest"
import { Pcapng } from "../../src/devices.ts"
import * as make from "../support/frames.ts"
import { random } from "../support/random.ts"
import * as Tshark from "../support/tshark.ts"

/** The blocks of a file: type, and what is in it. Each says its length twice. */
const blocksOf = (bytes: Uint8Array): ReadonlyArray<{ readonly type: number; readonly body: DataView }> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const blocks = []
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at + 4, true)
    expect(length % 4).toBe(0)
    expect(view.getUint32(at + length - 4, true)).toBe(length)
    blocks.push({
      type: view.getUint32(at, true),
      body: new DataView(bytes.buffer, bytes.byteOffset + at + 8, length - 12),
    })
    at += length
  }
  return blocks
}

/** The options of a block, from a place on. */
const optionsOf = (body: DataView, from: number): ReadonlyArray<readonly [code: number, value: Uint8Array]> => {
  const found = []
  for (let at = from; at < body.byteLength;) {
    const [code, length] = [body.getUint16(at, true), body.getUint16(at + 2, true)]
    if (code === 0) {
      expect(at + 4).toBe(body.byteLength)
      return found
    }
    found.push([code, new Uint8Array(body.buffer, body.byteOffset + at + 4, length)] as const)
    at += 4 + (length + 3 & ~3)
  }
  expect(found).toEqual([])
  return found
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder("utf-8", { fatal: true }).decode(bytes)

const join = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  pieces.reduce((at, piece) => (all.set(piece, at), at + piece.length), 0)
  return all
}

describe("a file of captured frames", () => {
  it("has a section, interfaces with times in ns, and frames with what is said of them", () => {
    const frame = Uint8Array.of(1, 2, 3, 4, 5)
    const time = (3n << 32n) + 7n
    const [section, lan, packet, bare, ...rest] = blocksOf(join([
      Pcapng.header("a test"),
      Pcapng.interfaceOf({ name: "router on lan", description: "of Linux 6.12" }),
      Pcapng.packet({ interface: 0, time, frame, direction: "out", comment: "lost: queue full" }),
      Pcapng.packet({ interface: 0, time, frame }),
    ]))
    expect(rest).toEqual([])
    expect(section!.type).toBe(0x0a0d0d0a)
    expect(section!.body.getUint32(0, true)).toBe(0x1a2b3c4d)
    expect([section!.body.getUint16(4, true), section!.body.getUint16(6, true)]).toEqual([1, 0])
    expect(section!.body.getBigInt64(8, true)).toBe(-1n)
    expect(optionsOf(section!.body, 16).map(([code, value]) => [code, text(value)])).toEqual([[4, "a test"]])
    expect(lan!.type).toBe(1)
    expect([lan!.body.getUint16(0, true), lan!.body.getUint32(4, true)]).toEqual([1, 0])
    const [name, description, resolution] = optionsOf(lan!.body, 8)
    expect([name![0], text(name![1]), description![0], text(description![1])]).toEqual([
      2,
      "router on lan",
      3,
      "of Linux 6.12",
    ])
    expect(resolution).toEqual([9, Uint8Array.of(9)])
    expect(packet!.type).toBe(6)
    expect([0, 4, 8, 12, 16].map((at) => packet!.body.getUint32(at, true))).toEqual([0, 3, 7, 5, 5])
    expect(new Uint8Array(packet!.body.buffer, packet!.body.byteOffset + 20, 8)).toEqual(
      Uint8Array.of(1, 2, 3, 4, 5, 0, 0, 0),
    )
    const [comment, flags] = optionsOf(packet!.body, 28)
    expect([comment![0], text(comment![1])]).toEqual([1, "lost: queue full"])
    expect(flags).toEqual([2, Uint8Array.of(2, 0, 0, 0)])
    expect(bare!.body.byteLength).toBe(28)
  })

  it("is well-formed whatever frames and texts have for a length; texts that are too long are cut at a character", () => {
    const from = random(1)
    for (let length = 0; length < 20; length++) {
      const [frame, comment] = [new Uint8Array(length), "é".repeat(from.int(10))]
      const [block] = blocksOf(Pcapng.packet({ interface: 0, time: 0n, frame, comment, direction: "in" }))
      expect(text(optionsOf(block!.body, 20 + (length + 3 & ~3))[0]![1])).toBe(comment)
    }
    const [block] = blocksOf(
      Pcapng.packet({ interface: 0, time: 0n, frame: new Uint8Array(0), comment: "€".repeat(22_000) }),
    )
    expect(text(optionsOf(block!.body, 20)[0]![1])).toBe("€".repeat(21_845))
  })

  it("has no time, interface or name that can't be", () => {
    const frame = new Uint8Array(1)
    expect(() => Pcapng.packet({ interface: 0, time: -1n, frame })).toThrow(
      "time can't be -1: it is a bigint of ns, from 0 to 2^64 − 1",
    )
    expect(() => Pcapng.packet({ interface: -1, time: 0n, frame })).toThrow("interface can't be -1")
    expect(() => Pcapng.packet({ interface: 0, time: 0n, frame: "x" as unknown as Uint8Array })).toThrow(
      "frame can't be x: it is a Uint8Array",
    )
    expect(() => Pcapng.interfaceOf({ name: "" })).toThrow('the name of an interface can\'t be ""')
  })

  it("is read by tshark without complaint: each ns, each name, and no frame is malformed", async (context) => {
    if (await Tshark.isLeftOut(context, "reading files of captured frames with tshark")) return
    const from = random(26)
    const frames = Array.from({ length: 300 }, (_, n) => ({
      interface: n % 2,
      time: 1_700_000_000_000_000_000n + BigInt(n) * 1_000_001n,
      frame: make.frameOf(from),
      direction: from.pick(["in", "out"] as const),
      ...from.bool() && { comment: `frame ${n}` },
    }))
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-pcapng-"))
    try {
      const path = Path.join(folder, "frames.pcapng")
      const interfaces = ["alpha on lan", "beta on lan"] as const
      Fs.writeFileSync(
        path,
        join([
          Pcapng.header(),
          ...interfaces.map((name) => Pcapng.interfaceOf({ name })),
          ...frames.map(Pcapng.packet),
        ]),
      )
      const names = ["time_epoch", "interface_name", "len", "comment", "packet_flags_direction"]
      expect(Tshark.fields(path, names.map((name) => `frame.${name}`))).toEqual(
        frames.map(({ time, frame, direction, comment = "", interface: number }) => [
          `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, "0")}`,
          interfaces[number],
          String(frame.length),
          comment,
          direction === "in" ? "0x00000001" : "0x00000002",
        ]),
      )
      expect(Tshark.complaints(path)).toBe("")
    } finally {
      Fs.rmSync(folder, { recursive: true })
    }
  })
})
