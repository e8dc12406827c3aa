/**
 * The closing line of everything that checks something: `N passed, N failed` by
 * itself. `deno task ok` and CI add them up.
 *
 * @module
 */
import * as Fs from "node:fs"
import process from "node:process"
import type { Reporter, SerializedError, TestModule } from "vitest/node"
import * as LeftOut from "./leftOut.ts"

/** How many checks went well, and how many didn't. */
export interface Count {
  readonly passed: number
  readonly failed: number
}

/** The closing line. */
export const format = ({ passed, failed }: Count): string => `${passed} passed, ${failed} failed`

/** Reads a closing line; `undefined` if it is none. */
export const parse = (line: string): Count | undefined => {
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(line) ?? []
  return passed === undefined ? undefined : { passed: Number(passed), failed: Number(failed) }
}

/** All of them together. */
export const sum = (counts: Iterable<Count>): Count => {
  let passed = 0
  let failed = 0
  for (const count of counts) {
    passed += count.passed
    failed += count.failed
  }
  return { passed, failed }
}

/**
 * Has vitest print a closing line, and before it what was left out. A file that can't
 * be loaded and an error outside of any test each count as one that failed. The names
 * of the files that left something out are written to the file that the variable
 * `LEFT_OUT` names, if it is set.
 */
export const vitestReporter: Reporter = {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<SerializedError>): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const states = tests.map((test) => test.result().state)
    const broken = modules.flatMap((module) => module.errors()).length + errors.length
    const notes = tests.flatMap((test) =>
      test.annotations().filter(({ type }) => type === LeftOut.ANNOTATION).map(({ message }) => ({
        message,
        file: test.module.relativeModuleId,
      }))
    )
    for (const message of new Set(notes.map(({ message }) => message))) console.log(message)
    const list = process.env["LEFT_OUT"]
    if (list !== undefined) {
      Fs.writeFileSync(list, [...new Set(notes.map(({ file }) => `${file}\n`))].join(""))
    }
    console.log(format({
      passed: states.filter((state) => state === "passed").length,
      failed: states.filter((state) => state === "failed").length + broken,
    }))
  },
}
