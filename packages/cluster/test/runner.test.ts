/** A fleet on an embedded database, with the clock of the test. */
import {
  DurableFleet,
  Fleet,
  FleetBudget,
  FleetLog,
  FleetRunner,
  FleetSignals,
  type LogEntry
} from "@effect-exotel/cluster"
import { ExotelCalls } from "@effect-exotel/core"
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { TestRunner } from "@effect/cluster"
import { SqlClient } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Either, Fiber, Layer, TestClock } from "effect"
import { Embedded, fleet } from "./support/databases.ts"

const REQUESTS = 600

/** A runner of its own cluster over the database of the test. */
const Runner = (options: FleetRunner.Options = {}, of: Fleet.Fleet = fleet) =>
  FleetRunner.layer(of, { intakeInterval: "4 seconds", writeInterval: "200 millis", ...options }).pipe(
    Layer.provide(CallWatch.layer),
    Layer.provide(ExotelLive),
    Layer.provide(FleetBudget.layer({ requestsPerMinute: REQUESTS })),
    Layer.provide(TestRunner.layer),
    Layer.fresh
  )

const ExotelLive = Layer.unwrapEffect(
  Effect.map(FakeExotel.FakeExotel, ({ options }) => ExotelCalls.layerWithBudget(options))
)

/** The database, the fake and the clients: what outlives a runner. */
const TestLive = Layer.mergeAll(DurableFleet.layer(fleet), FleetLog.layer(fleet)).pipe(
  Layer.provideMerge(FleetSignals.layerMemory),
  Layer.provideMerge(Embedded),
  Layer.provideMerge(FakeExotel.layerHttpClient({ requestsPerMinute: REQUESTS })),
  Layer.fresh
)

const place = (count: number, talk: `${number} seconds` = "10 seconds") =>
  Effect.flatMap(
    FakeExotel.FakeExotel,
    (fake) => Effect.replicateEffect(fake.place(CallScript.answered({ ring: "4 seconds", talk })), count)
  )

/** Advances the clock in steps, so that statements of the database have their turn in real time. */
const advance = (seconds: number) =>
  Effect.forEach(Array.from({ length: seconds }), () => TestClock.adjust("1 second"), { discard: true })

const counts = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.map(
    sql<{ tag: string; n: number; d: number }>`
      SELECT tag, count(*) AS n, count(DISTINCT sid) AS d FROM exotel_event GROUP BY tag`,
    (rows) => Object.fromEntries(rows.map(({ d, n, tag }) => [tag, [n, d]]))
  ))

const run = <A, E, R, E2, R2>(effect: Effect.Effect<A, E, R>, runner: Layer.Layer<never, E2, R2>) =>
  Effect.scoped(Effect.zipRight(Layer.build(runner), effect))

