/** Two runner processes on a real Postgres, one of which is disturbed: no ending is lost, none is stored twice. */
import { DurableFleet, FleetLog, FleetMigrations } from "@effect-exotel/cluster"
import * as PostgresSignals from "@effect-exotel/cluster/FleetSignals/Postgres"
import { CallScript, FakeExotel, Journal } from "@effect-exotel/testing"
import { SqlClient } from "@effect/sql"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Cause, Clock, Duration, Effect, Layer, Redacted, Schedule } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { bundle } from "../../../scripts/lib/bundle.mjs"
import { share } from "../../../scripts/lib/cases.mjs"
import { database, freePort, hasPostgres, postgres } from "./support/postgres.ts"
import { settings } from "./support/processFleet.ts"

const sizes = settings(share())

/** `FLEET_CALLS=5000` runs the long version. */
const CALLS = Number(process.env["FLEET_CALLS"] ?? sizes.calls)

/** A minute, less the time for which a busy machine may hold requests back and deliver them together. */
const SHORT_MINUTE = Duration.seconds(55)

const program = hasPostgres ? await bundle(fileURLToPath(new URL("./support/runnerProcess.ts", import.meta.url))) : []

interface Runner {
  readonly child: ChildProcess
  /** Fails when the process ends with an error. */
  readonly failure: Effect.Effect<never, string>
  readonly printOutput: Effect.Effect<void>
}

const runner = (name: string, database: string, exotel: string) =>
  Effect.acquireRelease(
    Effect.promise(async (): Promise<Runner> => {
      const port = await freePort()
      const child = spawn(process.execPath, program, {
        env: {
          ...process.env,
          RUNNER_NAME: name,
          RUNNER_SHARE: String(share()),
          RUNNER_PORT: String(port),
          // The cluster locks its shards in transactions, too.
          RUNNER_DATABASE: `${database}?options=-c%20idle_in_transaction_session_timeout=5000`,
          RUNNER_EXOTEL: exotel
        },
        stdio: ["ignore", "pipe", "pipe"]
      })
      const output: Array<string> = []
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (data) => {
          output.push(String(data))
          if (process.env["FLEET_LOG"] !== undefined) process.stderr.write(data)
        })
      }
      const exit: Promise<ReadonlyArray<unknown>> = once(child, "exit")
      const failure = Effect.flatMap(
        Effect.promise(() => exit),
        // The code is null after a signal.
        ([code]) => code === 0 || code === null ? Effect.never : Effect.fail(`The ${name} runner failed`)
      )
      const printOutput = Effect.sync(() =>
        void process.stderr.write(`The output of the ${name} runner:\n${output.join("")}`)
      )
      return { child, failure, printOutput }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

interface Stage {
  readonly second: ChildProcess
  /** Waits until the second runner owns nothing any more. */
  readonly takenOver: Effect.Effect<void>
}

/** Waits until something holds, through outages of the database, for at most two minutes. */
const until = <E>(what: string, condition: Effect.Effect<boolean, E>): Effect.Effect<void> =>
  condition.pipe(
    Effect.sandbox,
    Effect.orElseSucceed(() => false),
    Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced("200 millis") }),
    Effect.timeoutFailCause({
      duration: "2 minutes",
      onTimeout: () => Cause.die(new Error(`Not within two minutes: ${what}`))
    }),
    Effect.asVoid
  )

