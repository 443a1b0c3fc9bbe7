/** Sends one request with the `HttpClient` of the application: permit, credentials, timeout, limit of the body, metric. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { ExotelConfig } from "../../ExotelConfig.ts"
import { requests } from "../../ExotelMetrics.ts"
import type * as RequestBudget from "../../RequestBudget.ts"
import type { RawResponse } from "../decode/response.ts"
import { parseRetryAfter } from "./headers.ts"
import { acquirePermit, rateLimitInfo } from "./rateLimit.ts"
import { readBody } from "./readBody.ts"
import { fromClientError, type RequestFailure, timedOut, toOutcome, transportFailure } from "./requestFailure.ts"

const wouldResend = Symbol("the HttpClient retries a request that must not be repeated")

const countOutcome = (outcome: string) => Metric.increment(Metric.tagged(requests, "outcome", outcome))

export const isSuccess = (status: number): boolean => status >= 200 && status < 300

/**
 * Closes the socket of a 101 response. `node:http` detaches it from the request, so that aborting the request does not
 * close it.
 */
const closeUpgraded = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  Effect.sync(() => {
    const source: unknown = "source" in response ? response.source : undefined
    if (!Predicate.hasProperty(source, "socket") || !Predicate.hasProperty(source.socket, "destroy")) return
    if (Predicate.isFunction(source.socket.destroy)) source.socket.destroy()
  })

/** The code of the failure of a request that was about to be sent twice. */
export const resent = "ERR_REQUEST_RESENT"

export interface Transport {
  /**
   * Sends one request, of any method and body, when the request budget grants a permit. Adds the credentials, `Accept`
   * and the timeout, and returns the response with its body. Does not retry.
   */
  readonly send: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<RawResponse, RequestFailure>
  /**
   * The same for a request that must not be repeated. When an `HttpClient` that retries by itself is about to send it
   * again, nothing is sent and the request fails with the code {@link resent}. `use` runs the request, after the wait for
   * the permit, and is notified of that time.
   */
  readonly sendOnce: <A, E>(
    request: HttpClientRequest.HttpClientRequest,
    timeout: Duration.Duration,
    use: (exchange: Effect.Effect<RawResponse, RequestFailure>, sentAt: DateTime.Utc) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  /** Sends one request and leaves the body of its response unread; the response has an empty one. */
  readonly status: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<RawResponse, RequestFailure>
}

export const make = (
  config: ExotelConfig,
  budget: RequestBudget.Service
): Effect.Effect<Transport, never, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const requestInit = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
    const untraced = (yield* HttpClient.HttpClient).pipe(
      // The spans of the client hold URLs and response headers, in which a server may repeat credentials.
      HttpClient.withTracerDisabledWhen(() => true)
    )
    const scoped = HttpClient.withScope(untraced)
    /** A client that retries evaluates the guard again; around `withScope` it would not. */
    const unrepeatable = () => {
      let isSent = false
      return HttpClient.mapRequestEffect(untraced, (request) =>
        Effect.suspend(() => {
          if (isSent) return Effect.die(wouldResend)
          isSent = true
          return Effect.succeed(request)
        }))
    }
    const execute = (
      client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, Scope.Scope>,
      request: HttpClientRequest.HttpClientRequest
    ): Effect.Effect<HttpClientResponse.HttpClientResponse, RequestFailure, Scope.Scope> =>
      // Suspended: a printed effect that holds the request would show its `Authorization` header.
      Effect.suspend(() =>
        client.execute(
          request.pipe(
            HttpClientRequest.basicAuth(config.apiKey, config.apiToken),
            HttpClientRequest.accept(config.format === "json" ? "application/json" : "application/xml")
          )
        )
      ).pipe(
        // Only `fetch` follows redirects on its own.
        Effect.provideService(FetchHttpClient.RequestInit, {
          ...Option.getOrElse(requestInit, () => ({})),
          redirect: "manual"
        }),
        // The client of the application may fail on some statuses. They are classified here instead.
        Effect.catchAll((error) =>
          error._tag === "ResponseError" && error.reason === "StatusCode"
            ? Effect.succeed(error.response)
            : Effect.fail(fromClientError(error))
        ),
        Effect.catchSomeDefect((defect) =>
          defect === wouldResend ? Option.some(Effect.fail(transportFailure("Unknown", resent))) : Option.none()
        ),
        Effect.tap((response) => response.status === 101 ? closeUpgraded(response) : Effect.void)
      )
    const acquire = acquirePermit(budget)

    const observe = (response: HttpClientResponse.HttpClientResponse, now: number): Effect.Effect<void> =>
      Option.match(rateLimitInfo(response.status, response.headers, now), {
        onNone: () => Effect.void,
        onSome: budget.observe
      })

    // The wait for a permit may be long: the timeout applies to the exchange only.
    // Closing the scope closes the connection if the response was not read to its end.
    const exchange = <A extends { readonly status: number }>(
      client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, Scope.Scope>,
      request: HttpClientRequest.HttpClientRequest,
      read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, RequestFailure>,
      timeout = config.timeout
    ): Effect.Effect<A, RequestFailure> =>
      Effect.flatMap(execute(client, request), (response) =>
        Effect.zipRight(
          Effect.flatMap(Clock.currentTimeMillis, (now) => observe(response, now)),
          read(response)
        )).pipe(
          Effect.scoped,
          Effect.timeoutFail({ duration: timeout, onTimeout: () => timedOut }),
          Effect.onExit((exit) =>
            Exit.match(exit, {
              onSuccess: ({ status }) => countOutcome(String(status)),
              onFailure: (cause) =>
                countOutcome(
                  Option.match(Cause.failureOption(cause), { onNone: () => "Interrupted", onSome: toOutcome })
                )
            })
          )
        )
    const head = (response: HttpClientResponse.HttpClientResponse) =>
      Effect.map(Clock.currentTimeMillis, (now) => ({
        status: response.status,
        retryAfter: parseRetryAfter(response.headers["retry-after"], now)
      }))
    const withBody = (response: HttpClientResponse.HttpClientResponse) =>
      Effect.zipWith(
        head(response),
        // The status of an error suffices without its body, which may come from a gateway.
        Effect.catchIf(
          readBody(response, config.maxBodyBytes),
          (cause) => cause._tag === "TooLarge" && !isSuccess(cause.status),
          () => Effect.succeed("")
        ),
        (known, body) => ({ ...known, body })
      )
    return {
      send: (request) => Effect.zipRight(acquire, exchange(scoped, request, withBody)),
      sendOnce: (request, timeout, use) =>
        Effect.zipRight(
          acquire,
          Effect.flatMap(DateTime.now, (sentAt) => use(exchange(unrepeatable(), request, withBody, timeout), sentAt))
        ),
      status: (request) =>
        Effect.zipRight(
          acquire,
          exchange(scoped, request, (response) => Effect.map(head(response), (known) => ({ ...known, body: "" })))
        )
    }
  })
