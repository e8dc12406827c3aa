import { describe, expect, it } from "@effect/vitest"
import * as BackEnd from "../../src/internal/virtio/BackEnd.ts"
import * as VhostMessage from "../../src/internal/virtio/VhostMessage.ts"
import { isViolation, type Rule } from "../../src/internal/virtio/Violation.ts"
import { random } from "../support/random.ts"
import * as Kernel from "../support/virtio/messages.ts"

const { Request } = VhostMessage
const OFFER: BackEnd.Offer = { features: 1n << 5n, queues: 2, configBytes: 16 }

/** What comes of messages, one after the other. */
const run = (messages: ReadonlyArray<Kernel.Sent>, from = BackEnd.make(OFFER)) => {
  let state = from
  const commands: Array<BackEnd.Command> = []
  for (const { message, descriptors } of messages) {
    const next = BackEnd.receive(state, message, descriptors)
    if (isViolation(next)) return { state, commands, violation: next }
    state = next.state
    commands.push(...next.commands)
  }
  return { state, commands, violation: undefined }
}

const short = (command: BackEnd.Command): string => {
  switch (command._tag) {
    case "Send":
      return `Send ${VhostMessage.nameOf(command.message.request)} ${VhostMessage.u64(command.message.payload)}`
    case "Kick":
    case "Disable":
      return `${command._tag} ${command.queue}`
    case "Enable":
      return `Enable ${command.layout.queue}`
    default:
      return command._tag
  }
}

