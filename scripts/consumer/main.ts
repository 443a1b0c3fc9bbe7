// What somebody who installed the packages would write: it must compile under their settings, and run.
import { ExotelCalls } from "@effect-exotel/core"
import * as Call from "@effect-exotel/core/Call"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { Duration, Effect, Layer, Option, Redacted } from "effect"

// @ts-expect-error what is internal cannot be imported
// oxlint-disable-next-line house/rooms -- that is the point
import type {} from "@effect-exotel/core/internal/xml"

const sid = "b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f"
const wire = { Call: { Sid: sid, Status: "completed", Details: { ConversationDuration: "42" } } }

const HttpFake = Layer.succeed(
  HttpClient.HttpClient,
  HttpClient.make((request) => Effect.succeed(HttpClientResponse.fromWeb(request, Response.json(wire))))
)

const ExotelLive = ExotelCalls.layer({
  apiKey: Redacted.make("key"),
  apiToken: Redacted.make("token"),
  accountSid: "acme1m",
  region: "mumbai"
}).pipe(Layer.provide(HttpFake))

const program = Effect.gen(function*() {
  const calls = yield* ExotelCalls.ExotelCalls
  const call = yield* calls.getWithDetails(sid)
  const talked: Duration.Duration = Option.getOrThrow(Call.talkTime(call))
  return `${call.status} after ${Duration.format(talked)}`
}).pipe(
  Effect.catchTag("CallNotFound", (error) => Effect.succeed(error.message)),
  Effect.provide(ExotelLive)
)

console.log(await Effect.runPromise(program))
