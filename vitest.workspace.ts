import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

const isCI = process.env["CI"] !== undefined

/** Files of these packages share a worker: to import Effect anew for each file takes longer than most of their tests. */
const sharesWorkers: ReadonlySet<string> = new Set(["packages/core", "packages/watch"])

const project = (root: string) => ({
  extends: true as const,
  test: {
    name: root.replace("packages/", ""),
    root,
    include: ["test/**/*.test.ts"],
    pool: sharesWorkers.has(root) ? "forks" as const : "threads" as const
  }
})

/** The one test configuration: a project for each package that has tests. */
export default defineConfig({
  test: {
    projects: ["packages/core", "packages/watch", "packages/testing", "packages/cluster", "packages/fake", "examples"]
      .map(project),
    // A property of a thousand cases, or a program in a process of its own, may share a slow machine.
    testTimeout: 30_000,
    // One worker for each core; by default one core is left to Vitest itself, which has little to do.
    poolOptions: { forks: { isolate: false, maxForks: availableParallelism() }, threads: { isolate: true } },
    // All cases of each property in the checks; elsewhere a tenth, or the share that PROPERTY_SHARE gives.
    provide: { propertyShare: isCI ? 1 : Number(process.env["PROPERTY_SHARE"] ?? 0.1) },
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
