/** `find` and `list` of the real client against the fake bulk read, in both formats. */
import { CallSid, ExotelCalls } from "@effect-exotel/core"
import { CallScript, FakeExotel, FaultPlan } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { BigDecimal, Chunk, DateTime, Duration, Effect, Fiber, Stream, TestClock } from "effect"

const someDay = DateTime.unsafeMake("2026-03-31T18:00:00Z")

const ended = CallScript.answered({ ring: "5 seconds", talk: "10 seconds", settles: "20 seconds" })

for (const format of ["json", "xml"] as const) {
  describe(`in ${format}`, () => {
    const options = { client: { format }, verifyOnClose: false } as const

    it.effect("finds the calls that have ended, and lists the others as missing", () =>
      Effect.gen(function*() {
        yield* TestClock.setTime(someDay.epochMillis)
        const fake = yield* FakeExotel.FakeExotel
        const calls = yield* ExotelCalls.ExotelCalls
        const done = yield* Effect.replicateEffect(fake.place(ended), 120)
        const ongoing = yield* fake.place(CallScript.answered({ ring: "5 seconds", talk: "1 hour" }))
        const unknown = CallSid.CallSid.make("unknown0000000000000000000000000")
        yield* TestClock.adjust("1 minute")
        const found = yield* calls.findEnded([...done, ongoing, unknown, ...done])
        deepStrictEqual(new Set(found.calls.map(({ sid }) => sid)), new Set(done))
        assert.strictEqual(found.calls.length, 120)
        deepStrictEqual(found.missing, [ongoing, unknown])
        deepStrictEqual(found.malformed, [])
        // 122 sids are two requests.
        assert.strictEqual((yield* fake.journal).length, 2)
      }).pipe(Effect.provide(FakeExotel.layer(options))))

    it.effect("finds older calls month by month when the query says how old they may be", () =>
      Effect.gen(function*() {
        yield* TestClock.setTime(someDay.epochMillis)
        const fake = yield* FakeExotel.FakeExotel
        const calls = yield* ExotelCalls.ExotelCalls
        const created = yield* DateTime.now
        const old = yield* fake.place(ended)
        yield* TestClock.adjust("100 days")
        const recent = yield* fake.place(ended)
        yield* TestClock.adjust("1 minute")
        deepStrictEqual((yield* calls.findEnded([old, recent])).missing, [old])
        const before = (yield* fake.journal).length
        const found = yield* calls.findEnded([old, recent], { since: DateTime.subtract(created, { days: 1 }) })
        deepStrictEqual(found.calls.map(({ sid }) => sid), [recent, old])
        deepStrictEqual(found.missing, [])
        assert.strictEqual((yield* fake.journal).length - before, 4)
      }).pipe(Effect.provide(FakeExotel.layer(options))))

    it.effect("lists what a query asks for, page by page and no further than is pulled", () =>
      Effect.gen(function*() {
        yield* TestClock.setTime(someDay.epochMillis)
        const fake = yield* FakeExotel.FakeExotel
        const calls = yield* ExotelCalls.ExotelCalls
        const placed: Array<string> = []
        for (let i = 0; i < 25; i++) {
          placed.push(yield* fake.place(i % 5 === 0 ? CallScript.busy() : ended))
          yield* TestClock.adjust("1 second")
        }
        yield* TestClock.adjust("5 minutes")
        const all = yield* Stream.runCollect(calls.listEnded({ pageSize: 10, order: "asc" }))
        deepStrictEqual(Chunk.toReadonlyArray(all).map(({ sid }) => sid), placed)
        assert.strictEqual((yield* fake.journal).length, 3)
        const busy = yield* Stream.runCollect(calls.listEnded({ status: ["busy"] }))
        deepStrictEqual(
          Chunk.toReadonlyArray(busy).map(({ sid }) => sid),
          placed.filter((_, i) => i % 5 === 0).reverse()
        )
        const before = (yield* fake.journal).length
        yield* Stream.runDrain(Stream.take(calls.listEnded({ pageSize: 10 }), 5))
        assert.strictEqual((yield* fake.journal).length - before, 1)
      }).pipe(Effect.provide(FakeExotel.layer(options))))

    it.effect("splits a range that is wider than Exotel allows, without losing or repeating a call", () =>
      Effect.gen(function*() {
        yield* TestClock.setTime(someDay.epochMillis)
        const fake = yield* FakeExotel.FakeExotel
        const calls = yield* ExotelCalls.ExotelCalls
        const from = yield* DateTime.now
        const placed: Array<string> = []
        // The parts are 28 days long: calls are placed on each border between them, and a second before it.
        for (let day = 0; day < 100; day += 4) {
          placed.push(yield* fake.place(ended))
          yield* TestClock.adjust(Duration.subtract("4 days", "1 second"))
          placed.push(yield* fake.place(ended))
          yield* TestClock.adjust("1 second")
        }
        yield* TestClock.adjust("1 hour")
        const oldest = yield* Stream.runCollect(calls.listEnded({ created: { since: from }, order: "asc" }))
        deepStrictEqual(Chunk.toReadonlyArray(oldest).map(({ sid }) => sid), placed)
        const newest = yield* Stream.runCollect(calls.listEnded({ created: { since: from } }))
        deepStrictEqual(Chunk.toReadonlyArray(newest).map(({ sid }) => sid), placed.toReversed())
      }).pipe(Effect.provide(FakeExotel.layer(options))))
  })
}