describe("a back-end", () => {
  it("is set up by a kernel's messages in their order, and kicked", () => {
    const { commands, violation, state } = run([...Kernel.boot(), ...Kernel.probe(2), Kernel.kick(1)])
    expect(violation).toBe(undefined)
    expect(BackEnd.isAtWork(state)).toBe(true)
    const offered = (1n << 5n) | (1n << 30n) | (1n << 32n)
    expect(commands.map(short)).toEqual([
      `Send GetFeatures ${offered}`,
      `Send GetProtocolFeatures ${(1n << 3n) | (1n << 5n) | (1n << 9n) | (1n << 14n)}`,
      "Send SetProtocolFeatures 0",
      "TakeChannel",
      "Send SetBackEndChannel 0",
      "Accept",
      "Send SetFeatures 0",
      "GetConfig",
      "TakeMemory",
      "Send SetMemoryTable 0",
      ...[0, 1].flatMap(() => ["Send SetQueueSize 0", "Send SetQueueBase 0", "Send SetQueueAddresses 0"]),
      "Enable 0",
      "Send SetQueueEnabled 0",
      "Enable 1",
      "Send SetQueueEnabled 0",
      "Kick 1",
    ])
  })

  it("is set up once more by the next driver, from the beginning", () => {
    const { state, violation, commands } = run([
      ...Kernel.boot(),
      ...Kernel.probe(2),
      ...Kernel.letGo(2),
      ...Kernel.probe(2),
    ])
    expect(violation).toBe(undefined)
    expect(commands.map(short).filter((each) => /able/.test(each) && !/Send/.test(each))).toEqual([
      "Enable 0",
      "Enable 1",
      "Disable 1",
      "Disable 0",
      "Enable 0",
      "Enable 1",
    ])
    expect(BackEnd.isAtWork(state)).toBe(true)
    const half = run([...Kernel.boot(), ...Kernel.probe(2), ...Kernel.letGo(2), Kernel.setFeatures()]).state
    expect(half.regions).toEqual([])
    expect(half.queues.every(({ size, addresses }) => size === undefined && addresses === undefined)).toBe(true)
  })

  it("answers for the configuration with what there is of it", () => {
    const { message } = Kernel.getConfig(2, 4)
    const answer = BackEnd.configAnswer(message, 2, 4, Uint8Array.of(1, 2, 3, 4))
    expect(answer.flags).toBe(5)
    expect([...answer.payload.subarray(0, 12)]).toEqual([...message.payload.subarray(0, 12)])
    expect([...answer.payload.subarray(12)]).toEqual([3, 4, 0, 0])
  })

  const up = [...Kernel.boot(), ...Kernel.probe(2)]
  const cases: ReadonlyArray<readonly [string, Rule, ReadonlyArray<Kernel.Sent>]> = [
    ["an unknown request", "UnknownRequest", [Kernel.sent(99)]],
    [
      "notifications by descriptor",
      "UnknownRequest",
      [Kernel.sent(12, VhostMessage.ofU64(0n), 1)].map((each) => ({
        ...each,
        descriptors: 0,
      })),
    ],
    ["an answer", "BadHeader", [{ message: { request: 1, flags: 5, payload: new Uint8Array(0) }, descriptors: 0 }]],
    ["a payload that is too long", "BadLength", [Kernel.sent(Request.SetOwner, new Uint8Array(1))]],
    ["a descriptor that doesn't belong", "BadDescriptors", [Kernel.sent(Request.SetOwner, undefined, 1)]],
    ["an owner twice", "OutOfOrder", [Kernel.sent(Request.SetOwner), Kernel.sent(Request.SetOwner)]],
    ["a feature that wasn't offered", "NotOffered", [...Kernel.boot(), Kernel.setFeatures(1n << 6n)]],
    ["a protocol feature that wasn't offered", "NotOffered", [Kernel.setProtocolFeatures(1n << 1n)]],
    ["no answers to notifications", "NotOffered", [Kernel.setProtocolFeatures((1n << 5n) | (1n << 14n))]],
    ["no notifications in the stream", "NotOffered", [Kernel.setProtocolFeatures((1n << 5n) | (1n << 3n))]],
    ["a channel that wasn't agreed on", "NotOffered", [Kernel.sent(Request.SetBackEndChannel, undefined, 1)]],
    ["a channel without a descriptor", "BadDescriptors", [
      Kernel.setProtocolFeatures(),
      Kernel.sent(Request.SetBackEndChannel),
    ]],
    ["no regions", "BadRegion", [Kernel.memory([], 0)]],
    ["too many regions", "BadRegion", [Kernel.memory(Array.from({ length: 9 }, (_, at) => Kernel.region(at)), 9)]],
    ["a region without a descriptor", "BadDescriptors", [Kernel.memory([Kernel.region(0)], 0)]],
    ["more descriptors than regions", "BadDescriptors", [Kernel.memory([Kernel.region(0)], 2)]],
    ["half a table of regions", "BadLength", [Kernel.sent(Request.SetMemoryTable, VhostMessage.ofU32(1, 0), 1)]],
    ["less than a table of regions", "BadLength", [Kernel.sent(Request.SetMemoryTable, new Uint8Array(4), 0)]],
    ["an empty region", "BadRegion", [Kernel.memory([{ ...Kernel.region(0), bytes: 0n }], 1)]],
    ["regions that overlap", "BadRegion", [Kernel.memory([Kernel.region(0), Kernel.region(0)], 2)]],
    ["a queue that there isn't", "BadQueue", [...Kernel.boot(), Kernel.queue(Request.SetQueueSize, 2, 256)]],
    ["a size that is no power of 2", "BadQueue", [...Kernel.boot(), Kernel.queue(Request.SetQueueSize, 0, 3)]],
    ["a size of 0", "BadQueue", [...Kernel.boot(), Kernel.queue(Request.SetQueueSize, 0, 0)]],
    ["a size that is too large", "BadQueue", [...Kernel.boot(), Kernel.queue(Request.SetQueueSize, 0, 65_536)]],
    ["a base of 17 bits", "BadQueue", [...Kernel.boot(), Kernel.queue(Request.SetQueueBase, 0, 65_536)]],
    ["rings to be logged", "BadQueue", [...Kernel.boot(), Kernel.addresses(0, 256, 1)]],
    ["rings outside of the memory", "BadQueue", [
      ...Kernel.boot(),
      Kernel.setFeatures(),
      Kernel.queue(Request.SetQueueSize, 0, 256),
      Kernel.addresses(0),
      Kernel.enable(0),
    ]],
    ["a queue enabled without a size", "OutOfOrder", [...Kernel.boot(), Kernel.setFeatures(), Kernel.enable(0)]],
    ["a queue enabled without features", "OutOfOrder", [...Kernel.boot(), Kernel.enable(0)]],
    ["a queue enabled by 2", "BadQueue", [...Kernel.boot(), Kernel.enable(0, 2)]],
    ["a kick of a queue that isn't enabled", "OutOfOrder", [...Kernel.boot(), Kernel.kick(0)]],
    ["other memory while a queue is enabled", "OutOfOrder", [...up, Kernel.memory([Kernel.region(0)], 1)]],
    ["other features while a queue is enabled", "OutOfOrder", [...up, Kernel.setFeatures()]],
    ["another size while the queue is enabled", "OutOfOrder", [...up, Kernel.queue(Request.SetQueueSize, 0, 64)]],
    ["half a question for the configuration", "BadLength", [Kernel.sent(Request.GetConfig, new Uint8Array(8))]],
    ["a question for less than it says", "BadLength", [Kernel.sent(Request.GetConfig, VhostMessage.ofU32(0, 8, 0))]],
    ["a question for what no configuration has", "BadRequest", [Kernel.getConfig(300, 1)]],
  ]
  it.each(cases)("has a name for %s: %s", (_, rule, messages) => {
    expect(run(messages).violation?.rule).toBe(rule)
  })

  it("comes to a next state or to a broken rule by any messages, and every old state stays as it was", () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 3000; seed++) {
      const rng = random(seed)
      let state = BackEnd.make(OFFER)
      const before: Array<readonly [BackEnd.BackEnd, string]> = []
      const text = (each: BackEnd.BackEnd) =>
        JSON.stringify(each, (_, value) => typeof value === "bigint" ? `${value}n` : value)
      const good = [...Kernel.boot(), ...Kernel.probe(2), Kernel.kick(0), ...Kernel.letGo(2), ...Kernel.probe(2)]
      for (const each of good) {
        const { message, descriptors } = rng.bool(0.03) ? Kernel.spoilt(rng, each) : each
        before.push([state, text(state)])
        const next = BackEnd.receive(state, message, descriptors)
        if (isViolation(next)) {
          seen.add(next.rule)
          break
        }
        state = next.state
      }
      for (const [old, was] of before) expect(text(old), `seed ${seed}`).toBe(was)
    }
    for (const rule of ["BadLength", "BadDescriptors", "UnknownRequest", "BadQueue", "OutOfOrder"]) {
      expect([...seen]).toContain(rule)
    }
  })
})

