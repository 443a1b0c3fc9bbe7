/**
 * A call's record, as Exotel's call-details page documents it.
 *
 * A field is an `Option` wherever Exotel may leave it empty; only the sid and the status are always there. `to`, `from`
 * and `exoPhone` are strings, because a leading zero or plus is part of a number.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { CallSid } from "./CallSid.ts"
import * as CallStatus from "./CallStatus.ts"
import { printWithoutPersonalData } from "./internal/redact/printable.ts"

/** An absent field is encoded as `null`. */
const absent = <A, I>(schema: Schema.Schema<A, I>) => Schema.OptionFromNullOr(schema)

/**
 * One party's part of the call. Leg 1 is the party called first, leg 2 the party connected to it.
 *
 * @since 0.1.0
 * @category models
 */
export class Leg extends Schema.Class<Leg>("@effect-exotel/core/Leg")({
  /** 1 or 2. */
  id: Schema.NonNegativeInt,
  /** How long this party was on the call, in whole seconds. Encoded in milliseconds. */
  onCallDuration: absent(Schema.DurationFromMillis)
}) {}

/**
 * The fields that `details=true` adds to a call (call-details page).
 *
 * @since 0.1.0
 * @category models
 */
export class CallDetails extends Schema.Class<CallDetails>("@effect-exotel/core/CallDetails")({
  /** How long both parties talked, in whole seconds: the true talk time. Encoded in milliseconds. */
  conversationDuration: absent(Schema.DurationFromMillis),
  leg1Status: absent(CallStatus.LegStatus),
  /** Absent when there was no second leg. */
  leg2Status: absent(CallStatus.LegStatus),
  /** In Exotel's order; compared by content, as every part of a call is. */
  legs: Schema.Data(Schema.Array(Leg))
}) {}

/**
 * One call, as one read returned it.
 *
 * Times are the account's wall clock with its zone, durations are `Duration`s, the price is an exact decimal. Logging or
 * printing a call hides phone numbers, the caller's name and recording links; `Schema.encode(Call)` keeps them. Encoded
 * durations are milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export class Call extends Schema.Class<Call>("@effect-exotel/core/Call")({
  sid: CallSid,
  parentCallSid: absent(Schema.String),
  accountSid: absent(Schema.String),
  /** `CallStatus.unknown` when Exotel sends no status, or one that cannot be read. */
  status: CallStatus.CallStatus,
  direction: absent(CallStatus.Direction),
  from: absent(Schema.String),
  to: absent(Schema.String),
  /** The ExoPhone of the call. On the wire it is called `PhoneNumberSid`, and holds the number itself. */
  exoPhone: absent(Schema.String),
  dateCreated: absent(Schema.DateTimeZoned),
  dateUpdated: absent(Schema.DateTimeZoned),
  startTime: absent(Schema.DateTimeZoned),
  /** Filled in when the record settles, some time after the end. */
  endTime: absent(Schema.DateTimeZoned),
  /**
   * Whole seconds, **ringing included**; more than zero for busy and unanswered calls too, and not always
   * `endTime - startTime`. For the time that people talked, see {@link talkTime}.
   */
  duration: absent(Schema.DurationFromMillis),
  /** In the account's currency (INR or USD), which Exotel does not name. A free call's price may stay absent. */
  price: absent(Schema.BigDecimal),
  /** Is `human` on busy and unanswered calls too, so it does not show that a person answered. */
  answeredBy: absent(Schema.String),
  forwardedFrom: absent(Schema.String),
  callerName: absent(Schema.String),
  uri: absent(Schema.String),
  /** Absent on unanswered calls; may appear before the file can be fetched, which needs the account's credentials. */
  recordingUrl: absent(Schema.String),
  /** Opens the recording without credentials while it is valid. */
  preSignedRecordingUrl: absent(Schema.String),
  /** Present after a read with details. */
  details: absent(CallDetails),
  /**
   * The wire paths of the fields that were present and could not be read, such as `Duration` or
   * `Details.Legs[1].OnCallDuration`. These fields are absent; their values are not kept. Usually empty.
   */
  unreadable: Schema.optionalWith(Schema.Data(Schema.Array(Schema.String)), { default: () => Data.array([]) })
}) {
  static {
    printWithoutPersonalData(this.prototype)
  }
  override toString(): string {
    return `Call(${this.sid}, ${this.status})`
  }
}

/**
 * A call with its details, as `getWithDetails` returns it.
 *
 * @since 0.1.0
 * @category models
 */
export type CallWithDetails = Call & { readonly details: Option.Some<CallDetails> }

/**
 * A call that has ended: `status` is one of the five terminal words.
 *
 * @since 0.1.0
 * @category models
 */
export type TerminalCall = Call & { readonly status: CallStatus.TerminalStatus }

/**
 * Returns whether the call has ended; narrows to {@link TerminalCall}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTerminal = (call: Call): call is TerminalCall => CallStatus.isTerminal(call.status)

/**
 * {@link TerminalCall} as a schema: it rejects a call that has not ended.
 *
 * @since 0.1.0
 * @category models
 */
export const TerminalCall: Schema.Schema<TerminalCall, typeof Call.Encoded> = Call.pipe(
  Schema.filter(isTerminal, { identifier: "TerminalCall", message: () => "the call has not ended" })
)

/**
 * Returns whether the details are there; narrows to {@link CallWithDetails}.
 *
 * @since 0.1.0
 * @category guards
 */
export const hasDetails = (call: Call): call is CallWithDetails => Option.isSome(call.details)

/**
 * The fields that Exotel fills in after a call has ended.
 *
 * @since 0.1.0
 * @category settling
 */
export type SettlingField = "duration" | "endTime" | "price" | "recordingUrl"

/**
 * Options that decide when a record counts as settled.
 *
 * @since 0.1.0
 * @category settling
 */
export interface SettlingOptions {
  /** Whether a completed call should have a recording. Default: `false`. */
  readonly expectRecording?: boolean | undefined
}

/**
 * Returns the fields that an ended call still lacks. Exotel fills them in 17 s to 15 min after the end, 5 min on average.
 * The price of a free call may never come, so waiting for a settled record needs a time limit.
 *
 * @since 0.1.0
 * @category settling
 */
export const unsettled = (call: Call, options?: SettlingOptions): ReadonlyArray<SettlingField> => {
  const expected: ReadonlyArray<SettlingField> = options?.expectRecording === true && call.status === "completed"
    ? ["duration", "endTime", "price", "recordingUrl"]
    : ["duration", "endTime", "price"]
  return expected.filter((field) => !Option.isSome<unknown>(call[field]))
}

/**
 * Returns whether the call has ended and its record is complete. An ended call need not be settled: see {@link unsettled}.
 *
 * @since 0.1.0
 * @category settling
 */
export const isSettled = (call: Call, options?: SettlingOptions): call is TerminalCall =>
  isTerminal(call) && unsettled(call, options).length === 0

/**
 * Returns how long both parties talked. Known only from a read with details; `duration` includes ringing.
 *
 * @since 0.1.0
 * @category accessors
 */
export const talkTime = (call: Call): Option.Option<Duration.Duration> =>
  Option.flatMap(call.details, (details) => details.conversationDuration)

/**
 * Returns the legs of the call in order; empty without a read with details.
 *
 * @since 0.1.0
 * @category accessors
 */
export const legs = (call: Call): ReadonlyArray<Leg> =>
  Option.match(call.details, { onNone: () => [], onSome: (details) => details.legs })
