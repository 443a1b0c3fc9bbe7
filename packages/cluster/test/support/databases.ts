/** The databases that tests run over, with the tables of fleets. */
import { Fleet, FleetMigrations } from "@effect-exotel/cluster"
import { LibsqlClient } from "@effect/sql-libsql"
import { PgClient } from "@effect/sql-pg"
import { Effect, Either, Layer, Redacted } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { postgres } from "./postgres.ts"

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
    Layer.unwrapScoped(
      Effect.map(postgres, ({ url }) => PgClient.layer({ url: Redacted.make(url), maxConnections: 6 }))
    )
  ),
  Layer.orDie
)
