/**
 * A kernel that ends early ends what waits for it, with an error that says which kernel
 * it was, how it ended, and what its console said last.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import { resolve } from "node:path"
import process from "node:process"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import * as Kernel from "./Kernel.ts"
import { folder, hostWithAmx, live, SLEEPS } from "./support.ts"

const calendar = (clients: number) =>
  Effect.gen(function* () {
    const socket = `${yield* folder}/calendar`
    return { socket, server: yield* CalendarServer.make({ path: socket, clients }) }
  })

/** An environment variable of this process, until the scope closes. */
const variable = (name: string, value: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = process.env[name]
      process.env[name] = value
      return before
    }),
    (before) =>
      Effect.sync(() => {
        if (before === undefined) delete process.env[name]
        else process.env[name] = before
      }),
  )

describe.each(Kernel.built())("a kernel of Linux %s", (version) => {
  const boot = (options: Partial<Kernel.Options>) =>
    Effect.gen(function* () {
      const { socket } = yield* calendar(1)
      return yield* Kernel.boot(version, { socket, id: 7, run: SLEEPS, ...options })
    })

  /** The message of the error that ends an effect that waits for something else than the kernel. */
  const deathOf = (options: Partial<Kernel.Options>) =>
    Effect.map(
      Effect.flip(Kernel.watched(Effect.andThen(boot(options), Effect.never))),
      (error) => {
        expect(error).toBeInstanceOf(Kernel.Died)
        // To be read: not the whole console.
        expect(error.message.split("\n").length).toBeLessThan(20)
        return error.message
      },
    )

  const named = `the kernel of Linux ${version} with ID 7`
  const cases = [
    {
      what: "that finds no first process",
      options: { words: ["rdinit=/nothing"] },
      how: "was ended by SIGABRT",
      lines: ["Kernel panic - not syncing: VFS: Unable to mount root fs"],
    },
    {
      what: "that finds no calendar",
      options: { socket: "/nowhere" },
      how: "was ended by SIGABRT",
      lines: ["Kernel panic - not syncing: time-travel: failed to connect to external socket ./calendar"],
    },
    {
      what: "that has too little memory to begin",
      options: { words: ["mem=1M"] },
      how: "exited with 1",
      lines: ["Too few physical memory!"],
    },
    {
      what: "that does something else than to boot",
      options: { words: ["--version"] },
      how: "exited with 0",
      lines: [`${version}.`],
    },
    {
      what: "whose library isn't content",
      options: { host: { GUEST_CLOCK_XSTATE: "sometimes" } },
      how: "exited with 2",
      lines: ['xstate.so: GUEST_CLOCK_XSTATE is "sometimes"'],
    },
  ]
  for (const { what, options, how, lines } of cases) {
    live(
      `${what} is said to have ended, and how, with its last words`,
      Effect.gen(function* () {
        const message = yield* deathOf(options)
        expect(message).toContain(`${named} ${how} before it powered off.`)
        for (const line of lines) expect(message).toContain(`  | ${line}`)
      }),
    )
  }

  live(
    "that is killed by somebody else is said to have been, with what it printed until then",
    Effect.gen(function* () {
      const { server, socket } = yield* calendar(2)
      const test = Effect.gen(function* () {
        const kernels = yield* Effect.forEach([7, 8], (id) => Kernel.boot(version, { socket, id, run: SLEEPS }))
        while ((yield* server.stats).time < 1_000_000_000n) yield* Effect.sleep("2 millis")
        // By itself: its helpers outlive it, and hold its console and its connection.
        process.kill(kernels[0]!.pid, "SIGKILL")
        return yield* server.ended
      })
      const { message } = yield* Effect.flip(Kernel.watched(test))
      expect(message).toContain(`${named} was ended by SIGKILL before it powered off. The last lines of its console:`)
      expect(message).toContain("  | Run /init as init process")
    }),
  )

  live(
    "whose calendar goes away says that, and what waits for the kernel fails with it",
    Effect.gen(function* () {
      const test = Effect.gen(function* () {
        const kernel = yield* Effect.scoped(Effect.gen(function* () {
          const { server, socket } = yield* calendar(2)
          // Nothing but the calendar is to go away here.
          const kernels = yield* Effect.forEach([7, 8], (id) => Kernel.boot(version, { socket, id, run: SLEEPS })).pipe(
            Effect.provideService(Scope.Scope, outer),
          )
          while ((yield* server.stats).time < 1_000_000_000n) yield* Effect.sleep("2 millis")
          return kernels[0]!
        }))
        return yield* kernel.ended
      })
      const outer = yield* Effect.scope
      const { message } = yield* Effect.flip(Kernel.watched(test))
      // Which of the two it says depends on how the connection ended.
      expect(message).toMatch(
        /Kernel panic - not syncing: (time-travel external link is broken|invalid time-travel message)/,
      )
    }),
  )

  live(
    "that has died is the reason that is given, when what came of it is seen first",
    Effect.gen(function* () {
      const test = Effect.gen(function* () {
        const kernel = yield* boot({})
        yield* Effect.sleep("50 millis")
        process.kill(kernel.pid, "SIGKILL")
        return yield* Effect.fail("a socket was closed")
      })
      expect(yield* Effect.flip(Kernel.watched(test))).toMatchObject({ _tag: "Died", version, id: 7, by: "SIGKILL" })
    }),
  )

  live(
    "that is well is no reason: what fails beside it fails with its own error",
    Effect.gen(function* () {
      const { socket } = yield* calendar(2)
      const test = Effect.andThen(
        Kernel.boot(version, { socket, id: 7, run: SLEEPS }),
        Effect.fail("something else"),
      )
      expect(yield* Effect.flip(Kernel.watched(test))).toBe("something else")
    }),
  )

  live(
    "that waits for good is said to, after some patience, with what it printed until then",
    Effect.gen(function* () {
      // The second client never comes.
      const { socket } = yield* calendar(2)
      const test = Effect.flatMap(Kernel.boot(version, { socket, id: 7, run: SLEEPS }), ({ ended }) => ended)
      const error = yield* Effect.flip(Kernel.watched(test, "2 seconds"))
      expect(error).toBeInstanceOf(Kernel.Stuck)
      expect((error as Kernel.Stuck).message).toMatch(
        new RegExp(`^not done after 2s\\.\\nThe kernel of Linux ${version} with ID 7 still runs\\. The last lines`),
      )
    }),
  )

  live(
    "that is killed on purpose is no reason to fail",
    Effect.gen(function* () {
      const test = Effect.gen(function* () {
        const kernel = yield* boot({})
        yield* kernel.kill
        const died = yield* Effect.flip(kernel.ended)
        yield* Effect.sleep("100 millis")
        return died
      })
      expect(yield* Kernel.watched(test)).toMatchObject({ _tag: "Died", by: "SIGKILL" })
    }),
  )
})

