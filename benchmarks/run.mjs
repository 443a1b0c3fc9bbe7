// Runs every program in src/, or those named as arguments, one at a time, so that they do not affect each other's figures.
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"

const here = import.meta.dirname
const wanted = process.argv.slice(2)
const all = readdirSync(`${here}/src`)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -".ts".length))
const programs = wanted.length === 0 ? all : wanted
const unknown = programs.filter((program) => !all.includes(program))
if (unknown.length > 0 || programs.length === 0) {
  console.error(`Unknown benchmark: ${unknown.join(", ")}. Available: ${all.join(", ") || "none"}.`)
  process.exit(1)
}
for (const program of programs) {
  console.log(`\n${program}`)
  const { status, signal } = spawnSync(process.execPath, ["--import", "tsx", `src/${program}.ts`], {
    cwd: here,
    stdio: "inherit"
  })
  if (status !== 0) {
    console.error(`benchmarks/src/${program}.ts failed (${signal ?? `exit code ${status}`}).`)
    process.exit(1)
  }
}
