/**
 * Plans what happens to requests to place a call (`POST …/Calls/connect`): the script that each call plays, or the error
 * with which Exotel rejects the request.
 *
 * @since 0.1.0
 */
import type { CallSid } from "@effect-exotel/core/CallSid"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as CallScript from "./CallScript.ts"
import { DurationText, optional, PositiveInt } from "./internal/schemas.ts"

/**
 * An accepted request to place a call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  readonly accountSid: string
  /** The number that rings first. */
  readonly from: string
  /** The second number; undefined for a flow. */
  readonly to: string | undefined
  /** The ExoPhone. */
  readonly callerId: string
  /** The app of the flow; undefined for two numbers. */
  readonly appId: string | undefined
  readonly customField: string | undefined
  /** Every field as it was sent. */
  readonly fields: ReadonlyMap<string, string>
  /** Counts the requests with the same `from` and `to` that were answered by the plan, from 1. */
  readonly attempt: number
}

/**
 * A call that a request placed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Placed extends Request {
  readonly sid: CallSid
  readonly at: DateTime.Utc
}

/**
 * An error response. No call is placed.
 *
 * @since 0.1.0
 * @category models
 */
export class Rejection extends Schema.Class<Rejection>("@effect-exotel/testing/Rejection")({
  status: Schema.Int.pipe(Schema.between(400, 599)),
  /** `{number}` stands for the last number of the request: `To`, or `From` for a flow. */
  message: Schema.String,
  code: optional(Schema.Union(Schema.Number, Schema.String)),
  /** The header `Retry-After`, sent as it is. */
  retryAfter: optional(Schema.String)
}) {}

/**
 * The result of one request: a call with this script, or an error.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = CallScript.CallScript | Rejection

/**
 * Outcomes by number, in order, or by default. A number has precedence: the n-th request with it, as `To` or as `From`,
 * has the n-th of its outcomes, and later ones the last. Each outcome of `inOrder` serves one other request. The remaining
 * requests have the default outcome.
 *
 * @since 0.1.0
 * @category models
 */
export interface Table {
  /** Numbers are compared as they were sent. */
  readonly byNumber?: Readonly<Record<string, Outcome | readonly [Outcome, ...ReadonlyArray<Outcome>]>> | undefined
  readonly inOrder?: ReadonlyArray<Outcome> | undefined
  readonly default?: Outcome | undefined
}

/**
 * One outcome for every request, a table, or a function of the request. A request without an outcome places a call that
 * is answered, and fails a test in strict mode.
 *
 * @since 0.1.0
 * @category models
 */
export type ConnectPlan = Outcome | Table | ((request: Request) => Outcome | undefined)

/**
 * How connect requests are handled, whatever their outcome. Exotel documents none of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  /**
   * The limit of concurrent calls of an account. A call between two numbers counts as two, a flow as one, from the
   * request to the end; calls of `FakeExotel.place` do not count. At the limit a call is rejected, or it ends `busy`, or it
   * is `queued` until enough calls end as their scripts stand then. Default: no limit.
   */
  readonly concurrentCalls?: { readonly limit: number; readonly atLimit: "queue" | "busy" | Rejection } | undefined
  /** The time from the request until the call can be read. Default: 0. */
  readonly readableAfter?: Duration.DurationInput | undefined
  /** How often each requested callback is posted: 0 is lost, 2 doubled. Default: 1. */
  readonly callbackCopies?: number | undefined
  /** How long after its event a requested callback is posted. Default: 0. */
  readonly callbackDelay?: Duration.DurationInput | undefined
  /** The fields in the callbacks of flows with events. Default: `plain`, as in Exotel's documentation. */
  readonly flowCallbacks?: "plain" | "extended" | undefined
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const rejected = (
  status: number,
  options: {
    /** `{number}` stands for the last number of the request. */
    readonly message?: string | undefined
    readonly code?: number | string | undefined
    /** Sent as it is. */
    readonly retryAfter?: string | undefined
  } = {}
): Rejection =>
  new Rejection({
    status,
    message: options.message ?? "A planned rejection",
    ...(options.code === undefined ? {} : { code: options.code }),
    ...(options.retryAfter === undefined ? {} : { retryAfter: options.retryAfter })
  })

/**
 * A 400 whose message names the field, as in Exotel's developer portal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const invalid = (field: string): Rejection => rejected(400, { message: `Invalid parameter ${field}` })

/**
 * The number is on the register of numbers that must not be called: a 403 without a code whose message quotes the number,
 * as in captured responses.
 *
 * @since 0.1.0
 * @category constructors
 */
export const doNotDisturb: Rejection = rejected(403, {
  message: "Call to {number} cannot be made because of TRAI NDNC regulations"
})

const RejectionDescription = Schema.Union(
  Schema.Struct({
    kind: Schema.Literal("rejected"),
    ...Rejection.fields,
    message: optional(Schema.String)
  }),
  Schema.Struct({ kind: Schema.Literal("invalid"), field: Schema.NonEmptyTrimmedString }),
  Schema.Struct({ kind: Schema.Literal("doNotDisturb") })
)

const OutcomeDescription = Schema.Union(...CallScript.Description.members, ...RejectionDescription.members).annotations(
  {
    identifier: "an outcome"
  }
)

/**
 * A table and settings as data, as in the script files of `exotel-fake`.
 *
 * @since 0.1.0
 * @category models
 */
export const Description = Schema.Struct({
  byNumber: optional(Schema.Array(Schema.Struct({
    number: Schema.NonEmptyTrimmedString,
    outcomes: Schema.NonEmptyArray(OutcomeDescription)
  }))),
  inOrder: optional(Schema.Array(OutcomeDescription)),
  default: optional(OutcomeDescription),
  concurrentCalls: optional(Schema.Struct({
    limit: PositiveInt,
    atLimit: Schema.Union(Schema.Literal("queue", "busy"), RejectionDescription)
  })),
  readableAfter: optional(DurationText),
  callbackCopies: optional(Schema.NonNegativeInt),
  callbackDelay: optional(DurationText),
  flowCallbacks: optional(Schema.Literal("plain", "extended"))
})

/**
 * @since 0.1.0
 * @category models
 */
export type Description = typeof Description.Type

const rejectionFrom = (description: typeof RejectionDescription.Type): Rejection => {
  switch (description.kind) {
    case "rejected":
      return rejected(description.status, description)
    case "invalid":
      return invalid(description.field)
    case "doNotDisturb":
      return doNotDisturb
  }
}

const outcomeFrom = (description: typeof OutcomeDescription.Type): Outcome =>
  description.kind === "rejected" || description.kind === "invalid" || description.kind === "doNotDisturb"
    ? rejectionFrom(description)
    : CallScript.fromDescription(description)

/**
 * The options of a fake that correspond to the description.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromDescription = (
  { byNumber = [], concurrentCalls, default: fallback, inOrder, ...settings }: Description
): { readonly connect: Table; readonly connectSettings: Settings } => ({
  connect: {
    byNumber: Object.fromEntries(
      byNumber.map(({ number, outcomes: [first, ...rest] }) =>
        [number, [outcomeFrom(first), ...rest.map(outcomeFrom)]] as const
      )
    ),
    inOrder: inOrder?.map(outcomeFrom),
    default: fallback === undefined ? undefined : outcomeFrom(fallback)
  },
  connectSettings: {
    ...settings,
    concurrentCalls: concurrentCalls === undefined ? undefined : {
      limit: concurrentCalls.limit,
      atLimit: typeof concurrentCalls.atLimit === "string"
        ? concurrentCalls.atLimit
        : rejectionFrom(concurrentCalls.atLimit)
    }
  }
})
