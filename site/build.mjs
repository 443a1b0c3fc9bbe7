// Builds the site: the reference from the doc comments, the pages from the Markdown of the repository, and HTML from both.
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { build } from "vitepress"
import { writeReference } from "./lib/reference.mjs"
import { stage, stageReferenceIndex } from "./lib/stage.mjs"

const root = join(import.meta.dirname, "..")
const out = join(import.meta.dirname, ".stage")

rmSync(out, { recursive: true, force: true })
const modules = await writeReference(root, join(out, "reference"))
rmSync(join(out, "reference/README.md"), { force: true })
stageReferenceIndex(out, modules)
const pages = stage(root, out)
writeFileSync(join(out, "modules.json"), JSON.stringify(modules))
await build(import.meta.dirname)
console.log(`site/dist: ${pages.size} pages and ${modules.length} modules.`)
