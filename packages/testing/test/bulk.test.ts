/** The bulk read as the documentation has it: ended calls only, filtered, in pages. Read raw, as any client may. */
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Schema, TestClock } from "effect"

const Page = Schema.Struct({
  Metadata: Schema.Struct({
    Total: Schema.Number,
    PageSize: Schema.Number,
    PrevPageUri: Schema.NullOr(Schema.String),
    NextPageUri: Schema.NullOr(Schema.String)
  }),
  Calls: Schema.Array(
    Schema.Struct({ Sid: Schema.String, Status: Schema.String, EndTime: Schema.NullOr(Schema.String) })
  )
})

const send = (pathAndQuery: string) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const http = yield* HttpClient.HttpClient
    return yield* http.execute(
      HttpClientRequest.get(`${fake.baseUrl}${pathAndQuery}`).pipe(
        HttpClientRequest.basicAuth(fake.options.apiKey, fake.options.apiToken)
      )
    )
  })

const page = (uri: string) =>
  Effect.flatMap(send(uri), (response) => response.json).pipe(Effect.flatMap(Schema.decodeUnknown(Page)))

const list = (query: Record<string, string> = {}) =>
  page(`/v1/Accounts/acme1m/Calls.json?${new URLSearchParams(query)}`)

const sidsOf = (query?: Record<string, string>) => Effect.map(list(query), ({ Calls }) => Calls.map((call) => call.Sid))

const statusOf = (query: Record<string, string>) =>
  Effect.map(send(`/v1/Accounts/acme1m/Calls.json?${new URLSearchParams(query)}`), (response) => response.status)

/** Calls a, b, … a second apart, each busy for 2 seconds. */
const placeInTurn = (count: number) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    for (const letter of "abcdefghijklmnopqrstuvwxyz".slice(0, count)) {
      yield* fake.place(CallScript.busy({ settles: "10 seconds" }), { sid: letter })
      yield* TestClock.adjust("1 second")
    }
  })

const day = "2026-01-01"

