/** A host's part of ARP, IPv4, ICMP and UDP: two of them back to back, and what it makes of frames by others. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { Arp, Ethernet, Frame, Host, Icmp, Ipv4, Tcp, Udp } from "../../src/devices.ts"
import * as make from "../support/frames.ts"
import { random } from "../support/random.ts"

const hostOf = Host.makeUnsafe

const A = { mac: "02:00:00:00:00:0a", ip: "10.0.0.1" }
const B = { mac: "02:00:00:00:00:0b", ip: "10.0.0.2" }

/** Brings frames from `a` to `b`, and what comes back, until nobody has anything to send: what each was given. */
const talk = (a: Host.Host, b: Host.Host, frames: ReadonlyArray<Uint8Array>) => {
  const seen: Array<string> = []
  const delivered: Array<Host.Delivered> = []
  let [from, to] = [a, b]
  for (let left = frames; left.length > 0;) {
    seen.push(...left.map((frame) => Frame.name(frame)))
    const received = left.map((frame) => to.receive(frame))
    for (const one of received) if (one.delivered !== undefined) delivered.push(one.delivered)
    left = received.flatMap(({ send }) => send)
    ;[from, to] = [to, from]
  }
  return { seen, delivered }
}

describe("two hosts", () => {
  it("find each other, once, and ping", () => {
    const [a, b] = [hostOf(A), hostOf(B)]
    const first = talk(a, b, a.ping({ to: B.ip, identifier: 7, sequence: 1, data: Uint8Array.of(1, 2, 3) }))
    expect(first.seen).toEqual([
      "ARP who has 10.0.0.2? tell 10.0.0.1",
      "ARP 10.0.0.2 is at 02:00:00:00:00:0b",
      "ping 7#1 10.0.0.1 → 10.0.0.2",
      "pong 7#1 10.0.0.2 → 10.0.0.1",
    ])
    expect(first.delivered).toEqual([
      { _tag: "Echoed", from: B.ip, identifier: 7, sequence: 1, data: Uint8Array.of(1, 2, 3) },
    ])
    expect(talk(a, b, a.ping({ to: B.ip, sequence: 2 })).seen).toHaveLength(2)
    // The one that was asked knows the other one, too.
    expect(talk(b, a, b.ping({ to: A.ip })).seen[0]).toBe("ping 1#1 10.0.0.2 → 10.0.0.1")
  })

  it("send datagrams, which wait for an address in order, the last 16 of them", () => {
    const [a, b] = [hostOf(A), hostOf(B)]
    const frames = Array.from({ length: 20 }, (_, n) => {
      return a.datagram({ to: B.ip, sourcePort: 1, destinationPort: 2, payload: Uint8Array.of(n) })
    })
    // Each asks again: what was asked before may have been lost.
    expect(frames.flat().map((frame) => Frame.name(frame))).toEqual(
      Array(20).fill("ARP who has 10.0.0.2? tell 10.0.0.1"),
    )
    const { delivered } = talk(a, b, frames[19]!)
    expect(delivered.map((one) => one._tag === "Datagram" ? [one.from, one.to, one.udp.payload[0]] : one)).toEqual(
      Array.from({ length: 16 }, (_, n) => [A.ip, B.ip, n + 4]),
    )
  })

  it("send segments of TCP, which are their programs' own affair", () => {
    const [a, b] = [hostOf(A), hostOf(B)]
    const tcp = { sourcePort: 1, destinationPort: 2, sequence: 3, flags: Tcp.flags.syn, payload: Uint8Array.of(4) }
    const { seen, delivered } = talk(a, b, a.segment({ ...tcp, to: B.ip }))
    expect(seen.slice(2)).toEqual(["TCP SYN seq 3, 1 bytes 10.0.0.1:1 → 10.0.0.2:2"])
    expect(delivered).toMatchObject([{ _tag: "Segment", from: A.ip, tcp }])
  })

  it("reach all at once, and other networks by a gateway", () => {
    const [a, b] = [hostOf({ ...A, gateway: B.ip }), hostOf(B)]
    const datagram = { sourcePort: 68, destinationPort: 67, payload: new Uint8Array(1) }
    for (const to of ["255.255.255.255", "10.0.0.255"]) {
      const { seen, delivered } = talk(a, b, a.datagram({ ...datagram, to }))
      expect(seen).toEqual([`UDP 1 bytes 10.0.0.1:68 → ${to}:67`])
      expect(delivered).toMatchObject([{ _tag: "Datagram", to }])
    }
    const far = talk(a, b, a.ping({ to: "99.0.0.1" }))
    // The gateway isn't that host: it answers nothing.
    expect(far.seen).toEqual([
      "ARP who has 10.0.0.2? tell 10.0.0.1",
      "ARP 10.0.0.2 is at 02:00:00:00:00:0b",
      "ping 1#1 10.0.0.1 → 99.0.0.1",
    ])
    expect(() => b.ping({ to: "99.0.0.1" })).toThrow(
      "to can't be 99.0.0.1: it is in the network of 10.0.0.2/24: there is no gateway",
    )
    expect(() => b.ping({ to: "somebody" })).toThrow('to can\'t be somebody: it is an IPv4 address, as "10.0.0.1"')
  })

  it("say who they are, which those take note of who know them", () => {
    const [a, b] = [hostOf(A), hostOf(B)]
    expect(Frame.name(a.announce())).toBe("ARP 10.0.0.1 is mine")
    expect(talk(a, b, [a.announce()]).seen).toHaveLength(1)
    expect(b.known.size).toBe(0)
    talk(a, b, a.ping({ to: B.ip }))
    const moved = hostOf({ ...A, mac: "02:00:00:00:00:0c" })
    b.receive(moved.announce())
    expect(b.known.get(A.ip)).toBe("02:00:00:00:00:0c")
  })
})

