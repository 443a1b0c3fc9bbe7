/**
 * The script of one call: its phases, its ending, and when its record settles.
 *
 * A script is a value. Where its call stands follows from the script and from how long ago the call began, never from
 * how often it was asked: that is what lets a test change a poll interval without changing the story.
 *
 * @since 0.1.0
 */
import type * as CallStatus from "@effect-exotel/core/CallStatus"
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import * as Schema from "effect/Schema"
import { DurationText, optional } from "./internal/schemas.ts"

/**
 * A stretch of a call during which nothing about it changes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Phase {
  /** The status during the phase; any word, documented or not. */
  readonly status: CallStatus.CallStatus
  /** How long it lasts. `Duration.infinity` holds the call here until it is stepped (`FakeExotel.step`). */
  readonly duration: Duration.Duration
  readonly leg1Status?: CallStatus.LegStatus | undefined
  readonly leg2Status?: CallStatus.LegStatus | undefined
  /** How many parties are on the line: 0 while it rings, 2 while they talk. */
  readonly parties: 0 | 1 | 2
}

/**
 * How a call ends.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ending {
  readonly status: CallStatus.CallStatus
  readonly leg1Status?: CallStatus.LegStatus | undefined
  readonly leg2Status?: CallStatus.LegStatus | undefined
}

interface Fields {
  readonly phases: ReadonlyArray<Phase>
  readonly ending: Ending
  /** How long after the end duration, end time, price and recording appear. */
  readonly settles: Duration.Duration
  /** A decimal such as `"1.500"`, or undefined for a price that never comes. */
  readonly price: string | undefined
  readonly recording: boolean
  readonly direction: CallStatus.Direction
  readonly answeredBy: string | undefined
}

/**
 * A timeline. Made by the constructors of this module and changed by its combinators, each of which gives a new one.
 *
 * @since 0.1.0
 * @category models
 */
export class CallScript extends Pipeable.Class() implements Fields {
  readonly phases: ReadonlyArray<Phase>
  readonly ending: Ending
  readonly settles: Duration.Duration
  readonly price: string | undefined
  readonly recording: boolean
  readonly direction: CallStatus.Direction
  readonly answeredBy: string | undefined
  /** @internal */
  constructor(fields: Fields) {
    super()
    this.phases = fields.phases
    this.ending = fields.ending
    this.settles = fields.settles
    this.price = fields.price
    this.recording = fields.recording
    this.direction = fields.direction
    this.answeredBy = fields.answeredBy
  }
}

export {
  /**
   * A duration, encoded as a text such as `"8 seconds"`.
   *
   * @since 0.1.0
   * @category schemas
   */
  DurationText
}

const commonFields = {
  /** Time from the end to the complete record; Exotel takes 17 s to 15 min (call-details page). Default: 20 seconds. */
  settles: optional(DurationText),
  /**
   * Whether the call shows `queued` and `ringing` before `in-progress`. Exotel answers `in-progress` from the moment of
   * creation (call-details page), which is the default, `false`.
   */
  stages: optional(Schema.Boolean),
  /** Time before the call rings. Default: 0. */
  queue: optional(DurationText),
  /** A decimal, or `null` for a price that never appears. Default: `"1.500"` for an answered call, `"0"` for others. */
  price: optional(Schema.NullOr(Schema.String)),
  /** Default: `outbound-api`. */
  direction: optional(Schema.String),
  /** Default: `human`, which Exotel also reports for busy and unanswered calls; `null` for absent. */
  answeredBy: optional(Schema.NullOr(Schema.String))
}

const answeredFields = {
  ...commonFields,
  /** Time that the first party's phone rings. Default: 8 seconds. */
  ring: optional(DurationText),
  /** Time that the second party's phone rings, with the first one on the line. Default: 0. */
  connect: optional(DurationText),
  /** Time that both talk. Default: 40 seconds. */
  talk: optional(DurationText),
  /** With 1, the first party talks to a machine: there is no second leg. Default: 2. */
  legs: optional(Schema.Literal(1, 2)),
  /** Default: `true`. */
  recording: optional(Schema.Boolean)
}

