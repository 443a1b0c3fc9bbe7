import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const isCI = process.env["CI"] !== undefined

/** Files of one project share workers, so there are two projects and not one for each package. */
const project = (
  name: string,
  pool: "forks" | "threads",
  folders: ReadonlyArray<string>,
  options: { readonly globalSetup?: string } = {}
) => ({
  extends: true as const,
  test: {
    ...options,
    name,
    pool,
    include: folders.map((folder) => `${folder}/test/**/*.test.ts`),
    setupFiles: [fileURLToPath(new URL("scripts/lib/test-setup.mjs", import.meta.url))]
  }
})

/** The one test configuration. */
export default defineConfig({
  test: {
    projects: [
      project("units", "forks", ["packages/core", "packages/watch", "packages/testing", "packages/fake", "examples"]),
      // They mostly wait for other processes, so they run beside the others: each pool has workers of its own.
      project("processes", "threads", ["packages/cluster"], {
        globalSetup: fileURLToPath(new URL("packages/cluster/test/support/globalSetup.ts", import.meta.url))
      })
    ],
    // A property of a thousand cases, or a program in a process of its own, may share a slow machine.
    testTimeout: 30_000,
    // To import Effect anew for each file would take longer than most of its tests. One worker for each core; by default one core is left to Vitest itself, which has little to do.
    // Each worker compiles Effect anew, which costs more than a second waiting one saves in a short run.
    poolOptions: {
      // Effects allocate many short-lived objects: with a larger young generation they are collected less often.
      forks: { isolate: false, maxForks: availableParallelism(), execArgv: ["--max-semi-space-size=64"] },
      threads: { isolate: false, maxThreads: isCI ? availableParallelism() : 1 }
    },
    // Tests have their full size in the checks; elsewhere a twentieth, or the share that PROPERTY_SHARE gives.
    provide: { propertyShare: isCI ? 1 : Number(process.env["PROPERTY_SHARE"] ?? 0.05) },
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
