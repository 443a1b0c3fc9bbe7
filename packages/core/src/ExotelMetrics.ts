/**
 * Metrics of this package. Effect's metrics cost next to nothing until they are exported.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"

/**
 * `exotel_requests_total`: requests sent, retries and region probes included, by `outcome`: the HTTP status (`200`,
 * `429`), the reason of a transport error (`Reset`, `Timeout`), `TooLarge`, or `Interrupted`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const requests: Metric.Metric.Counter<number> = Metric.counter("exotel_requests_total", {
  description: "Requests to Exotel, by outcome",
  incremental: true
})

/**
 * `exotel_budget_wait_seconds`: how long requests waited for a permit, by `priority`: `interactive`, `watch`,
 * `background`. Requests without a wait are not included.
 *
 * @since 0.1.0
 * @category metrics
 */
export const budgetWait: Metric.Metric.Histogram<number> = Metric.histogram(
  "exotel_budget_wait_seconds",
  MetricBoundaries.fromIterable([0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300]),
  "How long requests waited for a permit of the request budget"
)

/**
 * `exotel_budget_per_minute`: how many requests a minute the budget allows; below the configured limit after a 429.
 *
 * @since 0.1.0
 * @category metrics
 */
export const budgetPerMinute: Metric.Metric.Gauge<number> = Metric.gauge("exotel_budget_per_minute", {
  description: "Requests a minute that the request budget allows"
})

/**
 * `exotel_unreadable_fields_total`: optional fields of calls that were present and could not be read, by `field`: the wire
 * path without indices, such as `Duration` or `Details.Legs.OnCallDuration`. See `Call.unreadable`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const unreadableFields: Metric.Metric.Counter<number> = Metric.counter("exotel_unreadable_fields_total", {
  description: "Optional fields of calls that could not be read",
  incremental: true
})
