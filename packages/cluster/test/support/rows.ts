/** Rows of one call, for tests of the statements of a runner. */
import { DurableFleet } from "@effect-exotel/cluster"
import { SqlClient } from "@effect/sql"
import { Effect } from "effect"
import type { EventRow } from "../../src/internal/eventRow.ts"
import { partitionOf } from "../../src/internal/partitions.ts"
import * as Tables from "../../src/internal/tables.ts"
import { fleet } from "./databases.ts"

export const event = (sid: string, tag = "Observed"): EventRow => ({
  sid,
  tag,
  at: 1,
  isFinal: tag === "Ended",
  token: tag === "Ended" ? null : "{}",
  payload: "{}"
})

export const sid = "a1"
export const part = partitionOf(sid, fleet.partitions)

/** A partition with one call, and its tables. */
export const setUp = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  for (const table of ["event", "call", "partition", "cursor", "fleet"]) {
    yield* sql`DELETE FROM ${sql(`exotel_${table}`)}`
  }
  const client = yield* DurableFleet.make(fleet)
  yield* client.add([sid])
  return yield* Tables.make(fleet.name)
})

/** The positions and the tags of the stored events. */
export const stored = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.map(
    sql<{ seq: number | string; tag: string }>`SELECT seq, tag FROM exotel_event ORDER BY seq`,
    (rows) => rows.map(({ seq, tag }) => `${seq} ${tag}`)
  ))
