/**
 * Worlds in which everything happens that can, as plans: those that must do the same in one process, in many, and on
 * each runtime.
 *
 * @module
 */
import type { Body, GuestPlan, LinkPlan, Quirk, Step, WorldPlan } from "./plan.ts"
import * as Values from "./values.ts"

const sleep = (ns: number): Step => ({ do: "sleep", ns })
const busy = (ns: number): Step => ({ do: "busy", ns })
const send = (link: string, body: Body, to?: string): Step => ({
  do: "send",
  send: { link, body, ...to !== undefined && { to } },
})
const receive = (link: string, within = 500_000): Step => ({ do: "receive", link, within })
const sends = (count: number, atOnce: number): Step => ({
  do: "sends",
  sends: Array.from({ length: count }, (_, n) => ({ link: "wire", body: { n, hops: 0 } })),
  atOnce,
})
const note = (value: string): Step => ({ do: "note", value })
const repeat = (times: number, ...steps: ReadonlyArray<Step>): Step => ({ do: "repeat", times, steps })
const guest = (name: string, steps: ReadonlyArray<Step>, options: Partial<GuestPlan> = {}): GuestPlan => ({
  name,
  steps,
  ...options,
})
const link = (name: string, ends: ReadonlyArray<string>, options: Partial<LinkPlan> = {}): LinkPlan => ({
  name,
  ends,
  kind: "plain",
  latency: 100_000,
  ...options,
})

/** A world of two, with one link. */
const pair = (
  ann: ReadonlyArray<Step>,
  bob: ReadonlyArray<Step>,
  options: Partial<LinkPlan> = {},
  more: Partial<WorldPlan> = {},
): WorldPlan => ({
  guests: [guest("ann", ann), guest("bob", bob)],
  links: [link("wire", ["ann", "bob"], options)],
  seed: 7,
  until: 50_000_000,
  ...more,
})

const lone = (...steps: ReadonlyArray<Step>): WorldPlan => ({
  guests: [guest("ann", steps)],
  links: [],
  seed: 3,
  until: 50_000_000,
})

const quirks: ReadonlyArray<Quirk> = ["changed later", "excess", "strange numbers", "strange texts"]

const talk = (first: number): ReadonlyArray<Step> => [
  { do: "handle", link: "bus", answer: true },
  repeat(
    6,
    send("bus", { n: first, hops: 2 }),
    send("pair", { n: first + 1, hops: 0 }),
    receive("pair", 300_000),
    busy(70_000),
    { do: "measure", value: first },
    { do: "draw" },
    { do: "clocks" },
  ),
]

