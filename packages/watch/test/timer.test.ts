/** The one timer of an engine, by its own account of when it fires. */
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Clock, Effect, Runtime, TestClock } from "effect"
import { Timer } from "../src/internal/engine/timer.ts"

/** A timer, and when it went off, in milliseconds; `onTime` says to when it sets itself again. */
const started = (again: (now: number, timer: Timer) => void = () => undefined) =>
  Effect.map(Effect.runtime(), (runtime) => {
    const wentOff: Array<number> = []
    const timer: Timer = new Timer(
      (effect) => Runtime.runFork(runtime)(Effect.uninterruptible(effect), { immediate: false }),
      (since, slept) => {
        wentOff.push(since + slept)
        again(since + slept, timer)
      }
    )
    return { timer, wentOff }
  })

const everyMilli = (now: number, timer: Timer) => timer.set(now + 1, now)

describe("the timer", () => {
  it.effect("fires at the earliest time that it was set to, once", () =>
    Effect.gen(function*() {
      const { timer, wentOff } = yield* started()
      for (const at of [500, 200, 300]) timer.set(at, 0)
      yield* TestClock.adjust("1 minute")
      deepStrictEqual(wentOff, [200])
    }))

  it.effect("is put away by a time that never comes", () =>
    Effect.gen(function*() {
      const { timer, wentOff } = yield* started()
      timer.set(500, 0)
      timer.set(Infinity, 0)
      yield* TestClock.adjust("1 minute")
      deepStrictEqual(wentOff, [])
    }))

  it.effect("fires to the millisecond a few times, and fifty times a second when that goes on", () =>
    Effect.gen(function*() {
      const { timer, wentOff } = yield* started(everyMilli)
      timer.set(1, 0)
      yield* TestClock.adjust("2 seconds")
      deepStrictEqual(wentOff.slice(0, 25), Array.from({ length: 25 }, (_, i) => i + 1))
      assert.isAtMost(wentOff.length, 25 + 2 * 50 + 2)
      assert.isAtLeast(wentOff.length, 2 * 50)
    }))

  /** What comes of it when it is set to seven milliseconds from now. */
  const exactly = (timer: Timer, wentOff: Array<number>) =>
    Effect.gen(function*() {
      wentOff.length = 0
      const now = yield* Clock.currentTimeMillis
      timer.set(now + 7, now)
      yield* TestClock.adjust("1 second")
      deepStrictEqual(wentOff, [now + 7])
    })

  it.effect("is as exact as before after it was left alone for a while", () =>
    Effect.gen(function*() {
      let goesOn = true
      const { timer, wentOff } = yield* started((now, timer) => goesOn ? everyMilli(now, timer) : undefined)
      timer.set(1, 0)
      yield* TestClock.adjust("2 seconds")
      goesOn = false
      yield* TestClock.adjust("2 seconds")
      yield* exactly(timer, wentOff)
    }))

  it.effect("waits no longer than its interval for a clock that was set back, and is exact again later", () =>
    Effect.gen(function*() {
      let goesOn = true
      const { timer, wentOff } = yield* started((now, timer) => goesOn ? everyMilli(now, timer) : undefined)
      yield* TestClock.adjust("1 hour")
      const now = yield* Clock.currentTimeMillis
      timer.set(now + 1, now)
      yield* TestClock.adjust("1 second")
      yield* TestClock.setTime(0)
      timer.set(Infinity, 0)
      wentOff.length = 0
      timer.set(1, 0)
      yield* TestClock.adjust("1 second")
      assert.isAtMost(wentOff[0] ?? NaN, 20)
      assert.isAtLeast(wentOff.length, 40)
      goesOn = false
      yield* TestClock.adjust("2 seconds")
      yield* exactly(timer, wentOff)
    }))
})
