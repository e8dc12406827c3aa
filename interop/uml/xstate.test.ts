/**
 * Kernels on hosts with AMX: xstate.c by itself, and with real kernels. Such a host is
 * made from this one, whatever it has: hostWithAmx.c.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "node:path"
import { exec } from "../../scripts/exec.ts"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import * as Kernel from "./Kernel.ts"
import { compile, folder, hostWithAmx, live, measured, SLEEPS } from "./support.ts"

const library = Path.join(Kernel.cache(), "xstate", "xstate.so")

/** What a host is, and what becomes of the tracer's calls there. */
const hosts = [
  { name: "this host", bytes: undefined },
  { name: "a host whose areas have 11,008 bytes", bytes: 11_008 },
  { name: "a host whose areas have as many bytes as it is offered at first", bytes: 16_384 },
  { name: "a host whose areas have 400,000 bytes", bytes: 400_000 },
] as const

const answers = [
  "peek a word: 1122334455667788, ok",
  "peek -1: ffffffffffffffff, ok",
  "peek nowhere: ffffffffffffffff, EIO",
  "peek the user area: 0, ok",
  "poke: 0, ok",
  "peek it: 7, ok",
  "get registers: 0, ok",
  "set registers: 0, ok",
  "get FPU: 0, ok",
  "set FPU: 0, ok",
  "change XSTATE: 0, ok",
  "set XSTATE of 104 bytes: ffffffffffffffff, EFAULT",
  "set XSTATE of 2,701 bytes: ffffffffffffffff, EINVAL",
  "set XSTATE from nowhere: ffffffffffffffff, EFAULT",
  "get XSTATE of 65,536 bytes: 0, ok",
  "change XSTATE in threads: 0, ok",
  "set XSTATE of nobody: ffffffffffffffff, ESRCH",
]

describe("the preloaded ptrace", () => {
  const trace = (environment: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const { code, stdout, stderr } = yield* exec(["env", ...environment, yield* compile("tracer.c", "-pthread")])
      return { code, lines: stdout.trimEnd().split("\n"), stderr }
    })

  for (const { name, bytes } of hosts) {
    for (const padding of ["auto", "always"]) {
      it.live(
        `answers on ${name}, padding ${padding}, what the C library answers, and registers arrive`,
        () =>
          Effect.gen(function* () {
            const preload = bytes === undefined ? library : `${library}:${yield* hostWithAmx}`
            const variables = [`LD_PRELOAD=${preload}`, `GUEST_CLOCK_XSTATE=${padding}`]
            if (bytes !== undefined) variables.push(`HOST_XSTATE=${bytes}`)
            const { code, lines, stderr } = yield* trace(variables)
            expect({ code, lines }).toEqual({ code: 0, lines: answers })
            const said = /^xstate\.so: (\d+) bytes of an XSAVE area are set as (\d+)\n$/.exec(stderr)
            expect(stderr === "").toBe(padding === "auto")
            if (padding === "always") {
              expect(Number(said?.[1])).toBeLessThanOrEqual(2696)
              if (bytes !== undefined) expect(said?.slice(1)).toEqual(["2696", String(bytes)])
            }
          }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
      )
    }
  }

  it.live("is what makes the difference: without it such a host refuses to set registers", () =>
    Effect.gen(function* () {
      const host = yield* hostWithAmx
      const refused = answers.map((line) => line.replace(/(change XSTATE.*): 0, ok/, "$1: ffffffffffffffff, EFAULT"))
      for (const preload of [host, `${library}:${host}`]) {
        const { code, lines } = yield* trace([`LD_PRELOAD=${preload}`, "GUEST_CLOCK_XSTATE=never"])
        expect({ code, lines }).toEqual({ code: 0, lines: refused })
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("ends a program that is started with a setting that there isn't, and says which there are", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* trace([`LD_PRELOAD=${library}`, "GUEST_CLOCK_XSTATE=sometimes"])
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: 'xstate.so: GUEST_CLOCK_XSTATE is "sometimes": it must be auto, always or never\n',
      })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

describe.each(Kernel.built())("a kernel of Linux %s", (version) => {
  const { simulated, waits } = measured[version]

  /** Two in lockstep on a calendar: what each of them printed. */
  const lockstep = (host: NonNullable<Kernel.Options["host"]>) =>
    Effect.gen(function* () {
      const socket = `${yield* folder}/calendar`
      const server = yield* CalendarServer.make({ path: socket, clients: 2 })
      const kernels = yield* Effect.forEach([1, 2], (id) => Kernel.boot(version, { socket, id, run: SLEEPS, host }))
      const printed = yield* Effect.forEach(kernels, ({ ended }) => ended)
      yield* server.ended
      expect(printed.map((each) => Kernel.slept(each)?.simulated)).toEqual([simulated, simulated])
      expect((yield* server.status).left.map((client) => client.waits)).toEqual([waits, waits])
      return printed
    })

  live(
    "whose areas are padded by force sees exactly the same times",
    Effect.gen(function* () {
      for (const printed of yield* lockstep({ GUEST_CLOCK_XSTATE: "always" })) {
        expect(printed).toMatch(/^xstate\.so: \d+ bytes of an XSAVE area are set as \d+$/m)
      }
    }),
  )

  live(
    "sees exactly the same times on a host with AMX, and says nothing of it",
    Effect.gen(function* () {
      const host = { LD_PRELOAD: yield* hostWithAmx, HOST_XSTATE: "11008", GUEST_CLOCK_XSTATE: "auto" }
      for (const printed of yield* lockstep(host)) expect(printed).not.toContain("xstate.so")
    }),
  )

  live(
    "panics there before its first process without the padding, and the failure says so",
    Effect.gen(function* () {
      const socket = `${yield* folder}/calendar`
      yield* CalendarServer.make({ path: socket, clients: 1 })
      const host = { LD_PRELOAD: yield* hostWithAmx, GUEST_CLOCK_XSTATE: "never" }
      // Whatever else is waited for.
      const test = Effect.andThen(Kernel.boot(version, { socket, id: 7, run: SLEEPS, host }), Effect.never)
      const { message } = yield* Effect.flip(Kernel.watched(test))
      expect(message).toContain(`the kernel of Linux ${version} with ID 7 was ended by SIGABRT before it powered off`)
      expect(message).toContain("ptrace set fp regs failed, errno = 14")
      expect(message).toContain("Kernel panic - not syncing: Attempted to kill init!")
    }),
  )

  live(
    "has no word of what is preloaded to it in its own processes' environment",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const shared = yield* folder
      const socket = `${shared}/calendar`
      yield* CalendarServer.make({ path: socket, clients: 1 })
      yield* fs.writeFileString(`${shared}/run.sh`, "echo BEGIN\nenv\necho END\n")
      const run = { folder: shared, script: "run.sh", environment: { MINE: "here" } }
      const host = { GUEST_CLOCK_XSTATE: "auto" }
      const printed = yield* Effect.flatMap(Kernel.boot(version, { socket, id: 1, run, host }), ({ ended }) => ended)
      const environment = printed.slice(printed.indexOf("BEGIN"), printed.indexOf("END"))
      expect(environment).toContain("MINE=here")
      expect(environment).not.toMatch(/LD_PRELOAD|GUEST_CLOCK/)
    }),
  )
})
