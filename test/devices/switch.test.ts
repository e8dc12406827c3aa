/** A switch that learns: by cases, and against a naive model. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { Ethernet, Switch } from "../../src/devices.ts"
import { macOf } from "../support/frames.ts"
import { random } from "../support/random.ts"

const make = Switch.makeUnsafe

const frame = (source: string, destination: string): Uint8Array =>
  Ethernet.encode({ destination, source, type: 0x88b5, payload: new Uint8Array(2) })

const [A, B, C] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "f6:ff:ff:ff:ff:ff"] as const

describe("a switch", () => {
  it("floods what is for somebody it doesn't know, and for groups, but not back", () => {
    const four = make({ ports: 4 })
    expect(four.receive(2, frame(A, B), 0n)).toEqual([0, 1, 3])
    expect(four.receive(0, frame(B, Ethernet.BROADCAST), 0n)).toEqual([1, 2, 3])
    expect(four.receive(0, frame(B, "01:00:5e:00:00:01"), 0n)).toEqual([1, 2, 3])
  })

  it("sends what is for somebody it knows there, and nowhere if that is where it comes from", () => {
    const four = make({ ports: 4 })
    four.receive(2, frame(A, B), 0n)
    expect(four.receive(0, frame(C, A), 1n)).toEqual([2])
    expect(four.receive(2, frame(B, A), 1n)).toEqual([])
    expect(four.table(1n)).toEqual([
      { mac: A, port: 2, seen: 0n },
      { mac: C, port: 0, seen: 1n },
      { mac: B, port: 2, seen: 1n },
    ])
  })

  it("follows who moves", () => {
    const four = make({ ports: 4 })
    four.receive(2, frame(A, B), 0n)
    four.receive(3, frame(A, B), 1n)
    expect(four.receive(0, frame(B, A), 2n)).toEqual([3])
  })

  it("forgets who was quiet for the time of ageing, to the ns", () => {
    const two = make({ ports: 3, ageing: 100n })
    two.receive(0, frame(A, B), 50n)
    expect(two.receive(1, frame(B, A), 149n)).toEqual([0])
    expect(two.receive(1, frame(B, A), 150n)).toEqual([0, 2])
    expect(two.table(150n)).toEqual([{ mac: B, port: 1, seen: 150n }])
  })

  it("forgets who is at a port whose cable is pulled", () => {
    const four = make({ ports: 4 })
    four.receive(2, frame(A, B), 0n)
    four.receive(1, frame(B, A), 0n)
    four.forget(2)
    expect(four.receive(1, frame(B, A), 0n)).toEqual([0, 2, 3])
    expect(four.receive(0, frame(A, B), 0n)).toEqual([1])
  })

  it("takes nothing from groups, nothing that is cut off, and passes on nothing for the next bridge", () => {
    const two = make({ ports: 2 })
    expect(two.receive(0, frame("03:00:00:00:00:0a", B), 0n)).toEqual([])
    expect(two.receive(0, frame(A, B).subarray(0, 13), 0n)).toEqual([])
    expect(two.table(0n)).toEqual([])
    expect(two.receive(0, frame(A, "01:80:c2:00:00:00"), 0n)).toEqual([])
    expect(two.receive(0, frame(A, "01:80:c2:00:00:0f"), 0n)).toEqual([])
    expect(two.receive(0, frame(A, "01:80:c2:00:00:10"), 0n)).toEqual([1])
  })

  it("has options that are checked, and ports that are there", () => {
    const wrong = (options: Switch.Options) => Effect.runSync(Effect.flip(Switch.make(options))).message
    expect(wrong({ ports: 1 })).toBe("ports can't be 1: it is a whole number from 2 to 65536")
    expect(wrong({ ports: 2, ageing: 0n })).toBe("ageing can't be 0: it is a bigint of ns, from 1 to 2^62")
    expect(wrong({ ports: 2, addresses: 0 })).toBe("addresses can't be 0: it is a whole number from 1 to 1048576")
    expect(() => make({ ports: 1 })).toThrow("ports can't be 1")
    expect(() => make({ ports: 2 }).receive(2, frame(A, B), 0n)).toThrow(
      "port can't be 2: the switch's ports are 0 to 1",
    )
  })

  it.for([1, 2, 3, 4, 5, 6])("does what a list of all that it has ever seen would tell, with seed %i", (seed) => {
    const from = random(seed)
    const [ports, ageing, addresses] = [2 + from.int(6), BigInt(1 + from.int(50)), 1 + from.int(12)]
    const made = make({ ports, ageing, addresses })
    const macs = Array.from({ length: 10 }, () => macOf(from))
    let model: Array<Switch.Entry> = []
    let now = 0n
    for (let n = 0; n < 2000; n++) {
      now += BigInt(from.int(6))
      if (from.bool(0.02)) {
        const gone = from.int(ports)
        made.forget(gone)
        model = model.filter(({ port }) => port !== gone)
      }
      const [source, destination] = [from.pick(macs), from.bool(0.1) ? Ethernet.BROADCAST : from.pick(macs)]
      const port = from.int(ports)
      const isKnown = model.some(({ mac }) => mac === source)
      model = [...model.filter(({ mac }) => mac !== source), { mac: source, port, seen: now }]
      if (!isKnown && model.length > addresses) model.shift()
      const place = model.find(({ mac }) => mac === destination)
      // Whom it looks for and finds to be too old it forgets.
      if (place !== undefined && now - place.seen >= ageing) model.splice(model.indexOf(place), 1)
      const others = Array.from({ length: ports }, (_, other) => other).filter((other) => other !== port)
      const expected = place === undefined || now - place.seen >= ageing
        ? others
        : others.filter((other) => other === place.port)
      expect(made.receive(port, frame(source, destination), now), `seed ${seed}, step ${n}`).toEqual(expected)
      expect(made.table(now)).toEqual(model.filter(({ seen }) => now - seen < ageing))
    }
  })
})
