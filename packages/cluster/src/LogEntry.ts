/**
 * An event of a call, as the log of a fleet stores it.
 *
 * @since 0.1.0
 */
import * as Call from "@effect-exotel/core/Call"
import { CallSid } from "@effect-exotel/core/CallSid"
import { CallStatus } from "@effect-exotel/core/CallStatus"
import * as Schema from "effect/Schema"

/**
 * The fields of an entry that come from the event. By default they hold no phone number, name or link.
 *
 * @since 0.1.0
 * @category models
 */
export const Facts = Schema.Struct({
  /** The status of the call; absent in events that do not come from a record. */
  status: Schema.optional(CallStatus),
  startTime: Schema.optional(Schema.DateTimeUtcFromNumber),
  endTime: Schema.optional(Schema.DateTimeUtcFromNumber),
  /** Ringing included. Encoded in milliseconds, as `talkTime`. */
  duration: Schema.optional(Schema.DurationFromMillis),
  /** Known only with details. */
  talkTime: Schema.optional(Schema.DurationFromMillis),
  price: Schema.optional(Schema.BigDecimal),
  /** In `Settled`: the fields that the record still lacks. */
  missing: Schema.optional(Schema.Array(Schema.String)),
  /** In `Failed`: the error. */
  error: Schema.optional(Schema.Struct({ tag: Schema.String, message: Schema.String })),
  /** The whole call, with its phone numbers, if the runner is configured to store it. */
  call: Schema.optional(Call.Call)
})

/**
 * An event of a call. `position` counts from 1 within its partition, may have gaps, and follows the order of commits. The
 * events of one call are in the order in which they happened.
 *
 * @since 0.1.0
 * @category models
 */
export class LogEntry extends Schema.Class<LogEntry>("@effect-exotel/cluster/LogEntry")({
  partition: Schema.NonNegativeInt,
  position: Schema.NonNegativeInt,
  sid: CallSid,
  event: Schema.Literal(
    "Added",
    "Observed",
    "Changed",
    "Stalled",
    "Ended",
    "DetailsLoaded",
    "DetailsUnavailable",
    "Settled",
    "Failed"
  ),
  /** The time of the event in its runner. */
  at: Schema.DateTimeUtcFromNumber,
  /** Whether it is the last one of its call. */
  isFinal: Schema.Boolean,
  facts: Facts
}) {}
