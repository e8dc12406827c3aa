import { defineConfig, type ViteUserConfig } from "vitest/config"
import { vitestReporter } from "../../scripts/closingLine.ts"

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["interop/**/*.test.ts"],
    globalSetup: "interop/uml/leftOut.ts",
    // A kernel takes a few seconds for its 5,000 sleeps; a busy machine is not a failure.
    testTimeout: 120_000,
    reporters: ["default", vitestReporter],
    update: "none",
  },
})
export default config
