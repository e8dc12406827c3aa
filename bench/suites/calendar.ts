import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { exec } from "../../scripts/exec.ts"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { sized, SMALL } from "../numbers.ts"
import type { Case, Suite } from "../suite.ts"
import { turnsPerSecond } from "../turns.ts"

const fleet = fileURLToPath(new URL("../fleet.ts", import.meta.url))
const runtime = [process.execPath, ..."Deno" in globalThis ? ["run", "-q", "-A"] : []] as [string, ...Array<string>]

const onSockets = (guests: number, times: number): Case => {
  const wakeUps = sized(times)
  return {
    name: `${guests} guests`,
    against: [],
    measure: () =>
      turnsPerSecond(guests * wakeUps, (onGrant) =>
        Effect.gen(function* () {
          const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "bench-"))
          yield* Effect.addFinalizer(() => Effect.sync(() => Fs.rmSync(folder, { recursive: true })))
          const path = Path.join(folder, "calendar")
          yield* CalendarServer.make({ path, clients: guests, onGrant })
          const { code, stderr } = yield* exec([...runtime, fleet, path, String(guests), String(wakeUps)])
          if (code !== 0) return yield* Effect.fail(new Error(stderr))
        }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))),
  }
}

const suite: Suite = {
  about: "Guests in lockstep on a unix socket, each woken once a second",
  unit: "thousand turns/s",
  more: true,
  warmUps: 0,
  cases: [
    onSockets(2, 5000),
    onSockets(10, 1000),
    ...SMALL ? [] : [onSockets(100, 100), onSockets(1000, 10)],
  ],
}

export default suite
