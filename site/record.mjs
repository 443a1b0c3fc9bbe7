// Records the terminal view of the example `fleet` in `data/fleet-terminal.json`: the screens as the terminal receives them.
// It needs the command `script` of util-linux, which gives the example a terminal.
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"

const KEPT = 16
// Slower than the default, so that a busy machine does not delay the requests.
const settings = { FLEET_MINUTES: "4", FLEET_SPEED: "4" }
const { status, stderr, stdout } = spawnSync("script", [
  "-qec",
  `${process.execPath} --import tsx src/fleet.ts`,
  "/dev/null"
], {
  cwd: join(import.meta.dirname, "../examples"),
  encoding: "utf8",
  env: { ...process.env, ...settings, TERM: "xterm" }
})
if (status !== 0) {
  console.error(`The example could not be recorded: ${stderr || stdout}`)
  process.exit(1)
}
// Each screen begins by moving the cursor home and clearing the terminal; there are no other codes in between.
const screens = stdout.split("\x1b[H\x1b[J").slice(1).map((screen) =>
  screen.split("\x1b[?25h")[0].replaceAll("\r", "").trimEnd().split("\n")
).map((screen) => screen.slice(0, 17))
const unknown = screens.flat().find((line) => /[^\x20-\x7e]/.test(line))
if (unknown !== undefined) throw new Error(`Not a plain screen: ${JSON.stringify(unknown)}`)
// The first screens show no calls yet.
const usable = screens.slice(Math.max(0, screens.findIndex((screen) => screen.length > 10)))
const kept = Array.from({ length: KEPT }, (_, index) => usable[Math.round(index * (usable.length - 1) / (KEPT - 1))])
writeFileSync(join(import.meta.dirname, "data/fleet-terminal.json"), `${JSON.stringify(kept, undefined, 1)}\n`)
console.log(`${KEPT} of ${screens.length} screens.`)
