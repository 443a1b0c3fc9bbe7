/**
 * The callbacks that Exotel posts when a call is answered or has ended, and their faults. Callbacks are
 * not signed, and may be lost, late or doubled.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * Where to post, and how.
 *
 * @since 0.1.0
 * @category models
 */
export interface CallbackPlan {
  readonly url: string
  /** Default: `multipart`, as Exotel's (call-details page). */
  readonly contentType?: "multipart" | "form" | "json" | undefined
  /** `StatusCallbackEvents`. Default: `["terminal"]`. */
  readonly events?: ReadonlyArray<"answered" | "terminal"> | undefined
  /**
   * `plain` has `CallSid`, `DateUpdated`, `Status` and `RecordingUrl` only, as Exotel posts it without
   * `StatusCallbackEvents`. Default: `extended`.
   */
  readonly fields?: "plain" | "extended" | undefined
  /** How often each event is posted: 0 is lost, 2 doubled. Default: 1. */
  readonly copies?: number | undefined
  /** How long after the event it is posted. Default: 0. */
  readonly delay?: Duration.DurationInput | undefined
  /** Comes back with the `terminal` callback. */
  readonly customField?: string | undefined
}

const bodyOf = (request: HttpClientRequest): Effect.Effect<BodyInit | undefined> => {
  switch (request.body._tag) {
    case "FormData":
      return Effect.succeed(request.body.formData)
    case "Uint8Array":
      return Effect.succeed(new Uint8Array(request.body.body))
    case "Stream":
      return Stream.toReadableStreamEffect(Stream.orDie(request.body.stream))
    default:
      return Effect.succeed(undefined)
  }
}

/**
 * An `HttpClient` whose requests go to this application, without a socket: callbacks reach a route that is under test,
 * in the same fiber and on the same clock.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientFromApp = <E, R>(
  app: HttpApp.Default<E, R>
): Effect.Effect<HttpClient.HttpClient, never, Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>> =>
  Effect.map(
    Effect.context<Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>>(),
    (context) => {
      const respond = (request: HttpServerRequest.HttpServerRequest) =>
        Effect.provide(
          Effect.scoped(app),
          Context.add(context, HttpServerRequest.HttpServerRequest, request)
          // The compiler cannot see through `Exclude` of a type that it does not know yet.
        ) as Effect.Effect<HttpServerResponse.HttpServerResponse, E>
      return HttpClient.make((request, url) =>
        Effect.gen(function*() {
          const body = yield* bodyOf(request)
          const headers = new Headers(request.headers)
          // `Request` writes its own, with the boundary that it chose.
          if (body instanceof FormData) headers.delete("content-type")
          headers.delete("content-length")
          const web = new Request(url, { method: request.method, headers, ...(body === undefined ? {} : { body }) })
          const response = yield* Effect.mapError(
            respond(HttpServerRequest.fromWeb(web)),
            (cause) => new HttpClientError.RequestError({ request, reason: "Transport", cause })
          )
          return HttpClientResponse.fromWeb(request, HttpServerResponse.toWeb(response))
        })
      )
    }
  )
