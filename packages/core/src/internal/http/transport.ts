/** Sends one request with the `HttpClient` of the application: permit, credentials, timeout, limit of the body, metric. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import { constTrue } from "effect/Function"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { ExotelConfig } from "../../ExotelConfig.ts"
import { requests } from "../../ExotelMetrics.ts"
import type * as RequestBudget from "../../RequestBudget.ts"
import type { RawResponse } from "../decode/response.ts"
import * as AttemptTimeout from "./attemptTimeout.ts"
import type { Credentials } from "./credentials.ts"
import { parseRetryAfter } from "./headers.ts"
import { acquirePermit, rateLimitInfo } from "./rateLimit.ts"
import { readBody } from "./readBody.ts"
import {
  fromClientError,
  type RequestFailure,
  timedOut,
  tooLarge,
  toOutcome,
  transportFailure
} from "./requestFailure.ts"

/** One effect per outcome: a tagged counter takes longer to make than to increment. */
const increments = new Map<string, Effect.Effect<void>>()

const countOutcome = (outcome: string): Effect.Effect<void> => {
  const increment = increments.get(outcome) ?? Metric.increment(Metric.tagged(requests, "outcome", outcome))
  increments.set(outcome, increment)
  return increment
}

const outcomeFrom = (exit: Exit.Exit<RawResponse, RequestFailure>): string =>
  Exit.match(exit, {
    onSuccess: ({ status }) => String(status),
    onFailure: (cause) => Option.match(Cause.failureOption(cause), { onNone: () => "Interrupted", onSome: toOutcome })
  })

export const isSuccess = (status: number): boolean => status >= 200 && status < 300

/**
 * Closes the socket of a 101 response. `node:http` detaches it from the request, so that aborting the request does not
 * close it.
 */
const closeUpgraded = (response: HttpClientResponse.HttpClientResponse): void => {
  const source: unknown = "source" in response ? response.source : undefined
  if (!Predicate.hasProperty(source, "socket") || !Predicate.hasProperty(source.socket, "destroy")) return
  if (Predicate.isFunction(source.socket.destroy)) source.socket.destroy()
}

const wouldResend = Symbol("the HttpClient retries a request that must not be repeated")

/** The code of the failure of a request that was about to be sent twice. */
export const resent = "ERR_REQUEST_RESENT"

const fromCause = (cause: Cause.Cause<HttpClientError.HttpClientError>): Effect.Effect<never, RequestFailure> =>
  Option.contains(Cause.dieOption(cause), wouldResend)
    ? Effect.fail(transportFailure("Unknown", resent))
    : Effect.failCause(Cause.map(cause, fromClientError))

export interface Transport {
  /**
   * Sends one request, of any method and body, when the request budget grants a permit. Adds the credentials, `Accept`
   * and the timeout, and returns the response with its body. Does not retry, but sends the request once more after a 401 when
   * the credentials have changed. `span` is that of the request, by default the current one.
   */
  readonly send: (
    request: HttpClientRequest.HttpClientRequest,
    span?: Tracer.Span
  ) => Effect.Effect<RawResponse, RequestFailure>
  /**
   * The same for a request that must not be repeated, except after a 401 as with `send`, which proves that it had no effect.
   * When an `HttpClient` that retries by itself is about to send it again, nothing is sent and the request fails with the
   * code {@link resent}. `use` runs the request, after the wait for the permit, and is notified of that time.
   */
  readonly sendOnce: <A, E>(
    request: HttpClientRequest.HttpClientRequest,
    use: (exchange: Effect.Effect<RawResponse, RequestFailure>, sentAt: DateTime.Utc) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  /** Sends one request and leaves the body of its response unread; the response has an empty one. */
  readonly status: (
    request: HttpClientRequest.HttpClientRequest,
    span?: Tracer.Span
  ) => Effect.Effect<RawResponse, RequestFailure>
}

/** A response. The body is undefined when it was not read, or not to its end. */
interface Received extends Omit<RawResponse, "body"> {
  readonly body: string | undefined
}

const unread: typeof readBody = () => Effect.succeed(undefined)

type ScopedClient = HttpClient.HttpClient.With<HttpClientError.HttpClientError, Scope.Scope>

export const make = (
  config: ExotelConfig,
  budget: RequestBudget.Service,
  credentials: Credentials
): Effect.Effect<Transport, never, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const httpClient = yield* HttpClient.HttpClient
    const scoped = HttpClient.withScope(httpClient)
    /** A client that retries evaluates the guard again; around `withScope` it would not. */
    const unrepeatable = () => {
      let isSent = false
      return HttpClient.mapRequestEffect(httpClient, (request) =>
        Effect.suspend(() => {
          if (isSent) return Effect.die(wouldResend)
          isSent = true
          return Effect.succeed(request)
        }))
    }
    const accept = config.format === "json" ? "application/json" : "application/xml"
    const withTimeout = AttemptTimeout.make<RequestFailure>(Duration.toMillis(config.timeout), timedOut)
    const withConnectTimeout = AttemptTimeout.make<RequestFailure>(Duration.toMillis(config.connectTimeout), timedOut)

    const execute = (client: ScopedClient, request: HttpClientRequest.HttpClientRequest) =>
      Effect.catchAll(
        // Suspended: a printed effect that holds the request would show its `Authorization` header.
        Effect.suspend(() =>
          client.execute(
            HttpClientRequest.setHeaders(request, {
              accept,
              authorization: Redacted.value(credentials.current().authorization)
            })
          )
        ),
        // The client of the application may fail on some statuses. They are classified here instead.
        (error) =>
          error._tag === "ResponseError" && error.reason === "StatusCode"
            ? Effect.succeed(error.response)
            : Effect.fail(error)
      )

