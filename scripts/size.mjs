// Bundles small programs with the packages and their dependencies, minified, and prints the sizes. The XML parser is
// a chunk of its own, which a program loads when it requests XML or XML arrives.
import { gzipSync } from "node:zlib"
import { build } from "./lib/esbuild.mjs"

const programs = {
  "core": "import { ExotelCalls } from \"@effect-exotel/core\"; console.log(ExotelCalls.layerConfig())",
  "core and watch":
    "import { ExotelCalls } from \"@effect-exotel/core\"; import { CallWatch } from \"@effect-exotel/watch\"; " +
    "console.log(ExotelCalls.layerConfig(), CallWatch.layer)"
}

const kilobytes = (bytes) => (bytes / 1000).toFixed(0)

console.log("| program | minified kB | gzip kB | XML parser, loaded on demand, kB |")
console.log("|---|---|---|---|")
for (const [name, contents] of Object.entries(programs)) {
  const { metafile, outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    splitting: true,
    treeShaking: true,
    format: "esm",
    platform: "node",
    outdir: "size",
    write: false,
    metafile: true,
    logLevel: "error"
  })
  const onDemand = new Set(
    Object.values(metafile.outputs).flatMap(({ imports }) =>
      imports.flatMap(({ kind, path }) => kind === "dynamic-import" ? [path] : [])
    )
  )
  const total = (isWanted) =>
    outputFiles.filter(({ path }) => isWanted([...onDemand].some((lazy) => path.endsWith(lazy))))
  const initial = total((isLazy) => !isLazy)
  const later = total((isLazy) => isLazy)
  const sum = (files, size) => files.reduce((bytes, file) => bytes + size(file.contents), 0)
  const parsers = Object.entries(metafile.outputs)
    .filter(([path]) => !onDemand.has(path))
    .flatMap(([, { inputs }]) => Object.entries(inputs))
    .filter(([path, { bytesInOutput }]) => path.includes("fast-xml-parser") && bytesInOutput > 0)
  if (parsers.length > 0) {
    console.error(`The XML parser is not loaded on demand: ${parsers.map(([path]) => path).join(", ")}.`)
    process.exit(1)
  }
  console.log(
    `| ${name} | ${kilobytes(sum(initial, (bytes) => bytes.length))} | ` +
      `${kilobytes(sum(initial, (bytes) => gzipSync(bytes).length))} | ${
        kilobytes(sum(later, (bytes) => bytes.length))
      } |`
  )
}
