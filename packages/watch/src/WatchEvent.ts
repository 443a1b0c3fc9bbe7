/**
 * The events of a watch.
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
  /** The time of the event in this process. */
  readonly at: DateTime.Utc
  /** The position to resume from in another process: see `CallWatch.resume`. */
  readonly token: WatchToken
  /** Whether this is the last event of the watch. */
  readonly isFinal: boolean
}

/**
 * Who answered, as Exotel's detection reports it in a callback. Only Exotel's developer portal documents it.
 *
 * @since 0.1.0
 * @category models
 */
export type AnsweredBy = "human" | "machine" | "unsure"

/**
 * An event of a watch. Each poll that shows something new is exactly one of `Observed`, `Changed` and `Ended`.
 *
 * - `Placed`: `CallWatch.connect` has placed the call; always its first event. `call` is the record of the response.
 * - `AnsweredHint`: a callback says that this leg was answered: 1 for the party called first, 2 for the other. No poll shows
 *   that as early or as clearly, yet callbacks are not signed, so it remains a hint: it changes nothing else of the watch,
 *   and a call is over only when a poll shows it. At most once for each leg; not in fleets.
 * - `Observed`: the first poll of an ongoing call.
 * - `Changed`: the status of the ongoing call, or that of a leg, has changed.
 * - `PollFailed`: a poll failed with an error that may be transient; the next poll is at `nextPollAt`.
 * - `Stalled`: nothing has changed since `since`, for longer than the policy's `stallAfter`.
 * - `Ended`: the call has ended; emitted once.
 * - `DetailsLoaded`: the ended call with its details, if the policy asks for `details`; at once if the poll that showed the
 *   end had them. With `until: "settled"` they are those of the settled record, and follow `Settled`.
 * - `DetailsUnavailable`: the details could not be loaded, because `detailsLimit` has passed or they cannot be read.
 *   `lastError` is the reason; it is none if the budget had no request available.
 * - `Settled`: the record of an ended call is complete, or `settleLimit` has passed; `missing` lists what it lacks.
 *
 * @since 0.1.0
 * @category models
 */
export type WatchEvent = Data.TaggedEnum<{
  Placed: Common & { readonly call: Call }
  AnsweredHint: Common & { readonly leg: 1 | 2; readonly answeredBy: Option.Option<AnsweredBy> }
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
