/** One runner of a fleet over Postgres, in a process of its own. */
import { FleetBudget, FleetMigrations, FleetRunner } from "@effect-exotel/cluster"
import * as PostgresSignals from "@effect-exotel/cluster/FleetSignals/Postgres"
import { ExotelCalls } from "@effect-exotel/core"
import { FakeExotel } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { RunnerAddress } from "@effect/cluster"
import { NodeClusterSocket, NodeHttpClient, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer, Option } from "effect"
import { settings } from "./processFleet.ts"

const environment = Config.all({
  name: Config.string("RUNNER_NAME"),
  sizes: Config.map(Config.number("RUNNER_SHARE"), settings),
  port: Config.integer("RUNNER_PORT"),
  database: Config.redacted("RUNNER_DATABASE"),
  exotel: Config.string("RUNNER_EXOTEL")
})

const Runner = Layer.unwrapEffect(
  Effect.map(environment, ({ database, exotel, name, port, sizes }) =>
    FleetRunner.layer(sizes.fleet, { name }).pipe(
      Layer.provide(CallWatch.layer),
      Layer.provide(ExotelCalls.layerWithBudget({ ...FakeExotel.defaultAccount, region: undefined, baseUrl: exotel })),
      Layer.provide(FleetBudget.layer({ requestsPerMinute: sizes.requestsPerMinute })),
      Layer.provide(NodeHttpClient.layerUndici),
      Layer.provide(NodeClusterSocket.layer({
        storage: "sql",
        shardingConfig: {
          ...FleetRunner.shardingConfig,
          shardLockExpiration: sizes.shardLockExpiration,
          shardLockRefreshInterval: sizes.shardLockRefreshInterval,
          runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", port))
        }
      })),
      Layer.provide(PostgresSignals.layer),
      Layer.provide(FleetMigrations.layer),
      Layer.provide(PgClient.layer({ url: database, maxConnections: 6, connectTimeout: "5 seconds" }))
    ))
)

NodeRuntime.runMain(Layer.launch(Runner))