const scenario = (url: string, disturb: (stage: Stage) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    // Both find an empty database.
    const [first, second] = yield* Effect.all([
      runner("first", url, fake.baseUrl),
      runner("second", url, fake.baseUrl)
    ])
    const body = Effect.gen(function*() {
      const client = yield* DurableFleet.DurableFleet
      const log = yield* FleetLog.FleetLog
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE bill (sid TEXT NOT NULL)`
      yield* Effect.forkScoped(log.consume("billing", (entries) =>
        Effect.forEach(
          entries.filter(({ event }) => event === "Ended"),
          ({ sid }) => sql`INSERT INTO bill (sid) VALUES (${sid})`,
          { discard: true }
        )))
      const owned = (name: string) =>
        Effect.map(client.status, (all) => all.filter((partition) => partition.runner === name).length)
      yield* until(
        "both runners own partitions",
        Effect.map(
          Effect.all([owned("first"), owned("second")]),
          ([a, b]) => a > 0 && b > 0 && a + b === sizes.fleet.partitions
        )
      )
      const sids = yield* Effect.forEach(Array.from({ length: CALLS }), (_, i) =>
        fake.place(CallScript.answered({ ring: "2 seconds", talk: sizes.talk(i / CALLS) })))
      assert.strictEqual(yield* client.add(sids), CALLS)
      yield* until(
        "all calls were added",
        Effect.map(sql`SELECT DISTINCT sid FROM exotel_event WHERE tag = 'Added'`, ({ length }) =>
          length === CALLS)
      )
      const disturbedAt = yield* Clock.currentTimeMillis
      const takenOver = Effect.gen(function*() {
        yield* until(
          "the first runner owns all partitions",
          Effect.map(owned("first"), (count) => count === sizes.fleet.partitions)
        )
        yield* Effect.logInfo(`Taken over after ${((yield* Clock.currentTimeMillis) - disturbedAt) / 1000} s`)
      })
      yield* disturb({ second: second.child, takenOver })
      yield* until(
        "all calls were billed",
        Effect.map(sql`SELECT sid FROM bill`, ({ length }) => length >= CALLS)
      )
      // Time for an ending that is stored twice to show.
      yield* Effect.sleep(sizes.twoPolls)
      const expected = [...sids].sort()
      const ended = yield* sql<
        { sid: string }
      >`SELECT sid FROM exotel_event WHERE tag = 'Ended' ORDER BY sid COLLATE "C"`
      deepStrictEqual(ended.map(({ sid }) => sid), expected)
      const billed = yield* sql<{ sid: string }>`SELECT sid FROM bill ORDER BY sid COLLATE "C"`
      deepStrictEqual(billed.map(({ sid }) => sid), expected)
      yield* Journal.expectAtMost(yield* fake.journal, sizes.requestsPerMinute, SHORT_MINUTE)
    }).pipe(Effect.provide(
      Layer.merge(DurableFleet.layer(sizes.fleet), FleetLog.layer(sizes.fleet)).pipe(
        Layer.provide(PostgresSignals.layer),
        Layer.provideMerge(Layer.fresh(FleetMigrations.layer)),
        Layer.provideMerge(
          PgClient.layer({ url: Redacted.make(url), maxConnections: 6, connectTimeout: "30 seconds" })
        )
      )
    ))
    yield* Effect.raceFirst(body, Effect.raceFirst(first.failure, second.failure)).pipe(
      Effect.tapErrorCause(() => Effect.zipRight(first.printOutput, second.printOutput))
    )
  }).pipe(Effect.provide(FakeExotel.layerServer({ requestsPerMinute: Infinity })))

const LIMIT = 300_000

/** A scenario on a database of the shared Postgres. */
const disturbed = (disturb: (stage: Stage) => Effect.Effect<void>) => () =>
  Effect.flatMap(database, (url) => scenario(url, disturb))

// The scenarios mostly wait, so they run at the same time.
describe.skipIf(!hasPostgres)(
  "two runners that start together on an empty database of Postgres",
  { concurrent: true },
  () => {
    it.scopedLive(
      "lose no ending when one is killed",
      disturbed(({ second, takenOver }) => Effect.zipRight(Effect.sync(() => second.kill("SIGKILL")), takenOver)),
      LIMIT
    )

    it.scopedLive(
      "lose no ending when one hangs, and the one that wakes up stores nothing twice",
      disturbed(({ second, takenOver }) =>
        Effect.gen(function*() {
          second.kill("SIGSTOP")
          yield* takenOver
          second.kill("SIGCONT")
        })
      ),
      LIMIT
    )

    it.scopedLive(
      "lose no ending when one receives SIGTERM",
      disturbed(({ second, takenOver }) => Effect.zipRight(Effect.sync(() => second.kill("SIGTERM")), takenOver)),
      LIMIT
    )

    it.scopedLive(
      "lose no ending when Postgres is away for seconds",
      () =>
        Effect.flatMap(
          postgres,
          ({ start, stop, url }) =>
            scenario(url, () => stop.pipe(Effect.zipRight(Effect.sleep(sizes.outage)), Effect.zipRight(start)))
        ),
      LIMIT
    )
  }
)
