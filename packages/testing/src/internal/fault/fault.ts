/** Faults as data: the kinds of faults and the conditions under which they fire, as Schemas. */
import * as Schema from "effect/Schema"
import { DurationText, optional, PositiveInt } from "../schemas.ts"

/**
 * The body of an error response: Exotel's `RestException`, a gateway's web page, or nothing.
 *
 * @since 0.1.0
 * @category models
 */
export const Body = Schema.Literal("exotel", "html", "empty")

/**
 * @since 0.1.0
 * @category models
 */
export type Body = typeof Body.Type

/** The part of the exchange that a fault affects. */
const at = optional(Schema.Literal("request", "body"))

/**
 * The kinds of requests.
 *
 * @since 0.1.0
 * @category models
 */
export const Operation = Schema.Literal("read", "list", "account", "connect")

/**
 * @since 0.1.0
 * @category models
 */
export type Operation = typeof Operation.Type

const conditions = {
  /** Only requests about this call. */
  forCall: optional(Schema.String),
  /** Only requests of this kind. */
  operation: optional(Operation),
  /**
   * Whether a connect request with the fault places its call. Default: `true`, except for `refused` and for a 4xx other
   * than 408.
   */
  placesCall: optional(Schema.Boolean),
  /** Only these requests, counted from 1 among those that meet the other conditions. */
  onRequest: optional(Schema.Array(PositiveInt)),
  /** Only from the first instant to before the second, counted from when the plan was given to the fake. */
  between: optional(Schema.Tuple(DurationText, DurationText)),
  /** The probability that it fires, from 0 to 1, drawn from the fake's seed. */
  probability: optional(Schema.Number.pipe(Schema.between(0, 1))),
  /** The maximum number of times that it fires. */
  times: optional(PositiveInt),
  /** Whether it may remain unused without failing the test. */
  optional: optional(Schema.Boolean)
}

const kind = <K extends string, F extends Schema.Struct.Fields>(kind: K, fields: F) =>
  Schema.Struct({ kind: Schema.Literal(kind), ...fields, ...conditions })

/**
 * One planned fault: its kind and the conditions under which it fires. The same form serves the constructors of this
 * module and the script files of `exotel-fake`, where durations are texts such as `"8 seconds"`.
 *
 * @since 0.1.0
 * @category models
 */
export const Fault = Schema.Union(
  kind("status", {
    status: Schema.Int.pipe(Schema.between(200, 599)),
    /** Sent as it is: seconds, a date, or garbage. */
    retryAfter: optional(Schema.String),
    body: optional(Body)
  }),
  kind("refused", {}),
  kind("reset", { at }),
  kind("stalled", { at, duration: optional(DurationText) }),
  kind("slowBody", { bytes: optional(PositiveInt), every: optional(DurationText) }),
  kind("truncated", { keep: optional(Schema.Number.pipe(Schema.between(0, 1))) }),
  kind("hugeBody", { bytes: optional(PositiveInt) }),
  kind("body", { body: Schema.String }),
  kind("garbage", {}),
  kind("html", {}),
  kind("contentType", { contentType: Schema.String }),
  kind("malformed", { field: Schema.String, value: Schema.String })
)

/**
 * @since 0.1.0
 * @category models
 */
export type Fault = typeof Fault.Type
