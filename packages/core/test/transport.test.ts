/** A transport error contains the host and the error code of the client, and nothing else of the client's error. */
import { ExotelCalls, ExotelMetrics, RetryPolicy } from "@effect-exotel/core"
import { HttpClient, HttpClientError, HttpClientResponse } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Fiber, Layer, Metric, Redacted, TestClock } from "effect"

const failing = (code: unknown) =>
  Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make((request) =>
      Effect.fail(
        new HttpClientError.RequestError({ request, reason: "Transport", cause: Object.assign(new Error(), { code }) })
      )
    )
  )

const errorOver = (client: Layer.Layer<HttpClient.HttpClient>, baseUrl = "https://exotel.test/proxy") =>
  Effect.flatMap(ExotelCalls.ExotelCalls, (calls) => Effect.flip(calls.get("abc"))).pipe(
    Effect.provide(
      ExotelCalls.layer({
        apiKey: Redacted.make("key"),
        apiToken: Redacted.make("token"),
        accountSid: "acme",
        baseUrl,
        allowInsecure: true
      }).pipe(Layer.provide(client))
    )
  )

const errorOf = (code: unknown) =>
  Effect.provideService(errorOver(failing(code)), RetryPolicy.RetryPolicy, RetryPolicy.none)

it.effect("names the host and the client's code", () =>
  Effect.gen(function*() {
    const error = yield* errorOf("EHOSTUNREACH")
    assert.strictEqual(error._tag === "TransportError" ? error.reason : error._tag, "Unreachable")
    assert.include(error.message, "exotel.test:443 (EHOSTUNREACH)")
    const other = yield* errorOf("HPE_INVALID_CONSTANT")
    assert.strictEqual(other._tag === "TransportError" ? other.code : other._tag, "HPE_INVALID_CONSTANT")
  }))

it.effect("names the port of the protocol when the base URL has none", () =>
  Effect.gen(function*() {
    for (
      const [baseUrl, host] of [["http://exotel.test", "exotel.test:80"], ["http://exotel.test:443", "exotel.test:443"]]
    ) {
      const error = yield* Effect.provideService(
        errorOver(failing("ECONNREFUSED"), baseUrl),
        RetryPolicy.RetryPolicy,
        RetryPolicy.none
      )
      assert.strictEqual(error._tag === "TransportError" ? error.host : error._tag, host)
    }
  }))

it.effect("drops a code that does not have the form of an error code", () =>
  Effect.gen(function*() {
    for (const code of ["+919845012345", "Basic a2V5OnRva2Vu", "09845012345", "ABC".repeat(30), 7, {}, ""]) {
      const error = yield* errorOf(code)
      assert.strictEqual(error._tag === "TransportError" ? error.code : error._tag, undefined)
    }
  }))

it.effect("recommends another client when undici has no dispatcher, as under Bun, and does not retry", () =>
  Effect.gen(function*() {
    const stub = Layer.succeed(NodeHttpClient.Dispatcher, Object.create(null))
    const error = yield* errorOver(Layer.provide(NodeHttpClient.layerUndiciWithoutDispatcher, stub))
    assert.strictEqual(error._tag === "TransportError" ? error.reason : error._tag, "UnsupportedClient")
    assert.include(error.message, "FetchHttpClient.layer")
    assert.isFalse(error.isRetryable)
  }))

it.effect("counts each request by its status or the reason of its failure", () =>
  Effect.gen(function*() {
    const outcomes = ["200", "503", "Refused", "Timeout", "TooLarge", "Interrupted"]
    const counts = Effect.forEach(
      outcomes,
      (outcome) =>
        Effect.map(Metric.value(Metric.tagged(ExotelMetrics.requests, "outcome", outcome)), ({ count }) => count)
    )
    const before = yield* counts
    const answering = (status: number, body = "") =>
      Layer.succeed(
        HttpClient.HttpClient,
        HttpClient.make((request) =>
          Effect.succeed(HttpClientResponse.fromWeb(request, new Response(body, { status })))
        )
      )
    const silent = Layer.succeed(HttpClient.HttpClient, HttpClient.make(() => Effect.never))
    const read = (client: Layer.Layer<HttpClient.HttpClient>) =>
      Effect.provideService(errorOver(client), RetryPolicy.RetryPolicy, RetryPolicy.none)
    yield* read(answering(200))
    yield* read(answering(503))
    yield* read(answering(200, " ".repeat(1_100_000)))
    yield* errorOf("ECONNREFUSED")
    for (const end of [TestClock.adjust("1 minute"), Effect.void]) {
      const fiber = yield* Effect.fork(read(silent))
      yield* TestClock.adjust(0)
      yield* end
      yield* Fiber.interrupt(fiber)
    }
    deepStrictEqual((yield* counts).map((count, i) => count - (before[i] ?? 0)), outcomes.map(() => 1))
  }))