describe("a host", () => {
  const b = () => hostOf(B)
  const packet = (protocol: number, payload: Uint8Array, to: Partial<{ ip: string; mac: string; from: string }> = {}) =>
    Ethernet.encode({
      destination: to.mac ?? B.mac,
      source: A.mac,
      type: Ethernet.types.ipv4,
      payload: Ipv4.encode({ source: to.from ?? A.ip, destination: to.ip ?? B.ip, protocol, payload }),
    })
  const request = Icmp.encode({ type: Icmp.types.echoRequest, data: new Uint8Array(4) })

  it("ignores what is for others, for all, or from where it can't answer", () => {
    expect(b().receive(packet(1, request)).send).toHaveLength(1)
    for (
      const to of [{ mac: "02:00:00:00:00:0c" }, { ip: "10.0.0.3" }, { ip: "10.0.0.255", mac: Ethernet.BROADCAST }, {
        from: "99.0.0.1",
      }]
    ) {
      expect(b().receive(packet(1, request, to)), JSON.stringify(to)).toMatchObject({ send: [], delivered: undefined })
    }
    expect(hostOf({ ...B, answersEchoes: false }).receive(packet(1, request)).send).toEqual([])
  })

  it("says what is malformed, only of what is for it", () => {
    const bad = packet(17, Uint8Array.of(0, 1, 0, 2, 0, 7, 0, 0))
    expect(b().receive(bad).malformed?.message).toBe("UDP, byte 4: the whole has 7 bytes, and its header 8")
    expect(hostOf(A).receive(bad).malformed).toBeUndefined()
    expect(b().receive(new Uint8Array(5)).malformed?.protocol).toBe("Ethernet")
  })

  it("doesn't learn from who claims to be it, or a group; nor more than 1,024 addresses, of which the oldest go", () => {
    const host = b()
    const ask = (sender: Arp.Host) =>
      host.receive(Ethernet.encode({
        destination: B.mac,
        source: A.mac,
        type: Ethernet.types.arp,
        payload: Arp.encode({ operation: Arp.REQUEST, sender, target: { ...B, mac: Arp.UNKNOWN } }),
      }))
    expect(ask({ mac: A.mac, ip: B.ip }).send).toEqual([])
    expect(ask({ mac: Ethernet.BROADCAST, ip: A.ip }).send).toEqual([])
    expect(host.known.size).toBe(0)
    for (let n = 0; n < 1030; n++) ask({ mac: A.mac, ip: `10.0.${n >> 8}.${n & 255}` })
    expect(host.known.size).toBe(1024)
    expect(host.known.has("10.0.0.6")).toBe(true)
    expect(host.known.has("10.0.0.5")).toBe(false)
  })

  it("sends only frames that are as their protocols say, whatever it gets", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const from = random(seed)
      const host = b()
      const frame = make.frameOf(from)
      frame.set(host.announce().subarray(6, 12), 0)
      for (let n = from.int(3); n > 0; n--) frame[from.int(frame.length)] = from.int(256)
      for (const sent of host.receive(frame).send) expect(Frame.name(sent), `seed ${seed}`).not.toMatch(/malformed/)
    }
  })

  it("has options that are checked", () => {
    const cases: ReadonlyArray<readonly [Partial<Host.Options>, string]> = [
      [{ mac: "ff" }, 'mac can\'t be ff: it is a MAC address, as "02:00:00:00:00:01"'],
      [{ mac: Ethernet.BROADCAST }, "mac can't be ff:ff:ff:ff:ff:ff: it is no group's"],
      [{ ip: "10.0.0" }, 'ip can\'t be 10.0.0: it is an IPv4 address, as "10.0.0.1"'],
      [{ bits: 33 }, "bits can't be 33: it is a whole number from 0 to 32"],
      [{ gateway: "x" }, 'gateway can\'t be x: it is an IPv4 address, as "10.0.0.1"'],
    ]
    for (const [options, message] of cases) {
      expect(() => hostOf({ ...A, ...options })).toThrow(message)
      expect(Effect.runSync(Effect.flip(Host.make({ ...A, ...options }))).message).toBe(message)
    }
    expect(hostOf({ ...A, mac: A.mac.toUpperCase() }).mac).toBe(A.mac)
  })

  it("takes datagrams of any size that fits into a packet", () => {
    const payload = new Uint8Array(65_507).fill(1)
    const udp = Udp.encode({ sourcePort: 1, destinationPort: 2, payload }, { source: A.ip, destination: B.ip })
    expect(b().receive(packet(17, udp)).delivered).toMatchObject({ udp: { payload } })
  })
})
