/** The spans of requests: their parents and their attributes. */
import { ConnectRequest, ExotelCalls, RequestBudget, RetryPolicy } from "@effect-exotel/core"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Layer, Logger, LogLevel, Option, Redacted, Tracer } from "effect"
import { sid, withCalls } from "./support/clients.ts"
import { recordSpans } from "./support/spans.ts"
import { status, stub } from "./support/stub.ts"

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

/** The kind and the attributes of each span of this name. */
const attributesOf = (
  name: string,
  use: (calls: ExotelCalls.Service) => Effect.Effect<unknown, unknown>,
  response: Response
) =>
  recordSpans(Effect.exit(withCalls({ region: "mumbai" }, use))).pipe(
    Effect.provide(Layer.merge(stub(() => response).layer, RequestBudget.layerUnlimited)),
    Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none),
    Effect.map(([, spans]) =>
      spans.flatMap((span): ReadonlyArray<Record<string, unknown>> =>
        span.name === name ? [{ kind: span.kind, ...Object.fromEntries(span.attributes) }] : []
      )
    )
  )

const body = JSON.stringify({ Call: { Sid: sid, Status: "completed" } })

const read = {
  kind: "client",
  "http.request.method": "GET",
  "server.address": "api.in.exotel.com",
  "url.template": "/v1/Accounts/{AccountSid}/Calls/{CallSid}",
  "exotel.call.sid": sid
}

it.effect("the span of a read names the call, the host, the path and the status", () =>
  Effect.gen(function*() {
    const spans = yield* attributesOf("ExotelCalls.get", (calls) => calls.get(sid), new Response(body))
    deepStrictEqual(spans, [{ ...read, "http.response.status_code": 200 }])
  }))

it.effect("the span of a read that fails names the error", () =>
  Effect.gen(function*() {
    const spans = yield* attributesOf("ExotelCalls.get", (calls) => calls.get(sid), status(503))
    deepStrictEqual(spans, [{ ...read, "http.response.status_code": 503, "error.type": "ServiceUnavailable" }])
  }))

it.effect("the span of a bulk read names no call, and that of a placed call names it once it is known", () =>
  Effect.gen(function*() {
    const found = yield* attributesOf("ExotelCalls.findEnded", (calls) => calls.findEnded([sid]), status(503))
    deepStrictEqual(found.map((span) => "exotel.call.sid" in span), [false])
    const request = ConnectRequest.twoNumbers({ from: "08012345678", to: "08087654321", callerId: "08047123456" })
    const placed = yield* attributesOf("ExotelCalls.connect", (calls) => calls.connect(request), new Response(body))
    deepStrictEqual(placed, [{
      ...read,
      "http.request.method": "POST",
      "url.template": "/v1/Accounts/{AccountSid}/Calls/connect",
      "http.response.status_code": 200
    }])
  }))
