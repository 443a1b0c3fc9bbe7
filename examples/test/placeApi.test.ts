/** The web service that places calls, tested without a socket, on the test clock. */
import { CallbackPlan, CallScript, ConnectPlan, FakeExotel, FaultPlan } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { HttpApiBuilder, HttpApiClient, HttpServer } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Fiber, Layer, Redacted, TestClock } from "effect"
import { Api, ApiLive } from "../src/place-api/api.ts"

const settings = {
  callerId: "08012345678",
  baseUrl: "http://app.example",
  secret: Redacted.make("Wq8nTz4LrV7pXc2M")
}

const Live = (options: FakeExotel.Options) =>
  Layer.mergeAll(ApiLive(settings), HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer).pipe(
    Layer.provideMerge(CallWatch.layer),
    Layer.provideMerge(FakeExotel.layer(options)),
    Layer.provideMerge(HttpServer.layerContext),
    // A time in the year of the test clock's beginning stands for none in Exotel's records.
    Layer.provide(Layer.effectDiscard(TestClock.setTime(Date.UTC(2026, 0, 1))))
  )

const serve = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const app = yield* HttpApiBuilder.httpApp
  yield* fake.deliverCallbacks(app)
  const httpClient = yield* CallbackPlan.clientFromApp(app)
  const { calls } = yield* HttpApiClient.makeWith(Api, { httpClient, baseUrl: settings.baseUrl })
  const payload = { agent: "09876543210", customer: "09123456789" }
  return {
    fake,
    place: calls.place({ path: { key: "order 17" }, payload }),
    read: calls.read({ path: { key: "order 17" } })
  }
})

const answered = CallScript.answered({ ring: "8 seconds", talk: "1 minute" })

describe("the web service that places calls", () => {
  it.effect("places one call for a key, and knows its end as soon as the callback arrives", () =>
    Effect.gen(function*() {
      const { fake, place, read } = yield* serve
      const [first, second] = yield* Effect.all([place, place], { concurrency: 2 })
      assert.include(["placed being placed", "being placed placed"], `${first.state} ${second.state}`)
      const { sid } = yield* place
      deepStrictEqual((yield* fake.placed).map((call) => call.sid), [sid])
      yield* TestClock.adjust("71 seconds")
      deepStrictEqual(yield* read, { state: "ended", sid, result: "completed" })
    }).pipe(Effect.provide(Live({ connect: answered }))))

  it.effect("keeps the key of a request whose outcome is unknown, and learns the sid by the callback", () =>
    Effect.gen(function*() {
      const { fake, place, read } = yield* serve
      assert.strictEqual((yield* place).state, "outcome unknown")
      assert.strictEqual((yield* place).state, "outcome unknown")
      const sids = (yield* fake.placed).map(({ sid }) => sid)
      assert.strictEqual(sids.length, 1)
      yield* TestClock.adjust("2 minutes")
      deepStrictEqual(yield* read, { state: "ended", sid: sids[0], result: "completed" })
    }).pipe(Effect.provide(Live({
      connect: answered,
      faults: FaultPlan.status(504).pipe(FaultPlan.forOperation("connect"))
    }))))

  it.effect("learns the sid by a callback that comes before the response is given up", () =>
    Effect.gen(function*() {
      const { fake, place, read } = yield* serve
      const placing = yield* Effect.fork(place)
      yield* TestClock.adjust("30 seconds")
      const { sid, state } = yield* Fiber.join(placing)
      assert.strictEqual(state, "placed")
      deepStrictEqual((yield* fake.placed).map((call) => call.sid), [sid])
      yield* TestClock.adjust("10 seconds")
      deepStrictEqual(yield* read, { state: "ended", sid, result: "busy" })
    }).pipe(Effect.provide(Live({
      connect: CallScript.busy({ ring: "3 seconds" }),
      faults: FaultPlan.stalled({ at: "body" }).pipe(FaultPlan.forOperation("connect"))
    }))))

  it.effect("looks for a call of unknown outcome without a callback, when it must have ended", () =>
    Effect.gen(function*() {
      const { fake, place, read } = yield* serve
      assert.strictEqual((yield* place).state, "outcome unknown")
      yield* TestClock.adjust("74 minutes")
      assert.strictEqual((yield* read).state, "outcome unknown")
      yield* TestClock.adjust("2 minutes")
      const [call] = yield* fake.placed
      deepStrictEqual(yield* read, { state: "ended", sid: call?.sid, result: "completed" })
    }).pipe(Effect.provide(Live({
      connect: answered,
      connectSettings: { callbackCopies: 0 },
      faults: FaultPlan.status(504).pipe(FaultPlan.forOperation("connect"))
    }))))

  it.effect("gives the key free when Exotel has refused the request", () =>
    Effect.gen(function*() {
      const { place, read } = yield* serve
      assert.strictEqual((yield* Effect.flip(place))._tag, "NotPlaced")
      assert.strictEqual((yield* Effect.flip(read))._tag, "UnknownKey")
      assert.strictEqual((yield* place).state, "placed")
    }).pipe(Effect.provide(Live({ connect: { inOrder: [ConnectPlan.doNotDisturb], default: answered } }))))
})
