/** The partitions that this runner owns, and the share of the request budget that goes with them. */
import * as MonotonicClock from "@effect-exotel/core/MonotonicClock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { Service as Budget } from "../FleetBudget.ts"
import * as FleetMetrics from "../FleetMetrics.ts"
import type { CallRow } from "./tables.ts"

export interface OwnedPartition {
  readonly part: number
  readonly epoch: number
  /** The position of the last committed event. Only the writer moves it. */
  seq: number
  /** When the previous owner can no longer use the share of the budget, in monotonic milliseconds. */
  readonly usableAt: number
  /** Until when this runner may use the share: the writer renews it. */
  leasedUntil: number
  /** The calls that are watched: from when they are taken until their last event is committed. */
  readonly known: Set<string>
  /** Begins to watch calls that are not known yet. */
  readonly take: (rows: ReadonlyArray<CallRow>) => void
  /** Ends this ownership, because another runner owns the partition. */
  readonly lose: Effect.Effect<void>
}

export interface Options {
  readonly partitions: number
  readonly budget: Budget
}

export class OwnedPartitions {
  private readonly owned = new Map<number, OwnedPartition>()
  private readonly options: Options
  constructor(options: Options) {
    this.options = options
  }

  get all(): ReadonlyArray<OwnedPartition> {
    return [...this.owned.values()]
  }

  get parts(): ReadonlyArray<number> {
    return [...this.owned.keys()]
  }

  take(rows: ReadonlyArray<CallRow>): void {
    for (const row of rows) this.owned.get(row.part)?.take([row])
  }

  isCurrent(partition: OwnedPartition): boolean {
    return this.owned.get(partition.part) === partition
  }

  add(partition: OwnedPartition): void {
    this.owned.set(partition.part, partition)
  }

  remove(partition: OwnedPartition): void {
    if (this.isCurrent(partition)) this.owned.delete(partition.part)
  }

  /** Sets the share of the budget by the leases that hold now. */
  get updateShare(): Effect.Effect<void> {
    return Effect.flatMap(MonotonicClock.currentTimeMillis, (now) => {
      const { budget, partitions } = this.options
      const leased = this.all.filter(({ leasedUntil }) => leasedUntil > now)
      const until = Math.min(...leased.map(({ leasedUntil }) => leasedUntil))
      const openCalls = this.all.reduce((sum, { known }) => sum + known.size, 0)
      return Effect.all([
        budget.budget.setShare(
          budget.requestsPerMinute * leased.length / partitions,
          leased.length === 0 ? 0 : until - now
        ),
        Metric.set(FleetMetrics.partitions, this.owned.size),
        Metric.set(FleetMetrics.openCalls, openCalls)
      ], { discard: true })
    })
  }
}
