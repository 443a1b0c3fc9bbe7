// Empty projects outside of this workspace, and commands that run in them.
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

export const readJson = (path) => JSON.parse(readFileSync(path, "utf8"))
export const versionOf = (name) => readJson(`node_modules/${name}/package.json`).version

export const fail = (message) => {
  console.error(message)
  process.exit(1)
}

/** Runs a command to its end, and gives its exit code and what it printed. */
export const attempt = (command, args, options = {}) =>
  new Promise((settle) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (text) => (stdout += text))
    child.stderr.on("data", (text) => (stderr += text))
    child.once("error", (error) => settle({ code: 1, stdout, stderr: `${stderr}${error}` }))
    child.once("close", (code) => settle({ code: code ?? 1, stdout, stderr }))
  })

/** The same, and ends the checks if the command fails. */
export const run = async (command, args, options) => {
  const { code, stderr, stdout } = await attempt(command, args, options)
  return code === 0 ? stdout : fail(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`)
}

export const emptyProject = (prefix) => {
  const directory = mkdtempSync(join(tmpdir(), prefix))
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))
  return directory
}

export const install = (directory, ...args) =>
  run("npm", ["install", "--no-audit", "--no-fund", ...args], { cwd: directory })

/** Packs one of our packages, and gives the path of its tarball and the files in it. */
export const pack = async (directory, destination) => {
  const options = ["--json", "--pack-destination", resolve(destination)]
  return JSON.parse(await run("pnpm", ["--dir", directory, "pack", ...options]))
}

/** Starts the `exotel-fake` of a project with this script, and gives its URL once it listens. It ends with this process. */
export const startFake = (project, script) =>
  new Promise((settle) => {
    const file = join(project, "script.json")
    writeFileSync(file, JSON.stringify(script))
    const options = ["--port", "0", "--speed", "20", "--exit-with-parent", file]
    const child = spawn(join(project, "node_modules/.bin/exotel-fake"), options, { stdio: ["ignore", "pipe", "pipe"] })
    let printed = ""
    const read = (text) => {
      printed += text
      const [, url] = /listens on (http:\S+?),/.exec(printed) ?? []
      if (url !== undefined) settle({ url, stop: () => child.kill() })
    }
    child.stdout.on("data", read)
    child.stderr.on("data", read)
    child.once("exit", (code) => code && fail(`exotel-fake failed:\n${printed}`))
  })
