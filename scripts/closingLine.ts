/**
 * The closing line of everything that checks something: `N passed, N failed` by
 * itself. `deno task ok` and CI add them up.
 *
 * @module
 */
import type { Reporter, SerializedError, TestModule } from "vitest/node"

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
 * Has vitest print a closing line. A file that can't be loaded and an error
 * outside of any test each count as one that failed.
 */
export const vitestReporter: Reporter = {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<SerializedError>): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state))
    const broken = modules.flatMap((module) => module.errors()).length + errors.length
    console.log(format({
      passed: states.filter((state) => state === "passed").length,
      failed: states.filter((state) => state === "failed").length + broken,
    }))
  },
}
