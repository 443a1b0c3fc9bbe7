/**
 * A durable fleet on Postgres with two runners, one of which is killed. Shows which runner watches how many calls, and how
 * late their endings were detected. Uses the empty database of `DATABASE_URL`, or starts a Postgres of its own (on Debian:
 * `apt-get install postgresql`).
 */
import { DurableFleet, FleetLog, FleetMigrations } from "@effect-exotel/cluster"
import * as PostgresSignals from "@effect-exotel/cluster/FleetSignals/Postgres"
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Clock, Config, Console, Context, Duration, Effect, Fiber, Layer, Option, Redacted, Stream } from "effect"
import { freePort, startPostgres } from "../../scripts/lib/postgres.mjs"
import { fleet } from "./lib/durable/fleet.ts"
import { start } from "./lib/durable/processes.ts"

const CALLS = 300

const database = Effect.gen(function*() {
  const given = yield* Config.option(Config.redacted("DATABASE_URL"))
  if (Option.isSome(given)) return given.value
  const { url } = yield* Effect.acquireRelease(Effect.promise(startPostgres), ({ remove }) => Effect.promise(remove))
  return Redacted.make(url)
})

/** One line a second: the open calls of each runner. */
const showOwners = Effect.gen(function*() {
  const client = yield* DurableFleet.DurableFleet
  const began = yield* Clock.currentTimeMillis
  return yield* Effect.gen(function*() {
    const calls = new Map<string, number>()
    for (const { openCalls, runner } of yield* client.status) {
      calls.set(runner, (calls.get(runner) ?? 0) + openCalls)
    }
    const owners = Array.from(calls, ([runner, count]) => `${runner || "no runner"} ${count}`).sort().join(", ")
    const seconds = ((yield* Clock.currentTimeMillis) - began) / 1000
    yield* Console.log(`${seconds.toFixed(0).padStart(3)} s  open calls: ${owners}`)
  }).pipe(Effect.zipRight(Effect.sleep("1 second")), Effect.forever)
})

const seconds = (millis: number | undefined) => `${((millis ?? NaN) / 1000).toFixed(1)} s`

const program = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const client = yield* DurableFleet.DurableFleet
  const log = yield* FleetLog.FleetLog
  const settings = { DATABASE_URL: Redacted.value(yield* PgUrl), EXOTEL_BASE_URL: fake.baseUrl }
  const launch = (name: string) =>
    Effect.flatMap(
      Effect.promise(freePort),
      (port) => start("runner", name, { ...settings, RUNNER_PORT: String(port) })
    )
  yield* launch("runner A")
  const second = yield* launch("runner B")
  yield* client.status.pipe(
    Effect.repeat({
      until: (all) => new Set(all.map(({ runner }) => runner)).size === 2 && all.length === fleet.partitions
    })
  )
  const showing = yield* Effect.fork(showOwners)
  const ends = new Map<string, number>()
  for (let i = 0; i < CALLS; i++) {
    const talk = 10_000 + 40_000 * i / CALLS
    const sid = yield* fake.place(CallScript.answered({ ring: "2 seconds", talk: Duration.millis(talk) }))
    ends.set(sid, (yield* Clock.currentTimeMillis) + 2000 + talk)
  }
  yield* client.add(ends.keys())
  yield* Effect.fork(Effect.delay(
    Effect.zipRight(Effect.sync(() => second.kill("SIGKILL")), Console.log("       runner B is killed")),
    "12 seconds"
  ))
  const delays = yield* log.read().pipe(
    Stream.filter(({ event }) => event === "Ended"),
    Stream.map(({ at, sid }) => at.epochMillis - (ends.get(sid) ?? NaN)),
    Stream.take(CALLS),
    Stream.runCollect
  )
  yield* Fiber.interrupt(showing)
  const sorted = [...delays].sort((a, b) => a - b)
  const at = (share: number) => seconds(sorted[Math.min(CALLS - 1, Math.floor(CALLS * share))])
  yield* Console.log(
    `${sorted.length} endings, detected after ${at(0.5)} (median), ${at(0.95)} (p95), ${at(1)} (latest)`
  )
})

class PgUrl extends Context.Tag("PgUrl")<PgUrl, Redacted.Redacted>() {}

const Live = Layer.merge(DurableFleet.layer(fleet), FleetLog.layer(fleet)).pipe(
  Layer.provide(PostgresSignals.layer),
  Layer.provide(FleetMigrations.layer),
  Layer.provide(Layer.unwrapEffect(Effect.map(PgUrl, (url) => PgClient.layer({ url, maxConnections: 4 })))),
  Layer.provideMerge(Layer.scoped(PgUrl, database)),
  Layer.merge(FakeExotel.layerServer({ requestsPerMinute: 600 }))
)

Effect.scoped(program).pipe(Effect.provide(Live), NodeRuntime.runMain)
