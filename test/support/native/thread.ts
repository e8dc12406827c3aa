/**
 * A thread that makes native calls, and fails again and again in two ways.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { parentPort } from "node:worker_threads"
import * as Libc from "../../../src/internal/platform/native/Libc.ts"
import * as Pidfd from "../../../src/internal/platform/native/Pidfd.ts"
import * as UnixSocket from "../../../src/internal/platform/native/UnixSocket.ts"

const codes = new Set<string>()
await Effect.runPromise(
  Effect.gen(function* () {
    for (let count = 0; count < 2000; count++) {
      codes.add((yield* Effect.flip(Pidfd.open(-1))).code)
      codes.add((yield* Effect.flip(UnixSocket.connect("/nowhere"))).code)
    }
  }).pipe(Effect.scoped, Effect.provide(Libc.layer)),
)
parentPort!.postMessage([...codes].sort())
