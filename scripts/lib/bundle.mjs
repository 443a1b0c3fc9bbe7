// Bundles a program that a test starts as a process: it starts in an eighth of the CPU time of `tsx`, which compiles the
// sources and resolves each module of Effect anew for each process.
import { readFileSync, renameSync } from "node:fs"
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

/** Bundles a program with its dependencies, and returns the path of the bundle. */
export const bundle = async (entry) => {
  const target = join(workspace, "node_modules", ".cache", "bundles", `${basename(entry, ".ts")}.mjs`)
  // Workers write at the same time, and processes of other workers may be starting from the file.
  const written = `${target}.${process.pid}`
  await build({
    entryPoints: [entry],
    outfile: written,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "error",
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);"
    },
    plugins: [ownUrls]
  })
  renameSync(written, target)
  return target
}
