import { defineConfig, type ViteUserConfig } from "vitest/config"

/** Tests that test/requests.test.ts runs on Node, in each kind of Vitest's workers. */
const config: ViteUserConfig = defineConfig({
  test: { include: ["test/support/inWorkers.spec.ts"], testTimeout: 30_000 },
})
export default config
