import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { Processes } from "../../src/processes.ts"
import { Guest, Link, World } from "../../src/simulation.ts"
import { Mailbox } from "../../src/internal/simulation/Mailbox.ts"
import { builtUrl } from "../support/built.ts"
import * as worlds from "../support/worlds/waiting.ts"

const places = {
  "in one process": () => Layer.empty,
  "as processes": (name: string) =>
    Processes.layer({ module: builtUrl("test/support/worlds/waiting.ts"), export: name }),
} as const

const wheres = Object.keys(places) as ReadonlyArray<keyof typeof places>

/** What a world's deadlock says, and the lines that are logged. */
const deadlockOf = (world: World.World, layer: Layer.Layer<never> = Layer.empty) =>
  Effect.gen(function* () {
    const logged: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))])
    const error = yield* World.run(world, { deadlockAfter: "50 millis" }).pipe(
      Effect.provide(layer),
      Effect.provide(logger),
      Effect.flip,
    )
    if (!(error instanceof CalendarServer.CalendarDeadlock)) return expect.fail(`it failed with ${error}`)
    // Where in the sources fibers wait is their lines', and which numbers they have their runtime's.
    const plain = (text: string) => text.replaceAll(/#\d+/g, "#n").replaceAll(/ at [^,]*,/g, " at …,")
    return { error, lines: plain(error.message).split("\n"), logged }
  })

describe("guests that wait for each other", () => {
  it.live.each(wheres)(
    "are told with the time, their fibers, and what each waits for, %s",
    (place) =>
      Effect.gen(function* () {
        const { error, lines, logged } = yield* deadlockOf(worlds.asking, places[place]("asking"))
        const [head, ...fibers] = lines
        expect(head).toBe("at 2,000,000 ns all 3 guests wait for each other, and nothing is due:")
        // Of a guest's fibers, in the order in which they began.
        expect(fibers).toEqual([
          "  client: #n in main at …, waits for receive on wire",
          expect.stringMatching(/^ {2}server: #n.*, waiting$/),
          expect.stringMatching(/^ {2}server: #n in serve.*, waits for receive on wire$/),
          expect.stringMatching(/^ {2}server: #n in heed.*, waits for receive on alarms$/),
          expect.stringMatching(/^ {2}guard: #n.*, waiting$/),
        ])
        expect(error).toMatchObject({
          time: 2_000_000n,
          guests: [{ guest: "client" }, { guest: "server" }, { guest: "guard" }],
        })
        expect(error.clients).toHaveLength(3)
        expect(logged).toEqual([
          "deadlock: at 2,000,000 ns nobody runs, and of 3 clients none has asked for a time",
        ])
      }),
    30_000,
  )

  it.live.each(wheres)("are told without those that have ended, %s", (place) =>
    Effect.gen(function* () {
      const { error, lines } = yield* deadlockOf(worlds.ended, places[place]("ended"))
      expect(lines[0]).toBe("at 2,000,000 ns all 3 guests that haven't ended wait for each other, and nothing is due:")
      expect(error.guests.map(({ guest }) => guest)).toEqual(["client", "server", "guard"])
      const { lines: ofOne } = yield* deadlockOf(worlds.alone, places[place]("alone"))
      expect(ofOne).toEqual([
        "at 0 ns the guest that hasn't ended waits, and nothing is due:",
        expect.stringMatching(/^ {2}client: #n.*, waits for receive on wire$/),
      ])
    }), 30_000)

  it.live("are told in a hundred lines at most", () =>
    Effect.gen(function* () {
      const wire = Link.make("wire", { ends: ["one", "other"], message: Schema.Number })
      const waiter = (name: string) =>
        Guest.make(
          name,
          Effect.flatMap(
            Link.open(wire),
            (port) => Effect.all(Array.from({ length: 80 }, () => port.receive), { concurrency: "unbounded" }),
          ),
        )
      const world = World.make({ guests: [waiter("one"), waiter("other")], links: [wire] })
      const { error, lines } = yield* deadlockOf(world)
      expect(lines).toHaveLength(102)
      expect(lines.at(-1)).toBe("  … and 62 more")
      expect(error.guests.map(({ fibers }) => fibers.length)).toEqual([81, 81])
    }))
})

describe("a mailbox", () => {
  it.live("knows who waits, for as long as they do", () =>
    Effect.gen(function* () {
      const mailbox = new Mailbox<number>()
      const taking = yield* Effect.forkChild(mailbox.take, { startImmediately: true })
      const other = yield* Effect.forkChild(Effect.never, { startImmediately: true })
      expect([taking, other].map((fiber) => mailbox.isAwaitedBy(fiber))).toEqual([true, false])
      mailbox.put(1)
      yield* Effect.yieldNow
      expect(mailbox.isAwaitedBy(taking)).toBe(false)
      expect(taking.pollUnsafe()).toEqual(Exit.succeed(1))
      const interrupted = yield* Effect.forkChild(mailbox.take, { startImmediately: true })
      expect(mailbox.isAwaitedBy(interrupted)).toBe(true)
      interrupted.interruptUnsafe()
      expect(mailbox.isAwaitedBy(interrupted)).toBe(false)
    }))

  it.live("keeps what a fiber was to get that was interrupted before it could go on", () =>
    Effect.gen(function* () {
      const mailbox = new Mailbox<number>()
      const first = yield* Effect.forkChild(mailbox.take, { startImmediately: true })
      const second = yield* Effect.forkChild(mailbox.take, { startImmediately: true })
      mailbox.put(1)
      mailbox.put(2)
      first.interruptUnsafe()
      expect(yield* Fiber.join(second)).toBe(1)
      expect(yield* mailbox.take).toBe(2)
    }))

  it.live("lets nobody overtake who has waited for longer", () =>
    Effect.gen(function* () {
      const mailbox = new Mailbox<number>()
      const first = yield* Effect.forkChild(mailbox.take, { startImmediately: true })
      mailbox.put(1)
      const second = yield* Effect.forkChild(mailbox.take, { startImmediately: true })
      mailbox.put(2)
      expect([yield* Fiber.join(first), yield* Fiber.join(second)]).toEqual([1, 2])
    }))
})
