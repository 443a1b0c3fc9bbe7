/**
 * Everything that can go wrong between this program and a call's details, each with what to do about it.
 *
 * No error carries a request, a response, a body or a value that it refused: what Exotel's message is quoted for has
 * credentials and digits that look like a phone number masked. So an error may be logged, stored and sent on whole.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Region } from "./Region.ts"

/** Where a failure happened. Present where it applies. */
const place = {
  /** The call that was asked for. */
  sid: Schema.optional(Schema.String),
  /** The region that was asked; absent under a custom base URL. */
  region: Schema.optional(Region)
}

/** What Exotel answered. */
const answer = {
  ...place,
  /** The status that decided: HTTP's, or the one that the body names. */
  status: Schema.Int,
  /** Exotel's own error code, of at most six digits (`34010`, say). */
  code: Schema.optional(Schema.Int),
  /** Exotel's message, masked and at most 200 characters long. */
  exotelMessage: Schema.optional(Schema.String)
}

/** How long Exotel asks to be left alone. */
const retryAfterField = { retryAfter: Schema.optional(Schema.DurationFromMillis) }

const at = (error: { readonly region?: Region | undefined }) => error.region === undefined ? "" : ` in ${error.region}`

const quote = (error: { readonly exotelMessage?: string | undefined; readonly code?: number | undefined }) =>
  (error.exotelMessage === undefined ? "" : ` Exotel says: "${error.exotelMessage}"`) +
  (error.code === undefined ? "" : ` (code ${error.code}).`)

const wait = (error: { readonly retryAfter?: Duration.Duration | undefined }) =>
  error.retryAfter === undefined ? "" : ` It asks to wait ${Duration.format(error.retryAfter)}.`

/**
 * 401: the API key or token is missing, wrong or revoked, in every region. Asking again cannot help.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuthenticationError
  extends Schema.TaggedError<AuthenticationError>("@effect-exotel/core/AuthenticationError")(
    "AuthenticationError",
    answer
  )
{
  override get message(): string {
    return `Exotel${at(this)} did not accept the API key and token. Check EXOTEL_API_KEY, EXOTEL_API_TOKEN and `
      + `EXOTEL_ACCOUNT_SID: all three must be of one account.${quote(this)}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * 402 or 403: the credentials are good, but the account may not do this: plan, KYC, or a policy such as the
 * do-not-disturb register.
 *
 * @since 0.1.0
 * @category errors
 */
