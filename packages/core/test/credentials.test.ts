/** Credentials that are read again after a 401. */
import { ExotelCalls, type ExotelConfig, RequestBudget, RetryPolicy } from "@effect-exotel/core"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Array, Effect, Redacted } from "effect"

const pair = (apiToken: string) => ({ apiKey: Redacted.make("the-key"), apiToken: Redacted.make(apiToken) })

/**
 * A server that accepts one token and quotes everything that it was sent in a 404; and the client under test. `first` is the
 * time that the server takes for the first request.
 */
const setUp = (refresh: Effect.Effect<ExotelConfig.Credentials, unknown>, first = Effect.yieldNow()) =>
  Effect.gen(function*() {
    const seen: Array<string> = []
    const client = HttpClient.make((request) =>
      Effect.suspend(() => {
        const [key, token = ""] = atob((request.headers["authorization"] ?? "").replace("Basic ", "")).split(":")
        seen.push(token)
        const Message = `old-token ${key}:${token}`
        const Status = token === "new-token" ? 404 : 401
        const response = HttpClientResponse.fromWeb(
          request,
          new Response(JSON.stringify({ RestException: { Status, Message } }), { status: Status })
        )
        return Effect.as(seen.length === 1 ? first : Effect.yieldNow(), response)
      })
    )
    const calls = yield* ExotelCalls.make({
      ...pair("old-token"),
      accountSid: "acme",
      baseUrl: "https://exotel.test",
      refreshCredentials: refresh
    }).pipe(
      Effect.provide(RequestBudget.layerUnlimited),
      Effect.provideService(HttpClient.HttpClient, client)
    )
    const read = Effect.provideService(Effect.flip(calls.get("abc")), RetryPolicy.RetryPolicy, RetryPolicy.none)
    return { read, seen }
  })

/** Credentials that are read in a turn of their own, and how often they were. */
const counted = (apiToken: string) => {
  const count = { refreshes: 0 }
  const refresh = Effect.zipRight(
    Effect.yieldNow(),
    Effect.sync(() => {
      count.refreshes++
      return pair(apiToken)
    })
  )
  return { count, refresh }
}

it.effect("requests that are refused at the same time share one refresh, and are each sent once more", () =>
  Effect.gen(function*() {
    const { count, refresh } = counted("new-token")
    const { read, seen } = yield* setUp(refresh)
    const errors = yield* Effect.all(Array.replicate(read, 20), { concurrency: "unbounded" })
    deepStrictEqual(Array.dedupe(errors.map(({ _tag }) => _tag)), ["CallNotFound"])
    assert.strictEqual(count.refreshes, 1)
    assert.strictEqual(seen.filter((token) => token === "new-token").length, 20)
  }))

it.effect("a message masks the new credentials and the ones they have replaced", () =>
  Effect.gen(function*() {
    const { read } = yield* setUp(Effect.succeed(pair("new-token")))
    const error = yield* read
    assert.strictEqual(error._tag, "CallNotFound")
    assert.notMatch(error.message, /old-token|new-token|the-key/)
    assert.include(error.message, "<redacted>")
  }))

it.effect("a refusal stays when the credentials are the same, invalid, or cannot be read", () =>
  Effect.gen(function*() {
    for (
      const refresh of [Effect.succeed(pair("old-token")), Effect.succeed(pair("new-token\n")), Effect.fail("no store")]
    ) {
      const { read, seen } = yield* setUp(refresh)
      assert.strictEqual((yield* read)._tag, "AuthenticationError")
      deepStrictEqual(seen, ["old-token"])
    }
  }))

it.effect("requests that are refused at the same time share one refresh that returns the same credentials", () =>
  Effect.gen(function*() {
    const { count, refresh } = counted("old-token")
    const { read, seen } = yield* setUp(refresh)
    yield* Effect.all(Array.replicate(read, 20), { concurrency: "unbounded" })
    assert.strictEqual(count.refreshes, 1)
    assert.strictEqual(seen.length, 20)
    yield* read
    assert.strictEqual(count.refreshes, 2)
  }))

it.effect("a request that is refused after the credentials have changed is sent again without another refresh", () =>
  Effect.gen(function*() {
    const { count, refresh } = counted("new-token")
    const slow = yield* Effect.makeLatch()
    const { read, seen } = yield* setUp(refresh, slow.await)
    const first = yield* Effect.fork(read)
    yield* Effect.yieldNow()
    assert.strictEqual((yield* read)._tag, "CallNotFound")
    yield* slow.open
    assert.strictEqual((yield* first)._tag, "CallNotFound")
    assert.strictEqual(count.refreshes, 1)
    deepStrictEqual(seen, ["old-token", "old-token", "new-token", "new-token"])
  }))
