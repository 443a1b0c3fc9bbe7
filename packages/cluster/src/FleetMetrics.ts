/**
 * Metrics of durable fleets, each by `fleet`.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * `exotel_fleet_open_calls`: the open calls in the partitions of this runner.
 *
 * @since 0.1.0
 * @category metrics
 */
export const openCalls: Metric.Metric.Gauge<number> = Metric.gauge("exotel_fleet_open_calls", {
  description: "Open calls in the partitions of this runner"
})

/**
 * `exotel_fleet_partitions`: the partitions that this runner owns. The sum over all runners is the fleet's number of
 * partitions; if it stays below for longer than the expiry of a shard lock, some calls are not watched.
 *
 * @since 0.1.0
 * @category metrics
 */
export const partitions: Metric.Metric.Gauge<number> = Metric.gauge("exotel_fleet_partitions", {
  description: "Partitions that this runner owns"
})

/**
 * `exotel_fleet_backlog_events`: events that wait to be written. At most some 30,000: a full backlog holds back polling.
 *
 * @since 0.1.0
 * @category metrics
 */
export const backlog: Metric.Metric.Gauge<number> = Metric.gauge("exotel_fleet_backlog_events", {
  description: "Events that wait to be written to the database"
})

/**
 * `exotel_fleet_takeovers_total`: partitions that this runner took over from another owner, or again after a failure.
 *
 * @since 0.1.0
 * @category metrics
 */
export const takeovers: Metric.Metric.Counter<number> = Metric.counter("exotel_fleet_takeovers_total", {
  description: "Partitions taken over",
  incremental: true
})

/**
 * `exotel_fleet_rejected_writes_total`: batches of a partition that were refused because another runner owns it. A few
 * whenever partitions move; a steady rate means that two runners contend.
 *
 * @since 0.1.0
 * @category metrics
 */
export const rejectedWrites: Metric.Metric.Counter<number> = Metric.counter("exotel_fleet_rejected_writes_total", {
  description: "Writes refused because another runner owns the partition",
  incremental: true
})

/**
 * `exotel_fleet_write_failures_total`: failed attempts to write, by `reason`: `disk_full`, `no_privilege`, `timeout` or
 * `unavailable`. The events wait in memory and are tried again.
 *
 * @since 0.1.0
 * @category metrics
 */
export const writeFailures: Metric.Metric.Counter<number> = Metric.counter("exotel_fleet_write_failures_total", {
  description: "Failed attempts to write events, by reason",
  incremental: true
})

/**
 * `exotel_fleet_events_written_total`: events written to the log.
 *
 * @since 0.1.0
 * @category metrics
 */
export const eventsWritten: Metric.Metric.Counter<number> = Metric.counter("exotel_fleet_events_written_total", {
  description: "Events written to the log",
  incremental: true
})

/**
 * `exotel_fleet_removed_rows_total`: rows that retention has deleted, by `table`: `call` or `event`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const removedRows: Metric.Metric.Counter<number> = Metric.counter("exotel_fleet_removed_rows_total", {
  description: "Rows deleted by retention",
  incremental: true
})
