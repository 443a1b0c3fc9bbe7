/** The web service of the example, tested without a socket, on the test clock. */
import { CallbackPlan, CallScript, FakeExotel } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { HttpApiBuilder, HttpApiClient, HttpClient, HttpServer } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Fiber, Layer, Redacted, Stream, TestClock } from "effect"
import { Api, ApiLive } from "../src/httpApi.ts"

const secret = Redacted.make("Wq8nTz4LrV7pXc2M")

const Live = Layer.mergeAll(ApiLive(secret), HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer).pipe(
  Layer.provideMerge(CallWatch.layer),
  Layer.provideMerge(FakeExotel.layer()),
  Layer.provideMerge(HttpServer.layerContext)
)

/** The service, with a client of it that uses no socket. */
const serve = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const app = yield* HttpApiBuilder.httpApp
  yield* fake.deliverCallbacks(app)
  const http = yield* CallbackPlan.clientFromApp(app)
  const client = yield* HttpApiClient.makeWith(Api, { httpClient: http, baseUrl: "http://app.example" })
  return { fake, http, client }
})

const script = CallScript.answered({ ring: "8 seconds", talk: "1 minute" })

describe("the web service", () => {
  it.effect("responds with the ended call as soon as the callback arrives", () =>
    Effect.gen(function*() {
      const { client, fake } = yield* serve
      const sid = yield* fake.place(script, {
        statusCallback: { url: `http://app.example/exotel/status/${Redacted.value(secret)}` }
      })
      const ended = yield* Effect.fork(client.calls.end({ path: { sid } }))
      // A callback makes the watch poll at once, but not within two seconds of its last poll.
      yield* TestClock.adjust("70 seconds")
      assert.strictEqual((yield* Fiber.join(ended)).status, "completed")
      const callbacks = (yield* fake.journal).filter(({ operation }) => operation === "callback")
      deepStrictEqual(callbacks.map(({ outcome }) => outcome), [{ _tag: "Answered", status: 204 }])
    }).pipe(Effect.provide(Live)))

  it.effect("responds with the error of a watch", () =>
    Effect.gen(function*() {
      const { client } = yield* serve
      const failed = yield* Effect.fork(Effect.flip(client.calls.end({ path: { sid: "unknown1" } })))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(failed))._tag, "CallNotFound")
    }).pipe(Effect.provide(Live)))

  it.effect("sends the changes of a call as server-sent events", () =>
    Effect.gen(function*() {
      const { fake, http } = yield* serve
      const sid = yield* fake.place(CallScript.busy({ ring: "20 seconds" }))
      const response = yield* HttpClient.withScope(http).get(`http://app.example/calls/${sid}/changes`)
      assert.strictEqual(response.headers["content-type"], "text/event-stream")
      const text = yield* Effect.fork(Stream.mkString(Stream.decodeText(response.stream)))
      yield* TestClock.adjust("1 minute")
      const events = (yield* Fiber.join(text)).trim().split("\n\n")
      deepStrictEqual(events.map((event) => /"status":"([a-z-]+)"/.exec(event)?.[1]), ["in-progress", "busy"])
    }).pipe(Effect.scoped, Effect.provide(Live)))

  it.effect("rejects a callback with a wrong secret", () =>
    Effect.gen(function*() {
      const { http } = yield* serve
      const response = yield* http.post("http://app.example/exotel/status/wrong")
      assert.strictEqual(response.status, 404)
    }).pipe(Effect.scoped, Effect.provide(Live)))
})
