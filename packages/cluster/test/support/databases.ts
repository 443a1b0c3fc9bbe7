/** The databases that tests run over, with the tables of fleets. */
import { Fleet, FleetMigrations, FleetSignals } from "@effect-exotel/cluster"
import type { SqlClient } from "@effect/sql"
import { LibsqlClient } from "@effect/sql-libsql"
import { PgClient } from "@effect/sql-pg"
import { describe, it, type Vitest } from "@effect/vitest"
import { Effect, Either, Layer, Redacted } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { database, hasPostgres } from "./postgres.ts"

export const fleet = Either.getOrThrow(Fleet.make({
  name: "test",
  partitions: 4,
  policies: { default: { cadence: "5 seconds" }, urgent: { cadence: "2 seconds" } }
}))

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "fleet-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** An embedded database in a file: in memory, its driver would begin anew after each transaction. */
export const Embedded = Layer.fresh(FleetMigrations.layer).pipe(
  Layer.provideMerge(
    Layer.unwrapScoped(Effect.map(folder, (path) => LibsqlClient.layer({ url: `file:${path}/fleet.db` })))
  ),
  Layer.orDie
)

export const Postgres = Layer.fresh(FleetMigrations.layer).pipe(
  Layer.provideMerge(
    Layer.unwrapEffect(
      Effect.map(database, (url) => PgClient.layer({ url: Redacted.make(url), maxConnections: 6 }))
    )
  ),
  Layer.orDie
)

type Methods = Vitest.MethodsNonLive<SqlClient.SqlClient | FleetSignals.FleetSignals>

/** Runs the same tests over each database. */
export const overEachDatabase = (subject: string, tests: (it: Methods) => void): void => {
  const suite = (database: Layer.Layer<SqlClient.SqlClient>) =>
    it.layer(Layer.merge(database, FleetSignals.layerMemory), { timeout: 60_000 })(tests)
  describe(`${subject} over an embedded database`, () => suite(Embedded))
  describe.skipIf(!hasPostgres)(`${subject} over Postgres`, () => {
    if (hasPostgres) suite(Postgres)
  })
}