describe("the bulk read", () => {
  it.effect("rejects a comma-separated Status filter when the fake accepts single values only", () =>
    Effect.gen(function*() {
      yield* placeInTurn(1)
      assert.strictEqual(yield* statusOf({ Status: "busy,failed" }), 400)
      assert.strictEqual(yield* statusOf({ Status: "busy" }), 200)
    }).pipe(Effect.provide(FakeExotel.layerHttpClient({ statusFilter: "single" }))))

  for (const bulkDetails of [true, false]) {
    it.effect(`${bulkDetails ? "carries" : "leaves out"} details with details=true and bulkDetails: ${bulkDetails}`, () =>
      Effect.gen(function*() {
        yield* placeInTurn(1)
        yield* TestClock.adjust("1 minute")
        const body = (details: string) =>
          Effect.flatMap(send(`/v1/Accounts/acme1m/Calls.json?details=${details}`), (response) => response.text)
        assert.strictEqual((yield* body("true")).includes("\"Details\""), bulkDetails)
        assert.notInclude(yield* body("false"), "\"Details\"")
      }).pipe(Effect.provide(FakeExotel.layerHttpClient({ bulkDetails }))))
  }

  it.effect("leaves out ongoing calls, and shows an ended one before its record is settled", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.place(CallScript.busy(), { sid: "ended" })
      yield* fake.place(CallScript.answered({ talk: "1 hour" }), { sid: "ongoing" })
      yield* TestClock.adjust("2 seconds")
      const { Calls, Metadata } = yield* list({ Sid: "ended,ongoing,unknown" })
      deepStrictEqual(Calls, [{ Sid: "ended", Status: "busy", EndTime: null }])
      assert.strictEqual(Metadata.Total, 1)
    }).pipe(Effect.provide(FakeExotel.layerHttpClient())))

  it.effect("shows a call as late after its end as the option says", () =>
    Effect.gen(function*() {
      yield* placeInTurn(1)
      yield* TestClock.adjust("10 seconds")
      deepStrictEqual(yield* sidsOf(), [])
      yield* TestClock.adjust("1 second")
      deepStrictEqual(yield* sidsOf(), ["a"])
    }).pipe(Effect.provide(FakeExotel.layerHttpClient({ bulkLag: "10 seconds" }))))

  it.effect("goes through pages both ways, each call once, the newest first", () =>
    Effect.gen(function*() {
      yield* placeInTurn(7)
      yield* TestClock.adjust("1 minute")
      const first = yield* list({ PageSize: "3" })
      const second = yield* page(first.Metadata.NextPageUri ?? assert.fail())
      const third = yield* page(second.Metadata.NextPageUri ?? assert.fail())
      const back = yield* page(third.Metadata.PrevPageUri ?? assert.fail())
      const sids = [first, second, third, back].map(({ Calls }) => Calls.map((call) => call.Sid).join(""))
      deepStrictEqual(sids, ["gfe", "dcb", "a", "dcb"])
      assert.isNull(first.Metadata.PrevPageUri)
      assert.isNull(third.Metadata.NextPageUri)
      assert.strictEqual(first.Metadata.Total, 7)
    }).pipe(Effect.provide(FakeExotel.layerHttpClient())))

  it.effect("keeps its place while more calls end", () =>
    Effect.gen(function*() {
      yield* placeInTurn(4)
      yield* TestClock.adjust("1 minute")
      const first = yield* list({ PageSize: "2" })
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.place(CallScript.busy(), { sid: "newcomer" })
      yield* TestClock.adjust("1 minute")
      const second = yield* page(first.Metadata.NextPageUri ?? assert.fail())
      deepStrictEqual(second.Calls.map((call) => call.Sid), ["b", "a"])
    }).pipe(Effect.provide(FakeExotel.layerHttpClient())))

  it.effect("filters by each of the documented parameters", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.place(CallScript.busy({ ring: "20 seconds" }), { sid: "b", to: "09111111111" })
      yield* TestClock.adjust("1 minute")
      yield* fake.place(CallScript.inbound({ ring: "4 seconds", talk: "40 seconds", price: "0.75" }), {
        sid: "i",
        from: "+919222222222",
        exoPhone: "08012345678"
      })
      yield* TestClock.adjust("5 minutes")
      deepStrictEqual(yield* sidsOf(), ["i", "b"])
      deepStrictEqual(yield* sidsOf({ SortBy: "DateCreated:asc" }), ["b", "i"])
      deepStrictEqual(yield* sidsOf({ Status: "busy,failed" }), ["b"])
      deepStrictEqual(yield* sidsOf({ Direction: "inbound" }), ["i"])
      deepStrictEqual(yield* sidsOf({ To: "09111111111" }), ["b"])
      deepStrictEqual(yield* sidsOf({ From: "+919222222222" }), ["i"])
      deepStrictEqual(yield* sidsOf({ PhoneNumber: "08012345678" }), ["i"])
      deepStrictEqual(yield* sidsOf({ Duration: "gte:10s;lte:30s" }), ["b"])
      deepStrictEqual(yield* sidsOf({ Price: "gte:0.10;lte:1.0" }), ["i"])
      deepStrictEqual(yield* sidsOf({ DateCreated: `gte:${day} 05:30:30;lte:${day} 05:31:00` }), ["i"])
      assert.notInclude((yield* fake.journal).map((entry) => entry.path).join(), "222")
    }).pipe(Effect.provide(FakeExotel.layerHttpClient())))

  it.effect("searches the last 31 days when no date is given", () =>
    Effect.gen(function*() {
      yield* placeInTurn(1)
      yield* TestClock.adjust("32 days")
      deepStrictEqual(yield* sidsOf({ Sid: "a" }), [])
      deepStrictEqual(yield* sidsOf({ Sid: "a", DateCreated: `gte:${day} 00:00:00;lte:${day} 23:59:59` }), ["a"])
    }).pipe(Effect.provide(FakeExotel.layerHttpClient())))

  it.effect("answers 400 to parameters outside of their documented ranges", () =>
    Effect.gen(function*() {
      const sids = Array.from({ length: 101 }, (_, i) => `s${i}`).join(",")
      for (
        const query of [
          { Sid: sids },
          { PageSize: "101" },
          { PageSize: "0" },
          { To: "1,2,3,4,5,6" },
          { DateCreated: "gte:yesterday" },
          { DateCreated: `gte:2025-11-01 00:00:00;lte:${day} 00:00:00` },
          { DateCreated: "gte:2025-01-01 00:00:00;lte:2025-01-02 00:00:00" },
          { Duration: "gte:soon" },
          { SortBy: "Price:asc" },
          { After: "nowhere" }
        ]
      ) {
        assert.strictEqual(yield* statusOf(query), 400, JSON.stringify(query))
      }
    }).pipe(Effect.provide(FakeExotel.layerHttpClient())))

  it.effect("answers in XML without the suffix", () =>
    Effect.gen(function*() {
      yield* placeInTurn(1)
      yield* TestClock.adjust("1 minute")
      const text = yield* Effect.flatMap(send("/v1/Accounts/acme1m/Calls"), (response) => response.text)
      assert.match(text, /<TwilioResponse>\s*<Metadata>\s*<Total>1<\/Total>[^]*<Calls>\s*<Call>\s*<Sid>a<\/Sid>/)
    }).pipe(Effect.provide(FakeExotel.layerHttpClient())))
})
