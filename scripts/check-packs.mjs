// Packs the built packages and checks them as a stranger who installs them: what is in the tarballs, what they export,
// whether they resolve, type-check and run in an empty project outside of this workspace, and that what is internal stays
// so. `--update-exports` writes the list of exports instead of comparing it.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { script as runtimeScript, tryClients } from "./lib/httpClients.mjs"
import * as Project from "./lib/project.mjs"
import { emptyProject, fail, install, readJson, run, versionOf } from "./lib/project.mjs"
import { prepareExamples, runExample, script as exampleScript } from "./lib/readmeExamples.mjs"

const packs = ".packs"
/** The oldest TypeScript that accepts the declarations; the newest is the one that this workspace uses. */
const lowestTypeScript = "5.7.3"
const exportsFile = "scripts/consumer/exports.txt"

const shipped =
  /^(package\.json|(README|CHANGELOG)\.md|LICENSE|src\/.+\.ts|dist\/.+\.(js|js\.map|d\.ts|d\.ts\.map)|page\/\w+\.(html|css|js))$/

const toSource = (path) => path.replace(/^dist\/(.+)\.js$/, "src/$1.ts")

const pack = async (directory) => {
  const manifest = readJson(`${directory}/package.json`)
  const { exports, name } = manifest
  const { filename, files } = await Project.pack(directory, packs)
  const paths = files.map(({ path }) => path)
  // A package without an entry point is a command.
  const isLibrary = exports["."] !== undefined
  const entries = isLibrary ? ["dist/index.js", "dist/index.d.ts"] : []
  const page = existsSync(join(directory, "page")) ? readdirSync(join(directory, "page")) : []
  const required = ["package.json", "README.md", "CHANGELOG.md", "LICENSE"]
  const missing = [...required, ...entries, ...page.map((file) => `page/${file}`)].filter((path) =>
    !paths.includes(path)
  )
  const strangers = paths.filter((path) => !shipped.test(path))
  const orphans = paths.filter((path) =>
    path.startsWith("dist/") && path.endsWith(".js") && !paths.includes(toSource(path))
  )
  const repository = `git+${readJson("package.json").homepage}.git`
  const fields = ["description", "keywords", "homepage", "bugs", "license", "engines"]
    .filter((field) => manifest[field] === undefined)
  if (missing.length > 0) fail(`${name}: the tarball lacks ${missing.join(", ")}.`)
  if (strangers.length > 0) fail(`${name}: the tarball should not hold ${strangers.join(", ")}.`)
  if (orphans.length > 0) fail(`${name}: built from sources that are gone: ${orphans.join(", ")}. Run pnpm build.`)
  if (fields.length > 0) fail(`${name}: package.json lacks ${fields.join(", ")}.`)
  if (manifest.repository?.url !== repository || manifest.repository.directory !== directory) {
    fail(`${name}: "repository" must be ${repository} with the directory ${directory}.`)
  }
  await run("publint", ["run", filename, "--strict"])
  if (isLibrary) await run("attw", [filename, "--profile", "esm-only"])
  console.log(`${name}: ${paths.length} files; publint and attw have no complaint.`)
  const modules = isLibrary ? paths.flatMap((path) => /^dist\/(.+)\.js$/.exec(path)?.[1] ?? []) : []
  return { name, directory, manifest, filename, modules: modules.map((module) => `${name}/${module}`) }
}

const examples = prepareExamples()

/** An empty project with the tarballs and these other packages in it, and the programs of a consumer. */
const makeConsumer = async (packages, modules, others) => {
  const directory = emptyProject("consumer-")
  for (const file of ["main.ts", "types.ts", "runtime.mjs"]) {
    copyFileSync(join("scripts/consumer", file), join(directory, file))
  }
  // The examples of the READMEs; the others need more packages, and the documentation check compiles them.
  const plain = examples.filter(({ isTest, readme }) =>
    !isTest && !readme.includes("cluster") && !readme.includes("fake")
  )
  for (const [n, { code }] of plain.entries()) writeFileSync(join(directory, `readme${n}.ts`), code)
  writeFileSync(join(directory, "all.ts"), modules.map((module, n) => `export * as m${n} from "${module}"\n`).join(""))
  const compilerOptions = {
    target: "ES2022",
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    types: ["node"],
    outDir: "out"
  }
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }))
  await install(directory, ...packages.map(({ filename }) => filename), ...others)
  return directory
}

