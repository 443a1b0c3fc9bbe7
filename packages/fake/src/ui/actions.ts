/** The actions that a person has with a call at a moment, and the script that results. */
import * as CallScript from "@effect-exotel/testing/CallScript"
import type { Request } from "@effect-exotel/testing/ConnectPlan"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/** The text of a problem, in place of one for each alternative. */
export const rule = (text: string) => ({ message: () => ({ message: text, override: true }) })

/** One of these words, all of which a problem names. */
export const oneOf = <const A extends ReadonlyArray<string>>(words: A) =>
  Schema.Literal(...words).annotations(rule(`must be one of ${words.join(", ")}`))

/** `settle` completes the record of an ended call; the others concern a leg, or with `hangUp` the whole call. */
export const Command = Schema.Struct({
  action: oneOf(["answer", "busy", "noAnswer", "fail", "hangUp", "settle"]),
  leg: Schema.optionalWith(Schema.Literal(1, 2).annotations(rule("must be 1 or 2")), { exact: true })
})

export type Command = typeof Command.Type

export interface Action extends Command {
  readonly label: string
}

/** A phase with its instants, in milliseconds since the call began. */
export interface TimedPhase {
  readonly phase: CallScript.Phase
  readonly begin: number
  /** Infinite for a phase that lasts until a person acts. */
  readonly end: number
}

export const timedPhases = (script: CallScript.CallScript): ReadonlyArray<TimedPhase> => {
  let begin = 0
  return script.phases.map((phase) => {
    const end = begin + Duration.toMillis(phase.duration)
    const timed = { phase, begin, end }
    begin = end
    return timed
  })
}

export const phaseAt = (script: CallScript.CallScript, elapsed: number): CallScript.Phase | undefined =>
  timedPhases(script).find(({ begin, end }) => elapsed >= begin && elapsed < end)?.phase

export const hasSecondLeg = ({ ending, phases }: CallScript.CallScript): boolean =>
  ending.leg2Status !== undefined || phases.some(({ leg2Status, parties }) => leg2Status !== undefined || parties === 2)

const ofLeg = (leg: 1 | 2): ReadonlyArray<Action> => [
  { action: "answer", leg, label: `Answer leg ${leg}` },
  { action: "busy", leg, label: `Leg ${leg} busy` },
  { action: "noAnswer", leg, label: `Leg ${leg} does not answer` },
  { action: "fail", leg, label: `Leg ${leg} fails` }
]

const hangUp: Action = { action: "hangUp", label: "Hang up" }

export const available = (script: CallScript.CallScript, elapsed: number): ReadonlyArray<Action> => {
  const { ended, settled } = CallScript.stateAt(script, elapsed)
  if (ended) return settled ? [] : [{ action: "settle", label: "Settle now" }]
  const parties = phaseAt(script, elapsed)?.parties ?? 0
  if (parties === 0) return ofLeg(1)
  return parties === 1 && hasSecondLeg(script) ? [...ofLeg(2), hangUp] : [hangUp]
}

const statuses = { busy: "busy", noAnswer: "no-answer", fail: "failed" } as const

const talking = (parties: 1 | 2): CallScript.CustomPhase => ({
  status: "in-progress",
  leg1Status: "in-progress",
  ...(parties === 2 ? { leg2Status: "in-progress" } : {}),
  duration: Duration.infinity,
  parties
})

const completed = (two: boolean): CallScript.Ending => ({
  status: "completed",
  leg1Status: "completed",
  leg2Status: two ? "completed" : undefined
})

/** A call that rings until a person acts. Its record settles 20 seconds after its end. */
export const ringing = (options: { readonly legs: 1 | 2; readonly direction?: string }): CallScript.CallScript =>
  CallScript.custom(
    [{ status: "in-progress", leg1Status: "ringing", duration: Duration.infinity }],
    completed(options.legs === 2),
    { price: "1.500", recording: true, direction: options.direction ?? "outbound-api" }
  )

/** The plan under which each call that an application places rings until a person acts. */
export const ringUntilAnswered = ({ to }: Request): CallScript.CallScript => ringing({ legs: to === undefined ? 1 : 2 })

/** The script after the command, or undefined when the call does not allow it at this moment. */
export const apply = (
  script: CallScript.CallScript,
  elapsed: number,
  { action, leg }: Command
): CallScript.CallScript | undefined => {
  if (!available(script, elapsed).some((other) => other.action === action && other.leg === leg)) return undefined
  const past = CallScript.until(script, elapsed)
  const kept = {
    direction: script.direction,
    answeredBy: script.answeredBy ?? null,
    settles: Duration.isFinite(script.settles) ? script.settles : undefined
  }
  const two = hasSecondLeg(script)
  const answered = { ...kept, price: script.price ?? null, recording: script.recording }
  switch (action) {
    case "settle":
      return CallScript.advanceAt(script, elapsed)
    case "answer":
      return CallScript.followedBy(
        past,
        CallScript.custom([talking(leg === 2 ? 2 : 1)], completed(two), answered)
      )
    case "hangUp":
      return phaseAt(script, elapsed)?.parties === 1 && two
        ? CallScript.followedBy(
          past,
          CallScript.custom([], { status: "canceled", leg1Status: "completed", leg2Status: "canceled" }, kept)
        )
        : CallScript.followedBy(past, CallScript.custom([], completed(two), answered))
    default: {
      const status = statuses[action]
      const ending = leg === 2
        ? { status, leg1Status: "completed", leg2Status: status }
        : { status, leg1Status: status }
      return CallScript.followedBy(past, CallScript.custom([], ending, kept))
    }
  }
}