export class AccessDenied extends Schema.TaggedError<AccessDenied>("@effect-exotel/core/AccessDenied")(
  "AccessDenied",
  answer
) {
  override get message(): string {
    return `Exotel${at(this)} knows the account but refuses this (status ${this.status}): its plan, KYC or a policy `
      + `does not allow it. Settle that in Exotel's dashboard or with its support.${quote(this)}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * 404: the account has no call of this sid. A call that was created a moment ago may not be readable yet.
 *
 * @since 0.1.0
 * @category errors
 */
export class CallNotFound extends Schema.TaggedError<CallNotFound>("@effect-exotel/core/CallNotFound")(
  "CallNotFound",
  answer
) {
  override get message(): string {
    return `Exotel${at(this)} has no call ${this.sid ?? ""} in this account. Check the sid; a call that was created a `
      + `moment ago may take some seconds to appear.${quote(this)}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The account lives in another region than the configured one, which answers as if its calls did not exist.
 *
 * @since 0.1.0
 * @category errors
 */
export class RegionMismatch extends Schema.TaggedError<RegionMismatch>("@effect-exotel/core/RegionMismatch")(
  "RegionMismatch",
  {
    sid: Schema.optional(Schema.String),
    /** The region that this client asks. */
    configured: Region,
    /** The region that serves the account. */
    actual: Region
  }
) {
  override get message(): string {
    return `The account is served by ${this.actual}, not by ${this.configured}. `
      + `Set region: "${this.actual}" (EXOTEL_REGION=${this.actual}).`
  }
  /** The configured region, under the name that the other errors have for it. */
  get region(): Region {
    return this.configured
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * 400, 409 or another 4xx, or an argument that was refused before it was sent (then there is no `status`).
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>("@effect-exotel/core/InvalidRequest")(
  "InvalidRequest",
  {
    ...answer,
    status: Schema.optional(Schema.Int),
    /** What was wrong, when it was refused here. Never the refused value. */
    reason: Schema.optional(Schema.String)
  }
) {
  override get message(): string {
    return this.status === undefined
      ? `Not sent: ${this.reason ?? "the request is invalid"}.`
      : `Exotel${at(this)} refused the request (status ${this.status}).${quote(this)}`
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
  { ...answer, ...retryAfterField }
) {
  override get message(): string {
    return `Exotel${at(this)} allows no more requests for now: the account's limit (200 a minute unless raised) counts `
      + `all of its programs together. Ask less often.${wait(this)}${quote(this)}`
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
    { ...answer, ...retryAfterField }
  )
{
  override get message(): string {
    return `Exotel${at(this)} has trouble (status ${this.status}). Try again later.${wait(this)}${quote(this)}`
  }
  get isRetryable(): boolean {
    return true
  }
}

/**
 * Why no answer came.
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
  "Unknown"
)

/**
 * @since 0.1.0
 * @category models
 */
export type TransportReason = typeof TransportReason.Type

const transportAdvice: { readonly [R in TransportReason]: string } = {
  Refused: "the connection was refused. Is the base URL right, and does a firewall or proxy stand in between?",
  Reset: "the connection broke off before the answer was whole. Try again.",
  Timeout: "no whole answer came within the time-out of an attempt. Try again, or raise `timeout`.",
  NameNotFound: "the host's name could not be resolved. Check the base URL and the DNS.",
  Unreachable: "no way leads there. Check the network, VPN and proxy of this machine.",
  Tls: "no trusted TLS connection could be made. Check the base URL, the clock and the certificates of this machine.",
  Unknown: "the connection failed, or what answered does not speak HTTP. Check the base URL and any proxy."
}

/**
 * No answer: refused, reset, TLS, name resolution or time-out.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransportError extends Schema.TaggedError<TransportError>("@effect-exotel/core/TransportError")(
  "TransportError",
  {
    ...place,
    /** The host that was asked. */
    host: Schema.optional(Schema.String),
    reason: TransportReason,
    /** The code that the HTTP client gave, such as `ECONNREFUSED`. */
    code: Schema.optional(Schema.String)
  }
) {
  override get message(): string {
    const host = this.host === undefined ? "" : ` at ${this.host}`
    const code = this.code === undefined ? "" : ` (${this.code})`
    return `Exotel${at(this)} could not be reached${host}${code}: ${transportAdvice[this.reason]}`
  }
  get isRetryable(): boolean {
    return true
  }
}

/**
 * Why an answer is no call: `TooLarge`, larger than the cap; `Malformed`, not whole JSON or XML (cut off, HTML, plain
 * text, empty); `Unexpected`, well-formed but not what Exotel documents.
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
 * What arrived is no call. `isRetryable` only when it is `Malformed`: a body that was cut off, or that a gateway put in
 * place of Exotel's, may be whole the next time, while an unexpected field will be there again.
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
      /** The format of the content, when it could be told. */
      format: Schema.optional(Schema.Literal("json", "xml")),
      /** The offending field, such as `Call.Details.Legs[0].OnCallDuration`. Its value is never kept. */
      path: Schema.optional(Schema.String),
      /** What is wrong, in fixed words. */
      detail: Schema.String
    }
  )
{
  override get message(): string {
    const where = this.path === undefined ? "" : ` at ${this.path}`
    const what = this.format === undefined ? "answer" : `${this.format.toUpperCase()} answer`
    return `Exotel's ${what}${at(this)} is no call (${this.reason})${where}: ${this.detail}.`
  }
  get isRetryable(): boolean {
    return this.reason === "Malformed"
  }
}

/**
 * Everything that a read of a call can fail with.
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
 * What a request that is not for a single call can fail with: `verify` and the bulk reads.
 *
 * @since 0.1.0
 * @category models
 */
export type AccountError = Exclude<ExotelError, CallNotFound>

/**
 * The errors as a schema, to store them or to send them to another process.
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
 * Whether the same request may succeed later without anybody changing anything.
 *
 * @since 0.1.0
 * @category accessors
 */
export const isRetryable = (error: ExotelError): boolean => error.isRetryable

/**
 * How long Exotel asked to be left alone, when it said so.
 *
 * @since 0.1.0
 * @category accessors
 */
export const retryAfter = (error: ExotelError): Option.Option<Duration.Duration> =>
  "retryAfter" in error ? Option.fromNullable(error.retryAfter) : Option.none()
