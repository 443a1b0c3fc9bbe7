// Packs the built packages and checks them as a stranger who installs them: what is in the tarballs, whether they
// resolve, type-check and run in an empty project outside of this workspace, and that what is internal stays so.
import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

const packs = resolve(".packs")
/** The oldest TypeScript that the declarations promise to compile under, beside the one that this workspace uses. */
const olderTypeScript = "5.9.3"

const fail = (message) => {
  console.error(message)
  process.exit(1)
}

/** Runs a command to its end, and gives what it printed, or ends the checks with it. */
const run = (command, args, options = {}) => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { encoding: "utf8", ...options })
  if (status !== 0) fail(`${command} ${args.join(" ")} failed:\n${stdout ?? ""}${stderr ?? ""}${error ?? ""}`)
  return stdout
}

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"))
const versionOf = (name) => readJson(`node_modules/${name}/package.json`).version

const shipped =
  /^(package\.json|README\.md|LICENSE|src\/.+\.ts|dist\/.+\.(js|js\.map|d\.ts|d\.ts\.map)|page\/\w+\.(html|css|js))$/

const pack = (directory) => {
  const { exports, name } = readJson(`${directory}/package.json`)
  const packed = run("pnpm", ["--dir", directory, "pack", "--json", "--pack-destination", packs])
  const { filename, files } = JSON.parse(packed)
  const paths = files.map(({ path }) => path)
  // A package without an entry point is a command.
  const isLibrary = exports["."] !== undefined
  const entries = isLibrary ? ["dist/index.js", "dist/index.d.ts"] : []
  const page = existsSync(join(directory, "page")) ? readdirSync(join(directory, "page")) : []
  const missing = ["package.json", "README.md", "LICENSE", ...entries, ...page.map((file) => `page/${file}`)]
    .filter((path) => !paths.includes(path))
  const strangers = paths.filter((path) => !shipped.test(path))
  const orphans = paths.filter((path) =>
    path.startsWith("dist/") && path.endsWith(".js") && !paths.includes(toSource(path))
  )
  if (missing.length > 0) fail(`${name}: the tarball lacks ${missing.join(", ")}.`)
  if (strangers.length > 0) fail(`${name}: the tarball should not hold ${strangers.join(", ")}.`)
  if (orphans.length > 0) fail(`${name}: built from sources that are gone: ${orphans.join(", ")}. Run pnpm build.`)
  run("publint", ["run", filename, "--strict"])
  if (isLibrary) run("attw", [filename, "--profile", "esm-only"])
  console.log(`${name}: ${paths.length} files; publint and attw have no complaint.`)
  const modules = isLibrary ? paths.flatMap((path) => /^dist\/(.+)\.js$/.exec(path)?.[1] ?? []) : []
  return { name, filename, modules }
}

const toSource = (path) => path.replace(/^dist\/(.+)\.js$/, "src/$1.ts")

const compilerOptions = {
  target: "ES2022",
  module: "NodeNext",
  strict: true,
  exactOptionalPropertyTypes: true,
  types: ["node"],
  outDir: "out"
}

const emptyProject = (prefix) => {
  const directory = mkdtempSync(join(tmpdir(), prefix))
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))
  return directory
}

const install = (directory, ...args) => run("npm", ["install", "--no-audit", "--no-fund", ...args], { cwd: directory })

/** An empty project with the tarballs and these other packages in it, and the program of a consumer. */
const makeConsumer = (packages, others) => {
  const directory = emptyProject("consumer-")
  install(directory, ...packages.map(({ filename }) => filename), ...others)
  copyFileSync("scripts/consumer/main.ts", join(directory, "main.ts"))
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }))
  return directory
}

/** A module that imports each public module. */
const importAll = (modules) => modules.map((module, n) => `export * as m${n} from "${module}"\n`).join("")

rmSync(packs, { recursive: true, force: true })
mkdirSync(packs)
const packages = readdirSync("packages").map((name) => pack(join("packages", name)))
const peers = [
  "effect",
  ...["platform", "platform-node", "cluster", "experimental", "rpc", "sql", "sql-pg", "workflow"]
    .map((name) => `@effect/${name}`),
  "@types/node",
  "typescript"
]
const consumer = makeConsumer(packages, [
  ...peers.map((name) => `${name}@${versionOf(name)}`),
  // The declarations of @effect/sql-pg need it.
  "@types/pg@8",
  `typescript-5@npm:typescript@${olderTypeScript}`
])
const inConsumer = (...args) => run(process.execPath, args, { cwd: consumer })

