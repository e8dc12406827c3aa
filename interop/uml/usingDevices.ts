/**
 * A kernel with a disk of 16 MiB, a console and entropy: `usingDevices.ts VERSION SCRIPT [disk]`. It runs the script; what
 * is typed on its console after 1 s is `typed`. Prints, as JSON, what it has printed, what its disk has done, what its
 * console has, and what happened to its devices. With `disk`, the disk takes time.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import process from "node:process"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import * as BlockDevice from "../../src/devices/BlockDevice.ts"
import * as ConsoleDevice from "../../src/devices/ConsoleDevice.ts"
import * as EntropyDevice from "../../src/devices/EntropyDevice.ts"
import type * as VirtioDevice from "../../src/devices/VirtioDevice.ts"
import { Mode, VirtualTime } from "../../src/index.ts"
import * as Kernel from "./Kernel.ts"
import { run } from "./scenario.ts"

const [version = "", script = "", timing = "none"] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "devices-" })
  const socket = `${folder}/calendar`
  const server = yield* CalendarServer.make({ path: socket, clients: 2 })
  yield* fs.writeFileString(`${folder}/run.sh`, `${script}\n`)
  const served: Array<ReadonlyArray<string | number>> = []
  const console_: Array<readonly [text: string, at: string]> = []
  const reports: Array<string> = []
  const onReport = (report: VirtioDevice.Report) => void reports.push(`${report.device} ${report._tag}`)
  const text = new TextDecoder()
  const devices = Effect.gen(function* () {
    const disk = yield* BlockDevice.make({
      path: `${folder}/disk`,
      name: "disk",
      store: new Uint8Array(16 * 1024 * 1024),
      ...timing === "disk" && { disk: {} },
      onReport,
      onServed: ({ kind, sector, count, from, until, outcome }) =>
        void served.push([kind, sector, count, String(from), String(until), outcome]),
    })
    const terminal = yield* ConsoleDevice.make({
      path: `${folder}/console`,
      name: "console",
      onReport,
      onOutput: (bytes, at) => void console_.push([text.decode(bytes), String(at)]),
    })
    const entropy = yield* EntropyDevice.make({ path: `${folder}/entropy`, name: "entropy", seed: 7, onReport })
    yield* Effect.sleep("1 second")
    yield* terminal.type("typed\n")
    yield* Effect.all([disk.ended, terminal.ended, entropy.ended], { concurrency: "unbounded" })
  })
  const hosting = yield* Effect.forkScoped(
    VirtualTime.run(Effect.scoped(devices)).pipe(Effect.provide(Mode.linked(server.link("devices"), { id: 0n }))),
  )
  const kernel = yield* Kernel.boot(version as Kernel.Version, {
    socket,
    id: 1,
    run: { folder, script: "run.sh" },
    words: [["disk", 2], ["console", 3], ["entropy", 4]].map(([name, id]) =>
      `virtio_uml.device=${folder}/${name}:${id}`
    ),
    fixedAddresses: true,
    drivers: true,
  })
  const printed = yield* kernel.ended
  yield* Fiber.join(hosting)
  console.log(JSON.stringify({ printed, served, console: console_, reports }))
})

await run(program)
