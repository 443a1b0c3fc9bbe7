/** From a cadence, function or schedule, to a wait in milliseconds. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import type { Cadence, Progress } from "../WatchPolicy.ts"

/** A policy's slip must not hammer Exotel. */
const SHORTEST_MILLIS = 100

/** Whole milliseconds, and enough of them. */
export const atLeast = (millis: number): number => millis >= SHORTEST_MILLIS ? Math.ceil(millis) : SHORTEST_MILLIS

/** A cadence on its way through one watch: a schedule has a state. */
export interface Pace {
  /** Whether it has steps, which must be its own watch's. */
  readonly counts: boolean
  /** None when a schedule has come to its end. */
  readonly next: (progress: Progress, now: number) => Effect.Effect<Option.Option<number>>
}

const paceOfSchedule = (schedule: Schedule.Schedule<unknown, Progress>): Pace => {
  let state: unknown = schedule.initial
  return {
    counts: true,
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

export const paceOf = (cadence: Cadence): Pace =>
  typeof cadence === "function"
    ? {
      counts: false,
      next: (progress) => Effect.sync(() => Option.some(atLeast(Duration.toMillis(cadence(progress)))))
    }
    : paceOfSchedule(cadence)
