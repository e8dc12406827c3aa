import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import { createServer, type Socket } from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { running } from "../../src/internal/platform/Runtime.ts"
import { Processes } from "../../src/processes.ts"
import { World } from "../../src/simulation.ts"
import { builtUrl } from "../support/built.ts"
import * as worlds from "../support/worlds/hostile.ts"

const module = builtUrl("test/support/worlds/hostile.ts")

const run = (name: keyof typeof worlds) =>
  Effect.provide(World.run(worlds[name]), Processes.layer({ module, export: name }))

describe("a world as processes, one of which is broken", () => {
  it.live.each<readonly [keyof typeof worlds, string, string | undefined, RegExp]>([
    ["nonsense", "ann", undefined, /what it said can't be understood: \}\{ \(/],
    ["anotherKind", "ann", undefined, /what it said can't be understood: \{"_tag":"Sing"/],
    ["badMessage", "bob", "wire", /what arrives on the link "wire" from "ann" can't be \{"n":5\}: Expected number/],
    ["noSuchLink", "bob", "rope", /what arrives on the link "rope" from "ann" can't be 5: the world's links are wire/],
    ["noSuchGuest", "ann", "wire", /it sent something to "eve", and there is no such guest/],
    ["cutOff", "ann", undefined, /its process was killed/],
  ])(
    "fails with the guest and why, instead of waiting for ever (%s)",
    ([name, guest, link, why]) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(run(name))
        expect(error).toMatchObject({ _tag: "GuestFailed", guest, link })
        expect(error.message).toMatch(why)
      }),
    30_000,
  )

  it.live("can be interrupted while a guest waits for an answer that never comes", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(run("silent"))
      yield* Effect.sleep("1500 millis")
      expect(fiber.pollUnsafe()).toBe(undefined)
      yield* Fiber.interrupt(fiber)
    }), 30_000)
})

/** A guest's process, whose hub says what it is told to say. */
class Child {
  readonly heard: Array<string> = []
  readonly ended: Promise<number | null>

  constructor(path: string, answer: (heard: string, socket: Socket) => void) {
    const server = createServer((socket) => {
      socket.setEncoding("utf8")
      socket.on("error", () => {})
      socket.on("data", (text: string) => {
        this.heard.push(text)
        answer(text, socket)
      })
    })
    this.ended = new Promise((resolve) =>
      server.listen(path, () => {
        const [command, ...args] = running(builtUrl("src/internal/processes/child.ts").href)
        const child = spawn(command, [...args, path, "bob", module.href, "nonsense"], { stdio: "ignore" })
        child.on("exit", (code) => {
          server.close()
          resolve(code)
        })
      })
    )
  }
}

const withChild = async (answer: (heard: string, socket: Socket) => void, use: (child: Child) => Promise<void>) => {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-hostile-"))
  try {
    await use(new Child(Path.join(folder, "hub"), answer))
  } finally {
    Fs.rmSync(folder, { recursive: true })
  }
}

describe("a guest's process whose hub is broken", () => {
  it("says what it couldn't understand, and ends", () =>
    withChild(
      (heard, socket) => void (heard.includes("Hello") && socket.write("}{\n")),
      async (child) => {
        expect(await child.ended).not.toBe(0)
        expect(child.heard.join("")).toMatch(/"_tag":"Failed".*of the world: what it said can't be understood: \}\{/)
      },
    ), 30_000)

  it(
    "ends when the hub hangs up before it said anything",
    () =>
      withChild((_, socket) => void socket.destroy(), async (child) => {
        expect(await child.ended).not.toBe(0)
      }),
    30_000,
  )
})
