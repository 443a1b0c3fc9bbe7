/**
 * The runner of a durable fleet: watches the calls of the partitions that the cluster assigns to this process.
 *
 * @since 0.1.0
 */
import { CallWatch } from "@effect-exotel/watch/CallWatch"
import { EntityId } from "@effect/cluster/EntityId"
import { Sharding } from "@effect/cluster/Sharding"
import type * as ShardingConfig from "@effect/cluster/ShardingConfig"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { Fleet } from "./Fleet.ts"
import { FleetBudget } from "./FleetBudget.ts"
import { InvalidFleet, type PartitionMismatch } from "./FleetError.ts"
import { FleetSignals } from "./FleetSignals.ts"
import { EventBuffer } from "./internal/eventBuffer.ts"
import * as Intake from "./internal/intake.ts"
import { OwnedPartitions } from "./internal/ownedPartition.ts"
import * as Partition from "./internal/partition.ts"
import { ensurePartitions } from "./internal/partitions.ts"
import * as Retention from "./internal/retention.ts"
import type { RunnerState } from "./internal/runnerState.ts"
import * as Tables from "./internal/tables.ts"
import * as Writer from "./internal/writer.ts"

/**
 * Settings of a runner. They may differ between runners, except for `storeCalls` and `keep`, which should not.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The name of this runner in `DurableFleet.status`. Default: a random one. */
  readonly name?: string | undefined
  /** Whether events keep the whole call, with its phone numbers. Default: `false`. */
  readonly storeCalls?: boolean | undefined
  /**
   * How long ended calls and their events are kept. An event that some consumer has not seen is kept longer. A sid that is
   * added again after this time is watched again. Default: 7 days.
   */
  readonly keep?: Duration.DurationInput | undefined
  /** How often to look for new calls without a signal. Default: 1 second. */
  readonly intakeInterval?: Duration.DurationInput | undefined
  /**
   * How long to collect events before the next transaction: with a shorter time the log has them earlier, and the runner and
   * the database have more to do. Default: 100 ms.
   */
  readonly writeInterval?: Duration.DurationInput | undefined
}

/** Events that may wait to be written. */
const BUFFER = 20_000

/**
 * Settings of `@effect/cluster` for several machines. Locks in a table, because an advisory lock stays with a process that
 * hangs. A dead runner is replaced after `shardLockExpiration`; below 12 s a busy machine can lose its locks.
 *
 * @since 0.1.0
 * @category constants
 */
export const shardingConfig = {
  shardLockDisableAdvisory: true,
  shardLockExpiration: Duration.seconds(15),
  shardsPerGroup: 128
} satisfies Partial<ShardingConfig.ShardingConfig["Type"]>

/**
 * Runs the fleet in this process. One engine, that of `CallWatch`, polls the calls of all partitions of the process. The
 * events go to the database in one transaction for all that have arrived meanwhile, with the positions to resume from.
 *
 * `CallWatch` must use the `RequestBudget` of the `FleetBudget`. Errors of the database after the start are logged and
 * retried.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  fleet: Fleet,
  options: Options = {}
): Layer.Layer<
  never,
  InvalidFleet | PartitionMismatch | SqlError,
  CallWatch | Sharding | SqlClient.SqlClient | FleetSignals | FleetBudget
> =>
  Layer.scopedDiscard(Effect.gen(function*() {
    const { budget, requestsPerMinute } = yield* FleetBudget
    if (requestsPerMinute < fleet.partitions) {
      return yield* new InvalidFleet({
        fleet: fleet.name,
        reason: `with ${fleet.partitions} partitions, requestsPerMinute must be at least ${fleet.partitions}`
      })
    }
    yield* ensurePartitions(fleet)
    const sharding = yield* Sharding
    const watch = yield* CallWatch
    const { signals } = yield* FleetSignals
    const tables = yield* Tables.make(fleet.name)
    const runner = options.name ?? `runner-${yield* Random.nextIntBetween(0, 1_000_000_000)}`
    const owned = new OwnedPartitions({ partitions: fleet.partitions, budget: { budget, requestsPerMinute } })
    const buffer = new EventBuffer(BUFFER)
    const added = yield* Effect.makeLatch()
    const state: RunnerState = { fleet: fleet.name, tables, owned }

    yield* Effect.forkScoped(
      Writer.run({ ...state, buffer, interval: Duration.decode(options.writeInterval ?? "100 millis") })
    )
    yield* Effect.forkScoped(
      Intake.run({ ...state, added, interval: Duration.decode(options.intakeInterval ?? "1 second") })
    )
    yield* Effect.forkScoped(Retention.run({ ...state, keep: Duration.decode(options.keep ?? "7 days") }))
    yield* signals.pipe(
      Stream.filter((signal) => signal.fleet === fleet.name),
      Stream.runForEach((signal) => signal._tag === "Added" ? added.open : watch.hint(signal.sid)),
      Effect.forkScoped
    )
    for (let part = 0; part < fleet.partitions; part++) {
      const name = `effect-exotel/${fleet.name}/${part}`
      const shard = sharding.getShardId(EntityId.make(name), "default")
      yield* sharding.registerSingleton(
        name,
        Partition.run({
          fleet,
          part,
          runner,
          tables,
          watch,
          owned,
          buffer,
          storeCalls: options.storeCalls ?? false,
          isAssigned: () => sharding.hasShardId(shard)
        })
      )
    }
  }))
