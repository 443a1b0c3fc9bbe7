/**
 * What ends a watch other than the call's own ending.
 *
 * @since 0.1.0
 */
import * as ExotelError from "@effect-exotel/core/ExotelError"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/**
 * The watch's time was up before an ending was seen. The call itself may still go on.
 *
 * @since 0.1.0
 * @category errors
 */
export class WatchTimeout extends Schema.TaggedError<WatchTimeout>("@effect-exotel/watch/WatchTimeout")(
  "WatchTimeout",
  {
    sid: Schema.String,
    /**
     * `Deadline`: the policy's deadline came. `RetryAfter`: Exotel asked to be left alone until after it. `ScheduleEnded`:
     * the policy's schedule had no further poll to give.
     */
    reason: Schema.Literal("Deadline", "RetryAfter", "ScheduleEnded"),
    /** The status that the last answer showed. */
    lastStatus: Schema.optional(Schema.String),
    /** How many polls were made. */
    polls: Schema.Int,
    /** How long the call was watched. */
    elapsed: Schema.DurationFromMillis,
    /** The last transient error, if the last poll failed. */
    lastError: Schema.optional(ExotelError.ExotelError)
  }
) {
  override get message(): string {
    const why = {
      Deadline: "the deadline came",
      RetryAfter: "Exotel asked to be left alone until after the deadline",
      ScheduleEnded: "the policy's schedule ended"
    }[this.reason]
    const seen = this.lastStatus === undefined ? "it was never seen" : `its last status was ${this.lastStatus}`
    const failing = this.lastError === undefined ? "" : ` The last poll failed: ${this.lastError.message}`
    return `Call ${this.sid} was watched for ${Duration.format(this.elapsed)} (${this.polls} polls) without seeing its `
      + `end: ${why}; ${seen}. Watch it anew with a longer deadline.${failing}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * Everything that a watch can fail with: an error that asking again cannot mend, or {@link WatchTimeout}. A call that
 * was busy, failed, canceled or not answered is no failure but a result.
 *
 * @since 0.1.0
 * @category errors
 */
export type WatchError =
  | Exclude<
    ExotelError.ExotelError,
    ExotelError.RateLimited | ExotelError.ServiceUnavailable | ExotelError.TransportError
  >
  | WatchTimeout

/**
 * The watch of one call of a fleet ended by a defect: a bug, of a policy's function or of a client, that throws. The other
 * calls are watched on. A single watch dies of it.
 *
 * @since 0.1.0
 * @category errors
 */
export class WatchDefect extends Schema.TaggedError<WatchDefect>("@effect-exotel/watch/WatchDefect")("WatchDefect", {
  sid: Schema.String,
  /** What was thrown. */
  defect: Schema.Defect
}) {
  override get message(): string {
    return `The watch of call ${this.sid} ended by a defect, which is a bug: look at \`defect\`.`
  }
  get isRetryable(): boolean {
    return false
  }
}
