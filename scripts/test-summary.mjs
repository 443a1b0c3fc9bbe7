// Prints the numbers of passed, failed and skipped tests, and fails unless every test file ran and every test passed.
import { readFileSync } from "node:fs"
import { files } from "./lib/files.mjs"

const { numFailedTests, numPassedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
  readFileSync(process.env.TEST_RESULTS ?? ".test-results.json", "utf8")
)
const unloaded = testResults.filter(({ assertionResults, status }) =>
  status === "failed" && assertionResults.length === 0
)
const missing = files("*/test/**.test.ts").filter((path) => !testResults.some(({ name }) => name.endsWith(`/${path}`)))

for (const { name } of unloaded) console.log(`Could not be loaded: ${name.slice(process.cwd().length + 1)}`)
for (const path of missing) console.log(`Did not run: ${path}`)
if (numPendingTests + numTodoTests > 0) console.log(`${numPendingTests + numTodoTests} skipped`)
const ran = numPassedTests + numFailedTests
console.log(ran === 0 ? "No test ran." : `${numPassedTests} passed, ${numFailedTests} failed`)
if (ran === 0 || numFailedTests + unloaded.length + missing.length > 0) process.exit(1)
