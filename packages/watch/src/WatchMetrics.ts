/**
 * Metrics of the engine, in the units that their names end with. `exotel_requests_total`, by outcome, comes from core.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"

/** From a fraction of a second to more than the longest cadence of the presets. */
const seconds = MetricBoundaries.fromIterable([0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300])

/**
 * `exotel_watches_active`: the current watches, sleeping ones included.
 *
 * @since 0.1.0
 * @category metrics
 */
export const active: Metric.Metric.Gauge<number> = Metric.gauge("exotel_watches_active", {
  description: "Watches under way"
})

/**
 * `exotel_watch_events_total`: emitted events, by `event`: `Placed`, `AnsweredHint`, `Observed`, `Changed`, `PollFailed`,
 * `Stalled`, `Ended`, `DetailsLoaded`, `DetailsUnavailable`, `Settled`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const events: Metric.Metric.Counter<number> = Metric.counter("exotel_watch_events_total", {
  description: "Events emitted by watches, by event",
  incremental: true
})

/**
 * `exotel_watches_completed_total`: completed watches, by `result`: `Ended` for the end of the call, or the error's tag. An
 * interrupted watch is not in it.
 *
 * @since 0.1.0
 * @category metrics
 */
export const completed: Metric.Metric.Counter<number> = Metric.counter("exotel_watches_completed_total", {
  description: "Watches that are over, by result",
  incremental: true
})

/**
 * `exotel_poll_lag_seconds`: the delay of polls after their due time. It grows when the concurrency is too low,
 * or while a 429 holds them back.
 *
 * @since 0.1.0
 * @category metrics
 */
export const pollLag: Metric.Metric.Histogram<number> = Metric.histogram(
  "exotel_poll_lag_seconds",
  seconds,
  "How much later than due polls begin"
)

/**
 * `exotel_bulk_reads_total`: successful bulk polls; each asks for the endings of up to a hundred calls.
 *
 * @since 0.1.0
 * @category metrics
 */
export const bulkReads: Metric.Metric.Counter<number> = Metric.counter("exotel_bulk_reads_total", {
  description: "Successful bulk polls",
  incremental: true
})

/**
 * `exotel_bulk_read_calls_total`: calls in successful bulk polls; divided by `exotel_bulk_reads_total`, their average size.
 *
 * @since 0.1.0
 * @category metrics
 */
export const bulkReadCalls: Metric.Metric.Counter<number> = Metric.counter("exotel_bulk_read_calls_total", {
  description: "Calls in successful bulk polls",
  incremental: true
})

/**
 * `exotel_details_backlog_calls`: ended calls that wait for a background read of their details.
 *
 * @since 0.1.0
 * @category metrics
 */
export const detailsBacklog: Metric.Metric.Gauge<number> = Metric.gauge("exotel_details_backlog_calls", {
  description: "Ended calls that wait for their details to be read"
})

/**
 * `exotel_watch_slowdown_ratio`: the ratio of the actual wait between polls to the cadence of the policy, on average
 * over some 20 s: 1 when the budget suffices, 2 when each waits twice as long.
 *
 * @since 0.1.0
 * @category metrics
 */
export const slowdown: Metric.Metric.Gauge<number> = Metric.gauge("exotel_watch_slowdown_ratio", {
  description: "How much longer than their cadence calls wait for their poll"
})

/**
 * `exotel_detection_delay_seconds`: the time between the last response that showed an active call, or the last bulk poll that
 * did not contain it, and the response that showed its end. The end was in between, so this is an upper bound of the delay.
 *
 * @since 0.1.0
 * @category metrics
 */
export const detectionDelay: Metric.Metric.Histogram<number> = Metric.histogram(
  "exotel_detection_delay_seconds",
  seconds,
  "The most by which ends of calls were detected late"
)