describe("a stream of messages", () => {
  const messages = [...Kernel.boot(), ...Kernel.probe(1)].map(({ message }) => message)
  const stream = Uint8Array.from(messages.flatMap((message) => [...VhostMessage.encode(message)]))

  const parsed = (cuts: ReadonlyArray<number>) => {
    let parser = VhostMessage.parser
    const found: Array<VhostMessage.Message> = []
    const edges = [0, ...cuts, stream.length]
    for (let at = 1; at < edges.length; at++) {
      const chunk = stream.slice(edges[at - 1], edges[at])
      const result = VhostMessage.parse(parser, chunk)
      chunk.fill(0xa5)
      expect(result.violation).toBe(undefined)
      parser = result.parser
      found.push(...result.messages)
    }
    return { found, left: parser.length }
  }

  it("is the same messages, wherever it is cut", () => {
    for (let cut = 0; cut <= stream.length; cut++) expect(parsed([cut])).toEqual({ found: messages, left: 0 })
    expect(parsed(Array.from({ length: stream.length - 1 }, (_, at) => at + 1))).toEqual({ found: messages, left: 0 })
    for (let seed = 0; seed < 200; seed++) {
      const rng = random(seed)
      const cuts = Array.from({ length: rng.int(20) }, () => rng.int(stream.length)).sort((a, b) => a - b)
      expect(parsed(cuts), `seed ${seed}`).toEqual({ found: messages, left: 0 })
    }
  })

  it("says how much a message that has begun lacks: its header first", () => {
    const bytes = VhostMessage.encode({ request: 3, flags: 1, payload: new Uint8Array(8) })
    const left = Array.from({ length: 20 }, (_, at) => VhostMessage.missing(bytes.slice(0, at)))
    expect(left).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1])
  })

  it.each([
    ["another version", VhostMessage.ofU32(1, 2, 0)],
    ["a payload longer than any", VhostMessage.ofU32(1, 1, 1025)],
  ])("ends with %s, and what came before is there", (_, header) => {
    const good = VhostMessage.encode(messages[0]!)
    const result = VhostMessage.parse(VhostMessage.parser, Uint8Array.from([...good, ...header]))
    expect(result.messages).toEqual([messages[0]])
    expect(result.violation).toMatchObject({ rule: "BadHeader" })
  })

  it("of any bytes throws nothing", () => {
    for (let seed = 0; seed < 2000; seed++) {
      const rng = random(seed)
      let parser = VhostMessage.parser
      for (let round = 0; round < 10; round++) {
        const chunk = Uint8Array.from({ length: rng.int(40) }, () => rng.bool(0.7) ? rng.int(3) : rng.int(256))
        const result = VhostMessage.parse(parser, chunk)
        if (result.violation !== undefined) break
        parser = result.parser
        expect(parser.length).toBeLessThan(VhostMessage.HEADER_BYTES + VhostMessage.MAX_PAYLOAD_BYTES)
      }
    }
  })
})
