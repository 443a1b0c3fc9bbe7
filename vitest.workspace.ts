import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const isCI = process.env["CI"] !== undefined

/** Their tests mostly wait for other processes, so they run beside the others: each pool has workers of its own. */
const waits: ReadonlySet<string> = new Set(["packages/cluster", "packages/fake"])

const project = (root: string) => ({
  extends: true as const,
  test: {
    name: root.replace("packages/", ""),
    root,
    include: ["test/**/*.test.ts"],
    setupFiles: [fileURLToPath(new URL("scripts/lib/test-setup.mjs", import.meta.url))],
    pool: waits.has(root) ? "threads" as const : "forks" as const
  }
})

/** The one test configuration: a project for each package that has tests. */
export default defineConfig({
  test: {
    projects: ["packages/core", "packages/watch", "packages/testing", "packages/cluster", "packages/fake", "examples"]
      .map(project),
    // A property of a thousand cases, or a program in a process of its own, may share a slow machine.
    testTimeout: 30_000,
    // The files of a project share workers: to import Effect anew for each file takes longer than most of their tests.
    // One worker for each core; by default one core is left to Vitest itself, which has little to do.
    poolOptions: {
      // Effects allocate much that lives shortly: a larger young generation halves the time of the garbage collector.
      forks: { isolate: false, maxForks: availableParallelism(), execArgv: ["--max-semi-space-size=64"] },
      threads: { isolate: false, maxThreads: availableParallelism() }
    },
    // Tests have their full size in the checks; elsewhere a tenth, or the share that PROPERTY_SHARE gives.
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
