/** `pnpm fuzz [--inputs N] [--seed S] [--only target]`: fuzzes each decoder with N inputs, and prints what it found. */
import { parseArgs } from "node:util"
import { fuzz } from "./run.ts"
import { targets } from "./targets.ts"

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  options: { inputs: { type: "string" }, seed: { type: "string" }, only: { type: "string" } }
})
const inputs = Number(values.inputs ?? 20_000)
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9))
const chosen = targets.filter(({ name }) => values.only === undefined || name === values.only)

if (!Number.isInteger(inputs) || !Number.isInteger(seed) || chosen.length === 0) {
  console.error(`--inputs and --seed are integers; --only is one of ${targets.map(({ name }) => name).join(", ")}`)
  process.exit(2)
}

console.log(`seed ${seed}, ${inputs} inputs for each of ${chosen.length} targets`)
let found = 0
for (const target of chosen) {
  const began = performance.now()
  const { findings, outcomes, slowest } = await fuzz(target, inputs, seed)
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(
    `${target.name}: ${inputs} inputs, ${outcomes} different outcomes, ${findings.length} findings, `
      + `slowest ${slowest.toFixed(1)} ms, ${seconds} s`
  )
  for (const { input, rule } of findings) console.log(`  ${rule}\n    ${JSON.stringify(input.slice(0, 2000))}`)
  found += findings.length
}
process.exitCode = found === 0 ? 0 : 1
