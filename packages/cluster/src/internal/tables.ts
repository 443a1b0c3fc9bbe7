/** The statements of a runner. Every write of a partition is fenced by the epoch of its owner and the position of its log. */
import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Dialect from "./dialect.ts"
import type { EventRow } from "./eventRow.ts"

export interface CallRow {
  readonly part: number
  readonly sid: string
  readonly policy: string
  readonly token: string | null
}

/** The state of a partition that its owner knows. */
export interface Fence {
  readonly epoch: number
  /** The position of the last event that is known to be committed. */
  readonly seq: number
}

export interface Ownership extends Fence {
  /** How long another runner may still use the partition's share of the request budget, in milliseconds. */
  readonly leaseWait: number
}

/** The events to write in a partition, in order; none to renew its lease only. */
export interface Batch extends Fence {
  readonly part: number
  readonly events: ReadonlyArray<EventRow>
}

const EVENT_COLUMNS = "part INTEGER, seq BIGINT, sid TEXT, tag TEXT, at BIGINT, is_final INTEGER, payload TEXT"

type Numeric = number | string

export type Tables = Effect.Effect.Success<ReturnType<typeof make>>

export const make = (fleet: string) =>
  Effect.map(SqlClient.SqlClient, (sql) => {
    const dialect = Dialect.make(sql)

    /** Becomes the only writer of the partition: the next write of the owner before is refused. */
    const own = (part: number, runner: string) =>
      Effect.flatMap(dialect.now, (now) =>
        Effect.map(
          sql<{ epoch: Numeric; last_seq: Numeric; wait: Numeric }>`
            INSERT INTO exotel_partition (fleet, part, epoch, last_seq, runner, since, lease_until)
            VALUES (${fleet}, ${part}, 1, 0, ${runner}, ${now}, 0)
            ON CONFLICT (fleet, part) DO UPDATE
            SET epoch = exotel_partition.epoch + 1, runner = excluded.runner, since = excluded.since
            RETURNING epoch, last_seq, lease_until - ${now} AS wait`,
          ([row]): Ownership => ({
            epoch: Number(row?.epoch),
            seq: Number(row?.last_seq),
            leaseWait: Math.max(0, Number(row?.wait))
          })
        ))

    /** Gives the partition up, so that the next owner can use its share of the budget at once. */
    const release = (part: number, epoch: number) =>
      sql`UPDATE exotel_partition SET runner = '', lease_until = 0
        WHERE fleet = ${fleet} AND part = ${part} AND epoch = ${epoch}`

    const openCalls = (part: number) =>
      sql<CallRow>`SELECT part, sid, policy, token FROM exotel_call
        WHERE fleet = ${fleet} AND part = ${part} AND over_at IS NULL`

    const newCalls = (parts: ReadonlyArray<number>, limit: number) =>
      sql<CallRow>`SELECT part, sid, policy, token FROM exotel_call
        WHERE fleet = ${fleet} AND ${sql.in("part", parts)} AND token IS NULL AND over_at IS NULL LIMIT ${limit}`

    const insertEvents = (rows: ReadonlyArray<object>) =>
      // The events of a call that was removed are dropped.
      sql`INSERT INTO exotel_event (fleet, part, seq, sid, tag, at, is_final, payload)
        SELECT c.fleet, v.part, v.seq, v.sid, v.tag, v.at, v.is_final, v.payload
        FROM ${dialect.rows(rows, EVENT_COLUMNS)}
        JOIN exotel_call c ON c.fleet = ${fleet} AND c.sid = v.sid`

    const updateCalls = (rows: ReadonlyArray<object>) =>
      sql`UPDATE exotel_call SET token = coalesce(v.token, exotel_call.token), over_at = v.over_at
        FROM ${dialect.rows(rows, "sid TEXT, token TEXT, over_at BIGINT")}
        WHERE exotel_call.fleet = ${fleet} AND exotel_call.sid = v.sid`

    /**
     * Writes events and tokens, and renews the leases, in one transaction. Returns the partitions that another runner owns.
     * A batch that is tried again although it was committed is not written twice.
     */
    const write = (batches: ReadonlyArray<Batch>, leaseMillis: number) =>
      sql.withTransaction(Effect.gen(function*() {
        yield* dialect.limitIdle
        // In order, so that two writers cannot wait for each other.
        const positions = batches.map(({ epoch, events, part, seq }) => ({ part, epoch, seq, n: events.length }))
          .sort((a, b) => a.part - b.part)
        const now = yield* dialect.now
        const held = yield* sql<{ part: number }>`
          UPDATE exotel_partition SET last_seq = last_seq + v.n, lease_until = ${now} + ${leaseMillis}
          FROM ${dialect.rows(positions, "part INTEGER, n INTEGER, epoch BIGINT, seq BIGINT")}
          WHERE exotel_partition.fleet = ${fleet} AND exotel_partition.part = v.part
          AND exotel_partition.epoch = v.epoch AND exotel_partition.last_seq = v.seq
          RETURNING exotel_partition.part AS part`
        const mine = new Set(held.map(({ part }) => part))
        const events: Array<object> = []
        const calls = new Map<string, object>()
        for (const batch of batches) {
          if (!mine.has(batch.part)) continue
          batch.events.forEach(({ at, isFinal, payload, sid, tag, token }, index) => {
            events.push({
              part: batch.part,
              seq: batch.seq + 1 + index,
              sid,
              tag,
              at,
              is_final: isFinal ? 1 : 0,
              payload
            })
            calls.set(sid, { sid, token, over_at: isFinal ? at : null })
          })
        }
        if (events.length > 0) {
          yield* insertEvents(events)
          yield* updateCalls([...calls.values()])
        }
        const refused = positions.filter(({ part }) => !mine.has(part))
        if (refused.length === 0) return []
        const rows = yield* sql<{ part: number; epoch: Numeric; last_seq: Numeric }>`
          SELECT part, epoch, last_seq FROM exotel_partition
          WHERE fleet = ${fleet} AND ${sql.in("part", refused.map(({ part }) => part))}`
        // The same epoch, and as far as this batch goes: an earlier attempt was committed after all.
        const isCommitted = ({ epoch, n, part, seq }: typeof refused[number]) =>
          rows.some((row) => row.part === part && Number(row.epoch) === epoch && Number(row.last_seq) === seq + n)
        return refused.filter((position) => !isCommitted(position)).map(({ part }) => part)
      }))

    /** Deletes at most `limit` ended calls that are older, and as many events that every consumer has seen. */
    const removeCalls = (parts: ReadonlyArray<number>, before: number, limit: number) =>
      sql`DELETE FROM exotel_call WHERE fleet = ${fleet} AND sid IN (
        SELECT sid FROM exotel_call WHERE fleet = ${fleet} AND ${sql.in("part", parts)} AND over_at < ${before}
        LIMIT ${limit}) RETURNING part`

    const removeEvents = (part: number, before: number, limit: number) =>
      sql`DELETE FROM exotel_event WHERE fleet = ${fleet} AND part = ${part} AND seq IN (
        SELECT e.seq FROM exotel_event e WHERE e.fleet = ${fleet} AND e.part = ${part} AND e.at < ${before}
        AND NOT EXISTS (SELECT 1 FROM exotel_cursor k WHERE k.fleet = e.fleet AND k.part = e.part AND k.seq < e.seq)
        ORDER BY e.seq LIMIT ${limit}) RETURNING part`

    return { sql, own, release, openCalls, newCalls, write, removeCalls, removeEvents }
  })
