/** The fence: only the owner of a partition writes, and each batch once. */
import { DurableFleet } from "@effect-exotel/cluster"
import { assert } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect } from "effect"
import { fleet, overEachDatabase } from "./support/databases.ts"
import { event, part, setUp, sid, stored } from "./support/rows.ts"

const LEASE = 8000

overEachDatabase("the fence", (it) => {
  it.effect("refuses a former owner, although it knows the position of the log", () =>
    Effect.gen(function*() {
      const tables = yield* setUp
      const former = yield* tables.own(part, "former")
      const owner = yield* tables.own(part, "owner")
      deepStrictEqual([former.epoch, owner.epoch, owner.seq], [1, 2, 0])
      deepStrictEqual(yield* tables.write([{ ...former, part, events: [event(sid)] }], LEASE), [part])
      deepStrictEqual(yield* stored, [])
      deepStrictEqual(yield* tables.write([{ ...owner, part, events: [event(sid, "Ended")] }], LEASE), [])
      deepStrictEqual(yield* tables.write([{ ...former, part, events: [event(sid, "Ended")] }], LEASE), [part])
      deepStrictEqual(yield* stored, ["1 Ended"])
    }))

  it.effect("accepts a batch that is tried again after its commit, and writes it once", () =>
    Effect.gen(function*() {
      const tables = yield* setUp
      const owner = yield* tables.own(part, "owner")
      const batch = { ...owner, part, events: [event(sid), event(sid, "Changed")] }
      deepStrictEqual(yield* tables.write([batch], LEASE), [])
      deepStrictEqual(yield* tables.write([batch], LEASE), [])
      deepStrictEqual(yield* stored, ["1 Observed", "2 Changed"])
      // Another batch at a position that is taken is not what was committed.
      deepStrictEqual(yield* tables.write([{ ...batch, events: [event(sid, "Ended")] }], LEASE), [part])
      deepStrictEqual(yield* stored, ["1 Observed", "2 Changed"])
    }))

  it.effect("gives a new owner the remaining lease of the former one, and none after a release", () =>
    Effect.gen(function*() {
      const tables = yield* setUp
      const first = yield* tables.own(part, "first")
      assert.strictEqual(first.leaseWait, 0)
      yield* tables.write([{ ...first, part, events: [] }], LEASE)
      const second = yield* tables.own(part, "second")
      assert.isAbove(second.leaseWait, LEASE - 4000)
      assert.isAtMost(second.leaseWait, LEASE)
      // A former owner neither renews nor releases.
      deepStrictEqual(yield* tables.write([{ ...first, part, events: [] }], 100 * LEASE), [part])
      yield* tables.release(part, first.epoch)
      const third = yield* tables.own(part, "third")
      assert.isAbove(third.leaseWait, 0)
      yield* tables.release(part, third.epoch)
      assert.strictEqual((yield* tables.own(part, "fourth")).leaseWait, 0)
    }))

  it.effect("drops the events of a call that was removed", () =>
    Effect.gen(function*() {
      const tables = yield* setUp
      const client = yield* DurableFleet.make(fleet)
      const owner = yield* tables.own(part, "owner")
      assert.strictEqual(yield* client.remove([sid, "unknown1"]), 1)
      deepStrictEqual(yield* tables.write([{ ...owner, part, events: [event(sid, "Ended")] }], LEASE), [])
      deepStrictEqual(yield* stored, [])
    }))
})
