/**
 * The script of one call: its phases, its ending, and when its record settles.
 *
 * A script is a value. The state of its call depends on the script and the time since the call began, never on how
 * often the call was read: a test can change a poll interval without changing the call.
 *
 * @since 0.1.0
 */
import type * as CallStatus from "@effect-exotel/core/CallStatus"
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import type {
  AnsweredOptions,
  CustomOptions,
  CustomPhase,
  Description,
  Options,
  UnansweredOptions
} from "./internal/script/description.ts"
import type { Ending, Phase } from "./internal/script/model.ts"
import { CallScript } from "./internal/script/model.ts"

export { DurationText } from "./internal/schemas.ts"
export {
  type AnsweredOptions,
  type CustomOptions,
  type CustomPhase,
  Description,
  type Options,
  type UnansweredOptions
} from "./internal/script/description.ts"
export { CallScript, type Ending, type Phase } from "./internal/script/model.ts"
export { advanceAt, connectedTime, duration, type State, stateAt, until } from "./internal/script/timeline.ts"

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
    case "custom":
      return custom(description.phases, description.ending, description)
    case "answered":
    case "inbound":
      return { answered, inbound }[description.kind](description)
    default:
      return { busy, noAnswer, failed, canceled }[description.kind](description)
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
