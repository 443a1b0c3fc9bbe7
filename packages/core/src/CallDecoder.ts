/**
 * Decodes calls from Exotel's own form: one record, or the body of a response, for example a stored one.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { Call, CallDetails, Leg } from "./Call.ts"
import { unknown } from "./CallStatus.ts"
import { defaultTimeZone } from "./ExotelConfig.ts"
import type { ResponseParseError } from "./ExotelError.ts"
import { readBody } from "./internal/decode/body.ts"
import { responseParseError } from "./internal/decode/errorFromResponse.ts"
import * as Fields from "./internal/decode/fields.ts"
import { issueFromParseError, unexpected } from "./internal/decode/issue.ts"
import type { WireCall as WireFields } from "./internal/decode/wireCall.ts"
import { WireCall } from "./internal/decode/wireCall.ts"

const unchecked = { disableValidation: true }

/** Returns the value of a field; notes its path if it could not be read. */
type Take = <A>(path: string, field: Fields.Field<A>) => Option.Option<A>

type WireDetails = Exclude<WireFields["Details"], Fields.Unreadable | null>

const legsFromWire = (wire: WireDetails["Legs"], take: Take): ReadonlyArray<Leg> => {
  if (wire === null) return []
  if (wire === Fields.unreadable) return Option.toArray(take<Leg>("Details.Legs", wire))
  return wire.flatMap((leg, i) => {
    const path = `Details.Legs[${i}]`
    if (leg === Fields.unreadable) return Option.toArray(take<Leg>(path, leg))
    // A leg without a number could be either party's.
    const id = take(`${path}.Id`, Option.isOption(leg.Id) && Option.isNone(leg.Id) ? Fields.unreadable : leg.Id)
    const onCallDuration = take(`${path}.OnCallDuration`, leg.OnCallDuration)
    return Option.toArray(Option.map(id, (id) => new Leg({ id, onCallDuration }, unchecked)))
  })
}

const detailsFromWire = (wire: WireFields["Details"], take: Take): Option.Option<CallDetails> => {
  if (wire === null) return Option.none()
  if (wire === Fields.unreadable) return take("Details", wire)
  return Option.some(
    new CallDetails({
      conversationDuration: take("Details.ConversationDuration", wire.ConversationDuration),
      leg1Status: take("Details.Leg1Status", wire.Leg1Status),
      leg2Status: take("Details.Leg2Status", wire.Leg2Status),
      legs: Data.array(legsFromWire(wire.Legs, take))
    }, unchecked)
  )
}

const callFromWire = (wire: WireFields): Call => {
  const unreadable: Array<string> = []
  const take: Take = (path, field) => {
    if (field !== Fields.unreadable) return field
    unreadable.push(path)
    return Option.none()
  }
  const phoneNumberSid = take("PhoneNumberSid", wire.PhoneNumberSid)
  const phoneNumber = take("PhoneNumber", wire.PhoneNumber)
  return new Call({
    sid: wire.Sid,
    parentCallSid: take("ParentCallSid", wire.ParentCallSid),
    accountSid: take("AccountSid", wire.AccountSid),
    status: Option.getOrElse(take("Status", wire.Status), () => unknown),
    direction: take("Direction", wire.Direction),
    from: take("From", wire.From),
    to: take("To", wire.To),
    exoPhone: Option.orElse(phoneNumberSid, () => phoneNumber),
    dateCreated: take("DateCreated", wire.DateCreated),
    dateUpdated: take("DateUpdated", wire.DateUpdated),
    startTime: take("StartTime", wire.StartTime),
    endTime: take("EndTime", wire.EndTime),
    duration: take("Duration", wire.Duration),
    price: take("Price", wire.Price),
    answeredBy: take("AnsweredBy", wire.AnsweredBy),
    forwardedFrom: take("ForwardedFrom", wire.ForwardedFrom),
    callerName: take("CallerName", wire.CallerName),
    uri: take("Uri", wire.Uri),
    recordingUrl: take("RecordingUrl", wire.RecordingUrl),
    preSignedRecordingUrl: take("PreSignedRecordingUrl", wire.PreSignedRecordingUrl),
    details: detailsFromWire(wire.Details, take),
    unreadable: Data.array(unreadable)
  }, unchecked)
}

/**
 * Options of {@link FromWire}.
 *
 * @since 0.1.0
 * @category decoding
 */
export interface FromWireOptions {
  /** The zone of the account's wall clock. Default: +05:30, as Indian accounts have. */
  readonly timeZone?: DateTime.TimeZone | undefined
}

/**
 * Makes the schema that decodes one record as Exotel sends it: the value of `Call` in a JSON body, or one entry of
 * `Calls`. Only a valid `Sid` is required. Every other field may be empty in any of Exotel's forms (absent, `null`, `""`,
 * the text `null`); one that cannot be read is absent and listed in `unreadable`. The schema decodes only. The text of
 * its errors holds no value of the record. For a whole body, see {@link fromBody}.
 *
 * @example
 * ```ts
 * import { CallDecoder } from "@effect-exotel/core"
 * import { Schema } from "effect"
 *
 * const decode = Schema.decodeUnknown(CallDecoder.FromWire())
 *
 * decode({ Sid: "b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f", Status: "busy", Duration: "17" })
 * ```
 *
 * @since 0.1.0
 * @category decoding
 */
export const FromWire = (options: FromWireOptions = {}): Schema.Schema<Call, unknown> =>
  Schema.compose(Schema.Unknown, WireCall(options.timeZone ?? defaultTimeZone), { strict: false }).pipe(
    Schema.transformOrFail(Schema.instanceOf(Call), {
      strict: true,
      decode: (wire) => ParseResult.succeed(callFromWire(wire)),
      encode: Fields.decodeOnly
    })
  )

/**
 * Decodes the body of a call-details response, JSON or XML, for example a stored one. The content decides the format.
 * Fails with a `ResponseParseError` when the document is damaged or holds no call.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromBody = (body: string, options: FromWireOptions = {}): Effect.Effect<Call, ResponseParseError> =>
  Effect.gen(function*() {
    const parsed = yield* yield* readBody(body)
    if (parsed._tag !== "Call") {
      return yield* unexpected(
        parsed.format,
        parsed._tag === "Page" ? "Calls" : parsed._tag,
        "a single call is expected"
      )
    }
    return yield* Effect.mapError(
      Schema.decodeUnknown(FromWire(options))(parsed.record),
      issueFromParseError(parsed.format, "Call")
    )
  }).pipe(Effect.mapError((issue) => responseParseError({}, issue)))
