/**
 * Mutation testing with Stryker: `pnpm mutation [--files glob] [--tests glob]`. Changes the internal modules of core and watch
 * one operator at a time, and lists the changes that no test notices. Works in a clone of the last commit, because Stryker
 * changes files in place; the workspace links of a copied folder would lead back to the unchanged sources.
 *
 * `--files` is relative to the repository, `--tests` to the `test` folder of the package. A file takes minutes.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  options: { files: { type: "string" }, tests: { type: "string", default: "**/*.test.ts" } }
})

const packages = ["core", "watch"].filter((name) =>
  values.files === undefined || values.files.startsWith(`packages/${name}/`)
)
if (packages.length === 0) {
  console.error("--files begins with packages/core/ or packages/watch/")
  process.exit(2)
}

const root = join(import.meta.dirname, "..")
const clone = mkdtempSync(join(tmpdir(), "mutation-"))
process.on("exit", () => rmSync(clone, { recursive: true, force: true }))
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1))

const run = (command, ...args) => execFileSync(command, args, { cwd: clone, stdio: ["ignore", "ignore", "inherit"] })
run("git", "clone", "-q", root, ".")
run("npx", "-y", "pnpm@10.34.9", "install", "--frozen-lockfile", "--prefer-offline")

let failed = false
for (const name of packages) {
  // A worker that is kept does not import Effect again for each mutant.
  writeFileSync(
    join(clone, "mutation.vitest.ts"),
    `export default {
  test: {
    testTimeout: 30_000,
    provide: { propertyShare: 0.05 },
    poolOptions: { threads: { isolate: false } },
    projects: [{
      extends: true,
      test: { name: "${name}", root: "packages/${name}", include: [${JSON.stringify(`test/${values.tests}`)}] }
    }]
  }
}
`
  )
  writeFileSync(
    join(clone, "stryker.config.json"),
    JSON.stringify({
      testRunner: "vitest",
      plugins: ["@stryker-mutator/vitest-runner"],
      vitest: { configFile: "mutation.vitest.ts", related: false },
      mutate: [values.files ?? `packages/${name}/src/internal/**/*.ts`],
      // Texts are messages, whose wording is no behaviour.
      mutator: { excludedMutations: ["StringLiteral"] },
      inPlace: true,
      coverageAnalysis: "perTest",
      // A worker that is kept has run the module once; a change of what runs then would never be seen.
      ignoreStatic: true,
      concurrency: availableParallelism(),
      timeoutMS: 20_000,
      reporters: ["clear-text", "progress-append-only"],
      clearTextReporter: { allowColor: false, allowEmojis: false, logTests: false, reportTests: false }
    })
  )
  const { status } = spawnSync("node_modules/.bin/stryker", ["run"], { cwd: clone, stdio: "inherit" })
  failed ||= status !== 0
}
process.exitCode = failed ? 1 : 0
