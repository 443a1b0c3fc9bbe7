/** Sends one request with the `HttpClient` of the application: permit, credentials, timeout, limit of the body, metric. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
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
import { fromClientError, type RequestFailure, timedOut, toOutcome } from "./requestFailure.ts"

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

export interface Transport {
  /** Returns the response with its body. */
  readonly fetch: (url: string) => Effect.Effect<RawResponse, RequestFailure>
  /** Returns the status. The body is not read. */
  readonly status: (url: string) => Effect.Effect<Pick<RawResponse, "status" | "retryAfter">, RequestFailure>
}

export const make = (
  config: ExotelConfig,
  budget: RequestBudget.Service
): Effect.Effect<Transport, never, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const requestInit = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
    const client = (yield* HttpClient.HttpClient).pipe(
      // The spans of the client hold URLs and response headers, in which a server may repeat credentials.
      HttpClient.withTracerDisabledWhen(() => true),
      HttpClient.withScope
    )
    const execute = (url: string): Effect.Effect<HttpClientResponse.HttpClientResponse, RequestFailure, Scope.Scope> =>
      // Suspended: a printed effect that holds the request would show its `Authorization` header.
      Effect.suspend(() =>
        client.execute(
          HttpClientRequest.get(url).pipe(
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
        Effect.tap((response) => response.status === 101 ? closeUpgraded(response) : Effect.void)
      )
    const acquire = acquirePermit(budget)

    const observe = (response: HttpClientResponse.HttpClientResponse, now: number): Effect.Effect<void> =>
      Option.match(rateLimitInfo(response.status, response.headers, now), {
        onNone: () => Effect.void,
        onSome: budget.observe
      })

    // Closing the scope closes the connection if the response was not read to its end.
    const attempt = <A extends { readonly status: number }>(
      url: string,
      read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, RequestFailure>
    ): Effect.Effect<A, RequestFailure> =>
      Effect.flatMap(execute(url), (response) =>
        Effect.zipRight(
          Effect.flatMap(Clock.currentTimeMillis, (now) => observe(response, now)),
          read(response)
        )).pipe(
          Effect.scoped,
          Effect.timeoutFail({ duration: config.timeout, onTimeout: () => timedOut }),
          Effect.onExit((exit) =>
            Exit.match(exit, {
              onSuccess: ({ status }) => countOutcome(String(status)),
              onFailure: (cause) =>
                countOutcome(
                  Option.match(Cause.failureOption(cause), { onNone: () => "Interrupted", onSome: toOutcome })
                )
            })
          ),
          // The wait for a permit may be long. The timeout applies to the request only.
          (request) => Effect.zipRight(acquire, request)
        )
    const head = (response: HttpClientResponse.HttpClientResponse) =>
      Effect.map(Clock.currentTimeMillis, (now) => ({
        status: response.status,
        retryAfter: parseRetryAfter(response.headers["retry-after"], now)
      }))
    return {
      status: (url) => attempt(url, head),
      fetch: (url) =>
        attempt(
          url,
          (response) =>
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
        )
    }
  })
