/**
 * The route for Exotel's status callbacks. Each callback makes the watches of its call poll at once: see
 * `CallWatch.hintFrom`. The events of a watch come from a poll and not from a callback, because callbacks are not signed;
 * except an `AnsweredHint`, which says so.
 *
 * @since 0.1.0
 */
import type { InvalidCallback, StatusCallback } from "@effect-exotel/core/StatusCallback"
import { decode } from "@effect-exotel/core/StatusCallback"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CallWatch } from "./CallWatch.ts"

/**
 * How the route accepts a callback.
 *
 * @since 0.1.0
 * @category models
 */
export interface RouteOptions {
  /** If given, the last segment of the path must equal it; otherwise the response is 404. Use 16 random characters or more. */
  readonly secret?: Redacted.Redacted | undefined
  /** The largest accepted body in bytes. Default: 64 KiB. */
  readonly maxBodyBytes?: number | undefined
  /** How long a body may take to arrive. Default: 10 seconds. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * Settings of the route that notifies the watches of its process.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends RouteOptions {
  /**
   * Runs for each decoded callback, after the hint, for example to use `customField`. The response waits for it, and a
   * closed connection interrupts it. Exotel waits 15 seconds, so hand longer work to a queue.
   */
  readonly onCallback?: ((callback: StatusCallback) => Effect.Effect<void>) | undefined
}

/** Compares in a time that does not depend on how much of the secret is right. */
const isSame = (given: string, secret: string): boolean => {
  const a = new TextEncoder().encode(given)
  const b = new TextEncoder().encode(secret)
  let difference = a.length ^ b.length
  for (let i = 0; i < b.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}

const lastSegment = (url: string): string => {
  const path = url.split(/[?#]/, 1)[0] ?? ""
  return path.slice(path.lastIndexOf("/") + 1)
}

type BodyFailure = "TooLarge" | "TooSlow" | "Malformed"

/**
 * Reads a body of limited size. A larger one is refused unread if it declares its length; otherwise its rest is read and
 * dropped, because a server that stops reading cannot send a response.
 */
const readBody = (
  request: HttpServerRequest.HttpServerRequest,
  maxBytes: number
): Effect.Effect<Uint8Array, BodyFailure> =>
  Effect.suspend(() => {
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) return Effect.fail("TooLarge")
    const chunks: Array<Uint8Array<ArrayBuffer>> = []
    let size = 0
    return request.stream.pipe(
      Stream.mapError((): BodyFailure => "Malformed"),
      Stream.runForEach((chunk) =>
        Effect.sync(() => {
          size += chunk.length
          if (size <= maxBytes) chunks.push(new Uint8Array(chunk))
        })
      ),
      Effect.flatMap(() =>
        size > maxBytes ? Effect.fail("TooLarge" as const) : Effect.promise(() => new Blob(chunks).arrayBuffer())
      ),
      Effect.map((whole) => new Uint8Array(whole))
    )
  })

const bodyFailures = {
  TooLarge: [413, "The callback's body is larger than allowed."],
  TooSlow: [408, "The callback's body did not arrive in time."],
  Malformed: [400, "The callback's body could not be read."]
} as const

const refuse = (failure: BodyFailure | InvalidCallback) => {
  const [status, message] = typeof failure === "string" ? bodyFailures[failure] : [400, failure.message] as const
  return HttpServerResponse.text(message, { status })
}

/**
 * The route as an `HttpApp`, for the URL given to Exotel as `StatusCallback`. It responds with 204 to every callback that
 * it can decode, whether or not the call is watched, so that the response does not reveal which calls exist.
 *
 * The secret is part of the path. This route keeps it out of the lines of `HttpMiddleware.logger`, except for requests that
 * the router does not give to it, such as a GET of the same path. Keep it out of the server's spans with
 * `HttpMiddleware.withTracerDisabledWhen`, and out of the logs of a proxy.
 *
 * @example
 * ```ts
 * import { StatusCallbackRoute } from "@effect-exotel/watch"
 * import { HttpRouter } from "@effect/platform"
 * import { Redacted } from "effect"
 *
 * // StatusCallback=https://example.com/exotel/status/<secret>
 * const router = HttpRouter.empty.pipe(
 *   HttpRouter.post("/exotel/status/:secret", StatusCallbackRoute.app({ secret: Redacted.make("…") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category routes
 */
export const app = (options: Options = {}): HttpApp.Default<never, CallWatch | Scope.Scope> =>
  appWith((callback) =>
    Effect.gen(function*() {
      const watch = yield* CallWatch
      yield* watch.hintFrom(callback)
      if (options.onCallback !== undefined) yield* options.onCallback(callback)
    }), options)

/**
 * The route without `CallWatch`, for a process whose calls are watched elsewhere: it passes each decoded callback to
 * `handle`, for example to `DurableFleet.hint`. The response waits for it, and a closed connection interrupts it. Exotel
 * waits 15 seconds, so hand longer work to a queue.
 *
 * @example
 * ```ts
 * import { DurableFleet } from "@effect-exotel/cluster"
 * import { StatusCallbackRoute } from "@effect-exotel/watch"
 * import { HttpRouter } from "@effect/platform"
 * import { Effect, Redacted } from "effect"
 *
 * const hint = Effect.map(DurableFleet.DurableFleet, (fleet) =>
 *   StatusCallbackRoute.appWith(
 *     ({ sid }) => Effect.catchAll(fleet.hint(sid), (error) => Effect.logWarning("A callback was not passed on", error)),
 *     { secret: Redacted.make("…") }
 *   ))
 * const router = Effect.map(hint, (app) => HttpRouter.post(HttpRouter.empty, "/exotel/status/:secret", app))
 * ```
 *
 * @since 0.1.0
 * @category routes
 */
export const appWith = <R>(
  handle: (callback: StatusCallback) => Effect.Effect<void, never, R>,
  options: RouteOptions = {}
): HttpApp.Default<never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const { secret } = options
    if (secret !== undefined && !isSame(lastSegment(request.originalUrl), encodeURIComponent(Redacted.value(secret)))) {
      return HttpServerResponse.empty({ status: 404 })
    }
    if (request.method !== "POST") return HttpServerResponse.empty({ status: 405, headers: { allow: "POST" } })
    // Interrupting the read closes the connection, so it lasts until the response was sent and the scope closes.
    const body = yield* Effect.forkScoped(readBody(request, options.maxBodyBytes ?? 64 * 1024)).pipe(
      Effect.flatMap(Fiber.join),
      Effect.timeoutFail({ duration: options.timeout ?? "10 seconds", onTimeout: (): BodyFailure => "TooSlow" })
    )
    const callback = yield* decode({ contentType: request.headers["content-type"] ?? "", body })
    yield* handle(callback)
    return HttpServerResponse.empty({ status: 204 })
  }).pipe(
    Effect.catchAll((failure) => Effect.succeed(refuse(failure))),
    // A server runs an app outside of a router uninterruptibly; the timeout would have no effect.
    Effect.interruptible,
    // The logger would write the path, and with it the secret.
    HttpMiddleware.withLoggerDisabled
  )
