/** From a cadence, function or schedule, to a wait in milliseconds. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import type { Cadence, PollState } from "../../WatchPolicy.ts"

/** A policy's slip must not hammer Exotel. */
const SHORTEST_MILLIS = 100

/** Whole milliseconds, and enough of them. */
export const atLeast = (millis: number): number => millis >= SHORTEST_MILLIS ? Math.ceil(millis) : SHORTEST_MILLIS

/** Whether the cadence has steps, which must be its own watch's. */
export const isSchedule = (cadence: Cadence): cadence is Schedule.Schedule<unknown, PollState> =>
  typeof cadence !== "function"

/** The wait that a cadence without steps asks for, in milliseconds. */
export const waitOf = (cadence: Exclude<Cadence, Schedule.Schedule<unknown, PollState>>, progress: PollState): number =>
  atLeast(Duration.toMillis(cadence(progress)))

/** A schedule on its way through one watch. */
export interface ScheduleStepper {
  /** None when it has come to its end. */
  readonly next: (progress: PollState, now: number) => Effect.Effect<Option.Option<number>>
}

export const scheduleStepper = (schedule: Schedule.Schedule<unknown, PollState>): ScheduleStepper => {
  let state: unknown = schedule.initial
  return {
    next: (progress, now) =>
      // A schedule may take its time over a step, and must not hold up whoever leaves meanwhile.
      Effect.map(Effect.interruptible(schedule.step(now, progress, state)), ([following, , decision]) => {
        state = following
        return ScheduleDecision.isContinue(decision)
          ? Option.some(atLeast(ScheduleIntervals.start(decision.intervals) - now))
          : Option.none()
      })
  }
}
