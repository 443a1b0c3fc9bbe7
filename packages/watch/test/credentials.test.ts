/** Credentials that are rotated while calls are watched, on the virtual clock. */
import { ExotelCalls, type ExotelConfig } from "@effect-exotel/core"
import { CallScript, FakeExotel, Simulation } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Array, Effect, Layer, Redacted } from "effect"

/** Accepts one token at a time instead of the fake's, and counts the rejected requests. */
const rotating = (fake: FakeExotel.Service) => {
  const { accountSid, apiKey, apiToken, region } = fake.options
  const state = { token: "first-token", refreshes: 0, rejected: 0 }
  const authorization = (token: string) => `Basic ${btoa(`${Redacted.value(apiKey)}:${token}`)}`
  const transform = HttpClient.mapRequest((request: HttpClientRequest.HttpClientRequest) => {
    const isAccepted = request.headers["authorization"] === authorization(state.token)
    if (!isAccepted) state.rejected++
    return HttpClientRequest.setHeader(
      request,
      "authorization",
      authorization(isAccepted ? Redacted.value(apiToken) : "wrong")
    )
  })
  const options = (read: Effect.Effect<string, unknown>): ExotelConfig.Options => ({
    accountSid,
    apiKey,
    apiToken: Redacted.make(state.token),
    region: region ?? "singapore",
    requestsPerMinute: 10_000,
    refreshCredentials: Effect.suspend(() => {
      state.refreshes++
      return Effect.delay(Effect.map(read, (token) => ({ apiKey, apiToken: Redacted.make(token) })), "1 second")
    })
  })
  return { state, transform, options }
}

/** Watches 50 calls of three minutes each; the token changes after one. Returns the results and the counts. */
const watchFifty = (read: (token: string) => Effect.Effect<string, unknown>) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const { options, state, transform } = rotating(fake)
    const client = transform(yield* HttpClient.HttpClient)
    const sids = yield* Effect.replicateEffect(fake.place(CallScript.answered({ talk: "3 minutes" })), 50)
    const exits = yield* Effect.gen(function*() {
      const watch = yield* CallWatch.CallWatch
      yield* Effect.forkScoped(Effect.delay(Effect.sync(() => void (state.token = "second-token")), "1 minute"))
      return yield* Effect.forEach(
        sids,
        (sid) => Effect.exit(watch.awaitEnd(sid, { cadence: "10 seconds", authenticationGrace: "5 seconds" })),
        { concurrency: "unbounded" }
      )
    }).pipe(
      Effect.provide(
        CallWatch.layer.pipe(
          Layer.provide(ExotelCalls.layer(options(Effect.suspend(() => read(state.token))))),
          Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
        )
      )
    )
    return { ends: Array.dedupe(exits.map((exit) => exit._tag)), ...state }
  }).pipe(
    Effect.scoped,
    Effect.provide(FakeExotel.layerHttpClient({ requestsPerMinute: 10_000, verifyOnClose: false })),
    Simulation.run()
  )

it.effect("a rotated token fails none of 50 watches, and is read once", () =>
  Effect.gen(function*() {
    const { ends, refreshes, rejected } = yield* watchFifty(Effect.succeed)
    deepStrictEqual({ ends, refreshes }, { ends: ["Success"], refreshes: 1 })
    assert.isAtLeast(rejected, 1)
  }))

it.effect("credentials that cannot be read, or are the same, leave the rejection as it is", () =>
  Effect.gen(function*() {
    for (const read of [() => Effect.fail("no secret store"), () => Effect.succeed("first-token")]) {
      const { ends, refreshes } = yield* watchFifty(read)
      deepStrictEqual(ends, ["Failure"])
      assert.isAtLeast(refreshes, 1)
    }
  }))
