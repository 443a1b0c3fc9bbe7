/**
 * A web service that places calls. The same key never places a second call, whatever else the request holds; the response
 * comes as soon as Exotel has answered, and the end of each call is found by a fleet in the background.
 * `place-api.ts` serves it, and `test/placeApi.test.ts` tests it without a socket.
 */
import { ConnectRequest, ExotelCalls, type StatusCallback } from "@effect-exotel/core"
import { CallWatch, StatusCallbackRoute } from "@effect-exotel/watch"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "@effect/platform"
import { Context, type DateTime, Effect, Fiber, FiberSet, Layer, Option, Queue, Redacted, Schema, Stream } from "effect"

/** The state of the request with a key. */
const Booking = Schema.Struct({
  state: Schema.Literal("being placed", "outcome unknown", "placed", "ended", "failed", "not found"),
  sid: Schema.optional(Schema.String),
  /** The status of an ended call, or the error of a failed watch. No phone number. */
  result: Schema.optional(Schema.String)
})
type Booking = typeof Booking.Type

/** Exotel has refused the request: the same key may be used again. */
class NotPlaced extends Schema.TaggedError<NotPlaced>()(
  "NotPlaced",
  { error: Schema.String, message: Schema.String },
  HttpApiSchema.annotations({ status: 422 })
) {}

class UnknownKey
  extends Schema.TaggedError<UnknownKey>()("UnknownKey", {}, HttpApiSchema.annotations({ status: 404 }))
{}

/** Exotel's `CustomField` holds 128 characters. */
const key = HttpApiSchema.param("key", Schema.NonEmptyString.pipe(Schema.maxLength(128)))

const calls = HttpApiGroup.make("calls")
  .add(
    HttpApiEndpoint.put("place")`/calls/${key}`
      .setPayload(Schema.Struct({ agent: Schema.String, customer: Schema.String }))
      .addSuccess(Booking, { status: 202 })
      .addError(NotPlaced)
  )
  .add(HttpApiEndpoint.get("read")`/calls/${key}`.addSuccess(Booking).addError(UnknownKey))

/** The path of callbacks; the secret follows it. */
export const callbackPath = "/exotel/status/"

const exotel = HttpApiGroup.make("exotel").add(
  HttpApiEndpoint.post("statusCallback", `${callbackPath}:secret`)
    .setPath(Schema.Struct({ secret: Schema.String }))
    .addSuccess(HttpApiSchema.NoContent)
)

export const Api = HttpApi.make("place-api").add(calls).add(exotel)

export interface Settings {
  readonly callerId: string
  /** The public address of the service, for Exotel's callbacks. */
  readonly baseUrl: string
  readonly secret: Redacted.Redacted
}

class Bookings extends Context.Tag("Bookings")<Bookings, {
  readonly place: (key: string, agent: string, customer: string) => Effect.Effect<Booking, NotPlaced>
  readonly read: (key: string) => Effect.Effect<Booking, UnknownKey>
  /** A terminal callback has the key, and with it the sid of a call whose outcome is unknown, or is not known yet. */
  readonly onCallback: (callback: StatusCallback.StatusCallback) => Effect.Effect<void>
}>() {}

