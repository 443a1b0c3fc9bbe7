/** The faster clock, over a clock that is led by hand. */
import { ScaledClock } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Option, TestClock } from "effect"

describe("ScaledClock", () => {
  it.effect("goes as many times as fast as the clock beneath it, and sleeps as much shorter", () =>
    Effect.gen(function*() {
      const sleeper = yield* Effect.fork(Effect.provide(
        Effect.zipRight(Effect.sleep("1 minute"), Clock.currentTimeMillis),
        ScaledClock.layer(10)
      ))
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(sleeper)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(sleeper), 60_000)
    }))

  it.effect("changes its speed for sleeps in progress, and stands still at zero", () =>
    Effect.gen(function*() {
      const scaled = yield* ScaledClock.makeAdjustable(10)
      const sleeper = yield* Effect.fork(Effect.withClock(Effect.sleep("1 minute"), scaled.clock))
      yield* TestClock.adjust("3 seconds")
      yield* scaled.setFactor(0)
      yield* TestClock.adjust("1 hour")
      assert.isTrue(Option.isNone(yield* Fiber.poll(sleeper)))
      assert.strictEqual(scaled.clock.unsafeCurrentTimeMillis(), 30_000)
      yield* scaled.setFactor(1)
      yield* TestClock.adjust("29 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(sleeper)))
      yield* scaled.setFactor(100)
      yield* TestClock.adjust("10 millis")
      yield* Fiber.join(sleeper)
      assert.strictEqual(scaled.clock.unsafeCurrentTimeMillis(), 60_000)
      assert.strictEqual(yield* scaled.factor, 100)
    }))

  it.effect("accepts no negative speed", () =>
    Effect.gen(function*() {
      const scaled = yield* ScaledClock.makeAdjustable(1)
      for (const factor of [-1, NaN, Infinity]) {
        assert.isTrue(Exit.isFailure(yield* Effect.exit(scaled.setFactor(factor))))
      }
      assert.strictEqual(yield* scaled.factor, 1)
    }))
})
