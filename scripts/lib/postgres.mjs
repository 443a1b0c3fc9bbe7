// A Postgres of its own on a free port of loopback, for tests, examples and benchmarks; from Debian's package, for example.
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { randomInt } from "node:crypto"
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const cache = fileURLToPath(new URL("../../node_modules/.cache", import.meta.url))

const installed = "/usr/lib/postgresql"

/** The folder of `initdb` and `postgres`, or nothing if Postgres is not installed. */
export const findPostgres = () => {
  const found = spawnSync("pg_config", ["--bindir"], { encoding: "utf8" })
  const folders = [
    ...(found.status === 0 ? [found.stdout.trim()] : []),
    ...(existsSync(installed) ? readdirSync(installed).map((version) => join(installed, version, "bin")) : [])
  ]
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")))
}

/** Below the ports that systems give to outgoing connections, one of which would soon take a port that was free. */
export const freePort = () =>
  new Promise((resolve) => {
    const port = randomInt(10_000, 32_768)
    const server = createServer()
      .once("error", () => resolve(freePort()))
      .listen(port, "127.0.0.1", () => server.close(() => resolve(port)))
  })

const idOf = (flag) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }))

const run = promisify(execFile)

/** Fills the folder of a new server with a copy of what `initdb` has once made, in a sixth of its time. */
const initialize = async (folder, bin, user) => {
  const version = execFileSync(join(bin, "postgres"), ["--version"], { encoding: "utf8" })
  const cached = join(cache, version.trim().replaceAll(/[^\w.]+/g, "-"))
  if (!existsSync(cached)) {
    const options = ["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale", "C"]
    await run(join(bin, "initdb"), ["-D", folder, ...options], user)
    mkdirSync(cache, { recursive: true })
    const copy = mkdtempSync(`${cached}-`)
    await run("cp", ["-a", `${folder}/.`, copy])
    try {
      renameSync(copy, cached)
    } catch {
      // Another process was faster.
      rmSync(copy, { recursive: true })
    }
  } else {
    await run("cp", ["-a", `${cached}/.`, folder])
    // The files of a checkout that was copied may belong to another user, and Postgres would refuse them.
    if (user.uid !== undefined) await run("chown", ["-R", `${user.uid}:${user.gid}`, folder])
  }
}

/** Starts a new, empty Postgres. Fails if it is not installed. */
export const startPostgres = async () => {
  const bin = findPostgres()
  if (bin === undefined) throw new Error("Postgres is not installed; on Debian: apt-get install postgresql")
  // Postgres refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {}
  const folder = mkdtempSync(join(tmpdir(), "fleet-postgres-"))
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
  await initialize(folder, bin, user)
  const port = await freePort()
  const settings = ["listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`].flatMap((each) => ["-c", each])
  let server

  const start = () =>
    new Promise((resolve, reject) => {
      server = spawn(join(bin, "postgres"), ["-D", folder, "-p", String(port), ...settings], {
        ...user,
        stdio: ["ignore", "ignore", "pipe"]
      })
      let output = ""
      server.once("exit", () => reject(new Error(`Postgres has not started:\n${output}`)))
      server.stderr.on("data", (text) => {
        output = (output + text).slice(-4000)
        if (output.includes("ready to accept connections")) resolve()
      })
    })

  // SIGQUIT is the immediate shutdown, as by a power cut.
  const stop = () =>
    new Promise((resolve) => {
      if (server.exitCode !== null || server.signalCode !== null) return resolve()
      server.once("exit", () => resolve())
      server.kill("SIGQUIT")
    })

  await start()
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    start,
    stop,
    remove: () => stop().then(() => rmSync(folder, { recursive: true, force: true }))
  }
}
