import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as EffectTracer from "effect/Tracer"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { GuestClock, Mode, VirtualTime } from "../../src/index.ts"
import * as Trace from "../../src/trace.ts"

const EPOCH = 1_000_000_000_000n

/** What a guest does: it is busy, a timer interrupts it, it waits. */
const program = Effect.gen(function* () {
  const clock = yield* GuestClock.GuestClock
  const timer = GuestClock.event("timer", clock.ndelay(5n))
  yield* clock.addEvent(timer, 100n)
  yield* clock.ndelay(250n)
  yield* Trace.mark("half")
  yield* clock.addEvent(timer, 300n)
  yield* clock.sleep
  yield* Effect.ignore(clock.sleep)
})

describe("spans", () => {
  it.live("have simulated times, one within the other, and the guest's ends with its fault", () =>
    Effect.gen(function* () {
      const made: Array<EffectTracer.NativeSpan> = []
      const tracer = EffectTracer.make({
        span: (options) => {
          const span = new EffectTracer.NativeSpan(options)
          made.push(span)
          return span
        },
      })
      const traced = Layer.provide(Trace.toSpans({ epoch: EPOCH }), Layer.succeed(EffectTracer.Tracer, tracer))
      yield* Effect.provide(program, Layer.provide(Mode.infCpu({ start: 0n }), traced))
      const shown = made.map(({ name, parent, status }) => [
        name,
        parent._tag === "Some" && parent.value._tag === "Span" ? parent.value.name : "",
        status.startTime - EPOCH,
        status._tag === "Ended" ? status.endTime - EPOCH : "open",
      ])
      expect(shown).toEqual([
        ["guest 0", "", 0n, 305n],
        ["busy", "guest 0", 0n, 100n],
        ["timer", "guest 0", 100n, 105n],
        ["busy", "timer", 100n, 105n],
        ["busy", "guest 0", 105n, 250n],
        ["waiting", "guest 0", 250n, 300n],
        ["timer", "guest 0", 300n, 305n],
        ["busy", "timer", 300n, 305n],
      ])
      const [root] = made
      expect(root!.events.map(([name, time]) => [name, time - EPOCH])).toEqual([["half", 250n], ["fault", 305n]])
      expect(root!.status).toMatchObject({ exit: { _tag: "Failure" } })
    }))

  it.live("of guests and their calendar go to an OTLP collector, with simulated times", () =>
    Effect.gen(function* () {
      const bodies: Array<string> = []
      const server = yield* Effect.acquireRelease(
        Effect.callback<Http.Server>((resume) => {
          const server = Http.createServer((request, response) => {
            let body = ""
            request.on("data", (chunk) => body += chunk)
            request.on("end", () => {
              if (request.url === "/v1/traces") bodies.push(body)
              response.end("{}")
            })
          }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close()),
      )
      const { port } = server.address() as AddressInfo
      const otlp = Otlp.layerJson({ baseUrl: `http://127.0.0.1:${port}`, resource: { serviceName: "simulation" } })
      const traced = Trace.toSpans({ epoch: EPOCH }).pipe(
        Layer.provide(otlp),
        Layer.provide(FetchHttpClient.layer),
      )
      const guests = Effect.gen(function* () {
        const calendar = yield* CalendarServer.serve({ clients: 2 })
        const guest = (id: bigint) =>
          VirtualTime.run(Effect.andThen(Clock.currentTimeMillis, Effect.sleep(Number(id) * 10))).pipe(
            Effect.provide(Layer.provide(Mode.linked(calendar.link(), { id }), Trace.named(`robot ${id}`))),
          )
        yield* Effect.all([guest(1n), guest(2n)], { concurrency: 2 })
      })
      yield* Effect.scoped(guests).pipe(Effect.provide(traced))
      const sent = bodies.flatMap((body) =>
        JSON.parse(body).resourceSpans[0].scopeSpans.flatMap(({ spans }: { spans: ReadonlyArray<object> }) => spans)
      ) as ReadonlyArray<{ name: string; startTimeUnixNano: string; endTimeUnixNano: string }>
      const shown = sent.map((span) =>
        `${span.name}: ${BigInt(span.startTimeUnixNano) - EPOCH} to ${BigInt(span.endTimeUnixNano) - EPOCH}`
      )
      expect(shown).toEqual(expect.arrayContaining([
        "robot 1: 0 to 10000000",
        "robot 2: 0 to 20000000",
        "waiting: 0 to 20000000",
        "calendar: 0 to 20000000",
        "turn of client 2: 20000000 to 20000000",
      ]))
    }).pipe(Effect.scoped))
})
