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
