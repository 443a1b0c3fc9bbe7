/** From a cadence, function or schedule, to a wait in milliseconds. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import type { Cadence, PollState } from "../../WatchPolicy.ts"

/** The shortest wait between polls, which protects Exotel from a mistake in a policy. */
const SHORTEST_MILLIS = 100

/** Whole milliseconds, at least the shortest wait. */
export const clampWait = (millis: number): number => millis >= SHORTEST_MILLIS ? Math.ceil(millis) : SHORTEST_MILLIS

/** Whether the cadence is a schedule, which has state per watch. */
export const isSchedule = (cadence: Cadence): cadence is Schedule.Schedule<unknown, PollState> =>
  typeof cadence !== "function"

/** The wait of a cadence function, in milliseconds. */
export const waitFromCadence = (
  cadence: Exclude<Cadence, Schedule.Schedule<unknown, PollState>>,
  progress: PollState
): number => clampWait(Duration.toMillis(cadence(progress)))

/** The state of a schedule in one watch. */
export interface ScheduleStepper {
  /** None when the schedule has ended. */
  readonly next: (progress: PollState, now: number) => Effect.Effect<Option.Option<number>>
}

export const scheduleStepper = (schedule: Schedule.Schedule<unknown, PollState>): ScheduleStepper => {
  let state: unknown = schedule.initial
  return {
    next: (progress, now) =>
      // A step may take long; it is interrupted when the watch ends.
      Effect.map(Effect.interruptible(schedule.step(now, progress, state)), ([following, , decision]) => {
        state = following
        return ScheduleDecision.isContinue(decision)
          ? Option.some(clampWait(ScheduleIntervals.start(decision.intervals) - now))
          : Option.none()
      })
  }
}
