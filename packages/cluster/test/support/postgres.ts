/** Databases of a real Postgres, if it is installed. */
import { SqlClient } from "@effect/sql"
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { randomUUID } from "node:crypto"
import { inject } from "vitest"
import { freePort, type Postgres as Server, startPostgres } from "../../../../scripts/lib/postgres.mjs"

export { freePort }

const shared = inject("postgres")

export const hasPostgres = shared !== undefined

/** A new, empty database of the Postgres that all tests share. */
export const database: Effect.Effect<string> = Effect.gen(function*() {
  const name = `test_${randomUUID().replaceAll("-", "")}`
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE DATABASE ${sql(name)}`
  const url = new URL(shared ?? "")
  url.pathname = name
  return url.href
}).pipe(
  Effect.provide(PgClient.layer({ url: Redacted.make(shared ?? ""), maxConnections: 1 })),
  Effect.orDie
)

/** A server of its own, for a test that stops it. */
export interface Postgres {
  readonly url: string
  /** Stops it at once, as a power cut would. */
  readonly stop: Effect.Effect<void>
  readonly start: Effect.Effect<void>
}

export const postgres = Effect.acquireRelease(
  Effect.promise((): Promise<Server> => startPostgres()),
  ({ remove }) => Effect.promise(remove)
).pipe(Effect.map(({ start, stop, url }): Postgres => ({
  url,
  start: Effect.promise(start),
  stop: Effect.promise(stop)
})))
