/**
 * What this package counts. Effect's metrics cost next to nothing until somebody exports them.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

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