it.effect("refuses what Exotel would refuse before the wire", () =>
  Effect.gen(function*() {
    yield* TestClock.setTime(someDay.epochMillis)
    const fake = yield* FakeExotel.FakeExotel
    const calls = yield* ExotelCalls.ExotelCalls
    const now = yield* DateTime.now
    const days = (days: number) => DateTime.subtract(now, { days })
    const refused = [
      calls.listEnded({ pageSize: 0 }),
      calls.listEnded({ pageSize: 101 }),
      calls.listEnded({ pageSize: 1.5 }),
      calls.listEnded({ from: [] }),
      calls.listEnded({ to: ["1", "2", "3", "4", "5", "6"] }),
      calls.listEnded({ exoPhone: ["1,2"] }),
      calls.listEnded({ status: [""] }),
      calls.listEnded({ duration: {} }),
      calls.listEnded({ price: {} }),
      calls.listEnded({ created: { since: days(200) } }),
      calls.listEnded({ created: { since: days(1), until: days(2) } })
    ].map(Stream.runDrain)
    const found = [
      calls.findEnded(["../x"]),
      calls.findEnded(["abc"], { chunkSize: 101 }),
      calls.findEnded(["abc"], { since: days(200) })
    ]
    for (const effect of [...refused, ...found.map(Effect.asVoid)]) {
      assert.strictEqual((yield* Effect.flip(effect))._tag, "InvalidRequest")
    }
    deepStrictEqual(yield* fake.journal, [])
  }).pipe(Effect.provide(FakeExotel.layer())))

it.effect("takes durations and prices as ranges", () =>
  Effect.gen(function*() {
    yield* TestClock.setTime(someDay.epochMillis)
    const fake = yield* FakeExotel.FakeExotel
    const calls = yield* ExotelCalls.ExotelCalls
    const short = yield* fake.place(CallScript.answered({ ring: "5 seconds", talk: "10 seconds", price: "0.50" }))
    const long = yield* fake.place(CallScript.answered({ ring: "5 seconds", talk: "100 seconds", price: "2.50" }))
    yield* TestClock.adjust("1 hour")
    const sids = (query: Parameters<typeof calls.listEnded>[0]) =>
      Effect.map(
        Stream.runCollect(calls.listEnded(query)),
        (found) => Chunk.toReadonlyArray(found).map(({ sid }) => sid)
      )
    deepStrictEqual(yield* sids({ duration: { minimum: "1 minute" } }), [long])
    deepStrictEqual(yield* sids({ duration: { maximum: Duration.seconds(15) } }), [short])
    deepStrictEqual(yield* sids({ price: { minimum: BigDecimal.unsafeFromString("1.0") } }), [long])
    deepStrictEqual(
      yield* sids({
        price: { minimum: BigDecimal.unsafeFromString("0.1"), maximum: BigDecimal.unsafeFromString("1") }
      }),
      [short]
    )
  }).pipe(Effect.provide(FakeExotel.layer())))

it.effect("says which region serves the account when a bulk read comes to the wrong one", () =>
  Effect.gen(function*() {
    const calls = yield* ExotelCalls.ExotelCalls
    const error = yield* Effect.flip(calls.findEnded(["abc"]))
    assert.strictEqual(error._tag, "RegionMismatch")
  }).pipe(Effect.provide(FakeExotel.layer({ client: { region: "singapore" }, verifyOnClose: false }))))

it.effect("tries a page again after an error that may pass", () =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const calls = yield* ExotelCalls.ExotelCalls
    yield* fake.faults(FaultPlan.status(503).pipe(FaultPlan.onRequest(1)))
    const found = yield* Effect.fork(calls.findEnded(["abc"]))
    yield* TestClock.adjust("10 seconds")
    deepStrictEqual((yield* Fiber.join(found)).missing, [CallSid.CallSid.make("abc")])
  }).pipe(Effect.provide(FakeExotel.layer())))
