/** Guarantee 6: a hint causes at most one poll, and never decides what is emitted. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, FastCheck, Fiber, Stream } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { inScenario, listen, words } from "./support/scenarios.ts"

const policy: WatchPolicy.Options = { cadence: WatchPolicy.every("1 minute") }

const script = CallScript.answered({ ring: "10 seconds", talk: "10 seconds" })

describe("a hint", () => {
  it.effect("makes a watch poll at once, so that the end is detected when the callback arrives", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const watching = yield* Effect.fork(listen(scenario, scenario.watch.events(sid, policy)))
        yield* Effect.sleep("20 seconds")
        assert.isTrue(yield* scenario.watch.hint(sid))
        deepStrictEqual(words(yield* Fiber.join(watching)), ["0 Observed in-progress", "20 Ended completed"])
        deepStrictEqual(yield* scenario.requests(), [0, 20])
      })
    ))

  it.effect("that is early or wrong only changes the time of one poll", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const watching = yield* Effect.fork(listen(scenario, scenario.watch.events(sid, policy)))
        yield* Effect.sleep("5 seconds")
        yield* scenario.watch.hint(sid)
        deepStrictEqual(words(yield* Fiber.join(watching)), ["0 Observed in-progress", "65 Ended completed"])
        deepStrictEqual(yield* scenario.requests(), [0, 5, 65])
      })
    ))

  it.effect("during a poll is followed by one more poll, because that one may have been sent too early", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        yield* scenario.fake.faults(FaultPlan.stalled({ duration: "9 seconds" }).pipe(FaultPlan.onRequest(2)))
        const watching = yield* Effect.fork(listen(scenario, scenario.watch.events(sid, policy)))
        yield* Effect.sleep("15 seconds")
        yield* scenario.watch.hint(sid)
        yield* Effect.sleep("5 seconds")
        yield* scenario.watch.hint(sid)
        yield* Fiber.join(watching)
        deepStrictEqual(yield* scenario.requests(), [0, 15, 24])
      })
    ))

  it.effect("does not shorten a Retry-After", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy())
        yield* scenario.fake.faults(
          FaultPlan.status(503, { retryAfter: Duration.seconds(30) }).pipe(FaultPlan.onRequest(1))
        )
        const watching = yield* Effect.fork(scenario.watch.awaitEnd(sid, policy))
        yield* Effect.sleep("10 seconds")
        yield* scenario.watch.hint(sid)
        yield* Fiber.join(watching)
        deepStrictEqual(yield* scenario.requests(), [0, 30])
      })
    ))

  it.effect("for a call that is not watched, or an invalid sid, sends no request", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        for (const each of [sid, "0".repeat(32), "", "../x", "a b"]) assert.isFalse(yield* scenario.watch.hint(each))
        yield* Stream.runDrain(scenario.watch.events(sid, policy))
        assert.isFalse(yield* scenario.watch.hint(sid))
        assert.strictEqual(scenario.clock.timers, 0)
        deepStrictEqual(yield* scenario.requests(), [0, 60])
      })
    ))

  it("causes at most one poll, and many hints at most one in two seconds", () =>
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.tuple(FastCheck.nat(9000), FastCheck.integer({ min: 1, max: 20 })), { maxLength: 4 }),
        (hints) => {
          Effect.runSync(inScenario((scenario) =>
            Effect.gen(function*() {
              const sid = yield* scenario.fake.place(CallScript.answered({ ring: "3 seconds", talk: "1 hour" }))
              const watching = yield* Effect.fork(
                listen(scenario, scenario.watch.events(sid, { cadence: WatchPolicy.every("3 hours") }))
              )
              let offered = 0
              for (const [pause, flood] of hints) {
                yield* Effect.sleep(pause)
                yield* Effect.replicateEffect(scenario.watch.hint(sid), flood, { discard: true })
                offered += flood
              }
              yield* Effect.sleep("10 seconds")
              const at = yield* scenario.requests()
              const emitted = yield* Fiber.join(watching)
              assert.isAtMost(at.length, 1 + offered)
              at.slice(1).forEach((each, i) => assert.isAtLeast(Math.round((each - (at[i] ?? NaN)) * 1000), 2000))
              // Only states that a poll showed: ringing, talking if a hint arrived meanwhile, and the end.
              const statuses = emitted.emitted.map(({ value }) => value._tag)
              const sawTalk = at.some((each) => each >= 3)
              deepStrictEqual(statuses, sawTalk ? ["Observed", "Changed", "Ended"] : ["Observed", "Ended"])
              // The last hint caused a poll after it.
              if (hints.length > 0) {
                const last = hints.reduce((sum, [pause]) => sum + pause, 0) / 1000
                assert.isAtLeast(at.at(-1) ?? NaN, last)
              }
            })
          ))
        }
      ),
      { numRuns: cases(1000), seed: 6 }
    ), 120_000)
})
