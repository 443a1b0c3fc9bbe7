/** A Postgres of the test's own, if it is installed. */
import { Effect } from "effect"
import { findPostgres, freePort, type Postgres as Server, startPostgres } from "../../../../scripts/lib/postgres.mjs"

export { freePort }

export const hasPostgres = findPostgres() !== undefined

if (!hasPostgres) {
  process.stderr.write(
    "SKIPPED: durable fleets over a real Postgres; install postgresql (Debian: apt-get install postgresql)\n"
  )
}

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
