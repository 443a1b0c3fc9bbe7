/** Runs one request: sends it, decodes the response, retries, explains a wrong region and records the span. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import type { Call } from "../../Call.ts"
import type { ConnectError } from "../../ConnectError.ts"
import type { ExotelConfig } from "../../ExotelConfig.ts"
import type { ExotelError } from "../../ExotelError.ts"
import { RateLimited } from "../../ExotelError.ts"
import type * as RequestBudget from "../../RequestBudget.ts"
import type * as RetryPolicy from "../../RetryPolicy.ts"
import * as Outcome from "../connect/outcome.ts"
import { loadXmlParser } from "../decode/body.ts"
import { makeRecordDecoder } from "../decode/callFromResponse.ts"
import { errorFromResponse } from "../decode/errorFromResponse.ts"
import type { DecodeContext, ParsedResponse, RawResponse } from "../decode/response.ts"
import { parseResponse } from "../decode/response.ts"
import * as Credentials from "./credentials.ts"
import * as RegionProbe from "./regionProbe.ts"
import { type RequestFailure, toError } from "./requestFailure.ts"
import { withRetries } from "./retry.ts"
import * as Transport from "./transport.ts"

export interface Request<A> {
  /** The span's name. */
  readonly name: string
  /** The path template, for the span. */
  readonly template: string
  /** Without credentials and `Accept`. */
  readonly request: HttpClientRequest.HttpClientRequest
  /** The sid of the requested call, if the request is for one call. */
  readonly sid?: string | undefined
  /** Decodes a response with a 2xx status. */
  readonly decode: (response: ParsedResponse, context: DecodeContext) => Either.Either<A, ExotelError>
}

export interface Read<A> extends Request<A> {
  /** Leaves the body unread. Default: `false`. */
  readonly statusOnly?: boolean
}

/** A request that places a call. */
export interface Placing extends Omit<Request<Call>, "sid" | "decode"> {
  /** The values of the request that a quoted message must not show. */
  readonly personal: ReadonlyArray<string>
}

export interface Client {
  /** Sends a read until it succeeds or the retry policy ends, and explains a wrong region. */
  readonly read: <A>(read: Read<A>) => Effect.Effect<A, ExotelError>
  /**
   * Sends a request that places a call. Sends it again only after a 429, as the retry policy says, and once after a 401
   * when the credentials have changed: both prove that no call was placed.
   */
  readonly place: (placing: Placing) => Effect.Effect<Call, ConnectError>
}

