/** Calls and requests in the form in which the page shows them. */
import * as CallScript from "@effect-exotel/testing/CallScript"
import type * as FakeExotel from "@effect-exotel/testing/FakeExotel"
import type { JournalEntry } from "@effect-exotel/testing/Journal"
import { outcomeText } from "@effect-exotel/testing/Journal"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import { type Action, available, hasSecondLeg, phaseAt, timedPhases } from "./actions.ts"

/** Times are milliseconds of the fake's clock; null for an instant that depends on a person. */
export interface CallView {
  readonly sid: string
  readonly from: string
  readonly to: string
  readonly exoPhone: string
  readonly direction: string
  readonly status: string
  /** The statuses of the legs; empty for a leg that does not exist yet. */
  readonly leg1: string
  readonly leg2: string
  readonly began: number
  readonly endsAt: number | null
  readonly ended: boolean
  readonly settled: boolean
  readonly ringing: boolean
  readonly phases: ReadonlyArray<PhaseView>
  readonly actions: ReadonlyArray<Action>
}

export interface PhaseView {
  readonly status: string
  readonly leg1: string
  readonly leg2: string
  readonly at: number
  readonly until: number | null
}

export interface RequestView {
  readonly index: number
  readonly at: number
  /** Since the fake began. */
  readonly elapsed: number
  readonly operation: string
  readonly method: string
  readonly path: string
  readonly sid: string | null
  readonly outcome: string
  readonly failed: boolean
  readonly fault: string | null
}

const finite = (value: number): number | null => Number.isFinite(value) ? value : null

/** Exotel reports no second leg while its phone rings; a person wants to see that it does. */
const legsOf = (phase: CallScript.Phase, two: boolean) => ({
  leg1: phase.leg1Status ?? (phase.parties > 0 ? "in-progress" : ""),
  leg2: phase.leg2Status ?? (phase.parties === 2 ? "in-progress" : two && phase.parties === 1 ? "ringing" : "")
})

export const callView = ({ numbers, script, sid, start }: FakeExotel.PlacedCall, now: number): CallView => {
  const elapsed = now - start
  const state = CallScript.stateAt(script, elapsed)
  const two = hasSecondLeg(script)
  const phase = phaseAt(script, elapsed)
  const legs = phase === undefined || state.ended
    ? { leg1: state.leg1Status ?? "", leg2: state.leg2Status ?? "" }
    : legsOf(phase, two)
  return {
    sid,
    from: numbers.from,
    to: numbers.to,
    exoPhone: numbers.exoPhone,
    direction: script.direction,
    status: state.status,
    ...legs,
    began: start,
    endsAt: finite(start + state.endsAt),
    ended: state.ended,
    settled: state.settled,
    ringing: legs.leg1 === "ringing" || legs.leg2 === "ringing",
    phases: timedPhases(script).map(({ begin, end, phase }) => ({
      status: phase.status,
      ...legsOf(phase, two),
      at: start + begin,
      until: finite(start + end)
    })),
    actions: elapsed < 0 ? [] : available(script, elapsed)
  }
}

/** Differs when the view of the call differs. */
export const callKey = (call: FakeExotel.PlacedCall, now: number): string => {
  const { since, settled, status } = CallScript.stateAt(call.script, now - call.start)
  return `${now < call.start} ${status} ${since} ${settled}`
}

export const requestView = (entry: JournalEntry): RequestView => ({
  index: entry.index,
  at: DateTime.toEpochMillis(entry.at),
  elapsed: Duration.toMillis(entry.elapsed),
  operation: entry.operation,
  method: entry.method,
  path: entry.path,
  sid: entry.sid ?? null,
  outcome: outcomeText(entry.outcome),
  failed: entry.outcome._tag !== "Pending" && !(entry.outcome._tag === "Answered" && entry.outcome.status < 400),
  fault: entry.fault ?? null
})