/** Those that end well. */
export const whole: { readonly [name: string]: WorldPlan } = {
  "links with all options": {
    guests: [guest("ann", talk(1)), guest("bob", talk(50)), guest("cid", [...talk(100)], { daemon: true })],
    links: [
      link("bus", ["ann", "bob", "cid"], {
        kind: "rich",
        latency: { _tag: "Exponential", mean: "150000" },
        bandwidth: 40_000_000,
        queue: 3,
        loss: 0.1,
        duplication: 0.1,
        reordering: 0.2,
        outages: [[400_000, 500_000]],
        impairments: {
          drop: 0.05,
          corrupt: 0.1,
          duplicate: 0.1,
          delay: 0.1,
          by: { _tag: "Pareto", least: "20000", shape: 1.5 },
          during: [[0, 2_000_000]],
          outages: [[900_000, 950_000]],
        },
        corrupt: "other",
      }),
      link("pair", ["cid", "ann", "bob"], {
        kind: "changed",
        latency: { _tag: "LogNormal", median: "90000", sigma: 0.7 },
        size: "by hops",
        bandwidth: 100_000_000,
        impairments: { corrupt: 0.2 },
      }),
    ],
    seed: 11,
    until: 8_000_000,
  },
  "several sends at once, while others of the guest are busy": pair(
    [
      {
        do: "sends",
        atOnce: 10,
        sends: [1, 2, 3, 4, 5].map((n) => ({ link: "wire", body: { n, hops: 0 } })),
      },
      {
        do: "together",
        arms: [
          [send("wire", { n: 6, hops: 0 }), busy(50_000), send("wire", { n: 7, hops: 0 })],
          [busy(150_000), note("number"), send("wire", { n: 8, hops: 0 })],
          [sleep(60_000), send("wire", { n: 9, hops: 0 }), receive("wire")],
        ],
      },
      receive("wire"),
    ],
    [repeat(9, receive("wire")), send("wire", { n: 10, hops: 0 })],
  ),
  "more sends than may be under way at once": pair(
    [{ do: "sends", atOnce: 2, sends: [1, 2, 3, 4, 5].map((n) => ({ link: "wire", body: { n, hops: 0 } })) }],
    [repeat(5, receive("wire"))],
  ),
  "a guest that is busy for longer than it has time for": pair(
    [{ do: "within", ns: 100_000, steps: [busy(300_000), note("number")] }, sleep(100_000), { do: "clocks" }],
    [sleep(1_000_000)],
  ),
  "handlers that answer, and events that send": pair(
    [send("wire", { n: 1, hops: 1 }), receive("wire"), receive("wire")],
    [
      { do: "handle", link: "wire", answer: true },
      { do: "timer", ns: 50_000, send: { link: "wire", body: { n: 9, hops: 0 } } },
      sleep(1_000_000),
    ],
  ),
  "sends and waits that are cut short": pair(
    [
      { do: "within", ns: 0, steps: [send("wire", { n: 1, hops: 0 })] },
      { do: "within", ns: 1, steps: [send("wire", { n: 2, hops: 0 }), send("wire", { n: 3, hops: 0 })] },
      { do: "within", ns: 200_000, steps: [send("wire", { n: 4, hops: 0 }), sleep(300_000), note("number")] },
      { do: "race", arms: [[send("wire", { n: 5, hops: 0 })], [{ do: "yield" }, note("text")], [sleep(0)]] },
      { do: "race", arms: [[receive("wire", 100_000)], [sleep(100_000)]] },
      { do: "fork", steps: [repeat(20, send("wire", { n: 6, hops: 0 }), sleep(1000))], then: "interrupt", ns: 5000 },
      receive("wire", 0),
    ],
    [
      repeat(6, receive("wire", 100_000)),
      { do: "stream", link: "wire", count: 3, within: 1_000_000 },
      receive("wire", 0),
    ],
  ),
  "messages of all kinds, odd ones too": {
    guests: [
      guest("ann", [
        ...["plain", "rich", "changed", "number"].flatMap((kind, index) =>
          quirks.flatMap((quirk, n): ReadonlyArray<Step> => [
            send(kind, { n: index * 10 + n, hops: 1, quirk }),
            send(kind, { n: index * 10 + n + 4, hops: 0, quirk }),
          ])
        ),
        { do: "try", steps: [send("plain", { n: 1, hops: 0 }, "nobody")] },
        ...[0, 1, 2].map((n): Step => ({
          do: "try",
          steps: [send("changed", { n, hops: 0, quirk: "broken" }), note("not refused")],
        })),
      ]),
      guest("bob", [
        ...["plain", "rich", "changed"].flatMap((kind) => [repeat(8, receive(kind))]),
        { do: "handle", link: "number", answer: true },
        sleep(1_000_000),
      ]),
    ],
    links: (["plain", "rich", "changed", "number"] as const).map((kind, index) =>
      link(kind, ["ann", "bob"], { kind, latency: 100_000 * index, ...index % 2 === 0 && { bandwidth: 1_000_000_000 } })
    ),
    seed: 5,
    until: 50_000_000,
  },
  "messages that don't come back as they were sent": pair(
    [send("wire", { n: 1, hops: 1 }), receive("wire")],
    [{ do: "handle", link: "wire", answer: true }, sleep(1_000_000)],
    { kind: "lossy", duplication: 0.5, bandwidth: 1_000_000_000 },
  ),
  "what is due at the same time": pair(
    [sleep(50_000), send("wire", { n: 1, hops: 0 }), { do: "within", ns: 1000, steps: [sleep(1000), { do: "yield" }] }],
    [
      { do: "fork", steps: [receive("wire"), note("number")], ns: 0 },
      sleep(150_000),
      note("text"),
      { do: "race", arms: [[sleep(1000), note("list")], [sleep(1000), { do: "yield" }], [receive("wire", 1000)]] },
    ],
  ),
  "an event that sends while its guest is busy": pair(
    [
      { do: "timer", ns: 440, send: { link: "wire", body: { n: 7, hops: 0 } } },
      sleep(394),
      send("wire", { n: 1, hops: 0 }),
      busy(120),
    ],
    [{ do: "handle", link: "wire", answer: false }, sleep(1000)],
    { latency: 0 },
  ),
  "who goes first is drawn": pair(
    [repeat(8, sleep(100), note("text"))],
    [repeat(8, sleep(100), send("wire", { n: 1, hops: 0 }))],
    { latency: 0 },
    { order: 1 },
  ),
  "reads that cost time, in a race": {
    ...lone(),
    guests: [
      guest("ann", [{ do: "race", arms: [[{ do: "clocks" }], [note("text")], [sleep(256), note("number")]] }], {
        readsCostTime: true,
      }),
    ],
  },
  "notes of all kinds, changed afterwards": lone(
    ...[...Object.keys(Values.simple), ...Object.keys(Values.rich)].map(note),
    ...Object.keys(Values.hopeless).map((each): Step => ({ do: "try", steps: [note(each)] })),
  ),
  "guests who leave early, unplug, and wake each other": {
    guests: [
      guest("ann", [
        { do: "timer", ns: 150_000, send: { link: "bus", body: { n: 1, hops: 1 } } },
        { do: "handle", link: "bus", answer: true },
        busy(400_000),
        { do: "unplug", link: "bus" },
        send("bus", { n: 2, hops: 0 }),
        busy(200_000),
        { do: "plugIn", link: "bus" },
        repeat(3, send("bus", { n: 3, hops: 2 }), sleep(100_000)),
      ], { readsCostTime: true }),
      guest("bob", [send("bus", { n: 20, hops: 2 }), receive("bus"), { do: "end" }, note("never")]),
      guest("cid", [{ do: "clocks" }, repeat(1000, receive("bus", 90_000), send("bus", { n: 30, hops: 0 }))], {
        daemon: true,
        readsCostTime: true,
      }),
    ],
    links: [link("bus", ["bob", "cid", "ann"], { latency: 100_000, duplication: 0.3 })],
    seed: 2,
    until: 50_000_000,
    order: 4,
  },
  "sends a few at a time, beside others that do so, too": pair(
    [{
      do: "together",
      arms: [
        [note("list"), sends(6, 2)],
        [sends(4, 3), sends(3, 2)],
        [{ do: "race", arms: [[sends(5, 2), { do: "clocks" }], [note("text")]] }],
      ],
    }],
    [receive("wire"), repeat(4, receive("wire")), { do: "together", arms: [[sends(3, 2)], [sends(3, 1)]] }],
  ),
  "messages that arrive while fibers sleep until then": pair(
    [{ do: "together", arms: [[receive("wire", 100_000), note("text")], [sleep(100_000), note("list")]] }, {
      do: "race",
      arms: [[receive("wire")], [sleep(100_000), { do: "clocks" }]],
    }],
    [send("wire", { n: 1, hops: 0 }), sleep(100_000), send("wire", { n: 2, hops: 0 })],
  ),
  "who goes first is drawn, over a link without latency": pair(
    [repeat(4, sleep(100), note("text"))],
    [repeat(4, sleep(100), send("wire", { n: 1, hops: 0 }))],
    { latency: 0 },
    { order: 2 },
  ),
  "a guest that is busy when time is up": pair(
    [repeat(5, busy(700), note("text"), sleep(10))],
    [repeat(5, sleep(100), busy(600), note("list"))],
    {},
    { until: 2_000 },
  ),
  "a guest alone that is busy when time is up": {
    ...lone(repeat(5, busy(700), note("text"), sleep(10))),
    until: 2_000,
  },
  "what is due when time is up": pair(
    [repeat(100, sleep(100_000), send("wire", { n: 1, hops: 1 }))],
    [{ do: "handle", link: "wire", answer: true }, repeat(100, sleep(100_000), note("text"))],
    {},
    { until: 1_000_000, order: "by-id" },
  ),
}

