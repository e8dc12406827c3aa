/** Codecs of frames and what is in them: known bytes, both ways for any value, and a reason for all that is malformed. */
import { describe, expect, it } from "vitest"
import { Arp, Ethernet, Frame, Icmp, Ipv4, Malformed, Ntp, Tcp, Udp } from "../../src/devices.ts"
import { fold, sum } from "../../src/internal/devices/Bytes.ts"
import * as make from "../support/frames.ts"
import { random } from "../support/random.ts"

const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(/\s/g, "").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))

const unwrap = <A>(read: A | Malformed.Malformed): A => {
  if (Malformed.isMalformed(read)) throw read
  return read
}

const why = (read: unknown): string => Malformed.isMalformed(read) ? read.message : "not malformed"

const between = { source: "10.0.0.1", destination: "10.0.0.2" }

describe("the Internet checksum", () => {
  it("is that of RFC 1071's example", () => {
    expect(fold(sum(hex("0001 f203 f4f5 f6f7")))).toBe(0x220d)
  })

  it("is the sum modulo 2^16 − 1, however long and odd the data are", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const bytes = make.bytesOf(random(seed), 3000)
      const [length, words] = [bytes.length, [...bytes, 0]]
      let total = 0n
      for (let i = 0; i < length; i += 2) total += BigInt(words[i]! * 256 + (i + 1 < length ? words[i + 1]! : 0))
      const modulo = total === 0n ? 0n : (total - 1n) % 0xffffn + 1n
      expect(fold(sum(bytes)), `seed ${seed}`).toBe(0xffff - Number(modulo))
    }
  })
})

describe("known bytes", () => {
  it("are an IPv4 header that many have checked by hand", () => {
    const bytes = hex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7")
    const payload = new Uint8Array(0x73 - 20)
    const whole = Uint8Array.of(...bytes, ...payload)
    const packet = unwrap(Ipv4.decode(whole))
    expect(packet).toEqual({
      source: "192.168.0.1",
      destination: "192.168.0.199",
      protocol: Ipv4.protocols.udp,
      payload,
      ttl: 64,
      identification: 0,
      service: 0,
      dontFragment: true,
      moreFragments: false,
      fragmentOffset: 0,
      options: new Uint8Array(0),
    })
    expect(Ipv4.encode(packet)).toEqual(whole)
  })

  it("are the first echo request of Windows' ping", () => {
    const data = new TextEncoder().encode("abcdefghijklmnopqrstuvwabcdefghi")
    const bytes = Icmp.encode({ type: Icmp.types.echoRequest, identifier: 1, sequence: 1, data })
    expect(bytes.subarray(0, 8)).toEqual(hex("0800 4d5a 0001 0001"))
  })

  it("are an ARP request as Linux sends it, with padding behind it", () => {
    const bytes = hex(`ffffffffffff 020000000001 0806
      0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002 ${"00".repeat(18)}`)
    const { ethernet, arp } = unwrap(Frame.decode(bytes))
    expect(ethernet.destination).toBe(Ethernet.BROADCAST)
    expect(arp).toEqual({
      operation: Arp.REQUEST,
      sender: { mac: "02:00:00:00:00:01", ip: "10.0.0.1" },
      target: { mac: Arp.UNKNOWN, ip: "10.0.0.2" },
    })
    expect(Arp.encode(arp!)).toEqual(ethernet.payload.subarray(0, Arp.SIZE))
  })

  it("are the timestamps that RFC 868 has for some dates", () => {
    const dates = { "1970-01-01": 2208988800n, "1976-01-01": 2398291200n, "1980-01-01": 2524521600n } as const
    for (const [date, seconds] of Object.entries(dates)) {
      const nanos = BigInt(Date.parse(date)) * 1_000_000n
      expect(Ntp.fromNanos(nanos)).toBe(seconds << 32n)
      expect(Ntp.toNanos(seconds << 32n)).toBe(nanos)
    }
  })

  it("are the second in which timestamps begin anew", () => {
    const nanos = BigInt(Date.parse("2036-02-07T06:28:16Z")) * 1_000_000n
    expect(Ntp.fromNanos(nanos)).toBe(0n)
    expect(Ntp.toNanos(0n)).toBe(nanos)
    expect(Ntp.toNanos(Ntp.fromNanos(nanos - 1n))).toBe(nanos - 1n)
  })
})

