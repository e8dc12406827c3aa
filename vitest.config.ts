import { defineConfig, type ViteUserConfig } from "vitest/config"
import { vitestReporter } from "./scripts/closingLine.ts"

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // What hangs is found by this; a busy machine is not a failure.
    testTimeout: 30_000,
    reporters: ["default", vitestReporter],
    // A missing examples/NAME.out is a failure, and written only when asked for, with -u.
    update: "none",
  },
})
export default config
