/**
 * Exotel's status callbacks: the requests that it posts when a call is answered or has ended.
 *
 * Callbacks are not signed, may be lost, and may arrive late or twice. Use a callback as a hint to read the call, not as
 * the state of the call. `@effect-exotel/watch/StatusCallbackRoute` is a route that does so.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CallSid, isCallSid } from "./CallSid.ts"
import * as CallStatus from "./CallStatus.ts"
import type { Fields } from "./internal/decode/callbackBody.ts"
import { readFields, secondsFrom, textFrom } from "./internal/decode/callbackBody.ts"

/**
 * One leg in a callback. Encoded durations are milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export class CallbackLeg extends Schema.Class<CallbackLeg>("@effect-exotel/core/CallbackLeg")({
  status: Schema.OptionFromNullOr(CallStatus.LegStatus),
  onCallDuration: Schema.OptionFromNullOr(Schema.DurationFromMillis),
  answeredBy: Schema.OptionFromNullOr(Schema.String)
}) {}

/**
 * A decoded callback (Exotel's StatusCallback page). Its origin is not verified. Use it for the fields that only a
 * callback has, such as `customField`; for the state of the call, read the call. Times are left out because the read has
 * them. Encoded durations are milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export class StatusCallback extends Schema.Class<StatusCallback>("@effect-exotel/core/StatusCallback")({
  sid: CallSid,
  /** `terminal` or `answered`; absent on callbacks without `StatusCallbackEvents`. */
  eventType: Schema.OptionFromNullOr(Schema.String),
  status: Schema.OptionFromNullOr(CallStatus.CallStatus),
  direction: Schema.OptionFromNullOr(CallStatus.Direction),
  /** The `CustomField` of the request that placed the call. */
  customField: Schema.OptionFromNullOr(Schema.String),
  conversationDuration: Schema.OptionFromNullOr(Schema.DurationFromMillis),
  legs: Schema.Array(CallbackLeg)
}) {}

/**
 * The body is not a callback. The error holds no part of the body.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidCallback extends Schema.TaggedError<InvalidCallback>("@effect-exotel/core/InvalidCallback")(
  "InvalidCallback",
  { reason: Schema.Literal("Malformed", "DuplicateSid", "MissingSid") }
) {
  override get message(): string {
    return {
      Malformed: "The callback's body is malformed. Send a form, a complete multipart form or a JSON object.",
      DuplicateSid: "The callback has more than one CallSid. Send it once.",
      MissingSid: "The callback's CallSid is missing or is not a call sid. Send the sid of the call."
    }[this.reason]
  }
  get isRetryable(): boolean {
    return false
  }
}

const fromFields = ({ legs, values }: Fields): Effect.Effect<StatusCallback, InvalidCallback> => {
  const sid = values["CallSid"]
  return typeof sid === "string" && isCallSid(sid)
    ? Effect.succeed(
      new StatusCallback({
        sid,
        eventType: textFrom(values, "EventType"),
        // Pass-through applets send `CallStatus`.
        status: textFrom(values, "Status", "CallStatus"),
        direction: textFrom(values, "Direction"),
        customField: textFrom(values, "CustomField"),
        conversationDuration: secondsFrom(values, "ConversationDuration"),
        legs: legs.map((leg) =>
          new CallbackLeg({
            status: textFrom(leg, "Status"),
            onCallDuration: secondsFrom(leg, "OnCallDuration"),
            answeredBy: textFrom(leg, "AnsweredBy")
          }, { disableValidation: true })
        )
      }, { disableValidation: true })
    )
    : Effect.fail(new InvalidCallback({ reason: "MissingSid" }))
}

/**
 * Decodes the body of a callback. The format is multipart (Exotel's default), form or JSON, chosen by the content type
 * and the content. A multipart body may have a preamble, an epilogue and bare line feeds.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (request: {
  readonly contentType: string
  readonly body: Uint8Array
}): Effect.Effect<StatusCallback, InvalidCallback> =>
  readFields(request.contentType, request.body).pipe(
    Effect.mapError((reason) => new InvalidCallback({ reason })),
    Effect.flatMap(fromFields)
  )
