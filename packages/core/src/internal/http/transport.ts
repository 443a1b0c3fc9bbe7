/** One request over the user's `HttpClient`: credentials, time-out, cap on the body, and a name for every failure. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ExotelConfig } from "../../ExotelConfig.ts"
import type { TransportReason } from "../../ExotelError.ts"
import * as Errors from "../../ExotelError.ts"
import { requests } from "../../ExotelMetrics.ts"
import type * as RequestBudget from "../../RequestBudget.ts"
import type { RawResponse } from "../decode/response.ts"
import { parseRetryAfter } from "./headers.ts"
import { acquirePermit, rateLimitInfo } from "./rateLimit.ts"

/** Why no usable answer came: for lack of a call or a region to name, not yet an `ExotelError`. */
export type RequestFailure =
  | { readonly _tag: "Transport"; readonly reason: TransportReason; readonly code?: string | undefined }
  | { readonly _tag: "TooLarge"; readonly status: number }

const requestFailure = (reason: TransportReason, code?: string): RequestFailure => ({ _tag: "Transport", reason, code })

const reasons: ReadonlyMap<string, TransportReason> = new Map<string, TransportReason>([
  ["ECONNREFUSED", "Refused"],
  ["ECONNRESET", "Reset"],
  ["EPIPE", "Reset"],
  ["UND_ERR_SOCKET", "Reset"],
  ["UND_ERR_ABORTED", "Reset"],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "Reset"],
  ["ERR_STREAM_PREMATURE_CLOSE", "Reset"],
  ["HPE_INVALID_EOF_STATE", "Reset"],
  ["EPROTO", "Tls"],
  ["ETIMEDOUT", "Timeout"],
  ["UND_ERR_CONNECT_TIMEOUT", "Timeout"],
  ["UND_ERR_HEADERS_TIMEOUT", "Timeout"],
  ["UND_ERR_BODY_TIMEOUT", "Timeout"],
  ["EHOSTUNREACH", "Unreachable"],
  ["ENETUNREACH", "Unreachable"],
  ["ENOTFOUND", "NameNotFound"],
  ["EAI_AGAIN", "NameNotFound"]
])

/** The form of the codes of Node's, undici's and OpenSSL's errors; no credential and no number looks like that. */
const codeForm = /^[A-Z][A-Z_]+[A-Z0-9_]*$/

/**
 * The lowest cause with a code, and the reason that stands for it. Only the code is looked at: the errors of HTTP clients
 * hold the request with its `Authorization` header, and are dropped here.
 */
const reasonOf = (error: unknown): { readonly reason: TransportReason; readonly code: string | undefined } => {
  let reason: TransportReason = "Unknown"
  let code: string | undefined
  let cause: unknown = error
  for (let depth = 0; depth < 8 && typeof cause === "object" && cause !== null; depth++) {
    if ("code" in cause && typeof cause.code === "string" && cause.code.length <= 64 && codeForm.test(cause.code)) {
      code = cause.code
      reason = reasons.get(code) ?? (/TLS|SSL|CERT|^UNABLE_TO_/.test(code) ? "Tls" : reason)
    }
    cause = "cause" in cause ? cause.cause : undefined
  }
  return { reason, code }
}

const fromClientError = (error: HttpClientError.HttpClientError): RequestFailure => {
  const { code, reason } = reasonOf(error)
  // Once an answer has begun, a failure without a code means that it was cut off.
  return requestFailure(reason === "Unknown" && error._tag === "ResponseError" ? "Reset" : reason, code)
}

const nameOf = (cause: RequestFailure): string => cause._tag === "Transport" ? cause.reason : cause._tag

const counted = (outcome: string) => Metric.increment(Metric.tagged(requests, "outcome", outcome))

const tooLarge = (status: number): RequestFailure => ({ _tag: "TooLarge", status })

const decoder = new TextDecoder("utf-8", { fatal: true })

/** Bytes that are no UTF-8 become a text that is neither JSON nor XML: the body's reader has the words for it. */
const decodeUtf8 = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes)
  } catch {
    return "\ufffd"
  }
}

export const isSuccess = (status: number): boolean => status >= 200 && status < 300

const readText = (
  response: HttpClientResponse.HttpClientResponse,
  maxBytes: number
): Effect.Effect<string, RequestFailure> => {
  const length = Number(response.headers["content-length"] ?? NaN)
  if (length > maxBytes) return Effect.fail(tooLarge(response.status))
  // HTTP holds a body to its declared length, unless it is compressed; only without one must it be read piece by piece,
  // which costs several times as much.
  const bytes = length <= maxBytes && response.headers["content-encoding"] === undefined
    ? Effect.map(Effect.mapError(response.arrayBuffer, fromClientError), (buffer) => new Uint8Array(buffer))
    : readPieces(response, maxBytes)
  return Effect.flatMap(
    bytes,
    (bytes) => bytes.length > maxBytes ? Effect.fail(tooLarge(response.status)) : Effect.succeed(decodeUtf8(bytes))
  )
}

