/**
 * The errors of a read, each with a message that says what to do.
 *
 * No error holds a request, a response, a body or a refused value. Credentials and digits that look like a phone number are
 * masked in the quoted message of Exotel. So an error can be logged, stored and sent to another process.
 *
 * Each error has an HTTP status annotation for its use in an `HttpApi`: 404 or 400 for a mistake of the caller, 5xx for a
 * problem of the application's account or between it and Exotel.
 *
 * @since 0.1.0
 */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Region } from "./Region.ts"

/** The place of a failure; present where it applies. */
const place = {
  /** The requested call. */
  sid: Schema.optional(Schema.String),
  /** The region of the request; absent with a custom base URL. */
  region: Schema.optional(Region)
}

/** The response of Exotel. */
const answer = {
  ...place,
  /** The deciding status: that of HTTP, or the one in the body. */
  status: Schema.Int,
  /** Exotel's own error code, of at most six digits (`34010`, say). */
  code: Schema.optional(Schema.Int),
  /** Exotel's message, masked and at most 200 characters long. */
  exotelMessage: Schema.optional(Schema.String)
}

/** The `Retry-After` of the response. Encoded as a number of milliseconds. */
const retryAfterField = { retryAfter: Schema.optional(Schema.DurationFromMillis) }

const at = (error: { readonly region?: Region | undefined }) => error.region === undefined ? "" : ` in ${error.region}`

const quote = (error: { readonly exotelMessage?: string | undefined; readonly code?: number | undefined }) =>
  (error.exotelMessage === undefined ? "" : ` Exotel says: "${error.exotelMessage}"`) +
  (error.code === undefined ? "" : ` (code ${error.code}).`)

const wait = (error: { readonly retryAfter?: Duration.Duration | undefined }) =>
  error.retryAfter === undefined ? "" : ` Retry after ${Duration.format(error.retryAfter)}.`

/**
 * 401: the API key or token is missing, wrong or revoked, in every region. A retry cannot help.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuthenticationError
  extends Schema.TaggedError<AuthenticationError>("@effect-exotel/core/AuthenticationError")(
    "AuthenticationError",
    answer,
    HttpApiSchema.annotations({ status: 502 })
  )
{
  override get message(): string {
    return `Exotel${at(this)} rejected the API key and token. Check EXOTEL_API_KEY, EXOTEL_API_TOKEN and `
      + `EXOTEL_ACCOUNT_SID: all three must belong to one account.${quote(this)}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * 402 or 403: the credentials are valid, but the account's plan, KYC or a policy (such as the do-not-disturb register) does
 * not allow the request.
 *
 * @since 0.1.0
 * @category errors
 */
