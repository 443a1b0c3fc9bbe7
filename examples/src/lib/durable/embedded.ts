/** One process with everything: the database in a file, the runner, the client and a consumer. */
import { DurableFleet, FleetLog, FleetMigrations, FleetRunner, FleetSignals } from "@effect-exotel/cluster"
import { SingleRunner } from "@effect/cluster"
import { NodeRuntime } from "@effect/platform-node"
import { SqlClient } from "@effect/sql"
import { LibsqlClient } from "@effect/sql-libsql"
import { Config, Console, Effect, Layer, Logger, LogLevel } from "effect"
import { fleet, Watch } from "./fleet.ts"

const program = Effect.gen(function*() {
  const client = yield* DurableFleet.DurableFleet
  const log = yield* FleetLog.FleetLog
  const sql = yield* SqlClient.SqlClient
  const sids = (yield* Config.string("CALLS")).split(",")
  yield* Console.log(`${yield* client.add(sids)} of ${sids.length} calls are new`)
  yield* sql`CREATE TABLE IF NOT EXISTS bill (sid TEXT NOT NULL, status TEXT)`
  return yield* log.consume("billing", (entries) =>
    Effect.gen(function*() {
      const ended = entries.filter(({ event }) => event === "Ended")
      if (ended.length === 0) return
      // In the transaction of the consumer's cursor, so a call is billed once.
      yield* Effect.forEach(ended, ({ facts, sid }) =>
        sql`INSERT INTO bill (sid, status) VALUES (${sid}, ${String(facts.status)})`)
      const [bills] = yield* sql<{ n: number; d: number }>`SELECT count(*) AS n, count(DISTINCT sid) AS d FROM bill`
      if (bills === undefined) {
        return
      }
      yield* Console.log(`${bills.n} bills for ${bills.d} calls`)
      if (bills.n === sids.length) {
        return yield* Effect.fail("finished" as const)
      }
    }))
}).pipe(Effect.catchAll((error) => error === "finished" ? Effect.void : Effect.fail(error)))

const Live = Layer.mergeAll(DurableFleet.layer(fleet), FleetLog.layer(fleet), FleetRunner.layer(fleet)).pipe(
  Layer.provide(Watch),
  Layer.provide(FleetSignals.layerMemory),
  Layer.provide(SingleRunner.layer({ runnerStorage: "memory" })),
  Layer.provide(FleetMigrations.layer),
  Layer.provideMerge(Layer.unwrapEffect(
    Effect.map(Config.string("DATABASE_FILE"), (path) => LibsqlClient.layer({ url: `file:${path}` }))
  ))
)

program.pipe(
  Effect.provide([Live, Logger.minimumLogLevel(LogLevel.Warning)]),
  NodeRuntime.runMain
)
