/** Starts the server of the read benchmarks in another process. */
import { Effect, type Scope } from "effect"
import { fork } from "node:child_process"

/** The server's URL. It ends with its scope, and by itself if this process ends without closing the scope. */
export const readServer: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => fork(new URL("./lib/server.mjs", import.meta.url), { stdio: "inherit" })),
  (child) => Effect.sync(() => void child.kill())
).pipe(
  Effect.flatMap((child) =>
    Effect.async<number>((resume) => {
      child.once("message", (port) => resume(Effect.succeed(Number(port))))
      child.once("exit", (code) => resume(Effect.dieMessage(`the server ended with ${code}`)))
    })
  ),
  Effect.timeout("60 seconds"),
  Effect.orDie,
  Effect.map((port) => `http://127.0.0.1:${port}`)
)
