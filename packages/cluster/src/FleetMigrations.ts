/**
 * The tables of durable fleets, in versions.
 *
 * @since 0.1.0
 */
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SqlMessageStorage from "@effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "@effect/cluster/SqlRunnerStorage"
import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import * as Dialect from "./internal/dialect.ts"

/** The key of the advisory lock. */
const LOCK = 723_501_115

const createTables = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const { bigint } = Dialect.make(sql)
  yield* sql`CREATE TABLE exotel_fleet (fleet TEXT PRIMARY KEY, partitions INTEGER NOT NULL)`
  yield* sql`CREATE TABLE exotel_partition (
    fleet TEXT NOT NULL, part INTEGER NOT NULL, epoch ${bigint} NOT NULL, last_seq ${bigint} NOT NULL,
    runner TEXT NOT NULL, since ${bigint} NOT NULL, lease_until ${bigint} NOT NULL, PRIMARY KEY (fleet, part))`
  yield* sql`CREATE TABLE exotel_call (
    fleet TEXT NOT NULL, sid TEXT NOT NULL, part INTEGER NOT NULL, policy TEXT NOT NULL, token TEXT,
    added_at ${bigint} NOT NULL, over_at ${bigint}, PRIMARY KEY (fleet, sid))`
  yield* sql`CREATE INDEX exotel_call_new ON exotel_call (fleet, part) WHERE token IS NULL AND over_at IS NULL`
  yield* sql`CREATE INDEX exotel_call_open ON exotel_call (fleet, part) WHERE over_at IS NULL`
  yield* sql`CREATE INDEX exotel_call_over ON exotel_call (fleet, part, over_at) WHERE over_at IS NOT NULL`
  yield* sql`CREATE TABLE exotel_event (
    fleet TEXT NOT NULL, part INTEGER NOT NULL, seq ${bigint} NOT NULL, sid TEXT NOT NULL, tag TEXT NOT NULL,
    at ${bigint} NOT NULL, is_final INTEGER NOT NULL, payload TEXT NOT NULL, PRIMARY KEY (fleet, part, seq))`
  yield* sql`CREATE TABLE exotel_cursor (
    consumer TEXT NOT NULL, fleet TEXT NOT NULL, part INTEGER NOT NULL, seq ${bigint} NOT NULL,
    PRIMARY KEY (consumer, fleet, part))`
})

const ownTables = Migrator.make({})({
  loader: Migrator.fromRecord({ "1_create_tables": createTables }),
  table: "exotel_migrations"
})

/** Holds the advisory lock until the scope closes. If the process dies, its session ends and the lock with it. */
const lock = (sql: SqlClient.SqlClient): Effect.Effect<unknown, SqlError, Scope> =>
  Effect.flatMap(sql.reserve, (connection) =>
    Effect.zipRight(
      Effect.addFinalizer(() =>
        Effect.ignore(connection.executeUnprepared(`SELECT pg_advisory_unlock(${LOCK})`, [], undefined))
      ),
      connection.executeUnprepared(`SELECT pg_advisory_lock(${LOCK})`, [], undefined)
    ))

/** The tables of `@effect/cluster`: two programs that create them at the same time would fail. */
const clusterTables = Effect.scoped(
  Layer.build(Layer.merge(SqlMessageStorage.layer, SqlRunnerStorage.layer)).pipe(
    Effect.provide(ShardingConfig.layer({ shardLockDisableAdvisory: true }))
  )
)

/**
 * Creates the tables of this package and those of `@effect/cluster`, or brings them up to date. Programs that start at the
 * same time wait for each other: on Postgres by an advisory lock, for which it needs a connection of its own.
 *
 * @since 0.1.0
 * @category migrations
 */
export const migrate: Effect.Effect<void, SqlError | Migrator.MigrationError, SqlClient.SqlClient> = Effect.gen(
  function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql.onDialectOrElse({
      pg: () => lock(sql),
      // Readers do not wait for the writer.
      orElse: (): Effect.Effect<unknown, SqlError, Scope> => sql`PRAGMA journal_mode = WAL`
    })
    yield* ownTables
    yield* clusterTables
  }
).pipe(Effect.scoped, Effect.withSpan("FleetMigrations.migrate"))

/**
 * Runs {@link migrate} when it is built. Build it before `Sharding` and before every other layer of this package.
 *
 * @example
 * ```ts
 * import { FleetMigrations } from "@effect-exotel/cluster"
 * import { SingleRunner } from "@effect/cluster"
 * import { LibsqlClient } from "@effect/sql-libsql"
 * import { Layer } from "effect"
 *
 * const ClusterLive = SingleRunner.layer({ runnerStorage: "memory" }).pipe(
 *   Layer.provideMerge(FleetMigrations.layer),
 *   Layer.provideMerge(LibsqlClient.layer({ url: "file:fleet.db" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<never, SqlError | Migrator.MigrationError, SqlClient.SqlClient> = Layer.effectDiscard(
  migrate
)