describe("any value", () => {
  it.for([1, 2, 3, 4, 5])("is itself again, encoded and decoded, with seed %i", (seed) => {
    const from = random(seed)
    for (let n = 0; n < 200; n++) {
      const ethernet = {
        destination: make.macOf(from),
        source: make.macOf(from),
        type: 0x600 + from.int(0x10000 - 0x600),
        payload: make.bytesOf(from, 200),
      }
      expect(Ethernet.decode(Ethernet.encode(ethernet))).toEqual(ethernet)
      const arp = make.arpOf(from)
      expect(Arp.decode(Arp.encode(arp))).toEqual(arp)
      const icmp = make.icmpOf(from)
      expect(Icmp.decode(Icmp.encode(icmp))).toEqual(icmp)
      const ntp = make.ntpOf(from)
      expect(Ntp.decode(Ntp.encode(ntp))).toEqual(ntp)
      const packet = {
        ...make.ipv4Of(from),
        protocol: from.int(256),
        payload: make.bytesOf(from, 200),
        moreFragments: from.bool(),
        fragmentOffset: 8 * from.int(0x1f00),
      }
      expect(Ipv4.decode(Ipv4.encode(packet))).toEqual(packet)
      const udp = make.udpOf(from)
      expect(Udp.decode(Udp.encode(udp, packet), packet)).toEqual(udp)
      const tcp = make.tcpOf(from)
      expect(Tcp.decode(Tcp.encode(tcp, packet), packet)).toEqual(tcp)
    }
  })

  it("is read the same with padding behind it, and wherever in a buffer it begins", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const frame = make.frameOf(random(seed))
      const buffer = new Uint8Array(frame.length + 20)
      buffer.set(frame, 7)
      const { ethernet: _, ...inside } = unwrap(Frame.decode(frame))
      const { ethernet: _e, ...padded } = unwrap(Frame.decode(buffer.subarray(7)))
      expect(padded, `seed ${seed}`).toEqual(inside)
    }
  })

  it("has every ns of 1970 to 2104 to itself as a timestamp", () => {
    const from = random(1)
    for (let n = 0; n < 1000; n++) {
      const nanos = from.bigint(BigInt(Date.parse("2104-01-01")) * 1_000_000n)
      expect(Ntp.toNanos(Ntp.fromNanos(nanos))).toBe(nanos)
    }
  })
})