    const receive = (
      response: HttpClientResponse.HttpClientResponse,
      read: typeof readBody
    ): Effect.Effect<Received, HttpClientError.ResponseError, Scope.Scope> =>
      Effect.clockWith((clock) => {
        // A getter that converts all headers.
        const { headers, status } = response
        if (status === 101) closeUpgraded(response)
        const now = clock.unsafeCurrentTimeMillis()
        const retryAfter = parseRetryAfter(headers["retry-after"], now)
        const info = rateLimitInfo(status, headers, now)
        const received = Effect.map(
          read(response, headers, config.maxBodyBytes),
          (body): Received => ({ status, retryAfter, body })
        )
        return Option.isNone(info) ? received : Effect.zipRight(budget.observe(info.value), received)
      })

    // Only `fetch` follows redirects on its own.
    const requestInit: RequestInit = {
      ...Option.getOrUndefined(yield* Effect.serviceOption(FetchHttpClient.RequestInit)),
      redirect: "manual"
    }

    /** Sets what the client of an attempt needs, at once: each change of a reference copies all of them. */
    const prepare = (scope: Scope.Scope, span: Tracer.Span | undefined): Effect.Effect<void> =>
      Effect.updateFiberRefs((id, refs) => {
        // One copy of the context instead of one for each service.
        const services = new Map(FiberRefs.getOrDefault(refs, FiberRef.currentContext).unsafeMap)
        services.set(Scope.Scope.key, scope).set(FetchHttpClient.RequestInit.key, requestInit)
        if (span !== undefined) services.set(Tracer.ParentSpan.key, span)
        return FiberRefs.updateManyAs(refs, {
          entries: [
            [FiberRef.currentContext, [[id, Context.unsafeMake(services)]]],
            // The spans of the client hold URLs and response headers, in which a server may repeat credentials.
            [HttpClient.currentTracerDisabledWhen, [[id, constTrue]]]
          ]
        })
      })

    /** Runs in a fiber of its own. Its references end with it, so they are set and not restored. */
    const attempt = (
      client: ScopedClient,
      request: HttpClientRequest.HttpClientRequest,
      read: typeof readBody,
      span: Tracer.Span | undefined,
      scope: Scope.Scope
    ): Effect.Effect<Received, RequestFailure> => {
      const received = Effect.flatMap(execute(client, request), (response) => receive(response, read))
      return Effect.catchAllCause(
        // `prepare` has provided the scope.
        Effect.zipRight(prepare(scope, span), received as typeof received & Effect.Effect<Received>),
        fromCause
      )
    }

    const exchange = (
      client: ScopedClient,
      request: HttpClientRequest.HttpClientRequest,
      { read = readBody, span, timeout = withTimeout }: {
        readonly read?: typeof readBody
        readonly span?: Tracer.Span | undefined
        readonly timeout?: typeof withTimeout
      }
    ): Effect.Effect<RawResponse, RequestFailure> =>
      Effect.flatMap(Scope.make(), (scope) =>
        timeout(attempt(client, request, read, span, scope), (exit) => {
          const outcome = Exit.flatMap(exit, ({ body, retryAfter, status }) =>
            // The status of an error suffices without its body, which may come from a gateway.
            body === undefined && read === readBody && isSuccess(status)
              ? Exit.fail(tooLarge(status))
              : Exit.succeed({ status, retryAfter, body: body ?? "" }))
          const counted = Effect.zipRight(countOutcome(outcomeFrom(outcome)), outcome)
          // Closes the connection of a body that was not read to its end. After the end, nothing is left to close.
          return Exit.isSuccess(exit) && exit.value.body !== undefined
            ? counted
            : Effect.zipRight(Scope.close(scope, exit), counted)
        }))

    /** Sends the request once more after a 401, if the credentials have changed since it was sent. */
    const withRefresh = (
      sent: Effect.Effect<RawResponse, RequestFailure>,
      span?: Tracer.Span
    ): Effect.Effect<RawResponse, RequestFailure> =>
      Effect.suspend(() => {
        const used = credentials.current()
        return Effect.flatMap(sent, (response) => {
          if (response.status !== 401) return Effect.succeed(response)
          const refreshed = credentials.refresh(used)
          return Effect.flatMap(
            span === undefined ? refreshed : Effect.withParentSpan(refreshed, span),
            (hasChanged) => hasChanged ? Effect.zipRight(acquirePermit(budget, span), sent) : Effect.succeed(response)
          )
        })
      })

    // The wait for a permit may be long: the timeout applies to the exchange only.
    const send = (
      request: HttpClientRequest.HttpClientRequest,
      read: typeof readBody,
      span: Tracer.Span | undefined
    ) => Effect.zipRight(acquirePermit(budget, span), withRefresh(exchange(scoped, request, { read, span }), span))

    return {
      send: (request, span) => send(request, readBody, span),
      sendOnce: (request, use) => {
        const sent = Effect.suspend(() => exchange(unrepeatable(), request, { timeout: withConnectTimeout }))
        return Effect.zipRight(
          acquirePermit(budget),
          Effect.flatMap(DateTime.now, (sentAt) => use(withRefresh(sent), sentAt))
        )
      },
      status: (request, span) => send(request, unread, span)
    }
  })
