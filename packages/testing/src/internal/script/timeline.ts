/** The state of a call at an instant, computed from its script alone. */
import type * as CallStatus from "@effect-exotel/core/CallStatus"
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import { CallScript, type Phase } from "./model.ts"

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

/** Milliseconds of the phases with at least so many parties on the line. */
const millisOf = (self: CallScript, parties: 0 | 1 | 2): number =>
  self.phases.reduce((sum, phase) => phase.parties < parties ? sum : sum + Duration.toMillis(phase.duration), 0)

/** The phase at a time and its beginning; after the last phase, undefined and the end of the call. */
const phaseAt = (self: CallScript, now: number) => {
  let begin = 0
  for (const [index, phase] of self.phases.entries()) {
    const next = begin + Duration.toMillis(phase.duration)
    if (now < next) return { begin, index, phase }
    begin = next
  }
  return { begin, index: self.phases.length, phase: undefined }
}

/**
 * The state of a call of this script, that long after it began. Once ended, `status` remains that of the ending.
 *
 * @since 0.1.0
 * @category accessors
 */
export const stateAt: {
  (elapsed: Duration.DurationInput): (self: CallScript) => State
  (self: CallScript, elapsed: Duration.DurationInput): State
} = dual(2, (self: CallScript, elapsed: Duration.DurationInput): State => {
  const now = Duration.toMillis(elapsed)
  const end = millisOf(self, 0)
  const settlesAt = end + Duration.toMillis(self.settles)
  const { begin, phase } = phaseAt(self, now)
  const { leg1Status, leg2Status, status } = phase ?? self.ending
  const ended = phase === undefined
  const settled = ended && now >= settlesAt
  const since = settled ? settlesAt : begin
  return { status, leg1Status, leg2Status, ended, settled, endsAt: end, settlesAt, since }
})

/**
 * The script whose phase at that moment ends there; after the end of the call, its record settles then. A settled script stays as it is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const advanceAt: {
  (elapsed: Duration.DurationInput): (self: CallScript) => CallScript
  (self: CallScript, elapsed: Duration.DurationInput): CallScript
} = dual(2, (self: CallScript, elapsed: Duration.DurationInput): CallScript => {
  const now = Duration.toMillis(elapsed)
  const { begin, index, phase } = phaseAt(self, now)
  if (phase !== undefined) {
    const phases = self.phases.with(index, { ...phase, duration: Duration.millis(now - begin) })
    return new CallScript({ ...self, phases })
  }
  return now < begin + Duration.toMillis(self.settles)
    ? new CallScript({ ...self, settles: Duration.millis(now - begin) })
    : self
})

/**
 * The script up to that moment: its past, without the phases that would follow. Combine it with `followedBy` to give a
 * call that is under way another future.
 *
 * @since 0.1.0
 * @category combinators
 */
export const until: {
  (elapsed: Duration.DurationInput): (self: CallScript) => CallScript
  (self: CallScript, elapsed: Duration.DurationInput): CallScript
} = dual(2, (self: CallScript, elapsed: Duration.DurationInput): CallScript => {
  let left = Duration.toMillis(elapsed)
  const phases: Array<Phase> = []
  for (const phase of self.phases) {
    if (left <= 0) break
    const duration = Math.min(left, Duration.toMillis(phase.duration))
    phases.push({ ...phase, duration: Duration.millis(duration) })
    left -= duration
  }
  return new CallScript({ ...self, phases })
})

/**
 * From the beginning to the end; ringing included, as in the `Duration` of Exotel's record.
 *
 * @since 0.1.0
 * @category accessors
 */
export const duration = (self: CallScript): Duration.Duration => Duration.millis(millisOf(self, 0))

/**
 * How long at least that many parties were on the line: with 2, the talk time.
 *
 * @since 0.1.0
 * @category accessors
 */
export const connectedTime: {
  (parties: 1 | 2): (self: CallScript) => Duration.Duration
  (self: CallScript, parties: 1 | 2): Duration.Duration
} = dual(2, (self: CallScript, parties: 1 | 2) => Duration.millis(millisOf(self, parties)))
