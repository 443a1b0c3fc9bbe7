/**
 * The log of a durable fleet: what became of its calls, for consumers that must miss nothing.
 *
 * @since 0.1.0
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Fleet } from "./Fleet.ts"
import { databaseRetries } from "./internal/databaseRetries.ts"
import * as Dialect from "./internal/dialect.ts"
import { LogEntry } from "./LogEntry.ts"

/**
 * How far a reader has come: the position of the last entry it has seen, by partition.
 *
 * @since 0.1.0
 * @category models
 */
export type Positions = Readonly<Record<number, number>>

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Gives the entries to the handler in batches, each within the transaction that moves the consumer's cursor, and waits
   * for more. Writes of the handler with the same `SqlClient` happen exactly once for each entry; what it does
   * elsewhere, at least once. A consumer that is new begins with the oldest entry. Several processes can run the same
   * consumer: on Postgres they take different partitions.
   *
   * Ends only with an error of the handler, and then its transaction is rolled back. An `SqlError`, of the handler as
   * well, is logged and the batch is tried again.
   */
  readonly consume: <E, R>(
    consumer: string,
    handler: (entries: ReadonlyArray<LogEntry>) => Effect.Effect<void, E, R>
  ) => Effect.Effect<never, Exclude<E, SqlError>, R>
  /** Deletes the cursors of a consumer that is not used any more, for retention waits for it. */
  readonly forget: (consumer: string) => Effect.Effect<void, SqlError>
  /**
   * The entries after these positions, by default all, and then new ones as they come. Store the position of what you have
   * done, to resume from: each entry is then seen at least once. Fails when the database does.
   */
  readonly read: (from?: Positions) => Stream.Stream<LogEntry, SqlError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class FleetLog extends Context.Tag("@effect-exotel/cluster/FleetLog")<FleetLog, Service>() {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long to wait when there is no new entry. Default: 500 ms. */
  readonly interval?: Duration.DurationInput | undefined
}

/** The most entries in a batch. */
const BATCH = 1000

const Row = Schema.Struct({
  part: Schema.Int,
  // Postgres returns 64-bit integers as text.
  seq: Schema.Union(Schema.Int, Schema.NumberFromString),
  sid: Schema.String,
  tag: Schema.String,
  at: Schema.Union(Schema.Int, Schema.NumberFromString),
  is_final: Schema.Int,
  payload: Schema.parseJson()
})
const decodeRow = Schema.decodeUnknown(Row)
const decodeEntry = Schema.decodeUnknown(LogEntry)

/** An entry that cannot be decoded was written by another version, or by hand: a defect. */
const entryFrom = (row: unknown): Effect.Effect<LogEntry> =>
  Effect.orDie(
    Effect.flatMap(decodeRow(row), ({ at, is_final, part, payload, seq, sid, tag }) =>
      decodeEntry({ partition: part, position: seq, sid, event: tag, at, isFinal: is_final === 1, facts: payload }))
  )

/** A failure of the handler, which is not tried again. */
class HandlerFailure<E> {
  readonly cause: Cause.Cause<E>
  constructor(cause: Cause.Cause<E>) {
    this.cause = cause
  }
}

