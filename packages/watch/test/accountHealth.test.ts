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
  /** The call and the second of each warning, when a poll for these watches fails at each of these seconds. */
  const warnings = (
    states: ReadonlyArray<WatchState>,
    failures: Readonly<Record<number, ExotelError.ExotelError>>
  ): Effect.Effect<ReadonlyArray<string>> => {
    const logged: Array<string> = []
    const health = new AccountHealth()
    return Effect.forEach(Object.entries(failures), ([second, error]) => {
      const logger = Logger.make(({ annotations }) => {
        logged.push(`${String(HashMap.unsafeGet(annotations, "exotel.call.sid"))} ${second}`)
      })
      return Effect.provide(
        health.warning(error, states, after(Number(second))),
        Logger.replace(Logger.defaultLogger, logger)
      )
    }).pipe(Effect.as(logged))
  }

  const healthy = begin("call1")
  const failing = begin("call2")
  for (let i = 0; i < 4; i++) {
    failing.onFailure(unavailable, after(0).date, 0, new AccountHealth().state(after(0), 0))
  }

  it.effect("comes after one minute, and then after twice the time", () =>
    Effect.gen(function*() {
      const failures = Object.fromEntries([0, 59, 60, 179, 180, 419, 420].map((second) => [second, unavailable]))
      deepStrictEqual(yield* warnings([healthy, failing], failures), ["call2 0", "call2 60", "call2 180", "call2 420"])
    }))

  it.effect("comes after one minute again when the error is another", () =>
    Effect.gen(function*() {
      const failures = { 0: unavailable, 60: unavailable, 119: unauthorized, 120: unauthorized, 180: unauthorized }
      deepStrictEqual(yield* warnings([failing], failures), ["call2 0", "call2 60", "call2 120", "call2 180"])
    }))

  it.effect("does not come for a watch whose polls do not keep failing", () =>
    Effect.gen(function*() {
      deepStrictEqual(yield* warnings([healthy], { 0: unavailable }), [])
    }))
})
