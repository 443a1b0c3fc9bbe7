/** The differences between Postgres and SQLite. */
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export interface Dialect {
  /** A type for 64-bit integers. */
  readonly bigint: Fragment
  /** The columns of a JSON array of objects as the table `v`: any number of rows in one parameter. */
  readonly rows: (values: ReadonlyArray<object>, columns: string) => Fragment
  /**
   * The clock of the database, in milliseconds since 1970: the only one that machines share. An embedded database has the
   * clock of the program.
   */
  readonly now: Effect.Effect<Fragment>
  /** Locks the selected rows for other consumers, which skip them. SQLite locks the whole database instead. */
  readonly skipLocked: Fragment
  /** Lets the database end this transaction, and release its locks, when the process hangs for five seconds within it. */
  readonly limitIdle: Effect.Effect<unknown, SqlError>
}

export const make = (sql: SqlClient.SqlClient): Dialect =>
  sql.onDialectOrElse({
    pg: (): Dialect => ({
      bigint: sql.literal("BIGINT"),
      rows: (values, columns) => sql`json_to_recordset(${JSON.stringify(values)}::json) AS v(${sql.literal(columns)})`,
      now: Effect.succeed(sql.literal("(extract(epoch from clock_timestamp()) * 1000)::bigint")),
      skipLocked: sql.literal("FOR UPDATE SKIP LOCKED"),
      limitIdle: sql`SET LOCAL idle_in_transaction_session_timeout = 5000`
    }),
    orElse: (): Dialect => ({
      bigint: sql.literal("INTEGER"),
      rows: (values, columns) => {
        const names = columns.split(", ").map((column) => column.split(" ")[0])
        const fields = names.map((name) => `json_extract(value, '$.${name}') AS ${name}`).join(", ")
        return sql`(SELECT ${sql.literal(fields)} FROM json_each(${JSON.stringify(values)})) AS v`
      },
      now: Effect.map(Clock.currentTimeMillis, (now) => sql.literal(String(Math.floor(now)))),
      skipLocked: sql.literal(""),
      limitIdle: Effect.void
    })
  })
