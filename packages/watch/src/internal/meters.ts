/** Feeds the metrics from the engine, whose steps are plain functions. */
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Exit from "effect/Exit"
import type * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import type { WatchError } from "../WatchError.ts"
import type { WatchEvent } from "../WatchEvent.ts"
import * as Metrics from "../WatchMetrics.ts"

const add = (metric: Metric.Metric.Counter<number>, amount: number, label?: readonly [string, string]): void =>
  metric.unsafeUpdate(amount, label === undefined ? [] : [MetricLabel.make(...label)])

export const joined = (): void => add(Metrics.active, 1)

export const left = (): void => add(Metrics.active, -1)

export const over = (exit: Exit.Exit<void, WatchError>): void => {
  left()
  if (Exit.isSuccess(exit)) return add(Metrics.over, 1, ["result", "Ended"])
  if (Cause.isInterruptedOnly(exit.cause)) return
  const error = Cause.failureOption(exit.cause)
  add(Metrics.over, 1, ["result", Option.isSome(error) ? error.value._tag : "Defect"])
}

export const began = (lagMillis: number): void => Metrics.pollLag.unsafeUpdate(lagMillis / 1000, [])

/** `lastActiveAt` is when an answer last showed the call going on, or no number. */
export const told = (event: WatchEvent, lastActiveAt: number): void => {
  add(Metrics.events, 1, ["event", event._tag])
  if (event._tag === "Ended" && !Number.isNaN(lastActiveAt)) {
    Metrics.detectionDelay.unsafeUpdate((DateTime.toEpochMillis(event.at) - lastActiveAt) / 1000, [])
  }
}

export const swept = (calls: number): void => {
  add(Metrics.sweeps, 1)
  add(Metrics.swept, calls)
}

export const backlog = (calls: number): void => Metrics.detailsBacklog.unsafeUpdate(calls, [])

export const stretched = (stretch: number): void => Metrics.stretch.unsafeUpdate(stretch, [])
