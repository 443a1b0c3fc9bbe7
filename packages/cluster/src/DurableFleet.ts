/**
 * The client of a durable fleet: adds calls to the database, from which the runners take them.
 *
 * @since 0.1.0
 */
import { isCallSid } from "@effect-exotel/core/CallSid"
import { InvalidRequest } from "@effect-exotel/core/ExotelError"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Fleet } from "./Fleet.ts"
import { PartitionMismatch } from "./FleetError.ts"
import { FleetSignals } from "./FleetSignals.ts"
import * as Dialect from "./internal/dialect.ts"
import { ensurePartitions, partitionOf } from "./internal/partitions.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface PartitionStatus {
  readonly partition: number
  /** The name of the runner that owns it; empty after a runner has released it. */
  readonly runner: string
  readonly since: DateTime.Utc
  /** How many times it has been taken over. */
  readonly epoch: number
  /** The position of its last event. */
  readonly position: number
  /** Calls that are being watched, or will be. */
  readonly openCalls: number
  /** Those of them that no runner has taken yet. */
  readonly newCalls: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Adds calls, to be watched with the named policy of the fleet's book, and returns how many were new. A sid that the
   * fleet has already is no error, and keeps its policy. Joins the transaction of `sql.withTransaction`, so that a row of
   * the caller's and the watch of its call are committed together. Any number of calls is two statements.
   */
  readonly add: (
    sids: Iterable<string>,
    policy?: string
  ) => Effect.Effect<number, SqlError | InvalidRequest | PartitionMismatch>
  /**
   * Removes open calls, and returns how many. Their events are no longer stored from then on; their polls end when the
   * call does, or when its partition moves. Joins the caller's transaction.
   */
  readonly remove: (sids: Iterable<string>) => Effect.Effect<number, SqlError>
  /** Makes the runner of a call poll it soon, for example after a status callback. It may be lost. */
  readonly hint: (sid: string) => Effect.Effect<void, SqlError>
  /** The partitions in order, as the database has them. */
  readonly status: Effect.Effect<ReadonlyArray<PartitionStatus>, SqlError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class DurableFleet extends Context.Tag("@effect-exotel/cluster/DurableFleet")<DurableFleet, Service>() {}

/**
 * Makes the client. Fails with a `PartitionMismatch` when the fleet has open calls in another number of partitions.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  fleet: Fleet
): Effect.Effect<Service, SqlError | PartitionMismatch, SqlClient.SqlClient | FleetSignals> =>
  Effect.gen(function*() {
    yield* ensurePartitions(fleet)
    const sql = yield* SqlClient.SqlClient
    const signals = yield* FleetSignals
    const dialect = Dialect.make(sql)

    const checkPartitions = Effect.flatMap(
      sql<{ partitions: number }>`SELECT partitions FROM exotel_fleet WHERE fleet = ${fleet.name}`,
      ([row]) =>
        row === undefined || row.partitions === fleet.partitions
          ? Effect.void
          : new PartitionMismatch({ fleet: fleet.name, stored: row.partitions, given: fleet.partitions })
    )

    const add: Service["add"] = Effect.fn("DurableFleet.add")(function*(sids, policy = "default") {
      const calls = Array.from(sids, (sid) => ({ sid, part: partitionOf(sid, fleet.partitions) }))
      yield* Effect.annotateCurrentSpan({ "exotel.fleet": fleet.name, "exotel.calls": calls.length })
      if (calls.length === 0) return 0
      if (!calls.every(({ sid }) => isCallSid(sid))) {
        return yield* new InvalidRequest({ reason: "a call sid is made of letters and digits only" })
      }
      yield* checkPartitions
      const now = yield* dialect.now
      const added = yield* sql`
        INSERT INTO exotel_call (fleet, sid, part, policy, added_at)
        SELECT ${fleet.name}, v.sid, v.part, ${policy}, ${now} FROM ${dialect.rows(calls, "sid TEXT, part INTEGER")}
        WHERE true ON CONFLICT (fleet, sid) DO NOTHING RETURNING part`
      if (added.length > 0) yield* signals.publish({ _tag: "Added", fleet: fleet.name })
      return added.length
    })

    const remove: Service["remove"] = Effect.fn("DurableFleet.remove")(function*(sids) {
      const calls = Array.from(sids, (sid) => ({ sid }))
      if (calls.length === 0) return 0
      const removed = yield* sql`
        DELETE FROM exotel_call WHERE fleet = ${fleet.name} AND over_at IS NULL
        AND sid IN (SELECT v.sid FROM ${dialect.rows(calls, "sid TEXT")}) RETURNING part`
      return removed.length
    })

    const status: Service["status"] = Effect.map(
      sql<Record<"part" | "epoch" | "last_seq" | "since" | "open" | "new", number | string> & { runner: string }>`
        SELECT p.part, p.runner, p.since, p.epoch, p.last_seq,
          (SELECT count(*) FROM exotel_call c WHERE c.fleet = p.fleet AND c.part = p.part AND c.over_at IS NULL) AS open,
          (SELECT count(*) FROM exotel_call c
            WHERE c.fleet = p.fleet AND c.part = p.part AND c.over_at IS NULL AND c.token IS NULL) AS new
        FROM exotel_partition p WHERE p.fleet = ${fleet.name} ORDER BY p.part`,
      (rows) =>
        rows.map((row) => ({
          partition: Number(row.part),
          runner: row.runner,
          since: DateTime.unsafeMake(Number(row.since)),
          epoch: Number(row.epoch),
          position: Number(row.last_seq),
          openCalls: Number(row.open),
          newCalls: Number(row.new)
        }))
    )

    return {
      add,
      remove,
      hint: (sid) => signals.publish({ _tag: "Hint", fleet: fleet.name, sid }),
      status
    }
  })

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  fleet: Fleet
): Layer.Layer<DurableFleet, SqlError | PartitionMismatch, SqlClient.SqlClient | FleetSignals> =>
  Layer.effect(DurableFleet, make(fleet))
