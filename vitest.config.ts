import { defineConfig, type ViteUserConfig } from "vitest/config"
import { vitestReporter } from "./scripts/closingLine.ts"

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", vitestReporter],
    // A missing examples/NAME.out is a failure, and written only when asked for, with -u.
    update: "none",
  },
})
export default config
