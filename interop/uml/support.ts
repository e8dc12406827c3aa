/**
 * What the tests with kernels share.
 *
 * @module
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Path from "node:path"
import { exec } from "../../scripts/exec.ts"
import * as Kernel from "./Kernel.ts"

/** PROTOCOL, "Facts to test against": what 5,000 sleeps of 1 ms take, and how often the kernel waits for that. */
export const measured = {
  "6.1": { simulated: 5_258_488_064n, waits: 5879 },
  "6.12": { simulated: 5_258_535_936n, waits: 5908 },
} as const

/** Those sleeps. */
export const SLEEPS = { times: 5000, us: 1000 }

/** A folder of this test's own, which goes with it. */
export const folder: Effect.Effect<string, PlatformError, FileSystem.FileSystem | Scope.Scope> = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.makeTempDirectoryScoped({ prefix: "kernels-" }),
)

/** For how long a test may go on: less than vitest's own time-out, which couldn't say what the kernels printed. */
const PATIENCE = "110 seconds"

/** A test in real time. It fails as soon as a kernel dies, with what that one printed. */
export const live = <E>(
  what: string,
  effect: Effect.Effect<unknown, E, NodeServices.NodeServices | Scope.Scope>,
): void => it.live(what, () => Kernel.watched(effect, PATIENCE).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

/** The library that makes this host one with AMX, for `LD_PRELOAD`: hostWithAmx.c. */
export const hostWithAmx: Effect.Effect<string, PlatformError, NodeServices.NodeServices | Scope.Scope> = Effect
  .suspend(() => compile("hostWithAmx.c", "-fPIC", "-shared", "-ldl"))

/** Compiles a C file of this folder. */
export const compile = (
  source: string,
  ...flags: ReadonlyArray<string>
): Effect.Effect<string, PlatformError, NodeServices.NodeServices | Scope.Scope> =>
  Effect.gen(function* () {
    const output = `${yield* folder}/${Path.parse(source).name}`
    const words = ["-O2", "-Wall", "-Wextra", "-Werror", "-o", output, Path.resolve("interop/uml", source), ...flags]
    const { code, stderr } = yield* exec(["cc", ...words])
    if (code !== 0) return yield* Effect.die(new Error(`${source} can't be compiled:\n${stderr}`))
    return output
  })
