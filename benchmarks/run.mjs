// Runs every program in src/, or those named as arguments, one at a time, so that they do not affect each other's figures.
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { build } from "../scripts/lib/esbuild.mjs"

const here = import.meta.dirname
const wanted = process.argv.slice(2)
const programsOf = (folder) =>
  readdirSync(`${here}/src/${folder}`)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -".ts".length))
const all = programsOf("")
const programs = wanted.length === 0 ? all : wanted
const unknown = programs.filter((program) => !all.includes(program))
if (unknown.length > 0 || programs.length === 0) {
  console.error(`Unknown benchmark: ${unknown.join(", ")}. Available: ${all.join(", ") || "none"}.`)
  process.exit(1)
}

// The sources compiled as they are published. `tsx` would give each function its name when it is created, at run time,
// which makes a poll of the engine cost a third more. The processes that a program starts are in lib/.
const target = `${here}/node_modules/.cache/bench`
await build({
  entryPoints: [...programs, ...programsOf("lib").map((program) => `lib/${program}`)].map((program) =>
    `${here}/src/${program}.ts`
  ),
  outdir: target,
  outbase: `${here}/src`,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: "inline",
  logLevel: "error",
  plugins: [{
    name: "dependencies stay external",
    setup: ({ onResolve }) =>
      onResolve(
        { filter: /^[^./]/ },
        ({ kind, path }) =>
          kind !== "entry-point" && !path.startsWith("@effect-exotel/") ? { external: true } : undefined
      )
  }]
})

for (const program of programs) {
  console.log(`\n${program}`)
  const { status, signal } = spawnSync(process.execPath, ["--enable-source-maps", `${target}/${program}.mjs`], {
    cwd: here,
    stdio: "inherit"
  })
  if (status !== 0) {
    console.error(`benchmarks/src/${program}.ts failed (${signal ?? `exit code ${status}`}).`)
    process.exit(1)
  }
}
