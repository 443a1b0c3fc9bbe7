/** A running writer with one partition, its metric and its log. */
import { FleetMetrics } from "@effect-exotel/cluster"
import { RequestBudget } from "@effect-exotel/core"
import { Duration, Effect, Logger, Metric } from "effect"
import { EventBuffer } from "../../src/internal/eventBuffer.ts"
import type { EventRow } from "../../src/internal/eventRow.ts"
import { type OwnedPartition, OwnedPartitions } from "../../src/internal/ownedPartition.ts"
import * as Writer from "../../src/internal/writer.ts"
import { fleet } from "./databases.ts"

export interface Settings extends Pick<OwnedPartition, "part" | "epoch" | "seq"> {
  readonly tables: Writer.Options["tables"]
  /** The calls that are watched. */
  readonly sids: ReadonlyArray<string>
}

/** The writer owns one of two partitions, and its buffer holds four events. */
export const startWriter = ({ sids, tables, ...position }: Settings) =>
  Effect.gen(function*() {
    const budget = RequestBudget.makeDivided({ requestsPerMinute: 200 })
    const owned = new OwnedPartitions({ partitions: 2, budget: { requestsPerMinute: 200, budget } })
    const buffer = new EventBuffer(4)
    let isLost = false
    const partition: OwnedPartition = {
      ...position,
      usableAt: 0,
      leasedUntil: Number.NEGATIVE_INFINITY,
      known: new Set(sids),
      take: () => undefined,
      lose: Effect.sync(() => {
        isLost = true
      })
    }
    owned.add(partition)
    yield* Effect.forkScoped(Writer.run({ fleet: fleet.name, tables, owned, buffer, interval: Duration.millis(20) }))
    const offer = (...rows: ReadonlyArray<EventRow>) => buffer.offer(rows.map((row) => ({ partition, row })))
    return { budget, buffer, isLost: () => isLost, offer, owned, partition }
  })

/** The number of failed writes for this reason. */
export const failures = (reason: string) =>
  Effect.map(
    Metric.value(FleetMetrics.writeFailures.pipe(Metric.tagged("reason", reason), Metric.tagged("fleet", fleet.name))),
    ({ count }) => count
  )

/** Runs a test that reads the log lines, which are printed nowhere. */
export const withLog = <A, E, R>(test: (log: () => string) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => {
    lines.push(String(message))
  })
  return Effect.provide(test(() => lines.join()), Logger.replace(Logger.defaultLogger, logger))
}
