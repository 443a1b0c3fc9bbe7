// Runs a program of the packed packages in each supported runtime, over each HTTP client, and prints what works where.
// `--write` updates docs/runtimes.md. The runtimes come from the npm registry, for Linux and macOS.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { httpClients, script, tryClients } from "./lib/httpClients.mjs"
import { emptyProject, fail, install, pack, run, startFake, versionOf } from "./lib/project.mjs"

const { arch, platform } = process
const system = `${platform}-${arch}`
const armOrX64 = arch === "arm64" ? "aarch64" : arch

/** The package with the program, its path in the package, and the arguments before the file to run. */
const runtimes = [
  ...["20.19", "22", "24", "26"].map((version) => ({
    name: `Node ${version}`,
    source: `node-${system}@${version}`,
    path: "bin/node",
    args: []
  })),
  { name: "Bun", source: `@oven/bun-${platform}-${armOrX64}@1`, path: "bin/bun", args: [] },
  {
    name: "Deno",
    source: `@deno/${system}${platform === "linux" ? "-glibc" : ""}@2`,
    path: "deno",
    args: ["run", "--allow-all"]
  }
]

/** Everything works but undici under Bun, which the library must recognise. */
const expected = (name, client) =>
  name === "Bun" && client.endsWith("Undici") ? "TransportError UnsupportedClient" : "works"

const project = emptyProject("runtimes-")
const packs = join(project, "packs")
mkdirSync(packs)
const tarballs = []
for (const name of ["core", "watch", "testing", "fake"]) {
  tarballs.push((await pack(join("packages", name), packs)).filename)
}
const peers = ["effect", "@effect/platform", "@effect/platform-node"].map((name) => `${name}@${versionOf(name)}`)
await install(project, ...tarballs, ...peers)
copyFileSync("scripts/consumer/runtime.mjs", join(project, "runtime.mjs"))

const tools = emptyProject("runtimes-tools-")
await install(tools, ...runtimes.map(({ source }, n) => `runtime-${n}@npm:${source}`))
const { stop, url } = await startFake(project, script)

const rows = []
const surprises = []
for (const [n, { args, name, path }] of runtimes.entries()) {
  const program = join(tools, "node_modules", `runtime-${n}`, path)
  const version = (await run(program, ["--version"])).match(/\d+\.\d+\.\d+/)?.[0]
  const results = await tryClients([program, ...args], project, url)
  rows.push([`${name.split(" ")[0]} ${version}`, ...results])
  for (const [i, client] of httpClients.entries()) {
    if (results[i] !== expected(name, client)) surprises.push(`${name}, ${client}: ${results[i]}`)
  }
}
stop()

const line = (cells) => `| ${cells.join(" | ")} |`
const table = [
  line(["", ...httpClients.map((client) => `\`${client}\``)]),
  `|${"---|".repeat(httpClients.length + 1)}`,
  ...rows.map(([runtime, ...cells]) => line([runtime, ...cells.map((cell) => cell === "works" ? cell : `\`${cell}\``)]))
].join("\n")
const date = new Date().toISOString().slice(0, 10)
const text = `${date}, ${system}, ${peers.join(", ")}:\n\n${table}`
console.log(text)

if (process.argv.includes("--write")) {
  const [begin, end] = ["<!-- runtimes: begin -->", "<!-- runtimes: end -->"]
  const document = readFileSync("docs/runtimes.md", "utf8")
  const [before] = document.split(begin)
  const [, after] = document.split(end)
  writeFileSync("docs/runtimes.md", `${before}${begin}\n\n${text}\n\n${end}${after}`)
}
if (surprises.length > 0) fail(`Not as docs/runtimes.md says:\n${surprises.join("\n")}`)
