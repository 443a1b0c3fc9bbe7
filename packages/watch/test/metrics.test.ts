/** The metrics say what happened; they are global, so a test reads the difference. */
import { type ExotelCalls, ExotelMetrics } from "@effect-exotel/core"
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { CallWatch, WatchMetrics, WatchPolicy } from "@effect-exotel/watch"
import { assert, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Fiber, Layer, Metric, Stream, TestClock } from "effect"
import { count, follow, limited, placeAll } from "./support/fleets.ts"
import { inScenario, interruptAfter, makeWatch } from "./support/scenarios.ts"

const counts = Effect.gen(function*() {
  const count = (metric: Metric.Metric.Counter<number>) => Effect.map(Metric.value(metric), (state) => state.count)
  const detection = yield* Metric.value(WatchMetrics.detectionDelay)
  return {
    active: (yield* Metric.value(WatchMetrics.active)).value,
    requests: yield* count(Metric.tagged(ExotelMetrics.requests, "outcome", "200")),
    ended: yield* count(Metric.tagged(WatchMetrics.events, "event", "Ended")),
    over: yield* count(Metric.tagged(WatchMetrics.completed, "result", "Ended")),
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
    assert.closeTo(after.delays - before.delays, 10, 1e-6)
  }).pipe(Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer())))))

it.effect("count the bulk polls, their calls, and the ends that they detect", () =>
  inScenario((scenario) =>
    Effect.gen(function*() {
      const read = Effect.all({
        detections: Metric.value(WatchMetrics.detectionDelay),
        bulkPolls: Metric.value(WatchMetrics.bulkReads),
        bulkPolled: Metric.value(WatchMetrics.bulkReadCalls)
      })
      const before = yield* read
      const sent: Array<number> = []
      const find: ExotelCalls.Service["findEnded"] = (sids) => {
        sent.push([...sids].length)
        return scenario.calls.findEnded(sids)
      }
      const watch = yield* makeWatch(scenario, {
        ...scenario.calls,
        findEnded: find
      })
      const sids = yield* placeAll(scenario.fake, Array.from({ length: 150 }, () => 60))
      yield* follow(scenario, watch.fleet(sids, { cadence: WatchPolicy.every("5 seconds") }))
      const after = yield* read
      assert.isAbove(sent.length, 10)
      assert.strictEqual(after.bulkPolls.count - before.bulkPolls.count, sent.length)
      assert.strictEqual(after.bulkPolled.count - before.bulkPolled.count, sent.reduce((sum, calls) => sum + calls, 0))
      assert.strictEqual(after.detections.count - before.detections.count, 150)
    }), limited(30, { bulkDetails: false })))

it.effect("show how many calls wait for their details, up to the last one", () =>
  inScenario((scenario) =>
    Effect.gen(function*() {
      const backlog = Effect.map(Metric.value(WatchMetrics.detailsBacklog), ({ value }) => value)
      const sids = yield* placeAll(scenario.fake, Array.from({ length: 60 }, () => 60))
      let most = 0
      const emitted = yield* follow(
        scenario,
        scenario.watch.fleet(sids, { cadence: WatchPolicy.every("5 seconds"), details: true }).pipe(
          Stream.tap(() => Effect.map(backlog, (now) => (most = Math.max(most, now))))
        )
      )
      assert.isAbove(count(emitted, "DetailsLoaded"), 50)
      assert.isAtLeast(most, 40)
      assert.strictEqual(yield* backlog, 0)
    }), limited(30, { bulkDetails: false })))

it.effect("show that no call waits for its details any more when they are given up", () =>
  inScenario((scenario) =>
    Effect.gen(function*() {
      const sids = yield* placeAll(scenario.fake, Array.from({ length: 200 }, () => 60))
      const policy = { cadence: WatchPolicy.every("5 seconds"), details: true, detailsLimit: Duration.seconds(20) }
      const emitted = yield* follow(scenario, scenario.watch.fleet(sids, policy))
      assert.isAbove(count(emitted, "DetailsUnavailable"), 100)
      assert.strictEqual((yield* Metric.value(WatchMetrics.detailsBacklog)).value, 0)
    }), limited(30, { bulkDetails: false })))

it.effect("count the result of each watch that was not interrupted: the end, the error, or a defect", () =>
  inScenario((scenario) =>
    Effect.gen(function*() {
      const results = Effect.forEach(["Ended", "WatchTimeout", "Defect"], (result) =>
        Effect.map(Metric.value(Metric.tagged(WatchMetrics.completed, "result", result)), ({ count }) =>
          count))
      const active = Effect.map(Metric.value(WatchMetrics.active), ({ value }) =>
        value)
      const [before, watching] = yield* Effect.all([results, active])
      const sid = yield* scenario.fake.place(CallScript.answered({ talk: "1 minute" }))
      const defective = yield* makeWatch(scenario, { ...scenario.calls, getWithDetails: () => Effect.die("a defect") })
      yield* interruptAfter(scenario.watch.awaitEnd(sid), "5 seconds")
      yield* Effect.exit(scenario.watch.awaitEnd(sid, { deadline: "10 seconds" }))
      yield* Effect.exit(defective.awaitEnd(sid))
      // The end of a layer interrupts its watches.
      yield* Effect.scoped(Effect.flatMap(makeWatch(scenario), (closed) =>
        Effect.zipRight(Effect.fork(closed.awaitEnd(sid)), Effect.sleep("5 seconds"))))
      yield* scenario.watch.awaitEnd(sid)
      deepStrictEqual(
        (yield* results).map((count, index) =>
          count - (before[index] ?? NaN)
        ),
        [1, 1, 1]
      )
      assert.strictEqual(yield* active, watching)
    })
  ))

it.effect("give the delay of polls in seconds", () =>
  inScenario((scenario) =>
    Effect.gen(function*() {
      const slow = yield* makeWatch(scenario, {
        ...scenario.calls,
        getWithDetails: (sid) => Effect.delay(scenario.calls.getWithDetails(sid), "3 seconds")
      }, { concurrency: 1 })
      const before = yield* Metric.value(WatchMetrics.pollLag)
      const sids = yield* placeAll(scenario.fake, [2, 2])
      yield* Effect.forEach(sids, (sid) => slow.awaitEnd(sid), { concurrency: "unbounded" })
      const after = yield* Metric.value(WatchMetrics.pollLag)
      assert.strictEqual(after.count - before.count, 2)
      // The second poll begins after the first one, 3 s later than due.
      assert.closeTo(after.sum - before.sum, 3, 1e-6)
    })
  ))
