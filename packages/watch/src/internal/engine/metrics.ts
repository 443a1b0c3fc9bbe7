/** Updates the metrics from the engine, whose steps are plain functions. */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import type { WatchError } from "../../WatchError.ts"
import type { WatchEvent } from "../../WatchEvent.ts"
import * as Metrics from "../../WatchMetrics.ts"

type Labels = ReadonlyArray<MetricLabel.MetricLabel>

/** Makes each array of labels once: a metric looks up its state by the array's identity. */
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

export const started = (): void => Metrics.active.unsafeModify(1, none)

export const stopped = (): void => Metrics.active.unsafeModify(-1, none)

export const completed = (exit: Exit.Exit<void, WatchError>): void => {
  stopped()
  if (Exit.isSuccess(exit)) return add(Metrics.completed, 1, resultLabels("Ended"))
  if (Cause.isInterruptedOnly(exit.cause)) return
  const error = Cause.failureOption(exit.cause)
  add(Metrics.completed, 1, resultLabels(Option.isSome(error) ? error.value._tag : "Defect"))
}

export const pollBegan = (lagMillis: number): void => Metrics.pollLag.unsafeUpdate(lagMillis / 1000, none)

/** `sinceActive` is the time since the last response that showed an active call, or NaN. */
export const emitted = (event: WatchEvent, sinceActive: number): void => {
  add(Metrics.events, 1, eventLabels(event._tag))
  if (event._tag === "Ended" && !Number.isNaN(sinceActive)) {
    Metrics.detectionDelay.unsafeUpdate(sinceActive / 1000, none)
  }
}

export const bulkPolled = (calls: number): void => {
  add(Metrics.bulkReads, 1)
  add(Metrics.bulkReadCalls, calls)
}

export const backlog = (calls: number): void => Metrics.detailsBacklog.unsafeUpdate(calls, none)

export const slowdown = (factor: number): void => Metrics.slowdown.unsafeUpdate(factor, none)
