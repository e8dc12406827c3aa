import { availableParallelism } from "node:os"
import { relative, resolve } from "node:path"
import process from "node:process"
import { defineConfig, type Plugin, type ViteUserConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"
import { vitestReporter } from "./scripts/closingLine.ts"
import { located } from "./test/support/built.ts"
import { slowFiles } from "./test/support/slowFiles.ts"

/** Runs the slow files first, in their order: whatever is left at the end is short, and no core waits for another. */
class SlowFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const place = ({ moduleId }: TestSpecification) => {
      const index = slowFiles.indexOf(relative(".", moduleId).replaceAll("\\", "/"))
      return index < 0 ? Infinity : index
    }
    const others = await super.sort(files.filter((file) => place(file) === Infinity))
    return [...files.filter((file) => place(file) < Infinity).sort((a, b) => place(a) - place(b)), ...others]
  }
}

// With more room for what is young, Deno's processes, and those that they start, collect less garbage: 5 % of CPU time.
process.env["DENO_V8_FLAGS"] ??= "--min-semi-space-size=16,--max-semi-space-size=64"

/** A world in processes starts the built one for each of its guests. */
const startsBuilt: Plugin = {
  name: "starts built",
  transform: (code, id) =>
    id.endsWith("/src/internal/processes/Processes.ts") ? located.transform(code, id) : undefined,
}

const config: ViteUserConfig = defineConfig({
  plugins: [startsBuilt],
  test: {
    // What hangs is found by this; a busy machine is not a failure.
    testTimeout: 30_000,
    // One more than there are cores: many tests wait, for a process or for real time to pass.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: SlowFirst },
    // Half of what it costs to start Node is to strip the types of the same sources each time.
    env: { NODE_COMPILE_CACHE: resolve("node_modules/.cache/node") },
    reporters: ["default", vitestReporter],
    globalSetup: ["test/support/build.ts"],
    setupFiles: ["test/support/setup.ts"],
    // A missing examples/NAME.out is a failure, and written only when asked for, with -u.
    update: "none",
    projects: [
      // These share processes: most of them take less time than it takes to load what they test.
      {
        extends: true,
        test: { name: "quick", isolate: false, include: ["test/**/*.test.ts"], exclude: [...slowFiles] },
      },
      { extends: true, test: { name: "slow", include: [...slowFiles] } },
    ],
  },
})
export default config