const unansweredFields = {
  ...commonFields,
  /** Time that it rings before it ends. The default depends on the ending. */
  ring: optional(DurationText),
  /** The party that did not take the call. With 2, the first one waited on the line. Default: 1. */
  leg: optional(Schema.Literal(1, 2))
}

const statusFields = {
  /** Any word, documented or not. */
  status: Schema.NonEmptyTrimmedString,
  leg1Status: optional(Schema.String),
  leg2Status: optional(Schema.String)
}

const phaseFields = {
  ...statusFields,
  /** `"Infinity"` holds the call here until it is stepped. */
  duration: DurationText,
  /** The number of parties on the line. Default: 0. */
  parties: optional(Schema.Literal(0, 1, 2))
}

const customFields = {
  settles: commonFields.settles,
  price: commonFields.price,
  direction: commonFields.direction,
  answeredBy: commonFields.answeredBy,
  /** Default: `false`. */
  recording: optional(Schema.Boolean)
}

const scriptOf = <K extends string, F extends Schema.Struct.Fields>(kind: K, fields: F) =>
  Schema.Struct({ kind: Schema.Literal(kind), ...fields })

/**
 * A script as data: the name of a constructor and its options. Script files of `exotel-fake` have the encoded form, in
 * which durations are texts such as `"8 seconds"`. {@link fromDescription} makes the script.
 *
 * @since 0.1.0
 * @category models
 */
export const Description = Schema.Union(
  scriptOf("answered", answeredFields),
  scriptOf("inbound", answeredFields),
  scriptOf("busy", unansweredFields),
  scriptOf("noAnswer", unansweredFields),
  scriptOf("failed", unansweredFields),
  scriptOf("canceled", unansweredFields),
  scriptOf("custom", {
    phases: Schema.Array(Schema.Struct(phaseFields)),
    ending: Schema.Struct(statusFields),
    ...customFields
  })
)

/**
 * @since 0.1.0
 * @category models
 */
export type Description = typeof Description.Type

/** Options as constructors take them: durations in any form that Effect accepts, and undefined for a default. */
type Input<A> = {
  readonly [K in keyof A]: A[K] extends Duration.Duration | undefined
    ? Duration.DurationInput | (undefined extends A[K] ? undefined : never)
    : A[K] | (undefined extends A[K] ? undefined : never)
}

type OptionsOf<F extends Schema.Struct.Fields> = Input<Partial<Schema.Struct.Type<F>>>

/**
 * Options of every constructor.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = OptionsOf<typeof commonFields>

/**
 * @since 0.1.0
 * @category models
 */
export type AnsweredOptions = OptionsOf<typeof answeredFields>

/**
 * @since 0.1.0
 * @category models
 */
export type UnansweredOptions = OptionsOf<typeof unansweredFields>

/**
 * @since 0.1.0
 * @category models
 */
export type CustomOptions = OptionsOf<typeof customFields>

const make = (
  phases: ReadonlyArray<Phase>,
  ending: Ending,
  options: Options & { recording?: boolean | undefined }
): CallScript =>
  new CallScript({
    phases: phases.filter((phase) => Duration.greaterThan(phase.duration, Duration.zero)),
    ending,
    settles: Duration.decode(options.settles ?? "20 seconds"),
    price: options.price === null ? undefined : options.price ?? "0",
    recording: options.recording ?? false,
    direction: options.direction ?? "outbound-api",
    answeredBy: options.answeredBy === null ? undefined : options.answeredBy ?? "human"
  })

const queued = (options: Options): Phase => ({
  status: options.stages === true ? "queued" : "in-progress",
  duration: Duration.decode(options.queue ?? Duration.zero),
  leg1Status: "queued",
  parties: 0
})

const ringing = (options: Options, duration: Duration.DurationInput, leg: 1 | 2): Phase => ({
  status: options.stages === true ? "ringing" : "in-progress",
  duration: Duration.decode(duration),
  leg1Status: leg === 1 ? "ringing" : "in-progress",
  parties: leg === 1 ? 0 : 1
})