describe("a kernel that can't be booted", () => {
  const options = { socket: "/nowhere", id: 1, run: SLEEPS }

  /** A folder that holds what is built, for this test. */
  const cache = Effect.gen(function* () {
    const path = yield* folder
    yield* variable("GUEST_CLOCK_CACHE", path)
    return `${path}/uml`
  })

  live(
    "as it hasn't been built is said to be missing, with its version, and what makes it",
    Effect.gen(function* () {
      const path = yield* cache
      const { message } = yield* Effect.flip(Kernel.boot("6.1", options))
      expect(message).toBe(
        `a kernel of Linux 6.1 can't be booted, as there is no ${path}/6.1/linux: interop/uml/build makes it, or says why not`,
      )
    }),
  )

  live(
    "as its file can't be run is said not to start, with its version, and why",
    Effect.gen(function* () {
      const path = yield* cache
      for (const file of ["6.12/linux", "initrd/init.cpio", "xstate/xstate.so", "random/random.so"]) {
        Fs.mkdirSync(`${path}/${file.split("/")[0]}`, { recursive: true })
        Fs.writeFileSync(`${path}/${file}`, "")
      }
      const error = yield* Effect.flip(Kernel.boot("6.12", options))
      expect(error).toBeInstanceOf(Kernel.NotStarted)
      expect(error.message).toContain(`${path}/6.12/linux, the kernel of Linux 6.12, can't be started: `)
      expect(error.message).toMatch(/EACCES|[Pp]ermission ?[Dd]enied/)
    }),
  )
})

// With a kernel left out there is no example: leftOut.ts says so.
it.live.each(Kernel.built().length === Kernel.versions.length ? Runtimes.names : [])(
  "the example ends on %s when a kernel dies, and says what that one said",
  (runtime) =>
    Effect.gen(function* () {
      const words = yield* Runtimes.locate(runtime)
      // As on a host with AMX, were it not for the padding.
      const host = ["env", `LD_PRELOAD=${yield* hostWithAmx}`, "GUEST_CLOCK_XSTATE=never"] as const
      const { code, stdout, stderr } = yield* exec([...host, ...words, resolve("examples/kernels/main.ts")])
      expect(code).toBe(1)
      expect(stdout + stderr).toContain("ptrace set fp regs failed, errno = 14")
      expect(stdout + stderr).toMatch(/the kernel of Linux 6\.12? with ID [12] was ended by SIGABRT/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
)
