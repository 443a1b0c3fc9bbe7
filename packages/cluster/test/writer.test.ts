/** The writer over a database that the test controls: slow, failing, full, or of another owner. */
import { SqlError } from "@effect/sql/SqlError"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Logger, TestClock } from "effect"
import type { Batch } from "../src/internal/tables.ts"
import { event } from "./support/rows.ts"
import { failures, startWriter, withLog } from "./support/runningWriter.ts"

/** A writer whose batches go to `write`. */
const start = (write: (batches: ReadonlyArray<Batch>) => Effect.Effect<Array<number>, SqlError>) =>
  startWriter({
    tables: { write: (batches) => Effect.suspend(() => write(batches)) },
    part: 0,
    epoch: 1,
    seq: 7,
    sids: ["a1", "a2"]
  })

describe("the writer", () => {
  it.scoped("forgets a call only after the commit of its last event", () =>
    Effect.gen(function*() {
      const committed = yield* Effect.makeLatch()
      const { offer, partition } = yield* start(() => Effect.as(committed.await, []))
      yield* offer(event("a1"), event("a2", "Ended"))
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
      yield* offer(event("a2", "Ended"))
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
      yield* offer(event("a2", "Ended"))
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

  it.scoped("says what to do about a full disk or a missing privilege, and holds back more events", () =>
    withLog((log) =>
      Effect.gen(function*() {
        let code = "53100"
        const { buffer, offer } = yield* start(() => Effect.fail(new SqlError({ cause: { code } })))
        yield* offer(event("a1"))
        yield* TestClock.adjust("3 seconds")
        assert.include(log(), "the disk of the database is full; free space on it")
        assert.isAbove(yield* failures("disk_full"), 0)
        code = "42501"
        yield* TestClock.adjust("5 seconds")
        assert.include(log(), "lacks a privilege; grant it SELECT, INSERT, UPDATE and DELETE")
        let isAccepted = false
        yield* Effect.forkScoped(Effect.zipRight(
          offer(...Array.from({ length: 4 }, () => event("a1"))),
          Effect.sync(() => {
            isAccepted = true
          })
        ))
        yield* TestClock.adjust("1 minute")
        assert.isFalse(isAccepted)
        assert.strictEqual(buffer.size, 4)
      })
    ))
})