/**
 * Rings, is answered, and ends `completed`.
 *
 * @example
 * ```ts
 * import { CallScript } from "@effect-exotel/testing"
 *
 * // "rings 8 s, talks 40 s, ends completed, settles 20 s later"
 * const script = CallScript.answered({ ring: "8 seconds", talk: "40 seconds", settles: "20 seconds" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const answered = (options: AnsweredOptions = {}): CallScript => {
  const twoLegs = options.legs !== 1
  return make(
    [
      queued(options),
      ringing(options, options.ring ?? "8 seconds", 1),
      { ...ringing(options, options.connect ?? Duration.zero, 2), status: "in-progress" },
      {
        status: "in-progress",
        duration: Duration.decode(options.talk ?? "40 seconds"),
        leg1Status: "in-progress",
        parties: twoLegs ? 2 : 1
      }
    ],
    { status: "completed", leg1Status: "completed", leg2Status: twoLegs ? "completed" : undefined },
    { price: "1.500", ...options, recording: options.recording ?? true }
  )
}

/**
 * A call that came in: as `answered`, with the direction `inbound`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const inbound = (options: AnsweredOptions = {}): CallScript => answered({ direction: "inbound", ...options })

const unanswered = (status: CallStatus.TerminalStatus, ring: Duration.DurationInput, options: UnansweredOptions) => {
  const leg = options.leg ?? 1
  return make(
    [queued(options), ringing(options, options.ring ?? ring, leg)],
    leg === 1 ? { status, leg1Status: status } : { status, leg1Status: "completed", leg2Status: status },
    options
  )
}

/**
 * Rings (2 seconds by default) and ends `busy`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const busy = (options: UnansweredOptions = {}): CallScript => unanswered("busy", "2 seconds", options)

/**
 * Rings (30 seconds by default) and ends `no-answer`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const noAnswer = (options: UnansweredOptions = {}): CallScript => unanswered("no-answer", "30 seconds", options)

/**
 * Ends `failed` (after 1 second by default).
 *
 * @since 0.1.0
 * @category constructors
 */
export const failed = (options: UnansweredOptions = {}): CallScript => unanswered("failed", "1 second", options)

/**
 * Ends `canceled` (after 5 seconds by default).
 *
 * @since 0.1.0
 * @category constructors
 */
export const canceled = (options: UnansweredOptions = {}): CallScript => unanswered("canceled", "5 seconds", options)

/**
 * A phase of a custom script.
 *
 * @since 0.1.0
 * @category models
 */
export type CustomPhase = Input<Schema.Struct.Type<typeof phaseFields>>

/**
 * Any timeline, in any words.
 *
 * @example
 * ```ts
 * import { CallScript } from "@effect-exotel/testing"
 *
 * const transferred = CallScript.custom([
 *   { status: "in-progress", duration: "12 seconds", parties: 2 },
 *   { status: "transferring", duration: "3 seconds" } // an undocumented status
 * ], { status: "completed" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const custom = (
  phases: ReadonlyArray<CustomPhase>,
  ending: Ending,
  options: CustomOptions = {}
): CallScript =>
  make(
    phases.map((phase) => ({ ...phase, duration: Duration.decode(phase.duration), parties: phase.parties ?? 0 })),
    ending,
    options
  )

/**
 * The script of a description.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromDescription = (description: Description): CallScript => {
  switch (description.kind) {
    case "answered":
      return answered(description)
    case "inbound":
      return inbound(description)
    case "busy":
      return busy(description)
    case "noAnswer":
      return noAnswer(description)
    case "failed":
      return failed(description)
    case "canceled":
      return canceled(description)
    case "custom":
      return custom(description.phases, description.ending, description)
  }
}

/**
 * The first script up to its end, then the second one from its beginning: the second's ending, price and settling hold.
 *
 * @since 0.1.0
 * @category combinators
 */
export const followedBy: {
  (that: CallScript): (self: CallScript) => CallScript
  (self: CallScript, that: CallScript): CallScript
} = dual(
  2,
  (self: CallScript, that: CallScript) => new CallScript({ ...that, phases: [...self.phases, ...that.phases] })
)

/**
 * @since 0.1.0
 * @category combinators
 */
export const settlesAfter: {
  (settles: Duration.DurationInput): (self: CallScript) => CallScript
  (self: CallScript, settles: Duration.DurationInput): CallScript
} = dual(
  2,
  (self: CallScript, settles: Duration.DurationInput) => new CallScript({ ...self, settles: Duration.decode(settles) })
)