describe("what is malformed", () => {
  it("is a frame, or what is in it, that is cut off anywhere: it is never read as a whole", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const whole = make.frameOf(random(seed))
      const { ethernet: _, ...inside } = unwrap(Frame.decode(whole))
      for (let length = 0; length < whole.length; length++) {
        const cut = Frame.decode(whole.subarray(0, length))
        const { malformed } = Malformed.isMalformed(cut) ? { malformed: cut } : cut
        expect(malformed, `seed ${seed}, ${length} of ${whole.length} bytes of ${Object.keys(inside)}`).toBeDefined()
        expect(Frame.name(whole.subarray(0, length))).toMatch(/malformed: \w+, byte \d+: ./)
      }
    }
  })

  it("is an IPv4 header, or a message with a checksum, of which one bit is flipped", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const from = random(seed)
      const packet = { ...make.ipv4Of(from), protocol: Ipv4.protocols.icmp, payload: Icmp.encode(make.icmpOf(from)) }
      const header = Ipv4.HEADER + packet.options.length
      const udp = Udp.encode(make.udpOf(from), packet)
      const cases: ReadonlyArray<readonly [Uint8Array, number, (bytes: Uint8Array) => unknown]> = [
        [Ipv4.encode(packet), header, Ipv4.decode],
        [packet.payload, packet.payload.length, Icmp.decode],
        [udp, udp.length, (bytes) => Udp.decode(bytes, packet)],
        [Tcp.encode(make.tcpOf(from), packet), Tcp.HEADER, (bytes) => Tcp.decode(bytes, packet)],
      ]
      for (const [bytes, most, decode] of cases) {
        for (let bit = 0; bit < most * 8; bit++) {
          const flipped = bytes.slice()
          flipped[bit >> 3]! ^= 1 << (bit & 7)
          const checksum = flipped.subarray(6, 8)
          // A datagram may do without one.
          if (bytes === udp && checksum[0] === 0 && checksum[1] === 0) continue
          expect(Malformed.isMalformed(decode(flipped)), `seed ${seed}, bit ${bit}`).toBe(true)
        }
      }
    }
  })

  it("is told apart from what is only unknown, for any bytes at all, and nothing throws", () => {
    const names = new Set<string>()
    for (let seed = 1; seed <= 3000; seed++) {
      const from = random(seed)
      const bytes = from.bool() ? make.bytesOf(from, 80) : make.frameOf(from)
      for (let n = from.int(4); n > 0; n--) {
        if (bytes.length > 0) bytes[from.int(Math.min(bytes.length, 60))] = from.int(256)
      }
      names.add(Frame.name(bytes).replaceAll(/\d.*/g, ""))
    }
    expect(names.size).toBeGreaterThan(10)
  })

  it("says what it is, and where", () => {
    const cases: ReadonlyArray<readonly [unknown, string]> = [
      [Ethernet.decode(new Uint8Array(13)), "Ethernet, byte 13: a header has 14 bytes, and there are 13"],
      [
        Ethernet.decode(new Uint8Array(80).fill(5, 12, 14).fill(0xff, 13, 14)),
        "Ethernet, byte 12: 1535 is neither a type nor a length",
      ],
      [
        Ethernet.decode(new Uint8Array(20).fill(9, 13, 14)),
        "Ethernet, byte 20: the payload has 9 bytes, and there are 6",
      ],
      [
        Arp.decode(hex(`0006 0800 06 04 ${"00".repeat(22)}`)),
        "ARP, byte 0: it is about hardware of type 6, and not Ethernet",
      ],
      [
        Arp.decode(hex(`0001 86dd 06 04 ${"00".repeat(22)}`)),
        "ARP, byte 2: it is about protocol 34525, and not IPv4",
      ],
      [
        Arp.decode(hex(`0001 0800 06 10 ${"00".repeat(22)}`)),
        "ARP, byte 4: its addresses have 6 and 16 bytes, and not 6 and 4",
      ],
      [Ipv4.decode(new Uint8Array(20).fill(0x65, 0, 1)), "IPv4, byte 0: its version is 6, and not 4"],
      [
        Ipv4.decode(new Uint8Array(20).fill(0x44, 0, 1)),
        "IPv4, byte 0: a header has 20 bytes or more, and this one 16",
      ],
      [
        Ipv4.decode(new Uint8Array(20).fill(0x45, 0, 1).fill(19, 3, 4)),
        "IPv4, byte 2: the whole has 19 bytes, and its header 20",
      ],
      [
        Ipv4.decode(new Uint8Array(20).fill(0x45, 0, 1).fill(21, 3, 4)),
        "IPv4, byte 20: the whole has 21 bytes, and there are 20",
      ],
      [
        Ipv4.decode(new Uint8Array(20).fill(0x45, 0, 1).fill(20, 3, 4)),
        "IPv4, byte 10: the checksum of the header isn't 0",
      ],
      [
        Udp.decode(new Uint8Array(8).fill(7, 5, 6), between),
        "UDP, byte 4: the whole has 7 bytes, and its header 8",
      ],
      [
        Udp.decode(new Uint8Array(8).fill(9, 5, 6), between),
        "UDP, byte 8: the whole has 9 bytes, and there are 8",
      ],
      [
        Tcp.decode(new Uint8Array(20).fill(0x40, 12, 13), between),
        "TCP, byte 12: a header has 20 bytes or more, and this one 16",
      ],
      [
        Tcp.decode(new Uint8Array(20).fill(0x60, 12, 13), between),
        "TCP, byte 20: the header has 24 bytes, and there are 20",
      ],
      [Ntp.decode(new Uint8Array(48)), "NTP, byte 0: its version is 0, and not 1 to 7"],
    ]
    for (const [read, message] of cases) expect(why(read)).toBe(message)
  })

  it("is a fragment that ends behind the largest packet", () => {
    const fragmentOffset = 65_504
    const packet = (bytes: number) => ({ ...between, protocol: 1, payload: new Uint8Array(bytes), fragmentOffset })
    expect(Malformed.isMalformed(Ipv4.decode(Ipv4.encode(packet(11))))).toBe(false)
    expect(() => Ipv4.encode(packet(12))).toThrow("payload can't be 12 bytes: it has 11 bytes at most")
    const more = Ipv4.encode({ ...packet(12), fragmentOffset: 0 })
    more[6] = fragmentOffset / 8 >> 8
    more[7] = fragmentOffset / 8 & 255
    more[10] = more[11] = 0
    const checksum = fold(sum(more.subarray(0, 20)))
    more[10] = checksum >> 8
    more[11] = checksum & 255
    expect(why(Ipv4.decode(more))).toBe("IPv4, byte 6: the fragment ends behind the largest packet")
  })
})

