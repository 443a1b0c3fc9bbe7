/** Starts `exotel-fake` as a process, and other programs that use it. */
import { Deferred, Effect } from "effect"
import { execFile, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { bundle } from "../../../../scripts/lib/bundle.mjs"
import { isInstalled } from "../../../../scripts/lib/installed.mjs"

export const workspace = fileURLToPath(new URL("../../../..", import.meta.url))
export const command = await bundle(fileURLToPath(new URL("../../src/bin.ts", import.meta.url)))

export interface Running {
  readonly baseUrl: string
  readonly output: () => string
  readonly signal: (signal: "SIGINT") => void
  readonly exitCode: Effect.Effect<number | null>
}

/** Repeats the read until the result is right; the test's own time-out ends it otherwise. */
export const eventually = <A>(request: Effect.Effect<A>, holds: (answer: A) => boolean): Effect.Effect<A> =>
  Effect.filterOrElse(request, holds, () => Effect.delay(Effect.suspend(() => eventually(request, holds)), "20 millis"))

/** Writes a script file, which is there until the scope closes. */
export const write = (script: unknown) =>
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "exotel-fake-"))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
  ).pipe(Effect.map((folder) => {
    const file = Path.join(folder, "script.json")
    Fs.writeFileSync(file, JSON.stringify(script))
    return file
  }))

/** Serves a script file until the scope closes. */
export const serve = (script: unknown, ...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const file = yield* write(script)
    const exit = yield* Deferred.make<number | null>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, [...command, "--port", "0", ...args, file], { cwd: workspace })),
      (child) => Effect.zipRight(Effect.sync(() => child.kill("SIGKILL")), Deferred.await(exit))
    )
    let output = ""
    child.stdout.on("data", (data) => (output += String(data)))
    child.stderr.on("data", (data) => (output += String(data)))
    child.once("exit", (code) => Deferred.unsafeDone(exit, Effect.succeed(code)))
    const address = () => /listens on (http:[^\s,]+)/.exec(output)?.[1] ?? ""
    const baseUrl = yield* eventually(Effect.sync(address), (url) => url !== "").pipe(
      Effect.timeout("50 seconds")
    )
    const running: Running = {
      baseUrl,
      output: () => output,
      signal: (signal) => child.kill(signal),
      exitCode: Deferred.await(exit)
    }
    return running
  })

export const run = (file: string, args: ReadonlyArray<string>) =>
  Effect.async<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resume) => {
    execFile(file, args, { cwd: workspace, timeout: 50_000 }, (error, stdout, stderr) => {
      resume(
        Effect.succeed({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : 1, stdout, stderr })
      )
    })
  })

/** Warns, because a test that did not run must not look like one that passed. */
export const needs = (name: string): boolean => {
  const there = isInstalled(name)
  // eslint-disable-next-line no-console -- it is the test's report
  if (!there) console.warn(`SKIPPED: ${name} is not installed, so it was not tried against exotel-fake`)
  return there
}
