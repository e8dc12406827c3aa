/**
 * Three nodes keep a log, and have elections like Raft's, while their links are cut, slow
 * and lossy. A checker outside of them looks for logs that contradict each other.
 *
 * A bug is planted: who is asked for a vote doesn't look at whether the other's log is as
 * long as its own. The first seed that finds it is printed, and finds it again. Without the
 * bug, all seeds run well.
 *
 * run: examples/replicated-log.ts
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Checker, Distribution, Guest, Impairment, Link, Random, World } from "../src/simulation.ts"

const Item = Schema.Struct({ term: Schema.Number, value: Schema.String })

const Message = Schema.TaggedUnion({
  Vote: { term: Schema.Number, length: Schema.Number, lastTerm: Schema.Number },
  Voted: { term: Schema.Number },
  /** The leader's whole log, which keeps this example short, and how much of it is committed. */
  Log: { term: Schema.Number, log: Schema.Array(Item), committed: Schema.Number },
  Stored: { term: Schema.Number, length: Schema.Number },
})

const names = ["ann", "bob", "cy"]
const MAJORITY = 2
const MILLI = 1_000_000n

const node = (name: string, links: (peer: string) => Link.Link<typeof Message.Type>, bug: boolean) =>
  Guest.make(
    name,
    Effect.gen(function* () {
      const { random, now } = yield* Guest.Self
      const peers = names.filter((peer) => peer !== name)
      const inbox: Array<{ readonly from: string; readonly message: typeof Message.Type }> = []
      let wake = () => {}
      const ports = new Map<string, Link.Port<typeof Message.Type>>()
      for (const peer of peers) {
        const port = yield* Link.open(links(peer))
        ports.set(peer, port)
        yield* port.onArrival(({ from, message }) => {
          inbox.push({ from, message })
          wake()
        })
      }
      const arrival = Effect.callback<void>((resume) => {
        wake = () => resume(Effect.void)
      })
      const tell = (peer: string, message: typeof Message.Type) => ports.get(peer)!.send(message)

      let term = 0
      let votedFor: string | undefined
      let leads = false
      let votes = new Set<string>()
      let stored = new Map<string, number>()
      let log: ReadonlyArray<typeof Item.Type> = []
      let committed = 0
      const lastTerm = () => log.at(-1)?.term ?? 0
      const patience = () => now() + (150n + random.below(150n)) * MILLI
      let deadline = patience()

      const commit = (length: number) =>
        Effect.gen(function* () {
          for (; committed < length; committed++) {
            yield* Guest.note("committed", { index: committed, value: log[committed]!.value })
          }
        })
      const follow = (newer: number) => {
        if (newer > term) votedFor = undefined
        term = newer
        leads = false
      }

      const hear = (from: string, message: typeof Message.Type) =>
        Effect.gen(function* () {
          if (message.term > term) follow(message.term)
          if (message.term < term) return
          switch (message._tag) {
            case "Vote": {
              const upToDate = message.lastTerm > lastTerm() ||
                message.lastTerm === lastTerm() && message.length >= log.length
              if ((votedFor ?? from) !== from || !(upToDate || bug)) return
              votedFor = from
              deadline = patience()
              return yield* tell(from, { _tag: "Voted", term })
            }
            case "Voted": {
              votes.add(from)
              if (leads || votes.size < MAJORITY) return
              leads = true
              stored = new Map()
              deadline = now()
              return
            }
            case "Log": {
              log = message.log
              deadline = patience()
              yield* commit(Math.min(message.committed, log.length))
              return yield* tell(from, { _tag: "Stored", term, length: log.length })
            }
            case "Stored": {
              stored.set(from, message.length)
              const lengths = [log.length, ...stored.values()].sort((a, b) => b - a)
              const length = lengths[MAJORITY - 1] ?? 0
              // Only what was stored in its own term is safe to count (Raft, 5.4.2).
              if (leads && log[length - 1]?.term === term) yield* commit(length)
            }
          }
        })

      for (let nth = 0;; nth++) {
        const next = inbox.shift()
        if (next !== undefined) {
          yield* hear(next.from, next.message)
          continue
        }
        const left = deadline - now()
        if (left > 0n && Option.isSome(yield* Effect.timeoutOption(arrival, left))) continue
        if (leads) {
          log = [...log, { term, value: `${name} ${nth}` }]
          for (const peer of peers) yield* tell(peer, { _tag: "Log", term, log, committed })
          deadline = now() + 50n * MILLI
        } else {
          follow(term + 1)
          votedFor = name
          votes = new Set([name])
          deadline = patience()
          for (const peer of peers) {
            yield* tell(peer, { _tag: "Vote", term, length: log.length, lastTerm: lastTerm() })
          }
        }
      }
    }),
    { daemon: true },
  )

const noContradiction = Checker.agreement("the logs agree", "committed", (data) => {
  const { index, value } = data as { readonly index: number; readonly value: string }
  return [index, value]
})

const SECONDS = 4

/** Three nodes whose links suffer what this seed decides. */
const cluster = (random: Random.Random, bug: boolean): World.World => {
  const links = new Map<string, Link.Link<typeof Message.Type>>()
  for (const ends of [["ann", "bob"], ["ann", "cy"], ["bob", "cy"]]) {
    const name = ends.join(" and ")
    links.set(
      name,
      Link.make(name, {
        ends,
        message: Message,
        latency: Distribution.uniform("1 millis", "20 millis"),
        impairments: Impairment.swarm(random.fork(name), { horizon: BigInt(SECONDS) * 1000n * MILLI, most: 0.2 }),
      }),
    )
  }
  const between = (one: string) => (other: string) => links.get([one, other].sort().join(" and "))!
  return World.make({
    name: "replicated log",
    guests: [...names.map((name) => node(name, between(name), bug)), Guest.make("clock", Effect.sleep(SECONDS * 1000))],
    links: [...links.values()],
    checkers: [noContradiction],
  })
}

const SEEDS = 30

/** What the checker finds with each seed, if anything. */
const main = (bug: boolean) =>
  Effect.gen(function* () {
    const found: Array<Checker.CheckFailed> = []
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = Random.makeUnsafe(seed)
      const result = yield* Effect.result(World.run(cluster(random, bug), { seed }))
      if (result._tag === "Success") continue
      if (result.failure._tag !== "CheckFailed") return yield* Effect.fail(result.failure)
      found.push(result.failure)
    }
    yield* Console.log(`${bug ? "with" : "without"} the bug: ${SEEDS - found.length} of ${SEEDS} seeds run well`)
    for (const { message } of found.slice(0, 1)) yield* Console.log(`  ${message}`)
  })

await Effect.runPromise(Effect.andThen(main(true), main(false)))
