/** Feeds the metrics from the engine, whose steps are plain functions. */
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Exit from "effect/Exit"
import type * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import type { WatchError } from "../../WatchError.ts"
import type { WatchEvent } from "../../WatchEvent.ts"
import * as Metrics from "../../WatchMetrics.ts"

type Labels = ReadonlyArray<MetricLabel.MetricLabel>

/** A metric finds its count by the array of labels itself, so that each is made once; their values are few. */
const labelled = (key: string): (value: string) => Labels => {
  const made = new Map<string, Labels>()
  return (value) => {
    const labels = made.get(value) ?? [MetricLabel.make(key, value)]
    made.set(value, labels)
    return labels
  }
}

const eventLabels = labelled("event")
const resultLabels = labelled("result")
const none: Labels = []

const add = (
  metric: Metric.Metric.Counter<number>,
  amount: number,
  labels: Labels = none
): void => metric.unsafeUpdate(amount, labels)

export const joined = (): void => Metrics.active.unsafeModify(1, none)

export const left = (): void => Metrics.active.unsafeModify(-1, none)

export const over = (exit: Exit.Exit<void, WatchError>): void => {
  left()
  if (Exit.isSuccess(exit)) return add(Metrics.completed, 1, resultLabels("Ended"))
  if (Cause.isInterruptedOnly(exit.cause)) return
  const error = Cause.failureOption(exit.cause)
  add(Metrics.completed, 1, resultLabels(Option.isSome(error) ? error.value._tag : "Defect"))
}

export const began = (lagMillis: number): void => Metrics.pollLag.unsafeUpdate(lagMillis / 1000, none)

/** `lastActiveAt` is when an answer last showed the call going on, or no number. */
export const told = (event: WatchEvent, lastActiveAt: number): void => {
  add(Metrics.events, 1, eventLabels(event._tag))
  if (event._tag === "Ended" && !Number.isNaN(lastActiveAt)) {
    Metrics.detectionDelay.unsafeUpdate((DateTime.toEpochMillis(event.at) - lastActiveAt) / 1000, none)
  }
}

export const swept = (calls: number): void => {
  add(Metrics.bulkReads, 1)
  add(Metrics.bulkReadCalls, calls)
}

export const backlog = (calls: number): void => Metrics.detailsBacklog.unsafeUpdate(calls, none)

export const stretched = (stretch: number): void => Metrics.slowdown.unsafeUpdate(stretch, none)
