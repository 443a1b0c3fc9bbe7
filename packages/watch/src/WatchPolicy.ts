/**
 * Watch policies: how often a call is polled, for how long, and which failures are tolerated.
 *
 * @since 0.1.0
 */
import type { CallStatus } from "@effect-exotel/core/CallStatus"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

/**
 * The state of a watch when the wait before its next poll is chosen.
 *
 * @since 0.1.0
 * @category models
 */
export interface PollState {
  /** The status that the last successful poll returned; none before the first one. */
  readonly status: Option.Option<CallStatus>
  /** The time since the watch began; after the end of the call, since that end was seen. */
  readonly age: Duration.Duration
  /** The time since the status last changed. */
  readonly sinceChange: Duration.Duration
  /** How many polls the watch has made. */
  readonly polls: number
}

/**
 * The wait before the next poll: a function of the state of the watch, or a `Schedule` with that state as input. Waits
 * below 100 ms are raised to 100 ms. If a schedule ends before the call does, the watch fails with `WatchTimeout`.
 *
 * @example
 * ```ts
 * import type { WatchPolicy } from "@effect-exotel/watch"
 * import { Schedule } from "effect"
 *
 * const policy: WatchPolicy.Options = {
 *   cadence: Schedule.exponential("1 second").pipe(Schedule.union(Schedule.spaced("20 seconds")))
 * }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type Cadence =
  | ((state: PollState) => Duration.DurationInput)
  | Schedule.Schedule<unknown, PollState>

/**
 * Makes a cadence that begins with `first` and grows with the age of the call to a fixed fraction of it, up to `longest`.
 * It polls new calls often, and detects the end of a long call with the same relative delay.
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
 * Makes a cadence of equal waits. A policy also accepts the duration itself: `{ cadence: "5 seconds" }`.
 *
 * @since 0.1.0
 * @category cadences
 */
export const every = (interval: Duration.DurationInput): Cadence => {
  const wait = Duration.decode(interval)
  return () => wait
}

/** `Duration.decode` reads NaN and negative values as zero; in a policy they are mistakes. */
const isNonNegative = (input: unknown): boolean =>
  Array.isArray(input) ? input.every(isNonNegative) : typeof input === "string" ? !input.startsWith("-") : !(
    (typeof input === "number" || typeof input === "bigint") && !(input >= 0)
  )

const isDurationInput = (input: unknown): input is Duration.DurationInput =>
  isNonNegative(input) && Option.isSome(Duration.decodeUnknown(input))

const isCadence = (input: unknown): input is Cadence => typeof input === "function" || Schedule.isSchedule(input)

/** Fixed words in place of Schema's own, which show the rejected value. */
const expected = (text: string) => ({ message: () => ({ message: text, override: true }) })

const DurationInput = Schema.declare(
  isDurationInput,
  expected("use a duration of zero or more, such as \"90 seconds\"")
)

const DurationFromInput = Schema.transform(DurationInput, Schema.DurationFromSelf, {
  strict: true,
  decode: Duration.decode,
  encode: (duration) => duration
})

const CadenceFromInput = Schema.transform(
  Schema.declare(
    (input: unknown): input is Cadence | Duration.DurationInput => isCadence(input) || isDurationInput(input),
    expected("use a duration such as \"5 seconds\", a function or a Schedule")
  ),
  Schema.declare(isCadence),
  { strict: true, decode: (input) => isCadence(input) ? input : every(input), encode: (cadence) => cadence }
)

const duration = (preset: Duration.DurationInput) =>
  Schema.optionalWith(DurationFromInput, { default: () => Duration.decode(preset) })

const cadence = (options: Parameters<typeof proportional>[0]) => {
  const preset = proportional(options)
  return Schema.optionalWith(CadenceFromInput, { default: () => preset })
}

const flag = (preset: boolean) =>
  Schema.optionalWith(Schema.Boolean.annotations(expected("use true or false")), { default: () => preset })

/**
 * A policy. Decoding fills absent fields with those of {@link standard} and accepts any `Duration.DurationInput`; it
 * rejects NaN and negative durations, and with `onExcessProperty: "error"` unknown fields.
 *
 * @since 0.1.0
 * @category models
 */
