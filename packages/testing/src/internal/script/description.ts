/** Scripts as data: the options of each constructor as Schemas, which script files share. */
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { DurationText, optional } from "../schemas.ts"

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

/**
 * A phase of a custom script.
 *
 * @since 0.1.0
 * @category models
 */
export type CustomPhase = Input<Schema.Struct.Type<typeof phaseFields>>
