import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import process from "node:process"
import * as Peers from "../bench/peers.ts"
import { type Case, Lacking, measure, type Measured, type Suite } from "../bench/suite.ts"
import { exec } from "../scripts/exec.ts"
import * as LeftOut from "../scripts/leftOut.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import { compiler, DOES_NOTHING, FAILS, type Tools, withTools } from "./support/tools.ts"

interface Line extends Measured {
  readonly suite: string
  readonly unit: string
  readonly runtime: string
}

/** Those of a suite with figures that its size decides, and that a small one hasn't got. */
const MAY_BE_ANYTHING = new Set(["pending", "memory"])

const bench = (...args: ReadonlyArray<string>): Promise<string> =>
  Effect.gen(function* () {
    const words = yield* Runtimes.locate("Deno")
    const { code, stdout, stderr } = yield* exec([
      ...words,
      Path.resolve("bench/main.ts"),
      ...["--small", "--rounds", "1", "--on", "Deno"],
      ...args,
    ])
    expect(code, stderr).toBe(0)
    return stdout
  }).pipe(Effect.provide(NodeServices.layer), Effect.runPromise)

const linesOf = (stdout: string): ReadonlyArray<Line> => stdout.trim().split("\n").map((line) => JSON.parse(line))

describe("deno task bench", () => {
  it("measures each of its suites, and prints the figures as JSON", async (context) => {
    const peers = [Peers.cpp("hold-heap.cc"), Peers.cpp("hold-ns3.cc", "core"), Peers.simPy("hold.py")]
    const lacks = peers.flatMap((peer) => "lacks" in peer ? [peer.lacks] : [])
    const lines = linesOf(await bench("--json"))
    expect(new Set(lines.map(({ suite }) => suite)).size).toBeGreaterThan(15)
    for (const { suite, figures, leftOut } of lines) {
      expect(figures.length, suite).toBeGreaterThan(0)
      for (const each of figures) {
        expect(each.figures.length, `${suite}: ${each.case}`).toBe(1)
        if (!MAY_BE_ANYTHING.has(suite)) expect(each.figures[0], `${suite}: ${each.case}`).toBeGreaterThan(0)
      }
      // Nothing else than what needs a peer that isn't here.
      for (const each of leftOut) expect(lacks, `${suite}: ${each.case}`).toContain(each.lacks)
    }
    for (const each of lacks) await LeftOut.note(context, "the bench's peers that need it", each)
  }, 180_000)

  it("leaves out the peers whose tools are there and don't work, and says so", () =>
    withTools({ "g++": DOES_NOTHING, python3: FAILS }, async (folder) => {
      const [table, json] = [await bench("hold-100"), await bench("hold-100", "--json")]
      const [{ figures, leftOut } = { figures: [], leftOut: [] }] = linesOf(json)
      expect(figures.map((each) => each.case)).toContain("EventQueue")
      expect(leftOut.slice(0, 2)).toEqual(["ns-3's MapScheduler", "C++'s std::priority_queue"].map((name) => ({
        case: name,
        lacks: "g++ (Debian's package g++) that works: g++ ended with 0 and made nothing",
      })))
      for (const each of leftOut) expect(table).toContain(`  ${each.case}: left out, as it needs ${each.lacks}\n`)
      expect(Fs.existsSync(folder)).toBe(true)
    }, (process.env["PATH"] ?? "").split(Path.delimiter)))
})

/** Prints a figure, whatever it is asked for. */
const FIGURE = "echo 1.5"

const isThere = /^there$/

/** The words of a peer that is there, or what it lacks. */
const stateOf = (peer: Peers.Peer): string => "lacks" in peer ? peer.lacks : "there"

