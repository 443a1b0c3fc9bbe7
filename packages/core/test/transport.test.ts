/** A transport error contains the host and the error code of the client, and nothing else of the client's error. */
import { ExotelCalls, RetryPolicy } from "@effect-exotel/core"
import { HttpClient, HttpClientError } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"

const failing = (code: unknown) =>
  Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make((request) =>
      Effect.fail(
        new HttpClientError.RequestError({ request, reason: "Transport", cause: Object.assign(new Error(), { code }) })
      )
    )
  )

const errorOver = (client: Layer.Layer<HttpClient.HttpClient>) =>
  Effect.flatMap(ExotelCalls.ExotelCalls, (calls) => Effect.flip(calls.get("abc"))).pipe(
    Effect.provide(
      ExotelCalls.layer({
        apiKey: Redacted.make("key"),
        apiToken: Redacted.make("token"),
        accountSid: "acme",
        baseUrl: "https://exotel.test/proxy"
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
