// Effect's own diagnostics (floating effects, leaking requirements, …), and that they saw every file: given a
// configuration that holds references only, the tool checks nothing and passes.
import { spawnSync } from "node:child_process"
import { files } from "./lib/files.mjs"

const { status, stdout } = spawnSync(
  "effect-tsgo",
  ["diagnostics", "--project", "tsconfig.check.json", "--strict", "--format", "text"],
  { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }
)
console.log(stdout.trimEnd())
if (status !== 0) process.exit(1)

const sources = files("*.ts").filter((path) => !path.startsWith("scripts/")).length
const checked = Number(/^Checked (\d+) files/m.exec(stdout)?.[1] ?? 0)
if (checked < sources) {
  console.error(`${checked} files were checked, but there are ${sources}: what does tsconfig.check.json include?`)
  process.exit(1)
}
