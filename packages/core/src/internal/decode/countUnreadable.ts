/** Counts the unreadable fields of a decoded call in the metric. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { Call } from "../../Call.ts"
import { unreadableFields } from "../../ExotelMetrics.ts"

export const countUnreadable = (call: Call): Effect.Effect<void> =>
  Effect.forEach(
    call.unreadable,
    (path) => Metric.increment(Metric.tagged(unreadableFields, "field", path.replaceAll(/\[\d+\]/g, ""))),
    { discard: true }
  )