describe("a peer in C++", () => {
  const NO_COMPILER = /^g\+\+ \(Debian's package g\+\+\)$/
  const broken = (why: string) => new RegExp(String.raw`^g\+\+ \(.*\) that works: .*${why}$`)
  const brokenNs3 = (why: string) => new RegExp(String.raw`^ns-3 \(Debian's package libns3-dev\) that works: .*${why}$`)

  it.for<{ what: string; tools: Tools; heap: RegExp; ns3: RegExp }>([
    { what: "there is no compiler", tools: {}, heap: NO_COMPILER, ns3: NO_COMPILER },
    ...([
      ["the compiler fails", FAILS, "ended with 1: error: it is broken"],
      ["the compiler makes nothing", DOES_NOTHING, String.raw`g\+\+ ended with 0 and made nothing`],
      ["what the compiler makes fails", compiler("exit 3"), "ended with 3"],
      ["what the compiler makes prints nothing", compiler("exit 0"), "printed nothing"],
      ["what the compiler makes prints something else", compiler("echo hello"), `printed "hello"`],
    ] as const).map(([what, script, why]) => ({
      what,
      tools: { "g++": script },
      heap: broken(why),
      ns3: broken(why),
    })),
    {
      what: "the compiler doesn't know its C++",
      tools: { "g++": compiler(FIGURE, "*hold-*") },
      heap: /^g\+\+ \(.*\) that can build it: .*no such thing$/,
      ns3: brokenNs3("no such thing"),
    },
    {
      what: "there is no ns-3",
      // As g++ does: a file without a language is for the linker, and nothing is included.
      tools: { "g++": compiler(FIGURE, "*-lns3-core*", String.raw`*-x\ c++*ns3/core-module.h*`) },
      heap: isThere,
      ns3: /^ns-3 \(Debian's package libns3-dev\)$/,
    },
    {
      what: "there are ns-3's headers without its library",
      tools: { "g++": compiler(FIGURE, "*-lns3-core*") },
      heap: isThere,
      ns3: brokenNs3("no such thing"),
    },
    {
      what: "ns-3's library can't be loaded",
      tools: { "g++": `case "$*" in *-lns3-core*)\n${compiler("exit 127")}\n;; *)\n${compiler(FIGURE)}\n;; esac` },
      heap: isThere,
      ns3: brokenNs3("ended with 127"),
    },
    { what: "all is well", tools: { "g++": compiler(FIGURE) }, heap: isThere, ns3: isThere },
  ])("is there only if it works, where $what", ({ tools, heap, ns3 }) =>
    withTools(tools, () => {
      const [first, second] = [Peers.cpp("hold-heap.cc"), Peers.cpp("hold-ns3.cc", "core")]
      expect(stateOf(first)).toMatch(heap)
      expect(stateOf(second)).toMatch(ns3)
      expect(Peers.of("a heap", first).lacks).toBe("lacks" in first ? first.lacks : undefined)
    }))

  it("is found not to be there where this machine's compiler has no ns-3, and to be there where it has", () => {
    const [heap, ns3] = [Peers.cpp("hold-heap.cc"), Peers.cpp("hold-ns3.cc", "core")]
    for (const peer of [heap, ns3]) {
      if ("lacks" in peer) expect(peer.lacks).toMatch(/^(g\+\+|ns-3) \(Debian's package/)
      else expect(Peers.run(peer, ["fire", 2, 1000])[0]).toBeGreaterThan(0)
    }
  })

  it("that no longer works is built again", () =>
    withTools({ "g++": compiler(FIGURE) }, (folder) => {
      const peer = Peers.cpp("hold-heap.cc")
      if ("lacks" in peer) throw new Error(peer.lacks)
      Fs.writeFileSync(peer.words[0], "#!/bin/sh\nexit 127\n")
      const again = () => {
        delete process.env["GUEST_CLOCK_PEERS"]
        return Peers.cpp("hold-heap.cc")
      }
      expect(again()).toEqual(peer)
      expect(Peers.run(peer, [])).toEqual([1.5])
      Fs.writeFileSync(peer.words[0], "#!/bin/sh\nexit 127\n")
      Fs.rmSync(Path.join(folder, "g++"))
      expect(stateOf(again())).toMatch(NO_COMPILER)
    }))

  it("needs a folder to be built in", () =>
    withTools({ "g++": compiler(FIGURE) }, (folder) => {
      process.env["GUEST_CLOCK_CACHE"] = Path.join(folder, "g++")
      expect(stateOf(Peers.cpp("hold-heap.cc"))).toMatch(/^a folder to build it in \(\$GUEST_CLOCK_CACHE\): /)
    }))
})

describe("a peer in Python", () => {
  const NO_SIMPY = /^SimPy \(Debian's package python3-simpy3\)$/

  it.for<{ what: string; tools: Tools; state: RegExp }>([
    { what: "there is no Python", tools: {}, state: NO_SIMPY },
    { what: "Python fails", tools: { python3: FAILS }, state: NO_SIMPY },
    { what: "Python does nothing", tools: { python3: DOES_NOTHING }, state: /that works: python3 .* printed nothing$/ },
    {
      what: "its module can be imported, and no more",
      tools: { python3: `[ "$1" = -c ] || { echo 'AttributeError: no such thing' >&2; exit 1; }` },
      state: /that works: python3 ended with 1: AttributeError: no such thing$/,
    },
    { what: "all is well", tools: { python3: FIGURE }, state: isThere },
    { what: "only the second Python has it", tools: { python3: FAILS, python: FIGURE }, state: isThere },
  ])(
    "is there only if it works, where $what",
    ({ tools, state }) =>
      withTools(tools, () => expect(stateOf(Peers.simPy("hold.py", ["python3", "python"]))).toMatch(state)),
  )
})

describe("a suite", () => {
  const suite = (...cases: ReadonlyArray<Case>): Suite => ({ about: "", unit: "", more: true, cases })
  const ours: Case = { name: "ours", measure: () => Promise.resolve(1) }

  it("leaves out a peer that fails when it is measured, in any round, and one that prints no figure", () =>
    withTools({ fails: `[ $# = 0 ] || { ${FAILS}; }; ${FIGURE}`, talks: "echo nan; echo 7" }, async (folder) => {
      let left = 2
      const sometimes = Peers.of("sometimes", { words: [Path.join(folder, "fails")] })
      const measured = await measure(
        suite(
          Peers.of("fails", { words: [Path.join(folder, "fails")] }, "fire"),
          ours,
          { ...sometimes, measure: () => left-- > 0 ? sometimes.measure() : Promise.reject(new Lacking("luck")) },
          Peers.of("talks", { words: [Path.join(folder, "talks")] }),
          Peers.of("isn't there", { lacks: "a tool" }),
          Peers.of("works", { words: [Path.join(folder, "fails")] }),
        ),
        3,
      )
      expect(measured.figures).toEqual([{ case: "ours", figures: [1, 1, 1] }, {
        case: "works",
        figures: [1.5, 1.5, 1.5],
      }])
      expect(measured.leftOut).toEqual([
        {
          case: "fails",
          lacks: expect.stringMatching(/^a run to its end: .*fails ended with 1: error: it is broken$/),
        },
        { case: "sometimes", lacks: "luck" },
        { case: "talks", lacks: expect.stringMatching(/^a run to its end: .*talks printed "nan\\n7"$/) },
        { case: "isn't there", lacks: "a tool" },
      ])
    }))

  it("fails where a case of its own does", () =>
    expect(measure(suite({ name: "ours", measure: () => Promise.reject(new Error("a bug")) }), 1)).rejects.toThrow(
      "a bug",
    ))
})