// A command is a module as well, but one that is run and not imported.
const commands = packages.flatMap(({ name }) => {
  const { bin = {} } = readJson(join(consumer, "node_modules", name, "package.json"))
  return Object.entries(bin).map(([command, path]) => ({ command, module: join(name, path) }))
})
const isCommand = (module) => commands.some((command) => command.module === module)
const modules = packages.flatMap(({ modules, name }) =>
  modules.filter((module) => !isCommand(`${name}/dist/${module}.js`)).map((module) => `${name}/${module}`)
)
const isInternal = (module) => module.includes("/internal/")
const publicModules = modules.filter((module) => !isInternal(module))
writeFileSync(join(consumer, "all.ts"), importAll(publicModules))
inConsumer("node_modules/typescript-5/bin/tsc", "--noEmit")
inConsumer("node_modules/typescript/bin/tsc")
inConsumer("out/all.js")
console.log(`Installed by npm, the packages type-check and run: ${inConsumer("out/main.js").trim()}`)

// The lower bound of each peer range must do as well. A command brings its own versions, and @effect/cluster needs the
// versions that were just installed.
const cluster = "@effect-exotel/cluster"
const libraries = packages.filter(({ modules, name }) => modules.length > 0 && name !== cluster)
const lowest = new Map(libraries.flatMap(({ name }) => {
  const { peerDependencies } = readJson(join(consumer, "node_modules", name, "package.json"))
  return Object.entries(peerDependencies).map(([peer, range]) => {
    const bound = /^>=(\d+\.\d+\.\d+) <\d/.exec(range)?.[1]
    if (bound === undefined) fail(`${name}: the range of ${peer}, ${range}, needs a lower and an upper bound.`)
    return [peer, bound]
  })
}))
const lowestPeers = [...lowest].map(([peer, version]) => `${peer}@${version}`)
const oldest = makeConsumer(libraries, [
  ...lowestPeers,
  `@types/node@${versionOf("@types/node")}`,
  `typescript@${olderTypeScript}`
])
writeFileSync(join(oldest, "all.ts"), importAll(publicModules.filter((module) => !module.startsWith(`${cluster}/`))))
const inOldest = (...args) => run(process.execPath, args, { cwd: oldest })
for (const [peer, version] of lowest) {
  const installed = readJson(join(oldest, "node_modules", peer, "package.json")).version
  if (installed !== version) fail(`${peer} ${version} was asked for, and ${installed} installed.`)
}
inOldest("node_modules/typescript/bin/tsc")
inOldest("out/all.js")
console.log(`With the lowest peers (${lowestPeers.join(", ")}): ${inOldest("out/main.js").trim()}`)

const attempts = `for (const module of ${JSON.stringify(modules.filter(isInternal))}) {
  const outcome = await import(module).then(() => "imported", (error) => error.code)
  if (outcome !== "ERR_PACKAGE_PATH_NOT_EXPORTED") console.log(module, outcome)
}`
const importable = inConsumer("--input-type=module", "--eval", attempts)
if (importable !== "") fail(`Internal modules that are not refused:\n${importable}`)
console.log(`${modules.filter(isInternal).length} internal modules are refused.`)

for (const { command } of commands) {
  run(join(consumer, "node_modules/.bin", command), ["--help"])
  console.log(`${command} --help works.`)
}

/** The tarballs of a package and of those of ours that it depends on: none of them is in the registry yet. */
const tarballsOf = (name) => {
  const { dependencies = {} } = readJson(join(consumer, "node_modules", name, "package.json"))
  const own = packages.filter((each) => each.name === name).map(({ filename }) => filename)
  return [...own, ...Object.keys(dependencies).filter((each) => each.startsWith("@effect-exotel/")).flatMap(tarballsOf)]
}

// Every documented install line must work in an empty project, with the tarballs in place of our packages.
const readmes = ["README.md", ...readdirSync("packages").map((directory) => join("packages", directory, "README.md"))]
for (const readme of readmes) {
  for (const [line, words] of readFileSync(readme, "utf8").matchAll(/^npm install (.+)$/gm)) {
    const project = emptyProject("install-")
    const named = words.trim().split(/\s+/)
    install(
      project,
      ...new Set(named.flatMap((word) => word.startsWith("@effect-exotel/") ? tarballsOf(word) : [word]))
    )
    const { version } = readJson(join(project, "node_modules/effect/package.json"))
    if (!version.startsWith("3.")) fail(`${readme}: "${line}" installs Effect ${version}.`)
    console.log(`${readme}: "${line}" works, with Effect ${version}.`)
  }
}
