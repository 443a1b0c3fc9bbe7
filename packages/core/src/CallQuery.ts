/**
 * Which calls the bulk read is to find or to list: Exotel's filters, typed, and refused here when Exotel would refuse them.
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
 * Filters of the bulk read (Exotel's bulk call-details page); all given ones must hold. The bulk read knows **ended calls
 * only**: whatever is asked for, a call under way is not in it.
 *
 * @since 0.1.0
 * @category models
 */
export interface CallQuery {
  /**
   * When the call was created, both ends included; `to` is now if not given. No earlier than 6 months ago. A range of more
   * than a month is asked for in parts. Without it Exotel searches the last 31 days.
   */
  readonly created?: { readonly from: DateTime.DateTime; readonly to?: DateTime.DateTime | undefined } | undefined
  /** One to five numbers, written as Exotel writes them. */
  readonly from?: ReadonlyArray<string> | undefined
  /** One to five numbers, written as Exotel writes them. */
  readonly to?: ReadonlyArray<string> | undefined
  /** One to five ExoPhones. */
  readonly exoPhone?: ReadonlyArray<string> | undefined
  readonly status?: ReadonlyArray<CallStatus> | undefined
  readonly direction?: ReadonlyArray<Direction> | undefined
  /** In whole seconds, ringing included, both ends included. */
  readonly duration?: Range<Duration.DurationInput> | undefined
  /** Both ends included. */
  readonly price?: Range<BigDecimal.BigDecimal> | undefined
  /** How many calls a request brings: 1 to 100. Default: 100. */
  readonly pageSize?: number | undefined
  /** By time of creation. Default: `desc`. */
  readonly order?: "desc" | "asc" | undefined
}

/**
 * From, to, or both.
 *
 * @since 0.1.0
 * @category models
 */
export interface Range<A> {
  readonly minimum?: A | undefined
  readonly maximum?: A | undefined
}

/**
 * How far and in what portions calls are looked for.
 *
 * @since 0.1.0
 * @category models
 */
export interface FindOptions {
  /**
   * The earliest time of creation that is searched, up to 6 months ago; further requests go back month by month for what
   * is still missing. Without it Exotel searches the last 31 days.
   */
  readonly since?: DateTime.DateTime | undefined
  /** How many sids a request names: 1 to 100; Exotel recommends 20 and allows 100. Default: 100. */
  readonly chunkSize?: number | undefined
}

/**
 * What a bulk read by sid found.
 *
 * @since 0.1.0
 * @category models
 */
export interface FindResult {
  /** The calls that have ended, as flat records without details. */
  readonly calls: ReadonlyArray<Call>
  /** The sids that the bulk read did not name: calls that go on, and unknown ones. */
  readonly missing: ReadonlyArray<CallSid>
  /** Records that are there and cannot be read; each error names its sid, if that could be read. */
  readonly malformed: ReadonlyArray<ResponseParseError>
}
