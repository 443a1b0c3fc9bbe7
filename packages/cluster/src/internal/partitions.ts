/** Which partition a call is in, and the stored number of partitions. */
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import type { Fleet } from "../Fleet.ts"
import { PartitionMismatch } from "../FleetError.ts"

/** FNV-1a: the same for every version of this package. */
export const partitionOf = (sid: string, partitions: number): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < sid.length; i++) hash = Math.imul(hash ^ sid.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % partitions
}

/** Stores the number of partitions, or checks it: another one is accepted only while no call is open. */
export const ensurePartitions = (
  { name, partitions }: Fleet
): Effect.Effect<void, SqlError | PartitionMismatch, SqlClient.SqlClient> =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    sql.withTransaction(Effect.gen(function*() {
      const [stored] = yield* sql<{ partitions: number }>`
        INSERT INTO exotel_fleet (fleet, partitions) VALUES (${name}, ${partitions})
        ON CONFLICT (fleet) DO UPDATE SET partitions = CASE
          WHEN EXISTS (SELECT 1 FROM exotel_call c WHERE c.fleet = excluded.fleet AND c.over_at IS NULL)
          THEN exotel_fleet.partitions ELSE excluded.partitions END
        RETURNING partitions`
      if (stored !== undefined && stored.partitions !== partitions) {
        return yield* new PartitionMismatch({ fleet: name, stored: stored.partitions, given: partitions })
      }
    })))