/** Those that fail, as a guest or something of a link does. */
export const failing: { readonly [name: string]: WorldPlan } = {
  "a program that fails while another fiber of it is busy": pair(
    [{
      do: "together",
      arms: [[busy(300_000), sleep(100_000)], [send("wire", { n: 1, hops: 0, quirk: "broken" })]],
    }],
    [sleep(200_000), sleep(400_000), { do: "fail", value: "tagged object" }],
  ),
  "a message that its schema doesn't allow": pair(
    [sleep(1000), send("wire", { n: 1, hops: 0, quirk: "broken" })],
    [receive("wire")],
    { kind: "changed" },
  ),
  "a corrupt that returns what the schema doesn't allow": pair(
    [repeat(5, sleep(1000), send("wire", { n: 1, hops: 0 }))],
    [receive("wire")],
    { kind: "changed", impairments: { corrupt: 1 }, corrupt: "nonsense" },
  ),
  "a corrupt that throws": pair(
    [sleep(1000), send("wire", { n: 1, hops: 0 })],
    [receive("wire")],
    { impairments: { corrupt: 1 }, corrupt: "throws" },
  ),
  "an arrival's handler that throws": pair(
    [send("wire", { n: 1, hops: 0 }), sleep(1_000_000)],
    [{ do: "handle", link: "wire", answer: false, fails: "tagged object" }, sleep(1_000_000)],
  ),
  "a handler that is busy for longer than what it interrupts": pair(
    [send("wire", { n: 1, hops: 0 }), sleep(1_000_000)],
    [{ do: "handle", link: "wire", answer: false, busy: 300_000 }, busy(200_000)],
  ),
  "an answer to somebody who has left": pair(
    [send("wire", { n: 1, hops: 1 })],
    [{ do: "handle", link: "wire", answer: true }, sleep(1_000_000), { do: "fail", value: "error" }],
  ),
  "an event's handler that throws": lone({ do: "timer", ns: 1000, fails: "type error" }, sleep(1_000_000)),
  "a fiber that nobody waits for": lone(
    { do: "fork", steps: [sleep(1000), { do: "fail", value: "odd" }], ns: 0 },
    sleep(1_000_000),
    note("text"),
  ),
  "a program that fails while another has long to go": pair(
    [sleep(1000), { do: "fail", value: "error" }],
    [repeat(20, sleep(100_000), note("text"))],
  ),
  "a program that interrupts itself": lone(sleep(1000), { do: "interrupt" }),
  "a note of a function": lone(sleep(1000), note("function inside")),
  "all who wait for each other": { ...pair([{ do: "receive", link: "wire" }], [{ do: "receive", link: "wire" }]) },
  ...Object.fromEntries(
    ["tagged object", "nameless", "undefined", "lines"].map((
      value,
    ) => [`a program that fails with ${value}`, lone(sleep(1000), { do: "fail", value })]),
  ),
}

const { until: _, ...forever } = failing["all who wait for each other"]!

/** All of them. */
export const fixed: { readonly [name: string]: WorldPlan } = {
  ...whole,
  ...failing,
  "all who wait for each other": forever,
}

/** Those that are run in processes on each runtime. */
export const everywhere: ReadonlyArray<string> = ["links with all options", "an arrival's handler that throws"]
