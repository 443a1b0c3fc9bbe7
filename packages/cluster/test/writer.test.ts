/** The writer over a database that the test controls: slow, failing, full, or of another owner. */
import { FleetMetrics } from "@effect-exotel/cluster"
import { RequestBudget } from "@effect-exotel/core"
import { SqlError } from "@effect/sql/SqlError"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Logger, Metric, TestClock } from "effect"
import { EventBuffer } from "../src/internal/eventBuffer.ts"
import type { EventRow } from "../src/internal/eventRow.ts"
import { type OwnedPartition, OwnedPartitions } from "../src/internal/ownedPartition.ts"
import type { Batch } from "../src/internal/tables.ts"
import * as Writer from "../src/internal/writer.ts"

const event = (sid: string, isFinal: boolean): EventRow => ({
  sid,
  tag: isFinal ? "Ended" : "Observed",
  at: 1,
  isFinal,
  token: isFinal ? null : "{}",
  payload: "{}"
})

/** A running writer with one partition, whose batches go to `write`. */
const start = (write: (batches: ReadonlyArray<Batch>) => Effect.Effect<Array<number>, SqlError>) =>
  Effect.gen(function*() {
    const budget = RequestBudget.makeDivided({ requestsPerMinute: 200 })
    const owned = new OwnedPartitions({ partitions: 2, budget: { requestsPerMinute: 200, budget } })
    const buffer = new EventBuffer(4)
    let isLost = false
    const partition: OwnedPartition = {
      part: 0,
      epoch: 1,
      seq: 7,
      usableAt: 0,
      leasedUntil: Number.NEGATIVE_INFINITY,
      known: new Set(["a1", "a2"]),
      take: () => undefined,
      lose: Effect.sync(() => {
        isLost = true
      })
    }
    owned.add(partition)
    yield* Effect.forkScoped(Writer.run({
      fleet: "test",
      tables: { write: (batches) => Effect.suspend(() => write(batches)) },
      owned,
      buffer,
      interval: Duration.millis(20)
    }))
    const offer = (...rows: ReadonlyArray<EventRow>) => buffer.offer(rows.map((row) => ({ partition, row })))
    return { budget, buffer, isLost: () => isLost, offer, owned, partition }
  })

const failures = (reason: string) =>
  Effect.map(
    Metric.value(FleetMetrics.writeFailures.pipe(Metric.tagged("reason", reason), Metric.tagged("fleet", "test"))),
    ({ count }) => count
  )

describe("the writer", () => {
  it.scoped("forgets a call only after the commit of its last event", () =>
    Effect.gen(function*() {
      const committed = yield* Effect.makeLatch()
      const { offer, partition } = yield* start(() => Effect.as(committed.await, []))
      yield* offer(event("a1", false), event("a2", true))
      yield* TestClock.adjust("1 second")
      deepStrictEqual([...partition.known], ["a1", "a2"])
      assert.strictEqual(partition.seq, 7)
      yield* committed.open
      yield* TestClock.adjust("1 second")
      deepStrictEqual([...partition.known], ["a1"])
      assert.strictEqual(partition.seq, 9)
    }))

  it.scoped("tries the same batch again after failures and defects of the transaction", () =>
    Effect.gen(function*() {
      const attempts: Array<ReadonlyArray<Batch>> = []
      const { offer, partition } = yield* start((batches) => {
        attempts.push(batches)
        return attempts.length === 1
          ? Effect.dieMessage("the rollback failed")
          : attempts.length === 2
          ? Effect.fail(new SqlError({ cause: new Error("gone") }))
          : attempts.length === 3
          ? Effect.never
          : Effect.succeed([])
      })
      yield* offer(event("a2", true))
      yield* TestClock.adjust("20 seconds")
      assert.isAtLeast(attempts.length, 4)
      deepStrictEqual(attempts[3], attempts[0])
      deepStrictEqual(attempts[0]?.[0]?.events.map(({ sid }) => sid), ["a2"])
      assert.strictEqual(partition.seq, 8)
      assert.strictEqual(yield* failures("timeout"), 1)
    }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger))))

  it.scoped("gives a partition up that another runner owns, and moves its position no further", () =>
    Effect.gen(function*() {
      const { budget, isLost, offer, partition } = yield* start(() => Effect.succeed([0]))
      yield* offer(event("a2", true))
      yield* TestClock.adjust("1 second")
      assert.isTrue(isLost())
      assert.strictEqual(partition.seq, 7)
      deepStrictEqual([...partition.known], ["a1", "a2"])
      assert.strictEqual(yield* budget.availablePerMinute, 0)
    }))

  it.scoped("uses the share of the budget only while the database confirms its leases", () =>
    Effect.gen(function*() {
      let isAvailable = true
      const { budget } = yield* start(() =>
        isAvailable ? Effect.succeed([]) : Effect.fail(new SqlError({ cause: new Error("gone") }))
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* budget.availablePerMinute, 95)
      isAvailable = false
      yield* TestClock.adjust("12 seconds")
      assert.strictEqual(yield* budget.availablePerMinute, 0)
      isAvailable = true
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* budget.availablePerMinute, 95)
    }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger))))

  it.scoped("does not use a share before the lease of the former owner has ended", () =>
    Effect.gen(function*() {
      const { budget, owned, partition } = yield* start(() => Effect.succeed([]))
      owned.remove(partition)
      owned.add({ ...partition, usableAt: 8000, leasedUntil: Number.NEGATIVE_INFINITY })
      yield* TestClock.adjust("7 seconds")
      assert.strictEqual(yield* budget.availablePerMinute, 0)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(yield* budget.availablePerMinute, 95)
    }))

  it.scoped("says what to do about a full disk or a missing privilege, and holds back more events", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => {
      logged.push(String(message))
    })
    return Effect.gen(function*() {
      let code = "53100"
      const { buffer, offer } = yield* start(() => Effect.fail(new SqlError({ cause: { code } })))
      yield* offer(event("a1", false))
      yield* TestClock.adjust("3 seconds")
      assert.include(logged.join(), "the disk of the database is full; free space on it")
      assert.isAbove(yield* failures("disk_full"), 0)
      code = "42501"
      yield* TestClock.adjust("5 seconds")
      assert.include(logged.join(), "lacks a privilege; grant it SELECT, INSERT, UPDATE and DELETE")
      let isAccepted = false
      yield* Effect.forkScoped(Effect.zipRight(
        offer(...Array.from({ length: 4 }, () => event("a1", false))),
        Effect.sync(() => {
          isAccepted = true
        })
      ))
      yield* TestClock.adjust("1 minute")
      assert.isFalse(isAccepted)
      assert.strictEqual(buffer.size, 4)
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })
})
