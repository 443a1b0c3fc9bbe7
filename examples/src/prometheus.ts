/**
 * Serves the metrics for Prometheus at http://127.0.0.1:9464/metrics with `@effect/opentelemetry`, watches a call of a
 * fake Exotel on loopback, and prints what Prometheus would read: `pnpm --filter ./examples prometheus`.
 */
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { CallWatch, WatchPolicy } from "@effect-exotel/watch"
import { NodeSdk } from "@effect/opentelemetry"
import { HttpClient } from "@effect/platform"
import { NodeHttpClient, NodeRuntime } from "@effect/platform-node"
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus"
import { Console, Effect, Layer } from "effect"

const HOST = "127.0.0.1"
const PORT = 9464

const Metrics = NodeSdk.layer(() => ({
  resource: { serviceName: "call-watcher" },
  metricReader: new PrometheusExporter({ host: HOST, port: PORT })
}))

const program = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const watch = yield* CallWatch.CallWatch
  const sid = yield* fake.place(CallScript.answered({ ring: "500 millis", talk: "1 second" }))
  yield* watch.awaitEnd(sid, { cadence: WatchPolicy.every("500 millis") })
  const response = yield* HttpClient.get(`http://${HOST}:${PORT}/metrics`)
  const lines = (yield* response.text).split("\n").filter((line) => line.startsWith("exotel_"))
  yield* Console.log(lines.filter((line) => !line.includes("_bucket")).join("\n"))
})

NodeRuntime.runMain(
  program.pipe(
    Effect.provide(Layer.mergeAll(
      CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layerServer())),
      Metrics,
      NodeHttpClient.layerUndici
    ))
  )
)
