/** The span of a read is the parent of everything that happens within it. */
import { ExotelCalls, RequestBudget, RetryPolicy } from "@effect-exotel/core"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Logger, LogLevel, Option, Redacted, Tracer } from "effect"

it.effect("the application's client, a refresh, the region probe and the log of a retry belong to the read", () => {
  const parents: Array<string> = []
  const native = Effect.runSync(Effect.tracer)
  const tracer = Tracer.make({
    span: (name, parent, ...rest) => {
      const from = Option.map(parent, (span) => span._tag === "Span" ? span.name : span._tag)
      parents.push(`${name} of ${Option.getOrElse(from, () => "none")}`)
      const span = native.span(name, parent, ...rest)
      return Object.assign(Object.create(span), {
        event: (message: string) => parents.push(`event of ${name}: ${message}`)
      }) as Tracer.Span
    },
    context: (run) => run()
  })
  const answers = [503, 401, 401]
  const client = HttpClient.make((request) =>
    Effect.sync(() => HttpClientResponse.fromWeb(request, new Response("", { status: answers.shift() ?? 200 }))).pipe(
      Effect.withSpan("client")
    )
  )
  return Effect.gen(function*() {
    const key = Redacted.make("key")
    const calls = yield* ExotelCalls.make({
      apiKey: key,
      apiToken: Redacted.make("old"),
      accountSid: "acme1m",
      region: "mumbai",
      refreshCredentials: Effect.succeed({ apiKey: key, apiToken: Redacted.make("new") }).pipe(
        Effect.withSpan("refresh")
      )
    })
    yield* Effect.flip(calls.get("abc"))
    deepStrictEqual(parents, [
      "caller of none",
      "ExotelCalls.get of caller",
      "client of ExotelCalls.get",
      "event of ExotelCalls.get: Retrying an Exotel read",
      "client of ExotelCalls.get",
      "refresh of ExotelCalls.get",
      "client of ExotelCalls.get",
      "ExotelCalls.regionProbe of ExotelCalls.get",
      "client of ExotelCalls.regionProbe"
    ])
  }).pipe(
    Effect.withSpan("caller"),
    Effect.withTracer(tracer),
    Effect.provide(RequestBudget.layerUnlimited),
    Effect.provideService(HttpClient.HttpClient, client),
    Effect.provideService(RetryPolicy.RetryPolicy, {
      ...RetryPolicy.standard,
      backoff: Duration.zero,
      throttledBackoff: Duration.zero
    }),
    Logger.withMinimumLogLevel(LogLevel.Debug)
  )
})
