/** The state of the account after polls that fail and succeed. The time is a parameter. */
import { CallSid, ExotelError } from "@effect-exotel/core"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, HashMap, Logger, Schema } from "effect"
import { AccountHealth } from "../src/internal/engine/accountHealth.ts"
import type { Now } from "../src/internal/engine/now.ts"
import { WatchState } from "../src/internal/watch/watchState.ts"

/** Both clocks; they differ, so that one is not mistaken for the other. */
const after = (seconds: number): Now => ({ at: 5_000_000 + seconds * 1000, date: 1_000_000_000_000 + seconds * 1000 })

const unauthorized = new ExotelError.AuthenticationError({ status: 401 })
const unavailable = new ExotelError.ServiceUnavailable({ status: 503 })
const unreachable = new ExotelError.TransportError({ reason: "Refused" })

const begin = (sid: string) =>
  WatchState.begin(Schema.decodeSync(CallSid.CallSid)(sid), WatchPolicy.standard, after(0).date)

describe("an account that rejects the credentials", () => {
  const state = begin("call1")

  it("is polled once in five seconds, and at the end of the grace", () => {
    const health = new AccountHealth()
    health.onFailure(unauthorized, [state], after(0))
    deepStrictEqual(health.state(after(1), 0), {
      pausedUntil: after(5).date,
      isReachable: true,
      unauthorizedSince: after(0).date
    })
    health.onFailure(unauthorized, [state], after(58))
    assert.strictEqual(health.state(after(58), 0).pausedUntil, after(60).date)
  })

  it("is paused for the longer of its own pause and that of the budget", () => {
    const health = new AccountHealth()
    health.onFailure(unauthorized, [state], after(0))
    assert.strictEqual(health.state(after(0), 7000).pausedUntil, after(7).date)
    assert.strictEqual(health.state(after(0), 3000).pausedUntil, after(5).date)
  })

  it("begins anew after another error, and after a success", () => {
    const health = new AccountHealth()
    health.onFailure(unauthorized, [state], after(0))
    health.onFailure(unavailable, [state], after(10))
    assert.strictEqual(health.state(after(20), 0).unauthorizedSince, after(20).date)
    health.onFailure(unauthorized, [state], after(30))
    assert.strictEqual(health.state(after(31), 0).unauthorizedSince, after(30).date)
    health.onSuccess()
    assert.strictEqual(health.state(after(40), 0).unauthorizedSince, after(40).date)
    assert.strictEqual(health.pausedUntil, -Infinity)
  })
})

describe("an account", () => {
  it("is reachable after any response, and not after a failure to connect", () => {
    const health = new AccountHealth()
    const isReachable = () => health.state(after(0), 0).isReachable
    health.onFailure(unreachable, [], after(0))
    assert.isFalse(isReachable())
    health.onFailure(unavailable, [], after(0))
    assert.isTrue(isReachable())
    const another = new AccountHealth()
    another.onSuccess()
    assert.isTrue(another.state(after(0), 0).isReachable)
  })
})

describe("the warning that polls keep failing", () => {
  /** The seconds at which it is logged when polls of the second call fail with the error at each of these. */
  const warnedAt = (seconds: ReadonlyArray<number>, errorAt: (second: number) => ExotelError.ExotelError) => {
    const logged: Array<unknown> = []
    const health = new AccountHealth()
    const [healthy, failing] = [begin("call1"), begin("call2")]
    for (let i = 0; i < 4; i++) failing.onFailure(unavailable, after(0).date, 0, health.state(after(0), 0))
    return Effect.forEach(seconds, (second) =>
      health.warning(errorAt(second), [healthy, failing], after(second)).pipe(
        Effect.provide(Logger.replace(
          Logger.defaultLogger,
          Logger.make(({ annotations }) => {
            logged.push([second, HashMap.unsafeGet(annotations, "exotel.call.sid")])
          })
        ))
      )).pipe(Effect.as(logged))
  }

  it.effect("comes after one minute, and then after twice the time", () =>
    Effect.gen(function*() {
      const logged = yield* warnedAt([0, 59, 60, 179, 180, 419, 420], () => unavailable)
      deepStrictEqual(logged, [0, 60, 180, 420].map((second) => [second, "call2"]))
    }))

  it.effect("does not come for a watch whose polls do not keep failing", () =>
    Effect.gen(function*() {
      const health = new AccountHealth()
      const logged: Array<unknown> = []
      yield* health.warning(unavailable, [begin("call1")], after(0)).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => void logged.push(message))))
      )
      deepStrictEqual(logged, [])
    }))

  it.effect("comes after one minute again when the error is another", () =>
    Effect.gen(function*() {
      const logged = yield* warnedAt([0, 60, 119, 120, 180], (second) => second < 100 ? unavailable : unauthorized)
      deepStrictEqual(logged, [0, 60, 120, 180].map((second) => [second, "call2"]))
    }))
})
