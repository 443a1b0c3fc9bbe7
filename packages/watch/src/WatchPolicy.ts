/**
 * How a call is watched: how often it is asked for, for how long, and what is put up with on the way.
 *
 * @since 0.1.0
 */
import type { CallStatus } from "@effect-exotel/core/CallStatus"
import * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"

/**
 * What is known of a watch when the wait before its next poll is chosen.
 *
 * @since 0.1.0
 * @category models
 */
export interface PollState {
  /** The status that the last answer showed; none before the first answer. */
  readonly status: Option.Option<CallStatus>
  /** The time since the watch began; after the end of the call, since that end was seen. */
  readonly age: Duration.Duration
  /** The time since the status last changed. */
  readonly sinceChange: Duration.Duration
  /** How many polls the watch has made. */
  readonly polls: number
}

/**
 * The wait before the next poll: a function of the progress, or a `Schedule` that sees it. Waits below 100 ms are
 * raised to 100 ms.
 *
 * @since 0.1.0
 * @category models
 */
export type Cadence =
  | ((progress: PollState) => Duration.Duration)
  | Schedule.Schedule<unknown, PollState>

/**
 * A policy as a value. Every field is there; see {@link Options} for what to give when only some should differ.
 *
 * @since 0.1.0
 * @category models
 */
export interface WatchPolicy {
  /** The wait before the next poll while the call goes on. */
  readonly cadence: Cadence
  /** The wait before the next read while an ended call's record settles. */
  readonly settleCadence: Cadence
  /** When a watch that has seen no ending fails with `WatchTimeout`, counted from its beginning. */
  readonly deadline: Duration.Duration
  /** Whether the watch is over when the call has ended, or when its record is complete as well. */
  readonly until: "terminal" | "settled"
  /** Whether a completed call's record counts as settled only with its recording. */
  readonly expectRecording: boolean
  /** How long after the end a record is waited for before `Settled` says what is still missing. */
  readonly settleLimit: Duration.Duration
  /**
   * Whether the details of an ended call are wanted. A single read brings them along. Where one request looks for the
   * endings of many calls, which brings flat records, they are read after the ending, as the budget allows, and told as
   * `DetailsLoaded`. The watch is over when they have been told. What settles late, as the time that people talked does, is in
   * them only with `until: "settled"`, which has them read after that.
   */
  readonly details: boolean
  /**
   * How long after the end, or after `Settled`, the details are waited for before `DetailsUnavailable` tells that they are
   * given up; a budget that is too small for all of them serves the oldest that are still waited for.
   */
  readonly detailsLimit: Duration.Duration
  /** How long, from the beginning of the watch, "not found" is taken for "not yet". */
  readonly notFoundGrace: Duration.Duration
  /** A `Stalled` event tells when nothing has changed for so long; once until something changes. */
  readonly stallAfter: Duration.Duration
  /**
   * The longest first wait after a transient error; doubles with each error in a row, half of it by chance. Raised to
   * 100 ms, as a cadence's waits are.
   */
  readonly errorBackoff: Duration.Duration
  /** The longest wait after a transient error, however many came in a row. */
  readonly maxErrorBackoff: Duration.Duration
  /** The longest `Retry-After` that one wait honours. */
  readonly retryAfterCap: Duration.Duration
}

/**
 * The fields of a policy that should differ from {@link make}'s defaults.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = {
  readonly [K in keyof WatchPolicy]?:
    | (WatchPolicy[K] extends Duration.Duration ? Duration.DurationInput : WatchPolicy[K])
    | undefined
}

/**
 * A cadence that begins with `first` and grows with the age of the call to a fixed fraction of it, up to `longest`: the
 * end of a call that was just created is looked for often, that of a long one is found with the same relative delay.
 *
 * @since 0.1.0
 * @category cadences
 */
export const proportional = (options: {
  readonly first: Duration.DurationInput
  readonly longest: Duration.DurationInput
  /** The wait as a fraction of the age, such as 0.1. */
  readonly fraction: number
}): Cadence => {
  const first = Duration.toMillis(options.first)
  const longest = Duration.toMillis(options.longest)
  return ({ age }) => Duration.millis(Math.min(longest, Math.max(first, Duration.toMillis(age) * options.fraction)))
}

