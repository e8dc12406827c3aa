/**
 * Real kernels behind a proxy that checks: they see their exact times, share memory, and keep to PROTOCOL.
 */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { existsSync } from "node:fs"
import * as Path from "node:path"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import * as Proxy from "../../src/calendar/Proxy.ts"
import * as Breach from "../../src/core/Breach.ts"
import * as Kernel from "./Kernel.ts"
import { folder, live, measured, SLEEPS } from "./support.ts"

const thereIs = (path: string) =>
  Effect.sync(() => existsSync(path)).pipe(
    Effect.repeat({ until: (it) => it, schedule: Schedule.spaced("5 millis") }),
  )

/** What a kernel slept, once it has powered off. */
const slept = (kernel: Kernel.Kernel) => Effect.map(kernel.ended, (printed) => Kernel.slept(printed)?.simulated)

for (const version of Kernel.built()) {
  live(
    `two kernels of Linux ${version} behind a proxy see their exact times, and nobody breaks a rule`,
    Effect.gen(function* () {
      const at = yield* folder
      // By messages: those of kernels that share are checked below.
      const calendar = yield* CalendarServer.make({ path: `${at}/calendar`, clients: 2, sharedMemory: false })
      const breaches: Array<string> = []
      const proxy = yield* Proxy.make({ listen: `${at}/checked`, connect: `${at}/calendar` }, {
        onBreach: (breach) => breaches.push(Breach.format(breach)),
        onFailure: ({ message }) => breaches.push(message),
      })
      const kernels = yield* Effect.forEach(
        [1, 2],
        (id) => Kernel.boot(version, { socket: `${at}/checked`, id, run: SLEEPS }),
      )
      const times = yield* Effect.forEach(kernels, slept, { concurrency: "unbounded" })
      expect(times).toEqual([measured[version].simulated, measured[version].simulated])
      expect(yield* calendar.ended).toBe("left")
      expect(breaches).toEqual([])
      const { messages, connections } = yield* proxy.summary
      expect(connections).toBe(2)
      expect(messages).toBeGreaterThan(16 * measured[version].waits)
    }),
  )
}

if (Kernel.built().includes("6.12")) {
  describe.each(Runtimes.names)("a proxy on %s", (runtime) => {
    live(
      "passes memory on: kernels share it, one that comes late as well, and nobody breaks a rule",
      Effect.gen(function* () {
        const at = yield* folder
        const words = yield* Runtimes.locate(runtime)
        const program = Path.resolve("interop/uml/memoryCalendar.ts")
        const calendar = yield* Effect.forkScoped(exec([...words, program, `${at}/calendar`, "2", "8", "3"]))
        yield* thereIs(`${at}/calendar`)
        const proxy = yield* Effect.forkScoped(
          exec([
            ...words,
            Path.resolve("src/cli/main.ts"),
            "proxy",
            "--listen",
            `${at}/checked`,
            "--connect",
            `${at}/calendar`,
          ]),
        )
        yield* thereIs(`${at}/checked`)
        const kernels = yield* Effect.forEach(
          [1, 2],
          (id) => Kernel.boot("6.12", { socket: `${at}/checked`, id, run: SLEEPS }),
        )
        yield* Effect.sleep("500 millis")
        kernels.push(yield* Kernel.boot("6.12", { socket: `${at}/checked`, id: 3, run: SLEEPS }))
        const times = yield* Effect.forEach(kernels, slept, { concurrency: "unbounded" })
        expect(times).toEqual(kernels.map(() => measured["6.12"].simulated))
        const happened = JSON.parse((yield* Fiber.join(calendar)).stdout)
        expect(happened.sharedTurns).toBeGreaterThan(2 * SLEEPS.times)
        // The calendar's socket goes with it, so the proxy ends by itself.
        const { code, stdout } = yield* Fiber.join(proxy)
        expect([code, stdout]).toEqual([0, expect.stringContaining(": 0 breaches")])
      }),
    )
  })
}
