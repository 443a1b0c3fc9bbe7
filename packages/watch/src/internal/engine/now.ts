/** The two clocks of the engine: waits follow the monotonic one, which is never set. */
import * as MonotonicClock from "@effect-exotel/core/MonotonicClock"
import type * as Clock from "effect/Clock"

/** One reading of both clocks, in milliseconds. */
export interface Now {
  /** Monotonic. Due times and pauses compare with it. */
  readonly at: number
  /** Since 1970. Dates in events and tokens, and limits that survive a restart. */
  readonly date: number
}

export const read = (clock: Clock.Clock): Now => ({
  at: MonotonicClock.unsafeCurrentTimeMillis(clock),
  date: clock.unsafeCurrentTimeMillis()
})

/** The monotonic time of a date. A future date is at least a millisecond ahead. */
export const fromDate = (date: number, now: Now): number => now.at + Math.ceil(date - now.date)

/** The date of a monotonic time. */
export const toDate = (at: number, now: Now): number => now.date + (at - now.at)
