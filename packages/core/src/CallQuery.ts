/**
 * The options and results of the bulk reads: Exotel's filters, typed, and refused here when Exotel would refuse them.
 *
 * @since 0.1.0
 */
import type * as BigDecimal from "effect/BigDecimal"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type { Call } from "./Call.ts"
import type { CallSid } from "./CallSid.ts"
import type { CallStatus, Direction } from "./CallStatus.ts"
import type { ResponseParseError } from "./ExotelError.ts"

/**
 * Filters of the bulk read (Exotel's bulk call-details page). A call must match all of them. The bulk read returns
 * **ended calls only**; an ongoing call is never in it.
 *
 * @since 0.1.0
 * @category models
 */
export interface CallQuery {
  /**
   * The time of creation, both ends included. `since` must be within the last 6 months; `until` defaults to now. A range
   * of more than a month is read in parts. Without a range Exotel searches the last 31 days.
   */
  readonly created?:
    | { readonly since: DateTime.DateTime; readonly until?: DateTime.DateTime | undefined }
    | undefined
  /** One to five numbers, written as Exotel writes them. */
  readonly from?: ReadonlyArray<string> | undefined
  /** One to five numbers, written as Exotel writes them. */
  readonly to?: ReadonlyArray<string> | undefined
  /** One to five ExoPhones. */
  readonly exoPhone?: ReadonlyArray<string> | undefined
  /**
   * Each status is a listing of its own, because Exotel may refuse several in one request; the listings are merged in
   * order of creation. So each status costs at least one request.
   */
  readonly status?: ReadonlyArray<CallStatus> | undefined
  readonly direction?: ReadonlyArray<Direction> | undefined
  /** In whole seconds, ringing included, both ends included. */
  readonly duration?: Range<Duration.DurationInput> | undefined
  /** Both ends included. */
  readonly price?: Range<BigDecimal.BigDecimal> | undefined
  /** The number of calls in one response: 1 to 100. Default: 100. */
  readonly pageSize?: number | undefined
  /** The order by time of creation. Default: `desc`, the newest first. */
  readonly order?: "desc" | "asc" | undefined
}

/**
 * A minimum, a maximum, or both.
 *
 * @since 0.1.0
 * @category models
 */
export interface Range<A> {
  readonly minimum?: A | undefined
  readonly maximum?: A | undefined
}

/**
 * Options of a bulk read by sid.
 *
 * @since 0.1.0
 * @category models
 */
export interface FindOptions {
  /**
   * The earliest time of creation to search, within the last 6 months. Further requests go back month by month for the
   * calls that are still missing. Default: Exotel searches the last 31 days.
   */
  readonly since?: DateTime.DateTime | undefined
  /** The number of sids in one request: 1 to 100; Exotel recommends 20. Default: 100. */
  readonly chunkSize?: number | undefined
  /**
   * Whether to request details. No document says that bulk reads return them, and clients disagree, so check each call
   * with `Call.hasDetails`. Default: `false`.
   */
  readonly details?: boolean | undefined
}

/**
 * The result of a bulk read by sid.
 *
 * @since 0.1.0
 * @category models
 */
export interface FindResult {
  /** The calls that have ended; with details only if they were requested and Exotel returned them. */
  readonly calls: ReadonlyArray<Call>
  /** The sids that are not in the result: ongoing and unknown calls. */
  readonly missing: ReadonlyArray<CallSid>
  /** The records that could not be decoded; an error has a sid if the record's could be read. */
  readonly malformed: ReadonlyArray<ResponseParseError>
}
