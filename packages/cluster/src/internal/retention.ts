/** Deletes ended calls and consumed events after a time, in small batches, so that no statement holds locks for long. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as FleetMetrics from "../FleetMetrics.ts"
import type { RunnerState } from "./runnerState.ts"

const BATCH = 1000

const PAUSE = Duration.millis(50)

const INTERVAL = Duration.minutes(1)

export const run = (
  { fleet, keep, owned, tables }: RunnerState & { readonly keep: Duration.Duration }
): Effect.Effect<never> => {
  const drain = <E>(
    table: "call" | "event",
    remove: Effect.Effect<ReadonlyArray<unknown>, E>
  ): Effect.Effect<void, E> =>
    remove.pipe(
      Effect.tap(({ length }) => Metric.update(Metric.tagged(FleetMetrics.removedRows, "table", table), length)),
      Effect.zipLeft(Effect.sleep(PAUSE)),
      Effect.repeat({ while: ({ length }) => length === BATCH }),
      Effect.asVoid
    )

  const clean = Effect.gen(function*() {
    const { parts } = owned
    if (parts.length === 0) return
    const before = (yield* Clock.currentTimeMillis) - Duration.toMillis(keep)
    yield* drain("call", tables.removeCalls(parts, before, BATCH))
    for (const part of parts) yield* drain("event", tables.removeEvents(part, before, BATCH))
  })

  return clean.pipe(
    Effect.catchAllCause((cause) => Effect.logWarning(`Retention of fleet ${fleet} failed; trying again`, cause)),
    Effect.zipRight(Effect.sleep(INTERVAL)),
    Effect.forever,
    Effect.tagMetrics("fleet", fleet)
  )
}