describe("what can't be encoded", () => {
  it("is thrown as an OptionError that says what is allowed", () => {
    const ethernet = {
      destination: Ethernet.BROADCAST,
      source: "02:00:00:00:00:01",
      type: 1,
      payload: new Uint8Array(1),
    }
    const segment = { sourcePort: 1, destinationPort: 2, sequence: 3, flags: 0, payload: new Uint8Array(0) }
    const cases: ReadonlyArray<readonly [() => unknown, string]> = [
      [
        () => Ethernet.encode({ ...ethernet, source: "2:0:0:0:0:1" }),
        'source can\'t be 2:0:0:0:0:1: it is a MAC address, as "02:00:00:00:00:01"',
      ],
      [
        () => Ethernet.encode({ ...ethernet, type: 65536 }),
        "type can't be 65536: it is a whole number from 0 to 65535",
      ],
      [
        () => Ipv4.encode({ ...between, source: "10.0.0.256", protocol: 1, payload: new Uint8Array(0) }),
        'source can\'t be 10.0.0.256: it is an IPv4 address, as "10.0.0.1"',
      ],
      [
        () => Ipv4.encode({ ...between, protocol: 1, payload: new Uint8Array(65516) }),
        "payload can't be 65516 bytes: it has 65515 bytes at most",
      ],
      [
        () => Ipv4.encode({ ...between, protocol: 1, payload: new Uint8Array(0), fragmentOffset: 4 }),
        "fragmentOffset can't be 4: it is a multiple of 8 bytes",
      ],
      [
        () => Ipv4.encode({ ...between, protocol: 1, payload: new Uint8Array(0), options: new Uint8Array(3) }),
        "options can't be 3 bytes: it has a multiple of 4 bytes",
      ],
      [
        () => Udp.encode({ sourcePort: -1, destinationPort: 2, payload: new Uint8Array(0) }, between),
        "sourcePort can't be -1: it is a whole number from 0 to 65535",
      ],
      [
        () => Tcp.encode({ ...segment, sequence: 2 ** 32 }, between),
        "sequence can't be 4294967296: it is a whole number from 0 to 4294967295",
      ],
      [
        () => Icmp.encode({ type: 8, data: "ping" as unknown as Uint8Array }),
        "data can't be ping: it is a Uint8Array",
      ],
      [() => Ipv4.isIn("10.0.0.1", "10.0.0.0", 33), "bits can't be 33: it is a whole number from 0 to 32"],
    ]
    for (const [encode, message] of cases) expect(encode).toThrow(message)
  })

  it("leaves no IPv4 address out, and lets no other text in", () => {
    for (const ip of ["0.0.0.0", "255.255.255.255", "1.20.255.3"]) expect(Ipv4.isIp(ip), ip).toBe(true)
    for (const ip of ["", "1.2.3", "1.2.3.4.", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", " 1.2.3.4", "a.b.c.d"]) {
      expect(Ipv4.isIp(ip), ip).toBe(false)
    }
  })
})

describe("a datagram", () => {
  it("whose checksum comes to 0 has 0xffff instead: 0 says that there is none", () => {
    const payload = new Uint8Array(2)
    const bytes = Udp.encode({ sourcePort: 0, destinationPort: 0, payload }, between)
    // With that in its payload, the sum of all is 0xffff.
    payload.set(bytes.subarray(6, 8))
    const empty = Udp.encode({ sourcePort: 0, destinationPort: 0, payload }, between)
    expect(empty.subarray(6, 8)).toEqual(hex("ffff"))
    expect(unwrap(Udp.decode(empty, between)).payload).toEqual(payload)
    empty[6] = empty[7] = 0
    expect(unwrap(Udp.decode(empty, between)).payload).toEqual(payload)
  })
})

describe("networks", () => {
  it("have an address for all, and know who is in them", () => {
    expect(Ipv4.isIn("10.1.2.3", "99.0.0.1", 0)).toBe(true)
    expect(Ipv4.isIn("10.1.2.3", "10.1.2.3", 32)).toBe(true)
    expect(Ipv4.isIn("10.1.2.2", "10.1.2.3", 32)).toBe(false)
    expect(Ipv4.isIn("200.1.2.2", "200.1.3.3", 23)).toBe(true)
    expect(Ipv4.broadcastOf("200.1.2.2", 23)).toBe("200.1.3.255")
    expect(Ipv4.broadcastOf("10.0.0.1", 32)).toBe("10.0.0.1")
    expect(Ipv4.broadcastOf("10.0.0.1", 0)).toBe(Ipv4.BROADCAST)
  })
})