export const WatchPolicy = Schema.Struct({
  /** The wait before the next poll while the call is ongoing. */
  cadence: cadence({ first: "5 seconds", longest: "30 seconds", fraction: 0.1 }),
  /** The wait before the next read while the record of an ended call settles. */
  settleCadence: cadence({ first: "15 seconds", longest: "2 minutes", fraction: 0.25 }),
  /** When a watch that has not seen the end fails with `WatchTimeout`, counted from its beginning. Default: 5 hours. */
  deadline: duration("5 hours"),
  /** Whether the watch completes when the call has ended, or when its record is complete as well. */
  until: Schema.optionalWith(
    Schema.Literal("terminal", "settled").annotations(expected("use \"terminal\" or \"settled\"")),
    { default: () => "terminal" }
  ),
  /** Whether the record of a completed call counts as settled only with its recording. */
  expectRecording: flag(false),
  /** How long after the end the watch waits for the record before `Settled` lists what is missing. Default: 20 minutes. */
  settleLimit: duration("20 minutes"),
  /**
   * Whether to load the details of an ended call. An individual poll includes them. A bulk poll does not have to: then they
   * are read after the end as the budget allows, and emitted as `DetailsLoaded`, after which the watch completes. Values
   * that settle late, such as the talk time, are in them only with `until: "settled"`.
   */
  details: flag(false),
  /** How long after the end, or after `Settled`, to wait for the details before `DetailsUnavailable`. Default: 5 minutes. */
  detailsLimit: duration("5 minutes"),
  /**
   * How long, from the beginning of the watch, a call that was never seen may be "not found". The watch fails at the next
   * poll after that. Default: 30 seconds.
   */
  notFoundGrace: duration("30 seconds"),
  /** How long polls may be rejected as unauthorized before the watch fails. Default: 1 minute. */
  authenticationGrace: duration("1 minute"),
  /**
   * How long, from the first failed poll, the host may be unreachable before the watch fails with `WatchTimeout`, if the
   * layer has never received a response. Default: 2 minutes.
   */
  firstAnswerWithin: duration("2 minutes"),
  /** How long nothing changes before `Stalled` is emitted; once until something changes. Default: 30 minutes. */
  stallAfter: duration("30 minutes"),
  /**
   * The longest wait after the first transient error. It doubles with each consecutive error; half of it is random. Raised
   * to 100 ms. Default: 1 second.
   */
  errorBackoff: duration("1 second"),
  /** The longest wait after any number of consecutive transient errors. Default: 30 seconds. */
  maxErrorBackoff: duration("30 seconds"),
  /** The longest `Retry-After` that is honoured. Default: 5 minutes. */
  retryAfterCap: duration("5 minutes")
})

/**
 * A complete policy.
 *
 * @since 0.1.0
 * @category models
 */
export interface WatchPolicy extends Schema.Schema.Type<typeof WatchPolicy> {}

/**
 * The fields of a policy that differ from {@link standard}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Schema.Schema.Encoded<typeof WatchPolicy> {}

/**
 * The default policy. Detects the end within 5 s in the first 50 s of a call and within a tenth of the call's age after
 * that, 30 s at most. A call that rings 10 s and talks 180 s costs 26 requests; its end is detected 10 s late on average,
 * 19 s at most.
 *
 * @since 0.1.0
 * @category presets
 */
export const standard: WatchPolicy = Schema.decodeSync(WatchPolicy)({})

/**
 * A policy for live displays. Detects every change within 2 s, or a fiftieth of the call's age, 10 s at most. A call that
 * rings 10 s and talks 180 s costs 84 requests; its end is detected 2 s late on average, 4 s at most. Seven calls that have
 * just begun use up 200 requests a minute.
 *
 * @since 0.1.0
 * @category presets
 */
export const eager: WatchPolicy = {
  ...standard,
  cadence: proportional({ first: "2 seconds", longest: "10 seconds", fraction: 0.02 })
}

/**
 * A policy for reports. Detects the end within 20 s, or a fifth of the call's age, 2 min at most. A call that rings 10 s
 * and talks 180 s costs 10 requests; its end is detected 18 s late on average, 28 s at most.
 *
 * @since 0.1.0
 * @category presets
 */
export const economical: WatchPolicy = {
  ...standard,
  cadence: proportional({ first: "20 seconds", longest: "2 minutes", fraction: 0.2 })
}
