/** Guarantee 4: `Retry-After` applies to one wait, is capped, and ends a watch whose deadline it exceeds. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Exit, FastCheck, Fiber } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import type { Scenario } from "./support/scenarios.ts"
import { failure, inScenario, listen, words } from "./support/scenarios.ts"

const script = CallScript.answered({ ring: "10 seconds", talk: "30 minutes" })

const cadence = WatchPolicy.every("10 seconds")

/** The times of the second and third request, after a first one with this response. */
const nextRequests = (status: number, retryAfter: string | undefined, policy: WatchPolicy.Options = {}) =>
  inScenario((scenario) =>
    Effect.gen(function*() {
      const sid = yield* scenario.fake.place(script)
      yield* scenario.fake.faults(FaultPlan.status(status, { retryAfter }).pipe(FaultPlan.onRequest(1)))
      const fiber = yield* Effect.fork(scenario.watch.awaitEnd(sid, { cadence, errorBackoff: "1 second", ...policy }))
      yield* Effect.sleep("12 minutes")
      yield* Fiber.interrupt(fiber)
      return (yield* scenario.requests()).slice(1, 3)
    })
  )

/** The virtual clock begins with 2001. */
const date = (seconds: number) => new Date(Date.UTC(2001, 0, 1) + seconds * 1000).toUTCString()

const within = (from: number, to: number) => (at: number | undefined) => {
  assert.isAtLeast(at ?? NaN, from)
  assert.isAtMost(at ?? NaN, to)
}

describe("after a 503", () => {
  // The policy's backoff is half a second to a second; `Retry-After` can extend it and cannot shorten it.
  for (
    const [name, header, check] of [
      ["no Retry-After", undefined, within(0.5, 1)],
      ["0", "0", within(0.5, 1)],
      ["1 s", "1", within(1, 1)],
      ["7 s", "7", within(7, 7)],
      ["3,000,000 s", "3000000", within(300, 300)],
      ["more digits than a number holds", "9".repeat(400), within(300, 300)],
      ["a date that has passed", date(-3600), within(0.5, 1)],
      ["a date in a minute", date(60), within(60, 60)],
      ["a date in ten years", date(3650 * 86_400), within(300, 300)],
      ["garbage", "soon, maybe", within(0.5, 1)],
      ["a negative number", "-5", within(0.5, 1)]
    ] as const
  ) {
    it.effect(`with ${name}, the next poll waits within its bounds, and the one after it follows the cadence`, () =>
      Effect.gen(function*() {
        const [second, third] = yield* nextRequests(503, header)
        check(second)
        assert.strictEqual(third, (second ?? NaN) + 10)
      }))
  }
})

describe("after a 429", () => {
  for (
    const [name, header, check] of [
      ["no Retry-After", undefined, within(5, 5)],
      ["0", "0", within(0.5, 1)],
      ["1 s", "1", within(1, 1)],
      ["3,000,000 s", "3000000", within(300, 300)],
      ["garbage", "soon, maybe", within(5, 5)],
      ["a negative number", "-5", within(5, 5)]
    ] as const
  ) {
    it.effect(`with ${name}, the next poll waits within its bounds, and the one after it follows the cadence`, () =>
      Effect.gen(function*() {
        const [second, third] = yield* nextRequests(429, header)
        check(second)
        assert.strictEqual(third, (second ?? NaN) + 10)
      }))
  }

  it.effect("all calls of the account pause", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const [first, second] = [yield* scenario.fake.place(script), yield* scenario.fake.place(script)]
        yield* scenario.fake.faults(
          FaultPlan.status(429, { retryAfter: Duration.seconds(40) }).pipe(FaultPlan.forCall(first), FaultPlan.times(1))
        )
        const fibers = yield* Effect.forEach(
          [first, second],
          (sid) => Effect.fork(scenario.watch.awaitEnd(sid, { cadence }))
        )
        yield* Effect.sleep("55 seconds")
        yield* Fiber.interruptAll(fibers)
        deepStrictEqual(yield* scenario.requests(first), [0, 40, 50])
        // Its first poll may have been sent before the 429 arrived.
        deepStrictEqual((yield* scenario.requests(second)).filter((at) => at > 0), [40, 50])
      })
    ))

  it.effect("that asks for weeks, the account pauses for five minutes, even under a policy without a cap", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const [limited, other] = [yield* scenario.fake.place(script), yield* scenario.fake.place(script)]
        yield* scenario.fake.faults(
          FaultPlan.status(429, { retryAfter: "9".repeat(400) }).pipe(FaultPlan.forCall(limited), FaultPlan.times(1))
        )
        const forever = yield* Effect.fork(
          scenario.watch.awaitEnd(limited, { cadence, retryAfterCap: Duration.infinity, deadline: Duration.infinity })
        )
        const fiber = yield* Effect.fork(scenario.watch.awaitEnd(other, { cadence }))
        yield* Effect.sleep("305 seconds")
        deepStrictEqual((yield* scenario.requests(other)).filter((at) => at > 0), [300])
        yield* Fiber.interruptAll([forever, fiber])
      })
    ))
})

