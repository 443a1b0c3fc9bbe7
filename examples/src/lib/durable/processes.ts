/** Programs of an example in processes of their own, so that one can be killed. */
import { Console, Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** Runs a module of this folder, prints its lines with its name in front, and kills it when the scope closes. */
export const start = (
  module: string,
  name: string,
  settings: Readonly<Record<string, string>>
): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = fileURLToPath(new URL(`./${module}.ts`, import.meta.url))
      const child = spawn(process.execPath, ["--import", "tsx", path], {
        env: { ...process.env, ...settings, RUNNER_NAME: name },
        stdio: ["ignore", "pipe", "inherit"]
      })
      createInterface(child.stdout).on("line", (line) => {
        Effect.runFork(Console.log(`${name}: ${line}`))
      })
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Waits until the process prints a line that matches. */
export const printed = (child: ChildProcess, pattern: RegExp): Effect.Effect<void> =>
  Effect.async((resume) => {
    child.stdout?.on("data", (text) => {
      if (pattern.test(String(text))) resume(Effect.void)
    })
  })

/** Waits until the process has ended. */
export const ended = (child: ChildProcess): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.void)
    else child.once("exit", () => resume(Effect.void))
  })
