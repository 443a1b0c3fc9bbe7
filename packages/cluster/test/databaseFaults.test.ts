/** A real Postgres that refuses writes: the log line and the metric of the writer, and what happens afterwards. */
import { FleetSignals } from "@effect-exotel/cluster"
import { SqlClient } from "@effect/sql"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Layer, Redacted, TestServices } from "effect"
import * as Tables from "../src/internal/tables.ts"
import { fleet, Postgres } from "./support/databases.ts"
import { hasPostgres } from "./support/postgres.ts"
import { event, part, setUp, sid, stored } from "./support/rows.ts"
import { failures, startWriter, withLog } from "./support/runningWriter.ts"

/** A client of the same database that logs in as a user without rights of its own. */
const limitedUser = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE ROLE limited LOGIN`
  yield* sql`GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO limited`
  yield* sql`GRANT INSERT ON exotel_partition TO limited`
  const [row] = yield* sql<{ name: string; port: number }>`
    SELECT current_database() AS name, inet_server_port() AS port`
  return yield* Layer.build(
    PgClient.layer({ url: Redacted.make(`postgres://limited@127.0.0.1:${row?.port}/${row?.name}`), maxConnections: 1 })
  )
})

const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(Effect.delay(condition, "50 millis"), { until: (holds) => holds })

/** Writes one event while the database refuses it, as `reason` says, and again once `repair` was run. */
const scenario = <E, R>(
  client: Effect.Effect<Tables.Tables, E, R>,
  reason: "disk_full" | "no_privilege",
  advice: string,
  repair: Effect.Effect<unknown, E, R>
) =>
  withLog((log) =>
    Effect.gen(function*() {
      const tables = yield* client
      const { epoch, seq } = yield* tables.own(part, "owner")
      const { isLost, offer, partition } = yield* startWriter({ tables, part, epoch, seq, sids: [sid] })
      // Other tests of this process count, too.
      const before = yield* failures(reason)
      yield* offer(event(sid, "Ended"))
      yield* until(Effect.map(failures(reason), (count) => count > before))
      assert.include(log(), advice)
      deepStrictEqual(yield* stored, [])
      yield* repair
      yield* until(Effect.map(stored, ({ length }) => length > 0))
      deepStrictEqual(yield* stored, ["1 Ended"])
      assert.strictEqual(partition.known.size, 0)
      assert.isFalse(isLost())
    })
  )

describe.skipIf(!hasPostgres)("a writer over Postgres", () => {
  if (!hasPostgres) return
  it.layer(Layer.merge(Postgres, FleetSignals.layerMemory), { timeout: 60_000 })((it) => {
    it.scoped("says that a privilege is missing, and stores the event once it is granted", () =>
      Effect.gen(function*() {
        yield* setUp
        const sql = yield* SqlClient.SqlClient
        const limited = yield* limitedUser
        yield* scenario(
          Effect.provide(Tables.make(fleet.name), limited),
          "no_privilege",
          "lacks a privilege; grant it SELECT, INSERT, UPDATE and DELETE on the exotel_ tables",
          sql`GRANT INSERT ON exotel_event TO limited`
        )
      }).pipe(TestServices.provideLive))

    it.scoped("takes a partition from an owner that hangs within a transaction", () =>
      Effect.gen(function*() {
        const tables = yield* setUp
        const sql = yield* SqlClient.SqlClient
        const owner = yield* tables.own(part, "hangs")
        const written = yield* Effect.makeLatch()
        const hanging = sql.withTransaction(
          tables.write([{ ...owner, part, events: [event(sid)] }], 8000).pipe(
            Effect.zipRight(written.open),
            Effect.zipRight(Effect.never)
          )
        )
        yield* Effect.forkScoped(Effect.ignore(Effect.sandbox(hanging)))
        yield* written.await
        const next = yield* Effect.timeoutFail(tables.own(part, "next"), {
          duration: "20 seconds",
          onTimeout: () => "the locks of the former owner remain"
        })
        deepStrictEqual([next.epoch, next.seq], [2, 0])
        deepStrictEqual(yield* stored, [])
      }).pipe(TestServices.provideLive))

    it.scoped("says that the disk is full, and stores the event once there is space", () =>
      Effect.gen(function*() {
        const tables = yield* setUp
        const sql = yield* SqlClient.SqlClient
        // Raises the error of a full disk, for a file system cannot be filled here.
        yield* sql`CREATE FUNCTION fill_disk() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN RAISE EXCEPTION ''could not extend file'' USING ERRCODE = ''disk_full''; END'`
        yield* sql`CREATE TRIGGER fill_disk BEFORE INSERT ON exotel_event EXECUTE FUNCTION fill_disk()`
        yield* scenario(
          Effect.succeed(tables),
          "disk_full",
          "the disk of the database is full; free space on it",
          sql`DROP TRIGGER fill_disk ON exotel_event`
        )
      }).pipe(TestServices.provideLive))
  })
})
