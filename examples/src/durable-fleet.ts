/**
 * A durable fleet on an embedded database, with nothing else to install. The process that watches 200 calls is killed with
 * SIGKILL while they are under way. The next one continues from the database: every call is billed once.
 */
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ended, printed, start } from "./lib/durable/processes.ts"

const CALLS = 200

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "durable-fleet-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const program = Effect.scoped(Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const sids = yield* Effect.forEach(
    Array.from({ length: CALLS }),
    (_, i) => fake.place(CallScript.answered({ ring: "2 seconds", talk: Duration.seconds(30 + 30 * i / CALLS) }))
  )
  const settings = {
    CALLS: sids.join(","),
    DATABASE_FILE: join(yield* folder, "fleet.db"),
    EXOTEL_BASE_URL: fake.baseUrl
  }
  const first = yield* start("embedded", "first process", settings)
  yield* printed(first, /[5-9]\d bills/)
  first.kill("SIGKILL")
  yield* ended(first)
  yield* Console.log("The first process was killed. The second one continues.")
  yield* ended(yield* start("embedded", "second process", settings))
}))

program.pipe(Effect.provide(FakeExotel.layerServer({ requestsPerMinute: 600 })), NodeRuntime.runMain)
