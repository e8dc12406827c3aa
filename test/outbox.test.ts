import { describe, expect, it } from "vitest"
import { Backlog, MOST_UNREAD, MOST_UNSENT } from "../src/internal/calendar/Backlog.ts"
import { Outbox } from "../src/internal/calendar/Outbox.ts"
import { random } from "./support/random.ts"
import { bytes } from "./support/rawClient.ts"

describe("what waits to be written to a connection", () => {
  it("is the bytes of the messages, in order, however they are taken, and stays so until it was written", () => {
    const dice = random(23)
    const outbox = new Outbox()
    const pushed: Array<Uint8Array> = []
    const written: Array<number> = []
    const underWay: Array<Uint8Array> = []
    const write = () => {
      written.push(...underWay.shift()!)
      outbox.written()
    }
    for (let step = 0; step < 3000; step++) {
      for (let more = dice.bool(0.01) ? dice.int(600) : dice.int(4); more > 0; more--) {
        const [op, seq, time] = [dice.int(10), dice.int(2 ** 32), dice.bigint(1n << 64n)]
        const size: number = outbox.size
        expect(outbox.push({ op, seq, time })).toBe(size + 1)
        pushed.push(bytes(op, seq, time))
      }
      if (dice.bool(0.6)) {
        underWay.push(outbox.take())
        expect(outbox.size).toBe(0)
      }
      while (underWay.length > dice.int(3)) write()
    }
    underWay.push(outbox.take())
    while (underWay.length > 0) write()
    const expected = pushed.flatMap((each) => [...each])
    expect(written.length).toBe(expected.length)
    expect(written.every((byte, at) => byte === expected[at])).toBe(true)
  })

  it("is counted together, and too much of one client's or of all", () => {
    const backlog = new Backlog()
    const client = (size: number) => ({ queue: { size }, isCounted: true, readMs: 5 })
    for (let size = 1; size < MOST_UNREAD; size++) backlog.add(size)
    expect(backlog.isFull).toBe(false)
    backlog.add(MOST_UNREAD)
    expect([backlog.isFull, backlog.size]).toEqual([true, MOST_UNREAD])
    expect(backlog.keepsOthers(client(MOST_UNREAD), 5)).toBe(true)
    expect(backlog.keepsOthers(client(MOST_UNREAD), 4)).toBe(false)
    expect(backlog.keepsOthers(client(1), 5)).toBe(false)
    backlog.take(client(MOST_UNREAD))
    expect([backlog.isFull, backlog.size]).toEqual([false, 0])
    for (let at = 0; at < MOST_UNSENT; at++) backlog.add(1)
    expect([backlog.isFull, backlog.keepsOthers(client(1), 5)]).toEqual([true, true])
    const gone = client(1)
    backlog.forget(gone)
    backlog.forget(gone)
    expect([backlog.isFull, backlog.size, gone.isCounted]).toEqual([false, MOST_UNSENT - 1, false])
  })
})
