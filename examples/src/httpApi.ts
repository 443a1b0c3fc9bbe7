/**
 * A web service over a watch: an endpoint that responds when a call has ended, server-sent events of its changes, and the
 * route for Exotel's status callbacks. `test/httpApi.test.ts` tests all three without a socket.
 */
import { Call } from "@effect-exotel/core"
import { CallWatch, StatusCallbackRoute, WatchError } from "@effect-exotel/watch"
import {
  HttpApi,
  HttpApiBuilder,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiSchema,
  HttpServerResponse
} from "@effect/platform"
import { Effect, Layer, type Redacted, Schema, Stream } from "effect"

const sid = HttpApiSchema.param("sid", Schema.String)

const calls = HttpApiGroup.make("calls")
  // The encoded call holds the phone numbers and the links: respond with less if your clients must not have them.
  .add(HttpApiEndpoint.get("end")`/calls/${sid}/end`.addSuccess(Call.TerminalCall).addError(WatchError.WatchError))
  .add(
    HttpApiEndpoint.get("changes")`/calls/${sid}/changes`
      .addSuccess(HttpApiSchema.Text({ contentType: "text/event-stream" }))
  )

const exotel = HttpApiGroup.make("exotel")
  .add(
    HttpApiEndpoint.post("statusCallback")`/exotel/status/${HttpApiSchema.param("secret", Schema.String)}`
      .addSuccess(HttpApiSchema.NoContent)
  )

export const Api = HttpApi.make("calls-api").add(calls).add(exotel)

const encodeCall = Schema.encode(Schema.parseJson(Call.Call))

const serverSentEvent = (event: string, data: string): string => `event: ${event}\ndata: ${data}\n\n`

const CallsLive = HttpApiBuilder.group(Api, "calls", (handlers) =>
  Effect.map(CallWatch.CallWatch, (watch) =>
    handlers
      .handle("end", ({ path }) => watch.awaitEnd(path.sid, { deadline: "1 hour" }))
      .handleRaw("changes", ({ path }) => {
        const events = watch.changes(path.sid).pipe(
          Stream.mapEffect((call) => Effect.orDie(encodeCall(call))),
          Stream.map((data) => serverSentEvent("change", data)),
          // The response has begun, so a failure is an event as well.
          Stream.catchAll((error) => Stream.succeed(serverSentEvent("failure", JSON.stringify({ error: error._tag })))),
          Stream.encodeText
        )
        return Effect.succeed(HttpServerResponse.stream(events, { contentType: "text/event-stream" }))
      })))

/** The secret is in the path: keep it out of spans and of a proxy's logs. See `StatusCallbackRoute`. */
const ExotelLive = (secret: Redacted.Redacted) =>
  HttpApiBuilder.group(
    Api,
    "exotel",
    (handlers) => handlers.handleRaw("statusCallback", () => StatusCallbackRoute.app({ secret }))
  )

/** The service; it needs one `CallWatch` for all of its routes. */
export const ApiLive = (secret: Redacted.Redacted) =>
  HttpApiBuilder.api(Api).pipe(Layer.provide(CallsLive), Layer.provide(ExotelLive(secret)))
