/** A transport error contains the host and the error code of the client, and nothing else of the client's error. */
import { ExotelCalls, RetryPolicy } from "@effect-exotel/core"
import { HttpClient, HttpClientError } from "@effect/platform"
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

const errorOf = (code: unknown) =>
  Effect.flatMap(ExotelCalls.ExotelCalls, (calls) => Effect.flip(calls.get("abc"))).pipe(
    Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none),
    Effect.provide(
      ExotelCalls.layer({
        apiKey: Redacted.make("key"),
        apiToken: Redacted.make("token"),
        accountSid: "acme",
        baseUrl: "https://exotel.test/proxy"
      }).pipe(Layer.provide(failing(code)))
    )
  )

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
