/**
 * The saved position of a watch, from which another process can resume it.
 *
 * @since 0.1.0
 */
import { CallSid } from "@effect-exotel/core/CallSid"
import { CallStatus, isTerminal } from "@effect-exotel/core/CallStatus"
import * as Schema from "effect/Schema"

/**
 * The state of a watch after one of its events. Holds no phone number and no credential. Times are milliseconds since
 * 1970. A token that marks an ongoing call as ended is rejected.
 *
 * @since 0.1.0
 * @category models
 */
export class WatchToken extends Schema.Class<WatchToken>("@effect-exotel/watch/WatchToken")(
  Schema.Struct({
    /** The version of the format. Later versions of this library read tokens of earlier ones. */
    version: Schema.Literal(1),
    sid: CallSid,
    /** When the watch began. */
    startedAt: Schema.Int,
    /** When the watch fails with `WatchTimeout`; resuming does not move it. */
    deadlineAt: Schema.Int,
    /** The state that was last emitted, so that it is not emitted again; absent before the first successful poll. */
    seen: Schema.optional(Schema.Struct({
      status: CallStatus,
      /** The statuses of the call and of its legs as one text. */
      fingerprint: Schema.String,
      changedAt: Schema.Int
    })),
    /** Set when `Stalled` was emitted and nothing has changed since. */
    stalled: Schema.optional(Schema.Literal(true)),
    /** When the end was seen, if the watch continues until the record has settled. */
    endedAt: Schema.optional(Schema.Int),
    /** Set when `Settled` was emitted. */
    settled: Schema.optional(Schema.Literal(true)),
    /** Set when `DetailsLoaded` or `DetailsUnavailable` was emitted. */
    detailed: Schema.optional(Schema.Literal(true))
  }).pipe(
    Schema.filter(({ detailed, endedAt, seen, settled }) =>
      (endedAt === undefined && settled === undefined && detailed === undefined)
      || (seen !== undefined && isTerminal(seen.status))
      || { path: ["seen", "status"], message: "must be terminal in the token of an ended call" }
    )
  )
) {}

/**
 * The token as one line of JSON, for a queue or a database.
 *
 * @example
 * ```ts
 * import { WatchToken } from "@effect-exotel/watch"
 * import { Schema } from "effect"
 *
 * const encode = Schema.encode(WatchToken.FromJson)
 * const decode = Schema.decode(WatchToken.FromJson)
 * ```
 *
 * @since 0.1.0
 * @category encoding
 */
export const FromJson: Schema.Schema<WatchToken, string> = Schema.parseJson(WatchToken)