rmSync(packs, { recursive: true, force: true })
mkdirSync(packs)
const packages = await Promise.all(readdirSync("packages").map((name) => pack(`packages/${name}`)))
const isInternal = (module) => module.includes("/internal/")
const modules = packages.flatMap(({ modules }) => modules)
const publicModules = modules.filter((module) => !isInternal(module))

// The lower bound of each peer range must do as well. A command brings its own versions, and @effect/cluster needs the
// newest ones.
const cluster = "@effect-exotel/cluster"
const libraries = packages.filter(({ modules, name }) => modules.length > 0 && name !== cluster)
const lowest = new Map(
  libraries.flatMap(({ manifest, name }) =>
    Object.entries(manifest.peerDependencies).map(([peer, range]) => {
      const bound = /^>=(\d+\.\d+\.\d+) <\d/.exec(range)?.[1]
      if (bound === undefined) fail(`${name}: the range of ${peer}, ${range}, needs a lower and an upper bound.`)
      return [peer, bound]
    })
  )
)
const lowestPeers = [...lowest].map(([peer, version]) => `${peer}@${version}`)
const newestPeers = [
  "effect",
  ...["platform", "platform-node", "cluster", "experimental", "rpc", "sql", "sql-pg", "workflow"]
    .map((name) => `@effect/${name}`),
  "typescript"
].map((name) => `${name}@${versionOf(name)}`)
const nodeTypes = `@types/node@${versionOf("@types/node")}`
const older = `typescript-5@npm:typescript@${lowestTypeScript}`

/** The tarballs of a package and of those of ours that it depends on: none of them is in the registry yet. */
const tarballsOf = (name) => {
  const { filename, manifest } = packages.find((each) => each.name === name)
  const own = Object.keys(manifest.dependencies ?? {}).filter((each) => each.startsWith("@effect-exotel/"))
  return [filename, ...own.flatMap(tarballsOf)]
}

/** An empty project with what a documented line installs, and the tarballs in place of our packages. */
const installLine = async ({ also, line, readme }) => {
  const project = emptyProject("install-")
  const words = [...line.replace("npm install ", "").split(/\s+/), ...also]
  await install(
    project,
    ...new Set(words.flatMap((word) => word.startsWith("@effect-exotel/") ? tarballsOf(word) : [word]))
  )
  const { version } = readJson(join(project, "node_modules/effect/package.json"))
  if (!version.startsWith("3.")) fail(`${readme}: "${line}" installs Effect ${version}.`)
  console.log(`${readme}: "${line}" works, with Effect ${version}.`)
  return project
}

/** The lines of the guides add to what the line of the README has installed. */
const additions = readdirSync("docs").filter((name) => name.endsWith(".md")).flatMap((name) => {
  const lines = readFileSync(join("docs", name), "utf8").match(/^npm install .+$/gm) ?? []
  return lines.map((line) => ({ readme: `docs/${name}`, line, also: examples[0].line.split(/\s+/).slice(2) }))
})
const [consumer, oldest, ...projects] = await Promise.all([
  // The declarations of @effect/platform-node need @types/ws, and those of @effect/sql-pg @types/pg.
  makeConsumer(packages, publicModules, [...newestPeers, nodeTypes, "@types/ws@8", "@types/pg@8", older]),
  makeConsumer(libraries, publicModules.filter((module) => !module.startsWith(`${cluster}/`)), [
    ...lowestPeers,
    nodeTypes,
    "@types/ws@8",
    older
  ]),
  ...[...examples, ...additions].map(installLine)
])
const inConsumer = (...args) => run(process.execPath, args, { cwd: consumer })
const inOldest = (...args) => run(process.execPath, args, { cwd: oldest })
for (const [peer, version] of lowest) {
  const installed = readJson(join(oldest, "node_modules", peer, "package.json")).version
  if (installed !== version) fail(`${peer} ${version} was asked for, and ${installed} installed.`)
}

