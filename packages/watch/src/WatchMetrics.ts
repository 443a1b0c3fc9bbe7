/**
 * What the engine measures, in the units that the names end with. `exotel_requests_total`, by outcome, comes from core.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"

/** From a fraction of a second to more than the longest cadence of the presets. */
const seconds = MetricBoundaries.fromIterable([0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300])

/**
 * `exotel_watches_active`: watches under way now, sleeping ones included.
 *
 * @since 0.1.0
 * @category metrics
 */
export const active: Metric.Metric.Gauge<number> = Metric.gauge("exotel_watches_active", {
  description: "Watches under way"
})

/**
 * `exotel_watch_events_total`: events told, by `event`: `Observed`, `Changed`, `PollFailed`, `Stalled`,
 * `Ended`, `DetailsLoaded`, `DetailsUnavailable`, `Settled`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const events: Metric.Metric.Counter<number> = Metric.counter("exotel_watch_events_total", {
  description: "Events told by watches, by event",
  incremental: true
})

/**
 * `exotel_watches_completed_total`: watches that are over, by `result`: `Ended` for the call's own end, or the error's tag. An
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
 * `exotel_poll_lag_seconds`: how much later than due polls begin. It grows when too few polls may be under way at once,
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
 * `exotel_bulk_reads_total`: answered sweeps, each one request that asks for the endings of up to a hundred calls.
 *
 * @since 0.1.0
 * @category metrics
 */
export const bulkReads: Metric.Metric.Counter<number> = Metric.counter("exotel_bulk_reads_total", {
  description: "Answered sweeps for the endings of many calls",
  incremental: true
})

/**
 * `exotel_bulk_read_calls_total`: calls that answered sweeps asked for; divided by `exotel_bulk_reads_total`, how full they are.
 *
 * @since 0.1.0
 * @category metrics
 */
export const bulkReadCalls: Metric.Metric.Counter<number> = Metric.counter("exotel_bulk_read_calls_total", {
  description: "Calls that answered sweeps asked for",
  incremental: true
})

/**
 * `exotel_details_backlog_calls`: ended calls that wait for a request to spare for their details.
 *
 * @since 0.1.0
 * @category metrics
 */
export const detailsBacklog: Metric.Metric.Gauge<number> = Metric.gauge("exotel_details_backlog_calls", {
  description: "Ended calls that wait for their details to be read"
})

/**
 * `exotel_watch_slowdown_ratio`: how much longer than the cadence of their policy calls wait to be looked at, on average
 * over some 20 s: 1 when the budget suffices, 2 when each waits twice as long.
 *
 * @since 0.1.0
 * @category metrics
 */
export const slowdown: Metric.Metric.Gauge<number> = Metric.gauge("exotel_watch_slowdown_ratio", {
  description: "How much longer than their cadence calls wait to be looked at"
})

/**
 * `exotel_detection_delay_seconds`: the time between the last answer that showed a call going on, or the last sweep that
 * did not name it, and the one that showed its end. The end came somewhere in between, so this is the most that its detection can have been late.
 *
 * @since 0.1.0
 * @category metrics
 */
export const detectionDelay: Metric.Metric.Histogram<number> = Metric.histogram(
  "exotel_detection_delay_seconds",
  seconds,
  "The most by which ends of calls were detected late"
)
