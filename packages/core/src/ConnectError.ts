/**
 * The errors of placing a call. With each of them no call was placed, except with {@link CallOutcomeUnknown},
 * with which that is unknown.
 *
 * @since 0.1.0
 */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import * as E from "./ExotelError.ts"
import { Region } from "./Region.ts"

/**
 * The reason why it is unknown whether a call was placed.
 *
 * - `NoResponse`: no complete response arrived; `failure` is the reason.
 * - `InconclusiveStatus`: a 3xx, a 408 or a 5xx. Exotel answers 500 and 504 when no route was left, and gateways answer alike.
 * - `UnreadableResponse`: a status of success whose body holds no call.
 * - `ResendRefused`: the `HttpClient` of the application tried to send the request again by itself.
 *
 * @since 0.1.0
 * @category models
 */
export const OutcomeUnknownReason = Schema.Literal(
  "NoResponse",
  "InconclusiveStatus",
  "UnreadableResponse",
  "ResendRefused"
)

/**
 * @since 0.1.0
 * @category models
 */
export type OutcomeUnknownReason = typeof OutcomeUnknownReason.Type

/**
 * The request was sent, and the response does not show whether the call was placed. **Do not place the call again** before
 * you know: the phone may be ringing.
 *
 * The sid becomes known after the end of the call: by the terminal callback with your `customField`, if the request had a
 * `statusCallback`, or by `ExotelCalls.findPlaced(request, error.sentAt)`.
 *
 * @since 0.1.0
 * @category errors
 */
export class CallOutcomeUnknown
  extends Schema.TaggedError<CallOutcomeUnknown>("@effect-exotel/core/CallOutcomeUnknown")(
    "CallOutcomeUnknown",
    {
      reason: OutcomeUnknownReason,
      /** When the request was sent. */
      sentAt: Schema.DateTimeUtc,
      /** The region of the request; absent with a custom base URL. */
      region: Schema.optional(Region),
      /** The HTTP status, if a response arrived. */
      status: Schema.optional(Schema.Int),
      /** Why no response arrived. */
      failure: Schema.optional(E.TransportReason)
    },
    HttpApiSchema.annotations({ status: 504 })
  )
{
  override get message(): string {
    const cause = {
      NoResponse: `no complete response arrived (${this.failure ?? "Unknown"})`,
      InconclusiveStatus: `the status ${this.status ?? ""} does not say`,
      UnreadableResponse: `the response (status ${this.status ?? ""}) holds no call`,
      ResendRefused: "the HttpClient tried to send the request again, which was refused; use one that does not retry"
    }[this.reason]
    const where = this.region === undefined ? "" : ` in ${this.region}`
    return `Exotel${where} may have placed the call: ${cause}. The request was sent at ${
      DateTime.formatIso(this.sentAt)
    }. `
      + "Do not place the call again before you know: wait for a callback with your customField, or look for the call "
      + "after its end with ExotelCalls.findPlaced."
  }
  /** Always `false`: another request could place a second call. */
  get isRetryable(): boolean {
    return false
  }
}

/**
 * 403: the number is on the do-not-disturb register (TRAI NDNC), so no call was placed. Recognised by Exotel's message,
 * because the response has no code of its own.
 *
 * @since 0.1.0
 * @category errors
 */
export class DoNotDisturb extends Schema.TaggedError<DoNotDisturb>("@effect-exotel/core/DoNotDisturb")(
  "DoNotDisturb",
  Struct.omit(E.AccessDenied.fields, "_tag"),
  HttpApiSchema.annotations({ status: 403 })
) {
  override get message(): string {
    return "Exotel did not place the call: the number is on the do-not-disturb register. Do not call it again."
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The errors of `ExotelCalls.connect`. A `TransportError` is one that happened before the request was sent (the connection
 * was refused, or the host's name not found); a `ServiceUnavailable` is a 407, 421 or 425 of a gateway.
 *
 * @since 0.1.0
 * @category errors
 */
export type ConnectError =
  | CallOutcomeUnknown
  | DoNotDisturb
  | E.AuthenticationError
  | E.AccessDenied
  | E.RegionMismatch
  | E.InvalidRequest
  | E.RateLimited
  | E.ServiceUnavailable
  | E.TransportError

/**
 * The errors as a schema, to store them or to send them to another process.
 *
 * @since 0.1.0
 * @category errors
 */
export const ConnectError = Schema.Union(
  CallOutcomeUnknown,
  DoNotDisturb,
  E.AuthenticationError,
  E.AccessDenied,
  E.RegionMismatch,
  E.InvalidRequest,
  E.RateLimited,
  E.ServiceUnavailable,
  E.TransportError
)
