import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { exec } from "../../scripts/exec.ts"
import * as CalendarServer from "../../src/controller/CalendarServer.ts"
import * as Fleet from "../fleet.ts"
import type { Case, Suite } from "../suite.ts"

const fleet = fileURLToPath(new URL("../fleet.ts", import.meta.url))
const runtime = [process.execPath, ..."Deno" in globalThis ? ["run", "-q", "-A"] : []] as [string, ...Array<string>]

/** Turns a second, in thousands, from the first that is granted to the last. */
const measured = (turns: number, run: (onGrant: () => void) => Effect.Effect<unknown, unknown>): Promise<number> => {
  let granted = 0
  let first = 0
  let last = 0
  const onGrant = () => {
    last = performance.now()
    if (granted++ === 0) first = last
  }
  return Effect.runPromise(Effect.map(run(onGrant), () => {
    if (granted !== turns) throw new Error(`${granted} turns instead of ${turns}`)
    return turns / (last - first)
  }))
}

const onSockets = (guests: number, wakeUps: number): Case => ({
  name: `${guests} guests, unix socket`,
  measure: () =>
    measured(guests * wakeUps, (onGrant) =>
      Effect.gen(function* () {
        const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "bench-"))
        yield* Effect.addFinalizer(() => Effect.sync(() => Fs.rmSync(folder, { recursive: true })))
        const path = Path.join(folder, "calendar")
        yield* CalendarServer.make({ path, clients: guests, onGrant })
        const { code, stderr } = yield* exec([...runtime, fleet, path, String(guests), String(wakeUps)])
        if (code !== 0) return yield* Effect.fail(new Error(stderr))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))),
})

const inProcess = (guests: number, wakeUps: number): Case => ({
  name: `${guests} guests, in process`,
  measure: () =>
    measured(guests * wakeUps, (onGrant) =>
      Effect.gen(function* () {
        const calendar = yield* CalendarServer.serve({ clients: guests, onGrant })
        yield* Fleet.onLinks(() => calendar.link(), guests, wakeUps)
      }).pipe(Effect.scoped)),
})

const suite: Suite = {
  about: "Guests in lockstep, each woken once a second",
  unit: "thousand turns/s",
  more: true,
  warmUps: 0,
  cases: [
    onSockets(2, 5000),
    onSockets(10, 1000),
    onSockets(100, 100),
    onSockets(1000, 10),
    inProcess(2, 20_000),
    inProcess(10, 4000),
    inProcess(100, 400),
    inProcess(1000, 40),
  ],
}

export default suite