// They mostly wait for the timers of the test clock, each on a database of its own.
describe("a durable fleet", { concurrent: true }, () => {
  it.effect("stores each ending once, and adds no call twice", () =>
    Effect.gen(function*() {
      const client = yield* DurableFleet.DurableFleet
      const sids = yield* place(20)
      yield* run(
        Effect.gen(function*() {
          assert.strictEqual(yield* client.add(sids), 20)
          assert.strictEqual(yield* client.add(sids, "urgent"), 0)
          yield* advance(30)
        }),
        Runner()
      )
      const { Added, Ended } = yield* counts
      deepStrictEqual([Added, Ended], [[20, 20], [20, 20]])
      const status = yield* client.status
      deepStrictEqual(status.map(({ openCalls, runner }) => [openCalls, runner]), Array(4).fill([0, ""]))
    }).pipe(Effect.provide(TestLive)), 60_000)

  it.effect("resumes with a new runner from the tokens, and stores no event again", () =>
    Effect.gen(function*() {
      const client = yield* DurableFleet.DurableFleet
      const sids = yield* place(12, "40 seconds")
      yield* run(Effect.zipRight(client.add(sids), advance(15)), Runner())
      const before = yield* counts
      deepStrictEqual(before["Ended"], undefined)
      yield* advance(10)
      yield* run(advance(40), Runner())
      const after = yield* counts
      deepStrictEqual(after["Ended"], [12, 12])
      deepStrictEqual([after["Added"], after["Observed"]], [before["Added"], before["Observed"]])
      deepStrictEqual((yield* client.status).map(({ epoch }) => epoch), [2, 2, 2, 2])
    }).pipe(Effect.provide(TestLive)), 60_000)

  it.effect("does not watch the calls of a transaction that is rolled back", () =>
    Effect.gen(function*() {
      const client = yield* DurableFleet.DurableFleet
      const sql = yield* SqlClient.SqlClient
      const sids = yield* place(3)
      yield* sql.withTransaction(Effect.zipRight(client.add(sids), Effect.fail("no"))).pipe(Effect.ignore)
      yield* run(advance(10), Runner())
      deepStrictEqual(yield* counts, {})
      assert.strictEqual(yield* client.add(sids), 3)
    }).pipe(Effect.provide(TestLive)), 60_000)

  it.effect(
    "gives each entry once to a consumer, also when its handler fails in between",
    () =>
      Effect.gen(function*() {
        const client = yield* DurableFleet.DurableFleet
        const log = yield* FleetLog.FleetLog
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE TABLE bill (sid TEXT NOT NULL)`
        const sids = yield* place(10)
        let failures = 2
        const handler = (entries: ReadonlyArray<LogEntry.LogEntry>) =>
          Effect.gen(function*() {
            for (const { event, sid } of entries) {
              if (event === "Ended") yield* sql`INSERT INTO bill (sid) VALUES (${sid})`
            }
            if (failures-- > 0) return yield* Effect.fail("the printer is on fire")
          })
        const consume = log.consume("billing", handler)
        yield* run(Effect.zipRight(client.add(sids), advance(30)), Runner())
        const failed = yield* Effect.fork(Effect.all([Effect.flip(consume), Effect.flip(consume)]))
        yield* advance(2)
        deepStrictEqual(yield* Fiber.join(failed), ["the printer is on fire", "the printer is on fire"])
        deepStrictEqual(yield* sql`SELECT * FROM bill`, [])
        const consuming = yield* Effect.fork(consume)
        yield* advance(5)
        yield* Fiber.interrupt(consuming)
        const billed = yield* sql<{ sid: string }>`SELECT sid FROM bill`
        deepStrictEqual(billed.map(({ sid }) => sid).sort(), [...sids].sort())
      }).pipe(Effect.provide(TestLive)),
    60_000
  )

  it.effect(
    "uses the budget of its partitions, and stays within the limit of the account",
    () =>
      Effect.gen(function*() {
        const client = yield* DurableFleet.DurableFleet
        const fake = yield* FakeExotel.FakeExotel
        yield* client.add(yield* place(40, "200 seconds"), "urgent")
        yield* run(advance(60), Runner())
        const requests = yield* fake.journal
        assert.isAbove(requests.length, 100)
        deepStrictEqual(requests.filter(({ outcome }) => outcome._tag === "Answered" && outcome.status === 429), [])
      }).pipe(Effect.provide(TestLive)),
    60_000
  )

  it.effect("watches a call of an unknown policy with the default one", () =>
    Effect.gen(function*() {
      const client = yield* DurableFleet.DurableFleet
      yield* client.add(yield* place(2), "no such policy")
      yield* run(advance(30), Runner())
      deepStrictEqual((yield* counts)["Ended"], [2, 2])
    }).pipe(Effect.provide(TestLive)), 60_000)

  it.effect("deletes ended calls and consumed events after their time", () =>
    Effect.gen(function*() {
      const client = yield* DurableFleet.DurableFleet
      const log = yield* FleetLog.FleetLog
      const sql = yield* SqlClient.SqlClient
      const rows = sql<{ c: number; e: number }>`
        SELECT (SELECT count(*) FROM exotel_call) AS c, (SELECT count(*) FROM exotel_event) AS e`
      yield* client.add(yield* place(6))
      yield* run(
        Effect.gen(function*() {
          yield* advance(30)
          // A consumer that has not come further holds the events.
          const slow = yield* Effect.fork(Effect.flip(log.consume("slow", () => Effect.fail("later"))))
          yield* TestClock.adjust("3 minutes")
          assert.strictEqual(yield* Fiber.join(slow), "later")
          const [held] = yield* rows
          deepStrictEqual(held?.c, 0)
          assert.isAbove(held?.e ?? 0, 6)
          yield* log.forget("slow")
          yield* TestClock.adjust("2 minutes")
          deepStrictEqual((yield* rows)[0]?.e, 0)
        }),
        Runner({ keep: "2 minutes" })
      )
    }).pipe(Effect.provide(TestLive)), 60_000)

  it.effect("refuses another number of partitions while calls are open, on both sides", () =>
    Effect.gen(function*() {
      const client = yield* DurableFleet.DurableFleet
      const eight = Either.getOrThrow(Fleet.make({ ...fleet, partitions: 8 }))
      const [sid] = yield* place(1)
      yield* client.add(sid === undefined ? [] : [sid])
      const refused = yield* Effect.flip(DurableFleet.make(eight))
      assert.include(refused.message, "has open calls in 4 partitions, and this program is set to 8")
      const notRun = yield* Effect.flip(run(Effect.void, Runner({}, eight)))
      assert.strictEqual(notRun._tag, "PartitionMismatch")
      yield* client.remove(sid === undefined ? [] : [sid])
      yield* DurableFleet.make(eight)
      assert.strictEqual((yield* Effect.flip(client.add(["a1"])))._tag, "PartitionMismatch")
    }).pipe(Effect.provide(TestLive)), 60_000)
})
