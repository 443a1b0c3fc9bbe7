// Draws the pictures of the documentation from their data. With `--check` it fails if a picture is not up to date.
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { architecture } from "./lib/pictures/architecture.mjs"
import { callPolls } from "./lib/pictures/callPolls.mjs"
import { detectionDelay } from "./lib/pictures/detectionDelay.mjs"
import { fleetTerminal } from "./lib/pictures/fleetTerminal.mjs"

const root = join(import.meta.dirname, "..")
const data = (name) => JSON.parse(readFileSync(join(import.meta.dirname, `data/${name}.json`), "utf8"))

const scope = "@effect-exotel/"

const summaries = {
  core: ["one request: types, errors,", "the request budget"],
  watch: ["calls over time: polling,", "policies, fleets"],
  cluster: ["fleets in a database,", "several machines"],
  testing: ["a fake Exotel: scripts,", "faults, journal"],
  fake: ["the fake as a command,", "with a browser page"]
}

const manifests = Object.entries(summaries).map(([name, summary]) => {
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, `packages/${name}/package.json`), "utf8"))
  const own = Object.keys(dependencies).flatMap((each) => each.startsWith(scope) ? [each.slice(scope.length)] : [])
  return { name, summary, dependencies: own }
})

/** Without the dependencies that another one has as well. */
const packages = manifests.map(({ dependencies, ...rest }) => ({
  ...rest,
  dependencies: dependencies.filter((name) =>
    !manifests.some((other) => dependencies.includes(other.name) && other.dependencies.includes(name))
  )
}))

const pictures = {
  architecture: architecture(packages),
  "call-polls": callPolls(data("call-polls")),
  "detection-delay": detectionDelay(data("detection-delay")),
  "fleet-terminal": fleetTerminal(data("fleet-terminal"))
}

const isCheck = process.argv.includes("--check")
for (const [name, svg] of Object.entries(pictures)) {
  const file = join(root, `docs/images/${name}.svg`)
  if (!isCheck) writeFileSync(file, svg)
  else if (readFileSync(file, "utf8") !== svg) {
    console.error(`docs/images/${name}.svg is not up to date: run \`node site/draw.mjs\`.`)
    process.exitCode = 1
  }
}