const BookingsLive = ({ baseUrl, callerId, secret }: Settings) =>
  Layer.scoped(
    Bookings,
    Effect.gen(function*() {
      const exotel = yield* ExotelCalls.ExotelCalls
      const watch = yield* CallWatch.CallWatch
      // In a real service a table of your database, read again at the start: see the campaign worker for several machines.
      const bookings = new Map<string, Booking>()
      const keys = new Map<string, string>()
      const placed = yield* Queue.unbounded<string>()
      /** The sids of callbacks that came before the response. */
      const reported = new Map<string, string>()
      /** A client that disconnects interrupts the handler, but not these fibers. */
      const placing = yield* FiberSet.make<Booking, NotPlaced>()
      yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeout(FiberSet.awaitEmpty(placing), "35 seconds")))

      const onPlaced = (key: string, sid: string) =>
        Effect.suspend(() => {
          const booking: Booking = { state: "placed", sid }
          bookings.set(key, booking)
          keys.set(sid, key)
          return Effect.as(Queue.offer(placed, sid), booking)
        })

      /** Exotel does not list a call that goes on: looks for it when it must have ended, if no callback has come. */
      const findLater = (key: string, request: ConnectRequest.TwoNumbers, sentAt: DateTime.Utc) =>
        Effect.gen(function*() {
          yield* Effect.sleep("75 minutes")
          if (bookings.get(key)?.state !== "outcome unknown") return
          const [found] = yield* exotel.findPlaced(request, sentAt)
          if (found === undefined) bookings.set(key, { state: "not found" })
          else yield* onPlaced(key, found.sid)
        }).pipe(Effect.catchAll((error) => Effect.logWarning("A placed call could not be looked for", error)))

      const scope = yield* Effect.scope
      const place = (key: string, agent: string, customer: string): Effect.Effect<Booking, NotPlaced> => {
        const request = ConnectRequest.twoNumbers({
          from: agent,
          to: customer,
          callerId,
          customField: key,
          timeLimit: "1 hour",
          statusCallback: { url: `${baseUrl}${callbackPath}${Redacted.value(secret)}`, events: ["terminal"] }
        })
        return exotel.connect(request).pipe(
          Effect.flatMap(({ sid }) => onPlaced(key, sid)),
          Effect.catchTag("CallOutcomeUnknown", ({ sentAt }) => {
            const sid = reported.get(key)
            if (sid !== undefined) return onPlaced(key, sid)
            const booking: Booking = { state: "outcome unknown" }
            bookings.set(key, booking)
            return Effect.as(Effect.forkIn(findLater(key, request, sentAt), scope), booking)
          }),
          // Every other error proves that no call was placed.
          Effect.catchAll((error) => {
            bookings.delete(key)
            return new NotPlaced({ error: error._tag, message: error.message })
          }),
          Effect.ensuring(Effect.sync(() => reported.delete(key)))
        )
      }

      yield* Effect.forkScoped(Stream.runForEach(watch.fleet(Stream.fromQueue(placed)), (event) =>
        Effect.sync(() => {
          if (event._tag !== "Ended" && event._tag !== "Failed") return
          const key = keys.get(event.sid)
          if (key === undefined) return
          const [state, result] = event._tag === "Ended"
            ? ["ended" as const, event.call.status]
            : ["failed" as const, event.error._tag]
          bookings.set(key, { state, sid: event.sid, result })
        })))

      return {
        place: (key, agent, customer) =>
          Effect.suspend(() => {
            const booking = bookings.get(key)
            if (booking !== undefined) return Effect.succeed(booking)
            bookings.set(key, { state: "being placed" })
            return Effect.flatMap(FiberSet.run(placing, place(key, agent, customer)), Fiber.join)
          }),
        read: (key) => Effect.fromNullable(bookings.get(key)).pipe(Effect.mapError(() => new UnknownKey())),
        onCallback: ({ customField, sid }) =>
          Effect.suspend(() => {
            const key = Option.getOrElse(customField, () => "")
            const state = bookings.get(key)?.state
            if (state === "being placed") reported.set(key, sid)
            return state === "outcome unknown" ? Effect.asVoid(onPlaced(key, sid)) : Effect.void
          })
      }
    })
  )

const CallsLive = HttpApiBuilder.group(Api, "calls", (handlers) =>
  Effect.map(Bookings, (bookings) =>
    handlers
      .handle("place", ({ path, payload }) => bookings.place(path.key, payload.agent, payload.customer))
      .handle("read", ({ path }) => bookings.read(path.key))))

/** The secret is in the path: keep it out of spans and of a proxy's logs. See `StatusCallbackRoute`. */
const ExotelLive = (secret: Redacted.Redacted) =>
  HttpApiBuilder.group(
    Api,
    "exotel",
    (handlers) =>
      Effect.map(
        Bookings,
        ({ onCallback }) => handlers.handleRaw("statusCallback", () => StatusCallbackRoute.app({ secret, onCallback }))
      )
  )

/** The service; it needs `ExotelCalls` and one `CallWatch` for all of its routes. */
export const ApiLive = (settings: Settings) =>
  HttpApiBuilder.api(Api).pipe(
    Layer.provide(CallsLive),
    Layer.provide(ExotelLive(settings.secret)),
    Layer.provide(BookingsLive(settings))
  )
