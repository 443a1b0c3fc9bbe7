/**
 * A worker that places the calls of a table and has them watched. A number is never dialled twice, also when the process is
 * killed at any point:
 *
 * | state | meaning | next |
 * |---|---|---|
 * | `waiting` | to be called | `dialling`, committed before the request is sent |
 * | `dialling` | the request may have been sent | `placed`, `waiting` or `refused` by its response |
 * | `placed` | the call has a sid, and is in the fleet | the log holds its ending |
 * | `refused` | Exotel has proved that it placed no call | |
 * | `unknown` | a call may have been placed, but its sid was lost | `recover` looks for it; never `waiting` again |
 *
 * `placed` and the watch of the call are one transaction.
 */
import type { DurableFleet } from "@effect-exotel/cluster"
import { ConnectRequest, type ExotelCalls } from "@effect-exotel/core"
import type { SqlClient } from "@effect/sql"
import { Clock, DateTime, Duration, Effect, Schedule } from "effect"

export interface Options {
  readonly sql: SqlClient.SqlClient
  readonly calls: ExotelCalls.Service
  readonly fleet: DurableFleet.Service
  readonly callerId: string
}

interface Row {
  readonly id: number
  readonly agent: string
  readonly customer: string
}

/** Longer than the client waits for the response to a connect request: after it, a `dialling` row was left by a crash. */
const LONGEST_REQUEST = Duration.minutes(5)

/** After this time every call that was placed has ended, and is in the bulk read. */
const LONGEST_CALL = Duration.hours(2)

export const createTable = (sql: SqlClient.SqlClient) =>
  sql`CREATE TABLE IF NOT EXISTS campaign (
    id INTEGER PRIMARY KEY, agent TEXT NOT NULL, customer TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
    changed_at BIGINT NOT NULL DEFAULT 0, sid TEXT UNIQUE, reason TEXT)`

export const make = ({ callerId, calls, fleet, sql }: Options) => {
  /** Moves a row to `dialling`. Committed before the request is sent; other workers skip the row. */
  const reserve = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const lock = sql.onDialectOrElse({ pg: () => sql.literal("FOR UPDATE SKIP LOCKED"), orElse: () => sql.literal("") })
    return Effect.map(
      sql<Row>`UPDATE campaign SET state = 'dialling', changed_at = ${now}
        WHERE id = (SELECT id FROM campaign WHERE state = 'waiting' ORDER BY id LIMIT 1 ${lock})
        RETURNING id, agent, customer`,
      ([row]) => row
    )
  })

  const settle = (row: Row, state: "waiting" | "refused" | "unknown", reason: string) =>
    sql`UPDATE campaign SET state = ${state}, reason = ${reason} WHERE id = ${row.id} AND sid IS NULL`

  /** The row and the watch of its call, in one transaction. */
  const record = (id: number, sid: string) =>
    sql.withTransaction(Effect.zipRight(
      sql`UPDATE campaign SET state = 'placed', sid = ${sid}, reason = NULL WHERE id = ${id}`,
      fleet.add([sid])
    ))

  /** The sid must not be lost because the database is away for a moment; a lost connection may be a defect. */
  const persist = <A, E>(effect: Effect.Effect<A, E>) =>
    effect.pipe(
      Effect.sandbox,
      Effect.retry(Schedule.exponential("100 millis").pipe(Schedule.union(Schedule.spaced("5 seconds")))),
      Effect.orDie
    )

  const dial = (row: Row) =>
    calls.connect(ConnectRequest.twoNumbers({ from: row.agent, to: row.customer, callerId })).pipe(
      Effect.matchEffect({
        onSuccess: ({ sid }) => persist(record(row.id, sid)),
        onFailure: (error) => {
          const state = error._tag === "CallOutcomeUnknown" ? "unknown" : error.isRetryable ? "waiting" : "refused"
          return persist(settle(row, state, error._tag))
        }
      }),
      // An interruption during the request leaves the row in `dialling`, as a crash does.
      Effect.asVoid
    )

  /** Places the next call. Returns whether there was one. */
  const dialNext = Effect.flatMap(
    reserve,
    (row) => row === undefined ? Effect.succeed(false) : Effect.as(dial(row), true)
  )

  /** Rows that a crash has left: whether their call was placed is unknown. */
  const markLost = Effect.flatMap(
    Clock.currentTimeMillis,
    (now) =>
      sql`UPDATE campaign SET state = 'unknown', reason = 'Crashed'
      WHERE state = 'dialling' AND changed_at < ${now - Duration.toMillis(LONGEST_REQUEST)}`
  )

  /**
   * Looks for the calls of `unknown` rows after they have ended. A call that is not found then stays unknown, for a person to
   * decide.
   */
  const recover = Effect.gen(function*() {
    yield* markLost
    const before = (yield* Clock.currentTimeMillis) - Duration.toMillis(LONGEST_CALL)
    const rows = yield* sql<Row & { changed_at: number | string }>`
      SELECT id, agent, customer, changed_at FROM campaign
      WHERE state = 'unknown' AND reason <> 'NotFound' AND changed_at < ${before}`
    for (const row of rows) {
      const found = yield* calls.findPlaced({ from: row.agent, callerId }, DateTime.unsafeMake(Number(row.changed_at)))
      const taken = yield* sql<{ sid: string }>`
        SELECT sid FROM campaign WHERE sid IS NOT NULL AND ${sql.in("sid", found.map(({ sid }) => sid as string))}`
      const free = found.filter(({ sid }) => !taken.some((other) => other.sid === sid))
      const [call] = free
      if (free.length === 1 && call !== undefined) yield* record(row.id, call.sid)
      else yield* settle(row, "unknown", free.length === 0 ? "NotFound" : "Ambiguous")
    }
  })

  return { dialNext, recover }
}
