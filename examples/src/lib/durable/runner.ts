/** A runner of a fleet that is stored in Postgres. Start it on as many machines as you like. */
import { FleetMigrations, FleetRunner } from "@effect-exotel/cluster"
import * as PostgresSignals from "@effect-exotel/cluster/FleetSignals/Postgres"
import { RunnerAddress } from "@effect/cluster"
import { NodeClusterSocket, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer, Logger, LogLevel, Option } from "effect"
import { fleet, Watch } from "./fleet.ts"

const settings = Config.all({
  name: Config.string("RUNNER_NAME"),
  /** The address at which the other runners reach this one. */
  host: Config.withDefault(Config.string("RUNNER_HOST"), "127.0.0.1"),
  port: Config.integer("RUNNER_PORT"),
  url: Config.redacted("DATABASE_URL")
})

const Live = Layer.unwrapEffect(
  Effect.map(settings, ({ host, name, port, url }) =>
    FleetRunner.layer(fleet, { name }).pipe(
      Layer.provide(Watch),
      Layer.provide(NodeClusterSocket.layer({
        storage: "sql",
        shardingConfig: {
          ...FleetRunner.shardingConfig,
          runnerAddress: Option.some(RunnerAddress.make(host, port))
        }
      })),
      Layer.provide(PostgresSignals.layer),
      Layer.provide(FleetMigrations.layer),
      Layer.provide(PgClient.layer({ url, maxConnections: 6, connectTimeout: "5 seconds" }))
    ))
)

Layer.launch(Live).pipe(Effect.provide(Logger.minimumLogLevel(LogLevel.Warning)), NodeRuntime.runMain)
