/** The campaign worker: no number is dialled twice, whatever happens between its steps. */
import { DurableFleet, FleetMigrations, FleetSignals } from "@effect-exotel/cluster"
import { ExotelCalls } from "@effect-exotel/core"
import { CallScript, ConnectPlan, FakeExotel, FaultPlan } from "@effect-exotel/testing"
import { SqlClient } from "@effect/sql"
import { LibsqlClient } from "@effect/sql-libsql"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Fiber, Layer, TestClock } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Campaign from "../src/lib/durable/campaign.ts"
import { fleet } from "../src/lib/durable/fleet.ts"

const Database = Layer.unwrapScoped(Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "campaign-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  ),
  (path) => LibsqlClient.layer({ url: `file:${path}/campaign.db` })
))

const TestLive = DurableFleet.layer(fleet).pipe(
  Layer.provide(FleetSignals.layerMemory),
  Layer.provideMerge(Layer.fresh(FleetMigrations.layer)),
  Layer.provideMerge(Database),
  Layer.provideMerge(FakeExotel.layer()),
  // Exotel's bulk read goes back six months, not to the beginning of the test clock.
  Layer.provide(Layer.effectDiscard(TestClock.setTime(Date.UTC(2026, 0, 1))))
)

const customers = ["09123456781", "09123456782", "09123456783"]

const setUp = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* Campaign.createTable(sql)
  for (const customer of customers) {
    yield* sql`INSERT INTO campaign (agent, customer) VALUES ('09876543210', ${customer})`
  }
  const worker = Campaign.make({
    sql,
    calls: yield* ExotelCalls.ExotelCalls,
    fleet: yield* DurableFleet.DurableFleet,
    callerId: "08012345678"
  })
  const states = Effect.map(
    sql<{ state: string }>`SELECT state FROM campaign ORDER BY id`,
    (rows) => rows.map(({ state }) => state)
  )
  const watched = Effect.map(
    sql<{ sid: string }>`SELECT sid FROM exotel_call`,
    (rows) => rows.map(({ sid }) => sid).sort()
  )
  const placed = Effect.map(
    Effect.flatMap(FakeExotel.FakeExotel, (fake) => fake.placed),
    (all) => all.map(({ sid }) => String(sid)).sort()
  )
  return { sql, worker, states, watched, placed }
})

describe("a campaign worker", () => {
  it.effect("places each call once and has it watched", () =>
    Effect.gen(function*() {
      const { placed, states, watched, worker } = yield* setUp
      yield* Effect.repeat(worker.dialNext, { while: (hasMore) => hasMore })
      deepStrictEqual(yield* states, ["placed", "placed", "placed"])
      assert.strictEqual((yield* placed).length, 3)
      deepStrictEqual(yield* watched, yield* placed)
    }).pipe(Effect.provide(TestLive)))

  it.effect(
    "does not dial again after a response that was lost, and finds the call when it has ended",
    () =>
      Effect.gen(function*() {
        const { placed, states, watched, worker } = yield* setUp
        const fake = yield* FakeExotel.FakeExotel
        yield* fake.onConnect(CallScript.answered({ talk: "1 minute" }))
        yield* fake.faults(FaultPlan.status(504).pipe(FaultPlan.forOperation("connect"), FaultPlan.onRequest(2)))
        yield* Effect.repeat(worker.dialNext, { while: (hasMore) => hasMore })
        deepStrictEqual(yield* states, ["placed", "unknown", "placed"])
        assert.strictEqual((yield* placed).length, 3)
        yield* worker.recover
        deepStrictEqual(yield* states, ["placed", "unknown", "placed"])
        yield* TestClock.adjust("3 hours")
        yield* worker.recover
        deepStrictEqual(yield* states, ["placed", "placed", "placed"])
        deepStrictEqual(yield* watched, yield* placed)
        yield* Effect.repeat(worker.dialNext, { while: (hasMore) => hasMore })
        assert.strictEqual((yield* placed).length, 3)
      }).pipe(Effect.provide(TestLive)),
    60_000
  )

  it.effect("does not dial again after a crash before or during the request", () =>
    Effect.gen(function*() {
      const { placed, sql, states, worker } = yield* setUp
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.faults(FaultPlan.stalled().pipe(FaultPlan.forOperation("connect"), FaultPlan.onRequest(1)))
      const dialling = yield* Effect.fork(worker.dialNext)
      yield* Effect.repeat(sql`SELECT 1 FROM campaign WHERE state = 'dialling'`, {
        until: ({ length }) => length === 1
      })
      yield* Fiber.interrupt(dialling)
      yield* Effect.repeat(worker.dialNext, { while: (hasMore) => hasMore })
      const before = (yield* placed).length
      yield* TestClock.adjust("10 minutes")
      yield* worker.recover
      deepStrictEqual(yield* states, ["unknown", "placed", "placed"])
      yield* Effect.repeat(worker.dialNext, { while: (hasMore) => hasMore })
      assert.strictEqual((yield* placed).length, before)
    }).pipe(Effect.provide(TestLive)), 60_000)

  it.effect("keeps a refused number apart from one that is to be tried again", () =>
    Effect.gen(function*() {
      const { placed, states, worker } = yield* setUp
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.onConnect(ConnectPlan.doNotDisturb)
      yield* worker.dialNext
      deepStrictEqual(yield* states, ["refused", "waiting", "waiting"])
      deepStrictEqual(yield* placed, [])
    }).pipe(Effect.provide(TestLive)))
})
