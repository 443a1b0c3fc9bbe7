/**
 * What a watch tells, one event at a time.
 *
 * @since 0.1.0
 */
import type { Call, CallWithDetails, SettlingField, TerminalCall } from "@effect-exotel/core/Call"
import type { CallSid } from "@effect-exotel/core/CallSid"
import type { CallStatus } from "@effect-exotel/core/CallStatus"
import type { ExotelError } from "@effect-exotel/core/ExotelError"
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import type * as Option from "effect/Option"
import type { WatchToken } from "./WatchToken.ts"

interface Common {
  readonly sid: CallSid
  /** When this process saw it. */
  readonly at: DateTime.Utc
  /** From here another process can go on: see `CallWatch.resume`. */
  readonly token: WatchToken
  /** Whether the watch is over with this event. */
  readonly isFinal: boolean
}

/**
 * An event of a watch. A read that shows something new is told by exactly one of `Observed`, `Changed` and `Ended`.
 *
 * - `Observed`: the first sight of a call that still goes on.
 * - `Changed`: the status, or that of a leg, is another one, and the call goes on.
 * - `PollFailed`: a poll failed in a way that may pass; the watch goes on, the next poll comes at `nextPollAt`.
 * - `Stalled`: nothing has changed since `since`, for longer than the policy's `stallAfter`.
 * - `Ended`: the call has ended; told once.
 * - `DetailsLoaded`: the ended call with its details, told when the policy asks for `details`; at once when the read that
 *   showed the end brought them along. With `until: "settled"` they are those of the settled record, and come after
 *   `Settled`.
 * - `DetailsUnavailable`: the details are given up, because `detailsLimit` has passed or they cannot be read: `lastError` says
 *   why, and is none when there was no request to spare.
 * - `Settled`: the record of an ended call is complete, or `settleLimit` has passed; `missing` is what it still lacks.
 *
 * @since 0.1.0
 * @category models
 */
export type WatchEvent = Data.TaggedEnum<{
  Observed: Common & { readonly call: Call }
  Changed: Common & { readonly call: Call; readonly previous: CallStatus }
  PollFailed: Common & { readonly error: ExotelError; readonly nextPollAt: DateTime.Utc }
  Stalled: Common & { readonly status: Option.Option<CallStatus>; readonly since: DateTime.Utc }
  Ended: Common & { readonly call: TerminalCall }
  DetailsLoaded: Common & { readonly call: TerminalCall & CallWithDetails }
  DetailsUnavailable: Common & { readonly lastError: Option.Option<ExotelError> }
  Settled: Common & { readonly call: TerminalCall; readonly missing: ReadonlyArray<SettlingField> }
}>

/**
 * Constructors, `$is` and `$match` of {@link WatchEvent}.
 *
 * @since 0.1.0
 * @category models
 */
export const WatchEvent = Data.taggedEnum<WatchEvent>()