export class AccessDenied extends Schema.TaggedError<AccessDenied>("@effect-exotel/core/AccessDenied")(
  "AccessDenied",
  answer,
  HttpApiSchema.annotations({ status: 502 })
) {
  override get message(): string {
    return `Exotel${at(this)} denied access to the account (status ${this.status}): its plan, KYC or a policy does not `
      + `allow the request. Check the account in Exotel's dashboard or contact its support.${quote(this)}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * 404: the account has no call with this sid. A call that was created a moment ago may not be readable yet.
 *
 * @since 0.1.0
 * @category errors
 */
export class CallNotFound extends Schema.TaggedError<CallNotFound>("@effect-exotel/core/CallNotFound")(
  "CallNotFound",
  answer,
  HttpApiSchema.annotations({ status: 404 })
) {
  override get message(): string {
    return `Exotel${at(this)} has no call ${this.sid ?? ""} in this account. Check the sid; a new call may take `
      + `some seconds to appear.${quote(this)}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The account is in another region than the configured one, which responds as if its calls did not exist.
 *
 * @since 0.1.0
 * @category errors
 */
export class RegionMismatch extends Schema.TaggedError<RegionMismatch>("@effect-exotel/core/RegionMismatch")(
  "RegionMismatch",
  {
    sid: Schema.optional(Schema.String),
    /** The configured region. */
    configured: Region,
    /** The region of the account. */
    actual: Region
  },
  HttpApiSchema.annotations({ status: 500 })
) {
  override get message(): string {
    return `The account is in the region ${this.actual}, not in ${this.configured}. `
      + `Set region: "${this.actual}" (EXOTEL_REGION=${this.actual}).`
  }
  /** The configured region, under the same name as in the other errors. */
  get region(): Region {
    return this.configured
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * 400, 409 or another 4xx, or an argument that was rejected before a request was sent (then there is no `status`).
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>("@effect-exotel/core/InvalidRequest")(
  "InvalidRequest",
  {
    ...answer,
    status: Schema.optional(Schema.Int),
    /** The problem of a rejected argument. Never its value. */
    reason: Schema.optional(Schema.String)
  },
  HttpApiSchema.annotations({ status: 400 })
) {
  override get message(): string {
    return this.status === undefined
      ? `The request was not sent: ${this.reason ?? "it is invalid"}.`
      : `Exotel${at(this)} rejected the request (status ${this.status}). Check its arguments.${quote(this)}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * 429: more requests than the account's limit, 200 a minute over all Voice APIs together (Exotel's rate-limit page).
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimited extends Schema.TaggedError<RateLimited>("@effect-exotel/core/RateLimited")(
  "RateLimited",
  { ...answer, ...retryAfterField },
  HttpApiSchema.annotations({ status: 503 })
) {
  override get message(): string {
    return `Exotel${at(this)} rejected a request above the rate limit (200 a minute unless raised), which counts all `
      + `programs of the account. Lower \`requestsPerMinute\`, or share a budget.${wait(this)}${quote(this)}`
  }
  get isRetryable(): boolean {
    return true
  }
}

/**
 * 5xx, or 407, 408, 421 and 425 of a gateway: Exotel, or a gateway before it, cannot respond at the moment.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServiceUnavailable
  extends Schema.TaggedError<ServiceUnavailable>("@effect-exotel/core/ServiceUnavailable")(
    "ServiceUnavailable",
    { ...answer, ...retryAfterField },
    HttpApiSchema.annotations({ status: 503 })
  )
{
  override get message(): string {
    return `Exotel${at(this)} is unavailable (status ${this.status}). Try again later.${wait(this)}${quote(this)}`
  }
  get isRetryable(): boolean {
    return true
  }
}

/**
 * The reason why no response arrived. `UnsupportedClient`: the `HttpClient` does not work in this runtime; under Bun that is
 * so of `NodeHttpClient.layerUndici`.
 *
 * @since 0.1.0
 * @category models
 */
export const TransportReason = Schema.Literal(
  "Refused",
  "Reset",
  "Timeout",
  "NameNotFound",
  "Unreachable",
  "Tls",
  "UnsupportedClient",
  "Unknown"
)

/**
 * @since 0.1.0
 * @category models
 */
export type TransportReason = typeof TransportReason.Type

const transportAdvice: { readonly [R in TransportReason]: string } = {
  Refused: "the connection was refused. Check the base URL, firewall and proxy.",
  Reset: "the connection was closed before the response was complete. Try again.",
  Timeout: "no complete response arrived within the timeout of an attempt. Try again, or raise `timeout`.",
  NameNotFound: "the host's name could not be resolved. Check the base URL and the DNS.",
  Unreachable: "the host is unreachable. Check the network, VPN and proxy of this machine.",
  Tls: "TLS failed. Check the base URL, the clock and the certificates of this machine.",
  UnsupportedClient: "the HttpClient does not work in this runtime. Under Bun, replace `NodeHttpClient.layerUndici` by "
    + "`FetchHttpClient.layer` of @effect/platform.",
  Unknown: "the connection failed, or the response is not HTTP. Check the base URL and proxy."
}

/**
 * No response: refused, reset, TLS, name resolution or timeout. A retry can help, unless the client is unsupported.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransportError extends Schema.TaggedError<TransportError>("@effect-exotel/core/TransportError")(
  "TransportError",
  {
    ...place,
    /** The host and port of the request, such as `api.exotel.com:443`. */
    host: Schema.optional(Schema.String),
    reason: TransportReason,
    /** The code that the HTTP client gave, such as `ECONNREFUSED`. */
    code: Schema.optional(Schema.String)
  },
  HttpApiSchema.annotations({ status: 504 })
) {
  override get message(): string {
    const host = this.host === undefined ? "" : ` at ${this.host}`
    const code = this.code === undefined ? "" : ` (${this.code})`
    return `Exotel${at(this)} could not be reached${host}${code}: ${transportAdvice[this.reason]}`
  }
  get isRetryable(): boolean {
    return this.reason !== "UnsupportedClient"
  }
}

/**
 * The reason why a response cannot be decoded: `TooLarge`, larger than `maxBodyBytes`; `Malformed`, not complete JSON or XML
 * (truncated, HTML, plain text, empty); `Unexpected`, well-formed but not as Exotel documents it.
 *
 * @since 0.1.0
 * @category models
 */
export const ResponseParseReason = Schema.Literal("TooLarge", "Malformed", "Unexpected")

/**
 * @since 0.1.0
 * @category models
 */
export type ResponseParseReason = typeof ResponseParseReason.Type

/**
 * The response cannot be decoded. `isRetryable` only when it is `Malformed`: a truncated body, or one of a gateway, may be
 * complete the next time, while an unexpected field will be there again.
 *
 * @since 0.1.0
 * @category errors
 */
export class ResponseParseError
  extends Schema.TaggedError<ResponseParseError>("@effect-exotel/core/ResponseParseError")(
    "ResponseParseError",
    {
      ...place,
      status: Schema.optional(Schema.Int),
      reason: ResponseParseReason,
      /** The format of the content, when it is known. */
      format: Schema.optional(Schema.Literal("json", "xml")),
      /** The offending field, such as `Call.Details.Legs[0].OnCallDuration`. Its value is never kept. */
      path: Schema.optional(Schema.String),
      /** The problem, in fixed words. */
      detail: Schema.String
    },
    HttpApiSchema.annotations({ status: 502 })
  )
{
  override get message(): string {
    const where = this.path === undefined ? "" : ` at ${this.path}`
    const response = this.format === undefined ? "response" : `${this.format.toUpperCase()} response`
    return `The ${response} of Exotel${at(this)} cannot be decoded (${this.reason})${where}: ${this.detail}.`
  }
  get isRetryable(): boolean {
    return this.reason === "Malformed"
  }
}

/**
 * All errors of a read of a call.
 *
 * @since 0.1.0
 * @category errors
 */
export type ExotelError =
  | AuthenticationError
  | AccessDenied
  | CallNotFound
  | RegionMismatch
  | InvalidRequest
  | RateLimited
  | ServiceUnavailable
  | TransportError
  | ResponseParseError

/**
 * The errors of requests that are not for a single call: `verify` and the bulk reads.
 *
 * @since 0.1.0
 * @category models
 */
export type AccountError = Exclude<ExotelError, CallNotFound>

/**
 * The errors as a schema, to store them or to send them to another process. Durations are encoded in milliseconds.
 *
 * @since 0.1.0
 * @category errors
 */
export const ExotelError = Schema.Union(
  AuthenticationError,
  AccessDenied,
  CallNotFound,
  RegionMismatch,
  InvalidRequest,
  RateLimited,
  ServiceUnavailable,
  TransportError,
  ResponseParseError
)

/**
 * @since 0.1.0
 * @category guards
 */
export const isExotelError: (value: unknown) => value is ExotelError = Schema.is(ExotelError)

/**
 * Whether the same request may succeed later without a change.
 *
 * @since 0.1.0
 * @category accessors
 */
export const isRetryable = (error: ExotelError): boolean => error.isRetryable

/**
 * The `Retry-After` of a response, when it has one.
 *
 * @since 0.1.0
 * @category accessors
 */
export const retryAfter = (error: ExotelError): Option.Option<Duration.Duration> =>
  "retryAfter" in error ? Option.fromNullable(error.retryAfter) : Option.none()
