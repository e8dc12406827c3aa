/**
 * Two kernels with a network card each, and a wire of 0.5 ms each way between these: `pinging.ts VERSION VERSION SCRIPT
 * SCRIPT [KILL [messages]]`. The first one, 10.0.0.1, runs its script after 100 ms, and the other one, 10.0.0.2, at once. The first one
 * is killed when it has sent so many frames, if any number. With `messages`, no memory is shared. Prints, as JSON, what both have printed, and all frames: who sent it, when, and
 * how long it is.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import process from "node:process"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import * as NetworkDevice from "../../src/devices/NetworkDevice.ts"
import { Mode, VirtualTime } from "../../src/index.ts"
import * as Kernel from "./Kernel.ts"
import { run } from "./scenario.ts"

const LATENCY = 500_000n

const [left = "", right = "", script = "", others = "", kill = "Infinity", how = "memory"] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "pinging-" })
  const socket = `${folder}/calendar`
  const server = yield* CalendarServer.make({ path: socket, clients: 3, sharedMemory: how === "memory" })
  const up = (address: string) => `ip addr add ${address}/24 dev eth0\nip link set eth0 up\n`
  yield* fs.writeFileString(`${folder}/left.sh`, `${up("10.0.0.1")}sleep 0.1\n${script}\n`)
  yield* fs.writeFileString(`${folder}/right.sh`, `${up("10.0.0.2")}${others}\n`)

  const frames: Array<readonly [from: string, at: string, bytes: number]> = []
  const reports: Array<string> = []
  const kernels: Array<Kernel.Kernel> = []
  let framesLeft = Number(kill)
  const network = Effect.gen(function* () {
    const card = (name: string, mac: string) =>
      NetworkDevice.make({
        path: `${folder}/${name}`,
        name,
        mac,
        onReport: (report) => reports.push(`${name} ${report._tag}`),
      })
    const cards = [yield* card("left", "02:00:00:00:00:01"), yield* card("right", "02:00:00:00:00:02")] as const
    for (const [from, to] of [cards, [cards[1], cards[0]]] as const) {
      from.onFrame((frame, at) => {
        frames.push([from.name, String(at), frame.length])
        if (from === cards[0] && --framesLeft === 0) Effect.runFork(Effect.ignore(kernels[0]!.kill))
        from.bus.after(LATENCY, () => to.receive(frame))
      })
    }
    yield* Effect.all(cards.map(({ ended }) => ended), { concurrency: 2 })
  })
  const networking = yield* Effect.forkScoped(
    VirtualTime.run(Effect.scoped(network)).pipe(Effect.provide(Mode.linked(server.link("network"), { id: 0n }))),
  )
  const boot = (version: string, id: number, name: string) =>
    Kernel.boot(version as Kernel.Version, {
      socket,
      id,
      run: { folder, script: `${name}.sh` },
      words: [`virtio_uml.device=${folder}/${name}:1`],
      fixedAddresses: true,
    })
  kernels.push(yield* boot(left, 1, "left"), yield* boot(right, 2, "right"))
  const printed = yield* Effect.forEach(
    kernels,
    ({ ended }) =>
      Effect.catch(ended, (error) => kill === "Infinity" ? Effect.fail(error) : Effect.succeed(error._tag)),
  )
  yield* Fiber.join(networking)
  console.log(JSON.stringify({ printed, frames, reports }))
})

await run(program)
