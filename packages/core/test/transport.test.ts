/** A transport error contains the host and the error code of the client, and nothing else of the client's error. Each request is counted. */
import { ExotelCalls, ExotelMetrics, RetryPolicy } from "@effect-exotel/core"
import { HttpClient, HttpClientError } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Fiber, Layer, Metric, Redacted, TestClock } from "effect"
import { status, stub } from "./support/stub.ts"

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

const withoutRetry = Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none)

const errorOf = (code: unknown, baseUrl?: string) => withoutRetry(errorOver(failing(code), baseUrl))

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
      const error = yield* errorOf("ECONNREFUSED", baseUrl)
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
    const read = (response: Parameters<typeof stub>[0]) => withoutRetry(errorOver(stub(response).layer))
    yield* read(() => status(200))
    yield* read(() => status(503))
    yield* read(() => new Response(" ".repeat(1_100_000)))
    yield* read(() => "refused")
    for (const end of [TestClock.adjust("1 minute"), Effect.void]) {
      const fiber = yield* Effect.fork(read(() => Effect.never))
      yield* TestClock.adjust(0)
      yield* end
      yield* Fiber.interrupt(fiber)
    }
    deepStrictEqual((yield* counts).map((count, i) => count - (before[i] ?? 0)), outcomes.map(() => 1))
  }))