export const make = (
  config: ExotelConfig,
  requestBudget: RequestBudget.Service
): Effect.Effect<Client, never, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const credentials = yield* Credentials.make(config)
    const transport = yield* Transport.make(config, requestBudget, credentials)
    const probe = yield* RegionProbe.make(config, transport)
    const decodeRecord = makeRecordDecoder(config.timeZone)
    // Loaded at construction, so that the first read does not wait for it.
    if (config.format === "xml") yield* loadXmlParser
    const region = Option.match(config.region, { onNone: () => ({}), onSome: (region) => ({ region }) })
    const { hostname: serverAddress, port, protocol } = new URL(config.baseUrl)
    const host = `${serverAddress}:${port === "" ? (protocol === "https:" ? 443 : 80) : port}`

    const send = <A>(
      { request, statusOnly }: Read<A>,
      span: Tracer.Span
    ): Effect.Effect<RawResponse, RequestFailure> =>
      statusOnly === true ? transport.status(request, span) : transport.send(request, span)

    /** Fails instead of waiting longer for the budget than the policy allows. */
    const unlessPaused = <A, E>(
      { retryAfterCap }: RetryPolicy.Policy,
      target: { readonly sid?: string },
      request: Effect.Effect<A, E>
    ): Effect.Effect<A, E | RateLimited> =>
      Effect.flatMap(requestBudget.pausedFor, (pause): Effect.Effect<A, E | RateLimited> =>
        Duration.greaterThan(pause, retryAfterCap)
          ? new RateLimited({ ...target, ...region, status: 429, retryAfter: pause })
          : request)

    const parse = (response: RawResponse, span: Tracer.Span) => {
      span.attribute("http.response.status_code", response.status)
      return parseResponse(response)
    }

    const log =
      (message: string, target: { readonly sid?: string }, span: Tracer.Span) =>
      (attempt: number, error: ExotelError, delay: Duration.Duration) =>
        Effect.logDebug(message).pipe(
          Effect.annotateLogs({ ...target, attempt, error: error._tag, delay: Duration.format(delay) }),
          Effect.withParentSpan(span)
        )

    /** Runs the request in a span. To make it the current one takes some twenty operations, so `use` does that where needed. */
    const inSpan = <A, E extends { readonly _tag: string }>(
      { name, request, template }: Omit<Request<unknown>, "decode">,
      target: { readonly sid?: string },
      use: (span: Tracer.Span) => Effect.Effect<A, E>
    ): Effect.Effect<A, E> =>
      Effect.useSpan(
        name,
        {
          kind: "client",
          captureStackTrace: false,
          attributes: {
            "http.request.method": request.method,
            "server.address": serverAddress,
            "url.template": template,
            ...(target.sid === undefined ? {} : { "exotel.call.sid": target.sid })
          }
        },
        (span) =>
          Effect.tapError(use(span), (error) =>
            Effect.sync(() => span.attribute("error.type", error._tag)))
      )

    return {
      read: (read) => {
        const target = read.sid === undefined ? {} : { sid: read.sid }
        return inSpan(read, target, (span) => {
          const sent = Effect.mapError(
            send(read, span),
            (failure) => toError(failure, { ...target, ...region }, host)
          )
          const once = (policy: RetryPolicy.Policy) =>
            unlessPaused(policy, target, sent).pipe(
              Effect.flatMap((response) => parse(response, span)),
              Effect.flatMap((response) => {
                const { secrets } = credentials.current()
                const context: DecodeContext = { ...target, ...region, secrets, decodeRecord }
                return Transport.isSuccess(response.status)
                  ? read.decode(response, context)
                  : Effect.fail(errorFromResponse(response, context))
              })
            )
          return withRetries(once, log("Retrying an Exotel read", target, span)).pipe(
            Effect.catchAll((error) => Effect.flatMap(Effect.withParentSpan(probe.explain(error), span), Effect.fail))
          )
        })
      },
      place: (placing) => {
        const context = (): DecodeContext => ({
          ...region,
          secrets: [...credentials.current().secrets, ...placing.personal],
          decodeRecord
        })
        const placed = (span: Tracer.Span) => {
          const sent = transport.sendOnce(
            placing.request,
            (exchange, sentAt) =>
              exchange.pipe(
                Effect.mapError((failure) => Outcome.errorFromFailure(failure, region, host, sentAt)),
                Effect.flatMap((response) => parse(response, span)),
                Effect.flatMap((response) => Outcome.callFromConnect(response, context(), region, sentAt)),
                // An interruption cannot return a value.
                Effect.onInterrupt(() =>
                  Effect.logWarning(
                    "Interrupted while a call was being placed. Exotel may have placed it: do not place it again, " +
                      "but look for it with `findPlaced` after its end."
                  ).pipe(Effect.annotateLogs("sentAt", DateTime.formatIso(sentAt)))
                )
              )
          )
          // Only a 429 is retried, so every other error ends the retries.
          const once = (policy: RetryPolicy.Policy) =>
            Effect.matchEffect(unlessPaused(policy, {}, sent), {
              onFailure: (error) =>
                error._tag === "RateLimited" ? Effect.fail(error) : Effect.succeed(Either.left(error)),
              onSuccess: (call) => Effect.succeed(Either.right(call))
            })
          const message = "Sending again a request for a call, of which none was placed"
          return withRetries(once, log(message, {}, span)).pipe(
            Effect.flatten,
            Effect.catchTag("AuthenticationError", "CallNotFound", (error) =>
              Effect.flatMap(probe.explain(error), Effect.fail)),
            Effect.mapError(Outcome.explainRefusal),
            Effect.tap((call) => {
              span.attribute("exotel.call.sid", call.sid)
            })
          )
        }
        return inSpan(placing, {}, (span) =>
          Effect.withParentSpan(placed(span), span))
      }
    }
  })
