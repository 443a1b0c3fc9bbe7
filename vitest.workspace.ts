import { defineConfig } from "vitest/config"

const project = (root: string) => ({
  extends: true as const,
  test: { name: root.replace("packages/", ""), root, include: ["test/**/*.test.ts"] }
})

/** The one test configuration: a project for each room that has tests. */
export default defineConfig({
  test: {
    projects: ["packages/core", "packages/watch", "packages/testing", "examples"].map(project),
    // A law of a thousand cases, or a program in a process of its own, may share a slow machine.
    testTimeout: 30_000,
    // `pnpm check` reads the number of tests that ran from this file.
    reporters: process.env["TEST_RESULTS"] === undefined
      ? ["default"]
      : ["default", ["json", { outputFile: process.env["TEST_RESULTS"] }]],
    coverage: {
      provider: "v8",
      experimentalAstAwareRemapping: true,
      include: ["packages/*/src/**/*.ts"],
      reporter: ["text"]
    }
  }
})