await Promise.all([
  inConsumer("node_modules/typescript-5/bin/tsc", "--noEmit"),
  inConsumer("node_modules/typescript/bin/tsc"),
  inOldest("node_modules/typescript-5/bin/tsc")
])
console.log(
  `The packages, and the examples of the READMEs, type-check under TypeScript ${lowestTypeScript} and ${
    versionOf("typescript")
  }.`
)
console.log(`Installed by npm, they run: ${(await inConsumer("out/main.js")).trim()}`)
await inOldest("out/all.js")
console.log(`With the lowest peers (${lowestPeers.join(", ")}): ${(await inOldest("out/main.js")).trim()}`)

// The exports of each module: the names in its declarations, and which of them are values.
const values = JSON.parse(
  await inConsumer(
    "--input-type=module",
    "--eval",
    `const entries = []
    for (const module of ${JSON.stringify(publicModules)}) entries.push([module, Object.keys(await import(module))])
    console.log(JSON.stringify(Object.fromEntries(entries)))`
  )
)
const ts = createRequire(join(consumer, "main.ts"))("typescript-5")
const declarationOf = (module) =>
  join(consumer, "node_modules", module.replace(/^(@[^/]+\/[^/]+)\/(.+)$/, "$1/dist/$2.d.ts"))
const program = ts.createProgram(publicModules.map(declarationOf), { noLib: true, noResolve: true, types: [] })
const exported = publicModules.sort((a, b) => a < b ? -1 : 1).flatMap((module) => {
  const symbol = program.getTypeChecker().getSymbolAtLocation(program.getSourceFile(declarationOf(module)))
  const names = program.getTypeChecker().getExportsOfModule(symbol).map(({ name }) => name).sort()
  const undeclared = values[module].filter((name) => !names.includes(name))
  if (undeclared.length > 0) fail(`${module} exports ${undeclared.join(", ")} without a declaration.`)
  return [module, ...names.map((name) => values[module].includes(name) ? `  ${name}` : `  type ${name}`)]
})
const dependencies = packages.map(({ manifest, name }) =>
  `${name} depends on ${Object.keys(manifest.dependencies ?? {}).sort().join(", ") || "nothing"}`
)
const found = `${[...dependencies, ...exported].join("\n")}\n`
if (process.argv.includes("--update-exports")) writeFileSync(exportsFile, found)
const [before, after] = [new Set(readFileSync(exportsFile, "utf8").split("\n")), new Set(found.split("\n"))]
if (readFileSync(exportsFile, "utf8") !== found) {
  console.error([...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`).join("\n"))
  console.error([...before].filter((line) => !after.has(line)).map((line) => `- ${line}`).join("\n"))
  fail(
    `The public API does not match scripts/consumer/exports.txt. If that is intended: pnpm pack:check --update-exports`
  )
}
console.log(`${publicModules.length} modules export what ${exportsFile} lists.`)

const attempts = `for (const module of ${JSON.stringify(modules.filter(isInternal))}) {
  const outcome = await import(module).then(() => "imported", (error) => error.code)
  if (outcome !== "ERR_PACKAGE_PATH_NOT_EXPORTED") console.log(module, outcome)
}`
const importable = await inConsumer("--input-type=module", "--eval", attempts)
if (importable !== "") fail(`Internal modules that are not refused:\n${importable}`)
console.log(`${modules.filter(isInternal).length} internal modules are refused.`)

for (const command of packages.flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}))) {
  await run(join(consumer, "node_modules/.bin", command), ["--help"])
  console.log(`${command} --help works.`)
}

const exampleFake = await Project.startFake(consumer, exampleScript)
await Promise.all(examples.map((example, n) => runExample(example, projects[n], exampleFake.url)))
exampleFake.stop()

const runtimeFake = await Project.startFake(consumer, runtimeScript)
const results = await tryClients([process.execPath], consumer, runtimeFake.url)
runtimeFake.stop()
if (results.some((result) => result !== "works")) fail(`Over the HTTP clients: ${results.join("; ")}`)
console.log("Placing, watching and reading a call works over each HTTP client.")