/**
 * Holds every phase, and the settling, until `FakeExotel.step` moves the call on: a script led by hand.
 *
 * @since 0.1.0
 * @category combinators
 */
export const manual = (self: CallScript): CallScript =>
  new CallScript({
    ...self,
    phases: self.phases.map((phase) => ({ ...phase, duration: Duration.infinity })),
    settles: Duration.infinity
  })

/**
 * Where a call stands. Instants are milliseconds since the call began; infinite while the script holds the call before
 * them.
 *
 * @since 0.1.0
 * @category models
 */
export interface State {
  readonly status: CallStatus.CallStatus
  readonly leg1Status: CallStatus.LegStatus | undefined
  readonly leg2Status: CallStatus.LegStatus | undefined
  readonly ended: boolean
  /** Duration, end time, price and recording are there. */
  readonly settled: boolean
  readonly endsAt: number
  readonly settlesAt: number
  /** When the present state began. */
  readonly since: number
}

/** Milliseconds from the beginning of a call to its end. */
const endsAt = (self: CallScript): number => {
  let at = 0
  for (const phase of self.phases) at += Duration.toMillis(phase.duration)
  return at
}

/**
 * Where a call of this script stands, that long after it began. Once ended, `status` is the ending's for good.
 *
 * @since 0.1.0
 * @category accessors
 */
export const stateAt: {
  (elapsed: Duration.DurationInput): (self: CallScript) => State
  (self: CallScript, elapsed: Duration.DurationInput): State
} = dual(2, (self: CallScript, elapsed: Duration.DurationInput): State => {
  const now = Duration.toMillis(elapsed)
  const end = endsAt(self)
  const settlesAt = end + Duration.toMillis(self.settles)
  let begin = 0
  for (const { duration, leg1Status, leg2Status, status } of self.phases) {
    const next = begin + Duration.toMillis(duration)
    if (now < next) {
      return { status, leg1Status, leg2Status, ended: false, settled: false, endsAt: end, settlesAt, since: begin }
    }
    begin = next
  }
  const settled = now >= settlesAt
  const { leg1Status, leg2Status, status } = self.ending
  return {
    status,
    leg1Status,
    leg2Status,
    ended: true,
    settled,
    endsAt: end,
    settlesAt,
    since: settled ? settlesAt : end
  }
})

/**
 * The script in which what is going on at that moment ends there: the phase in force, or after the end the wait for the
 * record to settle. A settled script stays as it is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const advanceAt: {
  (elapsed: Duration.DurationInput): (self: CallScript) => CallScript
  (self: CallScript, elapsed: Duration.DurationInput): CallScript
} = dual(2, (self: CallScript, elapsed: Duration.DurationInput): CallScript => {
  const now = Duration.toMillis(elapsed)
  let begin = 0
  for (let i = 0; i < self.phases.length; i++) {
    const phase = self.phases[i]
    if (phase === undefined) break
    const next = begin + Duration.toMillis(phase.duration)
    if (now < next) {
      return new CallScript({
        ...self,
        phases: self.phases.with(i, { ...phase, duration: Duration.millis(now - begin) })
      })
    }
    begin = next
  }
  return now < begin + Duration.toMillis(self.settles)
    ? new CallScript({ ...self, settles: Duration.millis(now - begin) })
    : self
})

/**
 * From the beginning to the end; ringing included, as in the `Duration` of Exotel's record.
 *
 * @since 0.1.0
 * @category accessors
 */
export const duration = (self: CallScript): Duration.Duration => Duration.millis(endsAt(self))

/**
 * How long at least that many parties were on the line: with 2, the talk time.
 *
 * @since 0.1.0
 * @category accessors
 */
export const connectedTime: {
  (parties: 1 | 2): (self: CallScript) => Duration.Duration
  (self: CallScript, parties: 1 | 2): Duration.Duration
} = dual(2, (self: CallScript, parties: 1 | 2) => {
  let millis = 0
  for (const phase of self.phases) {
    if (phase.parties >= parties) millis += Duration.toMillis(phase.duration)
  }
  return Duration.millis(millis)
})