const readPieces = (
  response: HttpClientResponse.HttpClientResponse,
  maxBytes: number
): Effect.Effect<Uint8Array, RequestFailure> => {
  const pieces: Array<Uint8Array> = []
  let size = 0
  return response.stream.pipe(
    // `fetch` has no stream for a status that never has a body.
    Stream.catchAll((error) => error.reason === "EmptyBody" ? Stream.empty : Stream.fail(fromClientError(error))),
    Stream.runForEach((piece) => {
      size += piece.length
      pieces.push(piece)
      return size > maxBytes ? Effect.fail(tooLarge(response.status)) : Effect.void
    }),
    Effect.map(() => concat(pieces, size))
  )
}

const concat = (pieces: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const whole = new Uint8Array(size)
  let offset = 0
  for (const piece of pieces) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}

export interface Transport {
  /** The whole answer. */
  readonly fetch: (url: string) => Effect.Effect<RawResponse, RequestFailure>
  /** The status alone; the body is not read. */
  readonly status: (url: string) => Effect.Effect<Pick<RawResponse, "status" | "retryAfter">, RequestFailure>
}

export const make = (
  config: ExotelConfig,
  budget: RequestBudget.Service
): Effect.Effect<Transport, never, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const requestInit = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
    const client = (yield* HttpClient.HttpClient).pipe(
      // Its spans hold URLs, and headers that a server may fill with what it was sent. Ours say what is needed.
      HttpClient.withTracerDisabledWhen(() => true),
      HttpClient.withScope
    )
    const execute = (url: string): Effect.Effect<HttpClientResponse.HttpClientResponse, RequestFailure, Scope.Scope> =>
      // Suspended, for an effect that holds the request shows its `Authorization` to whoever prints the effect.
      Effect.suspend(() =>
        client.execute(
          HttpClientRequest.get(url).pipe(
            HttpClientRequest.basicAuth(config.apiKey, config.apiToken),
            HttpClientRequest.accept(config.format === "json" ? "application/json" : "application/xml")
          )
        )
      ).pipe(
        // Of the clients only `fetch` follows redirects by itself.
        Effect.provideService(FetchHttpClient.RequestInit, {
          ...Option.getOrElse(requestInit, () => ({})),
          redirect: "manual"
        }),
        // An application's client may have been told to fail by status. What a status means is decided here.
        Effect.catchAll((error) =>
          error._tag === "ResponseError" && error.reason === "StatusCode"
            ? Effect.succeed(error.response)
            : Effect.fail(fromClientError(error))
        )
      )
    const takeTurn = acquirePermit(budget)

    const heed = (response: HttpClientResponse.HttpClientResponse, now: number): Effect.Effect<void> =>
      Option.match(rateLimitInfo(response.status, response.headers, now), {
        onNone: () => Effect.void,
        onSome: budget.observe
      })

    // Closing the scope gives up the connection if the answer was not read to its end.
    const attempt = <A extends { readonly status: number }>(
      url: string,
      read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, RequestFailure>
    ): Effect.Effect<A, RequestFailure> =>
      Effect.flatMap(execute(url), (response) =>
        Effect.zipRight(
          Effect.flatMap(Clock.currentTimeMillis, (now) => heed(response, now)),
          read(response)
        )).pipe(
          Effect.scoped,
          Effect.timeoutFail({ duration: config.timeout, onTimeout: () => requestFailure("Timeout") }),
          Effect.onExit((exit) =>
            Exit.match(exit, {
              onSuccess: ({ status }) => counted(String(status)),
              onFailure: (cause) =>
                counted(Option.match(Cause.failureOption(cause), { onNone: () => "Interrupted", onSome: nameOf }))
            })
          ),
          // A turn may be long in coming; the time-out is for the request itself.
          (request) => Effect.zipRight(takeTurn, request)
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
              // An error's status says enough without its body, which may be a gateway's.
              Effect.catchIf(
                readText(response, config.maxBodyBytes),
                (cause) => cause._tag === "TooLarge" && !isSuccess(cause.status),
                () => Effect.succeed("")
              ),
              (known, body) => ({ ...known, body })
            )
        )
    }
  })

export const toError = (
  cause: RequestFailure,
  place: { readonly sid?: string; readonly region?: Errors.TransportError["region"] & string },
  host: string
): Errors.TransportError | Errors.ResponseParseError =>
  cause._tag === "Transport"
    ? new Errors.TransportError({
      ...place,
      host,
      reason: cause.reason,
      ...(cause.code === undefined ? {} : { code: cause.code })
    })
    : new Errors.ResponseParseError({
      ...place,
      status: cause.status,
      reason: "TooLarge",
      detail: "it is larger than `maxBodyBytes` allows"
    })
