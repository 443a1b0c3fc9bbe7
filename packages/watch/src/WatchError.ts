/**
 * Errors that end a watch.
 *
 * @since 0.1.0
 */
import { CallSid } from "@effect-exotel/core/CallSid"
import * as ExotelError from "@effect-exotel/core/ExotelError"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/**
 * The watch ended before the end of the call was seen. The call may still be ongoing.
 *
 * @since 0.1.0
 * @category errors
 */
export class WatchTimeout extends Schema.TaggedError<WatchTimeout>("@effect-exotel/watch/WatchTimeout")(
  "WatchTimeout",
  {
    sid: Schema.String,
    /**
     * `Deadline`: the policy's `deadline` passed. `RetryAfter`: Exotel asked to wait until after the deadline.
     * `ScheduleEnded`: the policy's schedule ended. `NoAnswer`: no response was received within `firstAnswerWithin`, or
     * the HTTP client does not work in this runtime.
     */
    reason: Schema.Literal("Deadline", "RetryAfter", "ScheduleEnded", "NoAnswer"),
    /** The status that the last successful poll returned. */
    lastStatus: Schema.optional(Schema.String),
    /** How many polls were made. */
    polls: Schema.Int,
    /** How long the call was watched. Encoded in milliseconds. */
    elapsed: Schema.DurationFromMillis,
    /** The error of the last poll, if that failed. */
    lastError: Schema.optional(ExotelError.ExotelError)
  },
  HttpApiSchema.annotations({ status: 504 })
) {
  override get message(): string {
    const [why, advice] = {
      Deadline: ["the deadline passed", "Watch it again with a longer deadline."],
      RetryAfter: ["Exotel asked to wait until after the deadline", "Watch it again later, or with a longer deadline."],
      ScheduleEnded: ["the policy's schedule ended", "Use a schedule that continues until the deadline."],
      NoAnswer: [
        "no response was received within firstAnswerWithin",
        "Check the base URL, the network and the HTTP client, then watch it again."
      ]
    }[this.reason]
    const seen = this.lastStatus === undefined ? "it was never seen" : `its last status was ${this.lastStatus}`
    const failing = this.lastError === undefined ? "" : ` The last poll failed: ${this.lastError.message}`
    return `The end of call ${this.sid} was not seen in ${
      Duration.format(this.elapsed)
    } (${this.polls} polls): ${why}; `
      + `${seen}. ${advice}${failing}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The errors of a watch: those that the account or the caller has to fix, and {@link WatchTimeout}. All other errors of a
 * poll are transient until the deadline; `WatchTimeout.lastError` then holds the last one. A call that was busy, failed,
 * canceled or not answered is a result, not an error.
 *
 * @since 0.1.0
 * @category errors
 */
export type WatchError = typeof WatchError.Type

/**
 * The errors of a watch as a schema, to store them or to respond with them.
 *
 * @since 0.1.0
 * @category errors
 */
export const WatchError = Schema.Union(
  ExotelError.AuthenticationError,
  ExotelError.AccessDenied,
  ExotelError.CallNotFound,
  ExotelError.RegionMismatch,
  ExotelError.InvalidRequest,
  WatchTimeout
)

/**
 * `CallWatch.connect` has placed the call, and its watch failed afterwards. The call may still be ongoing: do not place it
 * again, but watch its `sid`.
 *
 * @since 0.1.0
 * @category errors
 */
export class PlacedCallWatchFailed
  extends Schema.TaggedError<PlacedCallWatchFailed>("@effect-exotel/watch/PlacedCallWatchFailed")(
    "PlacedCallWatchFailed",
    {
      sid: CallSid,
      /** Why the watch failed. */
      error: WatchError
    },
    HttpApiSchema.annotations({ status: 502 })
  )
{
  override get message(): string {
    return `Call ${this.sid} was placed, and its watch failed. Watch it again; do not place it again. ${this.error.message}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The watch of one call of a fleet died of a defect: an exception in a function of the policy or in the HTTP client. The
 * other calls are not affected. A single watch dies with the defect itself.
 *
 * @since 0.1.0
 * @category errors
 */
export class WatchDefect extends Schema.TaggedError<WatchDefect>("@effect-exotel/watch/WatchDefect")("WatchDefect", {
  sid: Schema.String,
  /** The exception. */
  defect: Schema.Defect
}) {
  override get message(): string {
    return `The watch of call ${this.sid} died of an exception. Read it in \`defect\`, and correct the code that threw it.`
  }
  get isRetryable(): boolean {
    return false
  }
}
