/** The faster clock, over a clock that is led by hand. */
import { ScaledClock } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Option, TestClock } from "effect"

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
})