describe("Retry-After and the deadline", () => {
  const deadline = Duration.seconds(30)

  const endOf = (scenario: Scenario, retryAfter: string, policy: WatchPolicy.Options = {}) =>
    Effect.gen(function*() {
      const sid = yield* scenario.fake.place(script)
      yield* scenario.fake.faults(
        FaultPlan.status(503, { retryAfter }).pipe(FaultPlan.onRequest(3), FaultPlan.optional)
      )
      const exit = yield* Effect.exit(scenario.watch.awaitEnd(sid, { cadence, deadline, ...policy }))
      return { at: scenario.now(), error: Exit.isFailure(exit) ? yield* Effect.flip(exit) : undefined }
    })

  it.effect("past the deadline, the watch fails at once with this reason", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { at, error } = yield* endOf(scenario, "10")
        assert.strictEqual(at, 20)
        assert.isTrue(error?._tag === "WatchTimeout" && error.reason === "RetryAfter")
        assert.isTrue(error?._tag === "WatchTimeout" && error.lastError?._tag === "ServiceUnavailable")
      })
    ))

  it.effect("up to a moment before the deadline, the watch continues until then", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { at, error } = yield* endOf(scenario, "9")
        assert.strictEqual(at, 30)
        assert.isTrue(error?._tag === "WatchTimeout" && error.reason === "Deadline")
      })
    ))

  it.effect("of zero does not end a watch whose own backoff exceeds the deadline", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { at, error } = yield* endOf(scenario, "0", { errorBackoff: "1 minute", maxErrorBackoff: "1 minute" })
        assert.strictEqual(at, 30)
        assert.isTrue(error?._tag === "WatchTimeout" && error.reason === "Deadline")
      })
    ))

  it.effect("is compared with the deadline after it was capped", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { at, error } = yield* endOf(scenario, "3000000", { retryAfterCap: "4 seconds" })
        assert.strictEqual(at, 30)
        assert.isTrue(error?._tag === "WatchTimeout" && error.reason === "Deadline")
        deepStrictEqual(yield* scenario.requests(), [0, 10, 20, 24])
      })
    ))

  it.effect("while the record settles, ends the wait with the fields that are known", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "5 seconds", settles: "10 minutes" }))
        yield* scenario.fake.faults(
          FaultPlan.status(503, { retryAfter: Duration.minutes(4) }).pipe(FaultPlan.onRequest(3))
        )
        const emitted = yield* listen(
          scenario,
          scenario.watch.events(sid, { cadence, until: "settled", settleLimit: "2 minutes" })
        )
        deepStrictEqual(words(emitted), [
          "0 Observed in-progress",
          "10 Ended busy",
          "25 Settled duration endTime price"
        ])
      })
    ))
})

describe("for any sequence of headers", () => {
  const header = FastCheck.oneof(
    FastCheck.nat(4_000_000).map(String),
    FastCheck.integer({ min: -1000, max: 1000 }).map(String),
    FastCheck.integer({ min: -1_000_000, max: 1_000_000 }).map(date),
    FastCheck.string({ maxLength: 12 }).map((text) => text.replace(/[^ -~]/g, "")),
    FastCheck.constantFrom("NaN", "Infinity", "1e9", "0x10", "1.5", "9".repeat(400), "Wed, 99 Foo 2026 25:61:61 GMT")
  )
  const cap = FastCheck.integer({ min: 0, max: 300 })

  it(
    "no wait exceeds the cap or is shorter than the backoff, and the watch reaches its end",
    () =>
      FastCheck.assert(
        FastCheck.property(
          FastCheck.array(FastCheck.tuple(header, FastCheck.constantFrom(429, 500, 503)), {
            minLength: 1,
            maxLength: 3
          }),
          cap,
          (answers, cap) =>
            Effect.runSync(inScenario((scenario) =>
              Effect.gen(function*() {
                const sid = yield* scenario.fake.place(CallScript.busy({ ring: "1 minute" }))
                yield* scenario.fake.faults(
                  FaultPlan.all(...answers.map(([retryAfter, status], index) =>
                    FaultPlan.status(status, { retryAfter }).pipe(FaultPlan.onRequest(index + 1))
                  ))
                )
                const emitted = yield* listen(
                  scenario,
                  scenario.watch.events(sid, {
                    cadence: WatchPolicy.every("2 minutes"),
                    retryAfterCap: Duration.seconds(cap),
                    errorBackoff: "2 seconds",
                    maxErrorBackoff: "2 seconds"
                  })
                )
                assert.strictEqual(failure(emitted.exit), "success")
                const at = yield* scenario.requests()
                answers.forEach(([, status], index) => {
                  const wait = Math.round(((at[index + 1] ?? NaN) - (at[index] ?? NaN)) * 1000) / 1000
                  assert.isAtLeast(wait, 1)
                  // After a 429 the request budget pauses up to 5 minutes, whatever the watch's cap.
                  assert.isAtMost(wait, status === 429 ? 300 : Math.max(cap, 2))
                })
              })
            ))
        ),
        { numRuns: cases(1000), seed: 4 }
      ),
    120_000
  )
})
