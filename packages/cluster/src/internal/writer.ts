/**
 * The one writer of a runner. It commits the events that have arrived meanwhile in one transaction, and renews the leases
 * of the runner's partitions.
 */
import * as MonotonicClock from "@effect-exotel/core/MonotonicClock"
import { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as FleetMetrics from "../FleetMetrics.ts"
import type { EventBuffer } from "./eventBuffer.ts"
import type { EventRow } from "./eventRow.ts"
import type { OwnedPartition } from "./ownedPartition.ts"
import type { RunnerState } from "./runnerState.ts"
import type { Tables } from "./tables.ts"

/** How long a runner may use its share of the budget after the database has confirmed it. */
export const LEASE_MILLIS = 8000

const RENEW_MILLIS = 2000

/** The most events in one transaction. */
const BATCH = 5000

const ATTEMPT_TIMEOUT = Duration.seconds(10)

const retries = Schedule.exponential("100 millis").pipe(Schedule.union(Schedule.spaced("2 seconds")), Schedule.jittered)

export interface Options extends Pick<RunnerState, "fleet" | "owned"> {
  readonly tables: Pick<Tables, "write">
  readonly buffer: EventBuffer
  /** How long the writer waits for more events after a commit. */
  readonly interval: Duration.Duration
}

type Reason = "disk_full" | "no_privilege" | "timeout" | "unavailable"

const advice: { readonly [R in Reason]: string } = {
  disk_full: "the disk of the database is full; free space on it",
  no_privilege: "the database user lacks a privilege; grant it SELECT, INSERT, UPDATE and DELETE on the exotel_ tables",
  timeout: "the database did not respond in time; check its load and its locks",
  unavailable: "the database is unavailable; check that it runs and can be reached"
}

/** Codes of Postgres (class 53, 42501) and of SQLite. */
const reasonFrom = (cause: Cause.Cause<unknown>): Reason => {
  const error = Cause.squash(cause)
  if (Cause.isTimeoutException(error)) return "timeout"
  const source: unknown = error instanceof SqlError ? error.cause : error
  const code = typeof source === "object" && source !== null && "code" in source ? String(source.code) : ""
  if (code === "53100" || code === "SQLITE_FULL") return "disk_full"
  return code === "42501" || code === "SQLITE_READONLY" ? "no_privilege" : "unavailable"
}

export const run = ({ buffer, fleet, interval, owned, tables }: Options): Effect.Effect<never> => {
  let renewAt = Number.NEGATIVE_INFINITY

  const onFailure = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
    const reason = reasonFrom(cause)
    return Effect.zipRight(
      Metric.increment(Metric.tagged(FleetMetrics.writeFailures, "reason", reason)),
      Effect.logError(
        `The events of fleet ${fleet} cannot be written: ${advice[reason]}. They wait in memory and are tried again.`,
        cause
      )
    )
  }

  /** An event of an ownership that has ended is dropped: the next owner finds it again. */
  const collect = (isRenewal: boolean): ReadonlyMap<OwnedPartition, Array<EventRow>> => {
    const batches = new Map<OwnedPartition, Array<EventRow>>()
    for (const partition of isRenewal ? owned.all : []) batches.set(partition, [])
    for (const { partition, row } of buffer.take(BATCH)) {
      if (!owned.isCurrent(partition)) continue
      const events = batches.get(partition)
      if (events === undefined) batches.set(partition, [row])
      else events.push(row)
    }
    return batches
  }

  const flush = Effect.gen(function*() {
    yield* Effect.timeoutOption(buffer.await, Duration.millis(RENEW_MILLIS))
    yield* Metric.set(FleetMetrics.backlog, buffer.size)
    const now = yield* MonotonicClock.currentTimeMillis
    const isRenewal = now >= renewAt ||
      owned.all.some(({ leasedUntil, usableAt }) => leasedUntil < now && usableAt <= now)
    const batches = collect(isRenewal)
    if (batches.size === 0) return yield* owned.updateShare
    const rows = Array.from(batches, ([{ epoch, part, seq }, events]) => ({ part, epoch, seq, events }))
    // A failed COMMIT or ROLLBACK is a defect, and its outcome is unknown; a lost connection may never respond.
    const [startedAt, lost] = yield* Effect.zip(
      MonotonicClock.currentTimeMillis,
      tables.write(rows, LEASE_MILLIS).pipe(Effect.disconnect, Effect.timeout(ATTEMPT_TIMEOUT))
    ).pipe(
      Effect.withSpan("FleetRunner.write", { attributes: { "exotel.fleet": fleet, "exotel.partitions": rows.length } }),
      Effect.sandbox,
      Effect.tapError(onFailure),
      Effect.retry(retries),
      Effect.orDie
    )
    if (isRenewal) renewAt = startedAt + RENEW_MILLIS
    let written = 0
    for (const [partition, events] of batches) {
      if (lost.includes(partition.part)) {
        yield* Metric.increment(FleetMetrics.rejectedWrites)
        yield* partition.lose
        continue
      }
      if (partition.usableAt <= startedAt) partition.leasedUntil = startedAt + LEASE_MILLIS
      partition.seq += events.length
      written += events.length
      // Only now: the intake would take a call again whose end is not committed.
      for (const { isFinal, sid } of events) if (isFinal) partition.known.delete(sid)
    }
    yield* Metric.incrementBy(FleetMetrics.eventsWritten, written)
    yield* owned.updateShare
    yield* Effect.sleep(interval)
  })

  return flush.pipe(
    Effect.catchAllCause((cause) => Effect.logError(`The writer of fleet ${fleet} failed; it continues.`, cause)),
    Effect.forever,
    Effect.tagMetrics("fleet", fleet)
  )
}
