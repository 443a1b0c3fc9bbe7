/** A watch in the tests of an application, on `TestClock`. */
import { CallScript, FakeExotel, FaultPlan, Journal } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Chunk, Duration, Effect, Fiber, Layer, Stream, TestClock } from "effect"

const layer = CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer()))

describe("on TestClock", () => {
  it.effect("a call of half an hour passes in one adjustment", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const watch = yield* CallWatch.CallWatch
      const sid = yield* fake.place(CallScript.answered({ ring: "10 seconds", talk: "30 minutes" }))
      const watching = yield* Effect.fork(watch.awaitEnd(sid))
      yield* TestClock.adjust("31 minutes")
      assert.strictEqual((yield* Fiber.join(watching)).status, "completed")
    }).pipe(Effect.provide(layer)), 20_000)

  it.effect("repeated 429s pause the account and do not end the watch", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const watch = yield* CallWatch.CallWatch
      yield* fake.faults(FaultPlan.status(429, { retryAfter: Duration.seconds(20) }).pipe(FaultPlan.onRequest(1, 2)))
      const sid = yield* fake.place(CallScript.noAnswer())
      const watching = yield* Effect.fork(Stream.runCollect(watch.events(sid)))
      yield* TestClock.adjust("1 minute")
      const events = Chunk.toReadonlyArray(yield* Fiber.join(watching))
      deepStrictEqual(events.map(({ _tag }) => _tag), ["PollFailed", "PollFailed", "Ended"])
      yield* Effect.flatMap(fake.journal, Journal.expectPolled(sid, 3))
    }).pipe(Effect.provide(layer)), 20_000)
})
