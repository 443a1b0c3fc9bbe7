/**
 * Measures how late the ends of calls are detected by individual and by bulk polling, by number of calls, with 200
 * requests a minute and a cadence that uses all of them. It runs on the virtual clock, so each run gives the same figures.
 *
 * `BENCH_JSON=<file>` writes the result as JSON; the picture of the documentation is drawn from it.
 */
import { WatchPolicy } from "@effect-exotel/watch"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { percentile, simulate } from "./lib/callCenter.ts"
import { writeJson } from "./lib/json.ts"
import { smoke, table } from "./lib/measure.ts"

const REQUESTS_PER_MINUTE = 200
const MEAN_SECONDS = 180

const Point = Schema.Struct({
  mode: Schema.Literal("individual", "bulk"),
  calls: Schema.Number,
  /** Seconds; absent if some ends are not detected within ten minutes. */
  p50: Schema.optional(Schema.Number),
  p95: Schema.optional(Schema.Number),
  /** The 95th percentile, in seconds, if each request were a bulk read of 100 calls without any delay between. */
  best: Schema.Number
})
const Result = Schema.parseJson(
  Schema.Struct({ requestsPerMinute: Schema.Number, meanSeconds: Schema.Number, points: Schema.Array(Point) }),
  { space: 2 }
)

const rounded = (seconds: number) => Math.round(seconds * 100) / 100

const measure = (mode: "individual" | "bulk", calls: number, minutes: number, graceSeconds: number) =>
  Effect.map(
    simulate({
      calls,
      minutes,
      graceSeconds,
      meanSeconds: MEAN_SECONDS,
      requestsPerMinute: REQUESTS_PER_MINUTE,
      bulkSize: mode === "bulk" ? 100 : 1,
      policy: { cadence: WatchPolicy.every("1 second") }
    }),
    ({ endings, missed }): typeof Point.Type => ({
      mode,
      calls,
      ...(missed === 0 ? { p50: rounded(percentile(endings, 0.5)), p95: rounded(percentile(endings, 0.95)) } : {}),
      best: rounded(Math.ceil(calls / 100) * 60 / REQUESTS_PER_MINUTE * 0.95)
    })
  )

const program = Effect.gen(function*() {
  const short = yield* smoke
  const points = [
    ...yield* Effect.forEach(
      short ? [10] : [10, 20, 50, 100, 200, 300, 400, 500],
      (calls) => measure("individual", calls, short ? 3 : 25, short ? 60 : 600)
    ),
    ...yield* Effect.forEach(
      short ? [100] : [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000],
      (calls) => measure("bulk", calls, short ? 3 : calls > 2000 ? 5 : 12, 60)
    )
  ]
  const seconds = (value: number | undefined) => value?.toFixed(1) ?? "does not keep up"
  yield* Console.log(`Seconds from a call's end to its detection, with ${REQUESTS_PER_MINUTE} requests a minute\n`)
  yield* Console.log(table(
    ["polling", "calls", "p50", "p95", "best p95"],
    points.map(({ best, calls, mode, p50, p95 }) => [mode, String(calls), seconds(p50), seconds(p95), seconds(best)])
  ))
  const result = { requestsPerMinute: REQUESTS_PER_MINUTE, meanSeconds: MEAN_SECONDS, points }
  yield* writeJson(yield* Schema.encode(Result)(result))
})

NodeRuntime.runMain(Effect.provide(program, NodeContext.layer))
