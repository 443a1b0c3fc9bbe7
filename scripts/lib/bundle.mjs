// Bundles a program that a test starts as a process: it starts in an eighth of the CPU time of `tsx`, which compiles the
// sources and resolves each module of Effect anew for each process.
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { build } from "./esbuild.mjs"

const workspace = fileURLToPath(new URL("../..", import.meta.url))

/** Sources find their files relative to themselves, not to the bundle. */
const ownUrls = {
  name: "own URLs",
  setup: ({ onLoad }) =>
    onLoad({ filter: /packages\/\w+\/(src|test)\/.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)),
      loader: "ts"
    }))
}

/** A dependency of another version has other files, and the former ones may remain. */
const settings = [fileURLToPath(import.meta.url), join(workspace, "pnpm-lock.yaml")]

/** Whether the bundle was begun after the last change of each of its files. */
const isCurrent = (target) => {
  try {
    const { began, inputs } = JSON.parse(readFileSync(`${target}.json`, "utf8"))
    return [...settings, ...inputs].every((path) => statSync(path).mtimeMs < began) && statSync(target).isFile()
  } catch {
    return false
  }
}

const write = async (entry, target) => {
  const began = Date.now()
  // Workers write at the same time, and processes of other workers may be starting from the file.
  const written = `${target}.${process.pid}`
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: written,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "error",
    absWorkingDir: workspace,
    metafile: true,
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);"
    },
    plugins: [ownUrls]
  })
  const inputs = Object.keys(metafile.inputs).map((path) => join(workspace, path))
  writeFileSync(`${written}.json`, JSON.stringify({ began, inputs }))
  // The list comes last: an older bundle does not have these files.
  renameSync(written, target)
  renameSync(`${written}.json`, `${target}.json`)
}

/** Bundles a program with its dependencies, if one of its files has changed, and returns the arguments with which Node runs it. */
export const bundle = async (entry) => {
  const target = join(workspace, "node_modules", ".cache", "bundles", `${basename(entry, ".ts")}.mjs`)
  if (!isCurrent(target)) await write(entry, target)
  // In a process of seconds, V8's helper threads cost more than they save.
  return ["--single-threaded", target]
}
