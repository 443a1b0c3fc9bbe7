/** A Postgres of the test's own on a free port of loopback, from Debian's package. */
import { Effect } from "effect"
import { execFileSync, spawn, spawnSync } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const installed = "/usr/lib/postgresql"

/** The folder of `initdb` and `postgres`, if Postgres is installed. */
const binaries = (): string | undefined => {
  const onPath = spawnSync("pg_config", ["--bindir"], { encoding: "utf8" })
  const folders = [
    ...(onPath.status === 0 ? [onPath.stdout.trim()] : []),
    ...(existsSync(installed) ? readdirSync(installed).map((version) => join(installed, version, "bin")) : [])
  ]
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")))
}

const bin = binaries()

export const hasPostgres = bin !== undefined

if (!hasPostgres) {
  process.stderr.write(
    "SKIPPED: durable fleets over a real Postgres; install postgresql (Debian: apt-get install postgresql)\n"
  )
}

/** Postgres refuses to run as root. */
const user = process.getuid?.() === 0
  ? {
    uid: Number(execFileSync("id", ["-u", "postgres"], { encoding: "utf8" })),
    gid: Number(execFileSync("id", ["-g", "postgres"], { encoding: "utf8" }))
  }
  : {}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

export interface Postgres {
  readonly url: string
  /** Stops it as a power cut would. */
  readonly stop: Effect.Effect<void>
  readonly start: Effect.Effect<void>
}

export const postgres = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = mkdtempSync(join(tmpdir(), "fleet-postgres-"))
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
    const run = (command: string, args: ReadonlyArray<string>) =>
      execFileSync(join(bin ?? "", command), args, { ...user, stdio: "ignore" })
    run("initdb", ["-D", folder, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale", "C"])
    const port = await freePort()
    const start = async () => {
      const server = spawn(
        join(bin ?? "", "postgres"),
        [
          "-D",
          folder,
          "-p",
          String(port),
          "-c",
          "listen_addresses=127.0.0.1",
          "-c",
          `unix_socket_directories=${folder}`
        ],
        { ...user, stdio: ["ignore", "ignore", "pipe"] }
      )
      await new Promise<void>((resolve, reject) => {
        server.stderr.on("data", (text) => {
          if (String(text).includes("ready to accept connections")) resolve()
        })
        server.once("exit", () => reject(new Error("Postgres has ended")))
      })
      server.removeAllListeners("exit")
      return server
    }
    return { folder, port, start, server: await start() }
  }),
  ({ folder, server }) =>
    Effect.promise(async () => {
      await ended(server)
      rmSync(folder, { recursive: true, force: true })
    })
).pipe(Effect.map((state): Postgres => ({
  url: `postgres://postgres@127.0.0.1:${state.port}/postgres`,
  stop: Effect.promise(() => ended(state.server)),
  start: Effect.promise(async () => {
    state.server = await state.start()
  })
})))

/** SIGQUIT is Postgres' immediate shutdown. */
const ended = (server: ReturnType<typeof spawn>): Promise<void> =>
  new Promise((resolve) => {
    if (server.exitCode !== null || server.signalCode !== null) return resolve()
    server.once("exit", () => resolve())
    server.kill("SIGQUIT")
  })
