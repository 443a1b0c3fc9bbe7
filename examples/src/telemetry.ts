/**
 * Exports metrics and spans to the console with `@effect/opentelemetry`; replace the exporters by your own. Runs against a
 * fake Exotel on loopback: `pnpm --filter ./examples telemetry`.
 */
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { CallWatch, WatchPolicy } from "@effect-exotel/watch"
import { NodeSdk } from "@effect/opentelemetry"
import { NodeRuntime } from "@effect/platform-node"
import { ConsoleMetricExporter, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics"
import { ConsoleSpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Console, Effect, Layer } from "effect"

const Telemetry = NodeSdk.layer(() => ({
  resource: { serviceName: "call-watcher" },
  spanProcessor: new SimpleSpanProcessor(new ConsoleSpanExporter()),
  // Metrics are printed once, when the program ends and the layer is closed.
  metricReader: new PeriodicExportingMetricReader({
    exporter: new ConsoleMetricExporter(),
    exportIntervalMillis: 3_600_000
  })
}))

const program = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const watch = yield* CallWatch.CallWatch
  const sids = yield* Effect.all([
    fake.place(CallScript.answered({ ring: "500 millis", talk: "1 second" })),
    fake.place(CallScript.busy({ ring: "500 millis" }))
  ])
  const ended = yield* Effect.forEach(
    sids,
    (sid) => watch.awaitEnd(sid, { cadence: WatchPolicy.every("500 millis") }),
    {
      concurrency: "unbounded"
    }
  )
  yield* Console.log(`Ended: ${ended.map(({ status }) => status).join(", ")}`)
})

NodeRuntime.runMain(
  program.pipe(
    Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layerServer()), Layer.provideMerge(Telemetry)))
  )
)
