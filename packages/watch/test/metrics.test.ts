/** The metrics say what happened; they are global, so a test looks at what it added. */
import { ExotelMetrics } from "@effect-exotel/core"
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { CallWatch, WatchMetrics, WatchPolicy } from "@effect-exotel/watch"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Metric, TestClock } from "effect"

const counts = Effect.gen(function*() {
  const count = (metric: Metric.Metric.Counter<number>) => Effect.map(Metric.value(metric), (state) => state.count)
  const detection = yield* Metric.value(WatchMetrics.detectionDelay)
  return {
    active: yield* count(WatchMetrics.active),
    requests: yield* count(Metric.tagged(ExotelMetrics.requests, "outcome", "200")),
    ended: yield* count(Metric.tagged(WatchMetrics.events, "event", "Ended")),
    over: yield* count(Metric.tagged(WatchMetrics.over, "result", "Ended")),
    detections: detection.count,
    delays: detection.sum
  }
})

it.effect("counts watches, requests and endings, and bounds the delay of detection", () =>
  Effect.gen(function*() {
    const before = yield* counts
    const fake = yield* FakeExotel.FakeExotel
    const watch = yield* CallWatch.CallWatch
    const sid = yield* fake.place(CallScript.answered({ ring: "5 seconds", talk: "18 seconds" }))
    const policy = { cadence: WatchPolicy.every("10 seconds") }
    const ended = yield* Effect.fork(watch.awaitEnd(sid, policy))
    const interrupted = yield* Effect.fork(watch.awaitEnd(sid, policy))
    yield* TestClock.adjust("1 second")
    assert.strictEqual((yield* counts).active - before.active, 2)
    yield* Fiber.interrupt(interrupted)
    assert.strictEqual((yield* counts).active - before.active, 1)
    yield* TestClock.adjust("1 minute")
    yield* Fiber.join(ended)
    const after = yield* counts
    assert.strictEqual(after.active, before.active)
    // At 0, 10, 20 and 30 s: the call ended at 23 s.
    assert.strictEqual(after.requests - before.requests, 4)
    assert.strictEqual(after.ended - before.ended, 1)
    assert.strictEqual(after.over - before.over, 1)
    assert.strictEqual(after.detections - before.detections, 1)
    assert.strictEqual(after.delays - before.delays, 10)
  }).pipe(Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer())))))