const hasSqlError = (cause: Cause.Cause<unknown>): boolean =>
  Chunk.some(Cause.failures(cause), (error) => error instanceof SqlError)

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (fleet: Fleet, options: Options = {}): Effect.Effect<Service, never, SqlClient.SqlClient> =>
  Effect.map(SqlClient.SqlClient, (sql) => {
    const interval = Duration.decode(options.interval ?? "500 millis")
    const { skipLocked } = Dialect.make(sql)

    const after = (part: number, seq: number) =>
      Effect.flatMap(
        sql`SELECT part, seq, sid, tag, at, is_final, payload FROM exotel_event
          WHERE fleet = ${fleet.name} AND part = ${part} AND seq > ${seq} ORDER BY seq LIMIT ${BATCH}`,
        (rows) => Effect.forEach(rows, entryFrom)
      )

    /** The partitions that have had an owner, those of an earlier number of partitions included. */
    const partitions = Effect.map(
      sql<{ part: number }>`SELECT part FROM exotel_partition WHERE fleet = ${fleet.name} ORDER BY part`,
      (rows) => rows.map(({ part }) => part)
    )

    const addCursors = (consumer: string) =>
      sql`INSERT INTO exotel_cursor (consumer, fleet, part, seq)
        SELECT ${consumer}, fleet, part, 0 FROM exotel_partition WHERE fleet = ${fleet.name}
        ON CONFLICT (consumer, fleet, part) DO NOTHING`

    /** Handles one batch. Returns whether there was one. */
    const step = <E, R>(
      consumer: string,
      handler: (entries: ReadonlyArray<LogEntry>) => Effect.Effect<void, E, R>
    ): Effect.Effect<boolean, HandlerFailure<E> | SqlError, R> =>
      sql.withTransaction(Effect.gen(function*() {
        const [cursor] = yield* sql<{ part: number; seq: number | string }>`
          SELECT k.part, k.seq FROM exotel_cursor k WHERE k.consumer = ${consumer} AND k.fleet = ${fleet.name}
          AND EXISTS (SELECT 1 FROM exotel_event e WHERE e.fleet = k.fleet AND e.part = k.part AND e.seq > k.seq)
          LIMIT 1 ${skipLocked}`
        if (cursor === undefined) return false
        const entries = yield* after(cursor.part, Number(cursor.seq))
        const last = entries[entries.length - 1]
        if (last === undefined) return false
        const exit = yield* Effect.exit(handler(entries))
        if (Exit.isFailure(exit)) return yield* Effect.fail(new HandlerFailure(exit.cause))
        yield* sql`UPDATE exotel_cursor SET seq = ${last.position}
          WHERE consumer = ${consumer} AND fleet = ${fleet.name} AND part = ${cursor.part}`
        return true
      })).pipe(
        Effect.withSpan("FleetLog.consume", { attributes: { "exotel.fleet": fleet.name, "exotel.consumer": consumer } })
      )

    const consume: Service["consume"] = <E, R>(
      consumer: string,
      handler: (entries: ReadonlyArray<LogEntry>) => Effect.Effect<void, E, R>
    ) => {
      const drain = Effect.zipRight(
        addCursors(consumer),
        Effect.repeat(step(consumer, handler), { while: (hasMore) => hasMore })
      )
      // A lost connection is a defect when the transaction ends, and its outcome is unknown: the cursor shows it.
      const attempt = drain.pipe(
        Effect.sandbox,
        Effect.catchAll((cause) => {
          const failure = Option.getOrUndefined(Cause.failureOption(cause))
          return failure instanceof HandlerFailure && !hasSqlError(failure.cause)
            ? Effect.succeed(Option.some(failure.cause as Cause.Cause<Exclude<E, SqlError>>))
            : Effect.fail(cause)
        }),
        Effect.map((result) => typeof result === "boolean" ? Option.none() : result),
        Effect.tapError((cause) =>
          Effect.logWarning(
            `The consumer ${consumer} of fleet ${fleet.name} cannot use the database; trying again`,
            cause
          )
        ),
        Effect.retry(databaseRetries),
        Effect.orDie
      )
      return attempt.pipe(
        Effect.flatMap(Option.match({ onNone: () => Effect.sleep(interval), onSome: Effect.failCause })),
        Effect.forever
      )
    }

    const readAll = (seen: Map<number, number>): Effect.Effect<Chunk.Chunk<LogEntry>, SqlError> =>
      Effect.gen(function*() {
        const found: Array<LogEntry> = []
        for (const part of yield* partitions) {
          const entries = yield* after(part, seen.get(part) ?? 0)
          for (const entry of entries) found.push(entry)
          const last = entries[entries.length - 1]
          if (last !== undefined) seen.set(part, last.position)
        }
        if (found.length === 0) yield* Effect.sleep(interval)
        return Chunk.unsafeFromArray(found)
      })

    return {
      consume,
      forget: (consumer) =>
        Effect.asVoid(sql`DELETE FROM exotel_cursor WHERE consumer = ${consumer} AND fleet = ${fleet.name}`),
      read: (from = {}) =>
        Stream.suspend(() => {
          const seen = new Map(Object.entries(from).map(([part, position]) => [Number(part), position]))
          return Stream.repeatEffectChunk(readAll(seen))
        })
    }
  })

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (fleet: Fleet, options?: Options): Layer.Layer<FleetLog, never, SqlClient.SqlClient> =>
  Layer.effect(FleetLog, make(fleet, options))
