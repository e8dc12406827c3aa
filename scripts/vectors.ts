/**
 * `deno task vectors FILE…`: plays recorded cases (test/vectors/README.md)
 * through the real `GuestClock` with the world on tape.
 *
 * Prints the first record that differs of each case that fails, and closes with
 * `N passed, N failed`; exits with 1 if any failed.
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import { Argument, Command } from "effect/cli"
import process from "node:process"
import { traits } from "../src/core/Modes.ts"
import { type Case, type Difference, replay } from "../test/support/replay.ts"

const FIELDS = ["name", "mode", "events", "ticks", "interrupts", "script", "log"]

const parseCase = (line: string): Effect.Effect<Case, string> =>
  Effect.try({
    try: () => JSON.parse(line) as Case,
    catch: (error) => `it is not JSON: ${error instanceof Error ? error.message : error}`,
  }).pipe(Effect.filterOrFail(
    (found) => typeof found === "object" && found !== null && FIELDS.every((field) => field in found),
    () => `it must have all of ${FIELDS.join(", ")}`,
  )).pipe(Effect.filterOrFail(
    ({ mode, log, script }) => mode in traits && Array.isArray(log) && log.length > 0 && Array.isArray(script),
    () => `its mode is one of ${Object.keys(traits).join(", ")}, its script a list, and its log a list of records`,
  ))

const show = (record: Difference["expected"]): string => record === undefined ? "nothing" : JSON.stringify(record)

const report = (where: string, name: string, { index, expected, got }: Difference): string =>
  `FAILED ${name} (${where}), record ${index + 1}\n  expected ${show(expected)}\n  got      ${show(got)}`

/** Plays the case on one line: what is wrong with it, if anything is. */
const play = (line: string, where: string): Effect.Effect<string | undefined> =>
  parseCase(line).pipe(
    Effect.flatMap((recorded) =>
      Effect.map(replay(recorded), (difference) => difference && report(where, recorded.name, difference))
    ),
    Effect.catchDefect((defect) => Effect.fail(String(defect))),
    Effect.catch((why) => Effect.succeed(`FAILED ${where} is not a recorded case: ${why}`)),
  )

const vectors = Command.make(
  "vectors",
  {
    files: Argument.File("FILE", { mustExist: true }).pipe(
      Argument.withDescription("Recorded cases, one JSON object a line"),
      Argument.variadic({ min: 1 }),
    ),
  },
  Effect.fnUntraced(function* ({ files }) {
    const fs = yield* FileSystem.FileSystem
    let passed = 0
    let failed = 0
    for (const file of files) {
      const lines = fs.stream(file).pipe(Stream.decodeText(), Stream.splitLines, Stream.zipWithIndex)
      yield* Stream.runForEach(lines, ([line, index]) =>
        Effect.gen(function* () {
          if (line.trim() === "") return
          const failure = yield* play(line, `${file}:${index + 1}`)
          if (failure === undefined) passed++
          else {
            failed++
            yield* Console.log(failure)
          }
        }))
    }
    if (passed + failed === 0) {
      failed++
      yield* Console.log(`FAILED ${files.join(", ")}: no recorded cases`)
    }
    yield* Console.log(`${passed} passed, ${failed} failed`)
    if (failed > 0) {
      yield* Effect.sync(() => {
        process.exitCode = 1
      })
    }
  }),
).pipe(Command.withDescription("Plays recorded cases through the real clock and reports the first difference of each"))

Command.run(vectors, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