/**
 * The same wait each time.
 *
 * @since 0.1.0
 * @category cadences
 */
export const every = (interval: Duration.DurationInput): Cadence => {
  const wait = Duration.decode(interval)
  return () => wait
}

/**
 * Any `Schedule` of Effect as the cadence; it sees the progress of the watch. If it ends before the call does, the
 * watch fails with `WatchTimeout`: a schedule's end is no ending of the call.
 *
 * @example
 * ```ts
 * import { WatchPolicy } from "@effect-exotel/watch"
 * import { Schedule } from "effect"
 *
 * const policy = WatchPolicy.fromSchedule(
 *   Schedule.exponential("1 second").pipe(Schedule.union(Schedule.spaced("20 seconds")))
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSchedule = (schedule: Schedule.Schedule<unknown, PollState>, options?: Options): WatchPolicy =>
  make({ ...options, cadence: schedule })

/**
 * Finds an ending within 5 s in a call's first 50 s and within a tenth of the call's age after that, 30 s at most.
 * A call that rings 10 s and talks 180 s costs 26 requests, and its end is seen 10 s late on average, 19 s at most.
 *
 * @since 0.1.0
 * @category presets
 */
export const standard: WatchPolicy = {
  cadence: proportional({ first: "5 seconds", longest: "30 seconds", fraction: 0.1 }),
  settleCadence: proportional({ first: "15 seconds", longest: "2 minutes", fraction: 0.25 }),
  deadline: Duration.hours(5),
  until: "terminal",
  expectRecording: false,
  settleLimit: Duration.minutes(20),
  details: false,
  detailsLimit: Duration.minutes(5),
  notFoundGrace: Duration.seconds(30),
  stallAfter: Duration.minutes(30),
  errorBackoff: Duration.seconds(1),
  maxErrorBackoff: Duration.seconds(30),
  retryAfterCap: Duration.minutes(5)
}

/**
 * For a screen that somebody looks at: finds every change within 2 s, or a fiftieth of the call's age, 10 s at most. A
 * call that rings 10 s and talks 180 s costs 84 requests, and its end is seen 2 s late on average, 4 s at most. Seven
 * calls that have just begun use up an account's 200 requests a minute.
 *
 * @since 0.1.0
 * @category presets
 */
export const eager: WatchPolicy = {
  ...standard,
  cadence: proportional({ first: "2 seconds", longest: "10 seconds", fraction: 0.02 })
}

/**
 * For the books: finds an ending within 20 s, or a fifth of the call's age, 2 min at most. A call that rings 10 s and
 * talks 180 s costs 10 requests, and its end is seen 18 s late on average, 28 s at most.
 *
 * @since 0.1.0
 * @category presets
 */
export const economical: WatchPolicy = {
  ...standard,
  cadence: proportional({ first: "20 seconds", longest: "2 minutes", fraction: 0.2 })
}

/**
 * A policy from the fields that should differ from the default one. A negative duration counts as zero.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): WatchPolicy => {
  const duration = (field: keyof WatchPolicy & keyof Durations): Duration.Duration => {
    const given = options[field]
    return given === undefined ? standard[field] : Duration.decode(given)
  }
  return {
    cadence: options.cadence ?? standard.cadence,
    settleCadence: options.settleCadence ?? standard.settleCadence,
    deadline: duration("deadline"),
    until: options.until ?? standard.until,
    expectRecording: options.expectRecording ?? standard.expectRecording,
    settleLimit: duration("settleLimit"),
    details: options.details ?? standard.details,
    detailsLimit: duration("detailsLimit"),
    notFoundGrace: duration("notFoundGrace"),
    stallAfter: duration("stallAfter"),
    errorBackoff: duration("errorBackoff"),
    maxErrorBackoff: duration("maxErrorBackoff"),
    retryAfterCap: duration("retryAfterCap")
  }
}

type Durations = {
  readonly [K in keyof WatchPolicy as WatchPolicy[K] extends Duration.Duration ? K : never]: WatchPolicy[K]
}
