/** Runs one read: sends the request, decodes the response, retries, explains a wrong region and records the span. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { ExotelConfig } from "../../ExotelConfig.ts"
import type { ExotelError } from "../../ExotelError.ts"
import { RateLimited } from "../../ExotelError.ts"
import type * as RequestBudget from "../../RequestBudget.ts"
import type * as RetryPolicy from "../../RetryPolicy.ts"
import { loadXmlParser } from "../decode/body.ts"
import { makeRecordDecoder } from "../decode/callFromResponse.ts"
import { errorFromResponse } from "../decode/errorFromResponse.ts"
import type { DecodeContext, ParsedResponse, RawResponse } from "../decode/response.ts"
import { parseResponse } from "../decode/response.ts"
import { secretForms } from "../redact/masking.ts"
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

export interface Client {
  /** Sends a read until it succeeds or the retry policy ends, and explains a wrong region. */
  readonly read: <A>(read: Read<A>) => Effect.Effect<A, ExotelError>
}

export const make = (
  config: ExotelConfig,
  requestBudget: RequestBudget.Service
): Effect.Effect<Client, never, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const transport = yield* Transport.make(config, requestBudget)
    const probe = yield* RegionProbe.make(config, transport)
    const decodeRecord = makeRecordDecoder(config.timeZone)
    // Loaded at construction, so that the first read does not wait for it.
    if (config.format === "xml") yield* loadXmlParser
    const region = Option.match(config.region, { onNone: () => ({}), onSome: (region) => ({ region }) })
    const apiKey = Redacted.value(config.apiKey)
    const apiToken = Redacted.value(config.apiToken)
    const secrets = secretForms(apiKey, apiToken, Encoding.encodeBase64(`${apiKey}:${apiToken}`))
    const { hostname: serverAddress, port, protocol } = new URL(config.baseUrl)
    const host = `${serverAddress}:${port === "" ? (protocol === "https:" ? 443 : 80) : port}`

    const send = <A>({ request, statusOnly }: Read<A>): Effect.Effect<RawResponse, RequestFailure> =>
      statusOnly === true ? transport.status(request) : transport.send(request)

    return {
      read: (read) => {
        const place = read.sid === undefined ? {} : { sid: read.sid }
        const context: DecodeContext = { ...place, ...region, secrets, decodeRecord }
        const sent = Effect.mapError(
          send(read),
          (failure) => toError(failure, { ...place, ...region }, host)
        )
        const once = ({ retryAfterCap }: RetryPolicy.Policy) =>
          Effect.flatMap(requestBudget.pausedFor, (pause): Effect.Effect<RawResponse, ExotelError> =>
            Duration.greaterThan(pause, retryAfterCap)
              ? new RateLimited({ ...place, ...region, status: 429, retryAfter: pause })
              : sent).pipe(
              Effect.tap((response) =>
                Effect.annotateCurrentSpan("http.response.status_code", response.status)
              ),
              Effect.flatMap(parseResponse),
              Effect.flatMap((response) =>
                Transport.isSuccess(response.status)
                  ? read.decode(response, context)
                  : Effect.fail(errorFromResponse(response, context))
              )
            )
        const log = (attempt: number, error: ExotelError, delay: Duration.Duration) =>
          Effect.logDebug("Retrying an Exotel read").pipe(
            Effect.annotateLogs({ ...place, attempt, error: error._tag, delay: Duration.format(delay) })
          )
        return withRetries(once, log).pipe(
          Effect.catchAll((error) => Effect.flatMap(probe.explain(error), Effect.fail)),
          Effect.tapError((error) => Effect.annotateCurrentSpan("error.type", error._tag)),
          Effect.withSpan(read.name, {
            kind: "client",
            captureStackTrace: false,
            attributes: {
              "http.request.method": read.request.method,
              "server.address": serverAddress,
              "url.template": read.template,
              ...(read.sid === undefined ? {} : { "exotel.call.sid": read.sid })
            }
          })
        )
      }
    }
  })
