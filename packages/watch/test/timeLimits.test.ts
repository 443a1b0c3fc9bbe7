/** The limits of a watch: a call that is not readable yet, stalls, polls that hang, the deadline. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Array, Duration, Effect, FastCheck, Fiber, Option } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { failure, inScenario, listen, words } from "./support/scenarios.ts"

const cadence = WatchPolicy.every("10 seconds")

describe("a call that cannot be read yet", () => {
  it.effect("is polled within the grace, with an event for each failed poll", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "1 minute" }), { readableAfter: "6 seconds" })
        const emitted = yield* listen(scenario, scenario.watch.events(sid, { cadence, errorBackoff: "1 second" }))
        const tags = emitted.emitted.map(({ value }) => value._tag)
        assert.isTrue(tags.slice(0, -2).every((tag) => tag === "PollFailed"))
        deepStrictEqual(tags.slice(-2), ["Observed", "Ended"])
      }), { client: { regionProbe: "never" } }))

  it.effect("is polled at most ten times a second, even by a policy without backoff", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "1 minute" }), { readableAfter: "3 seconds" })
        yield* listen(scenario, scenario.watch.events(sid, { cadence: WatchPolicy.every("1 minute"), errorBackoff: 0 }))
        assert.strictEqual((yield* scenario.requests()).length, 30 + 2)
      }), { client: { regionProbe: "never" } }))

  it.effect("ends the watch when the grace is over", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy(), { readableAfter: "1 hour" })
        const emitted = yield* listen(scenario, scenario.watch.events(sid, { cadence, notFoundGrace: "30 seconds" }))
        assert.strictEqual(failure(emitted.exit), "CallNotFound")
        assert.isAtLeast(emitted.endedAt, 30)
        assert.isAtMost(emitted.endedAt, 60)
        assert.strictEqual((yield* scenario.requests()).at(-1), emitted.endedAt)
      }), { client: { regionProbe: "never" } }))

  it.effect("ends the watch at once without a grace", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const emitted = yield* listen(scenario, scenario.watch.events("0".repeat(32), { notFoundGrace: 0 }))
        assert.strictEqual(failure(emitted.exit), "CallNotFound")
        deepStrictEqual([emitted.endedAt, emitted.emitted.length], [0, 0])
      }), { client: { regionProbe: "never" } }))

  it.effect("because it is in another region fails the watch at once, without a grace", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const emitted = yield* listen(scenario, scenario.watch.events("0".repeat(32)))
        assert.strictEqual(failure(emitted.exit), "RegionMismatch")
        assert.strictEqual(emitted.endedAt, 0)
      }), { client: { region: "singapore" } }))

  it.effect("costs no request when the sid is invalid", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        for (const sid of ["", "../calls", "a b", "0123?x"]) {
          const emitted = yield* listen(scenario, scenario.watch.changes(sid))
          assert.strictEqual(failure(emitted.exit), "InvalidRequest")
        }
        deepStrictEqual(yield* scenario.requests(), [])
      })
    ))
})

describe("a call that does not change", () => {
  it.effect("emits Stalled once for each stall", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(
          CallScript.custom([
            { status: "ringing", duration: "65 seconds" },
            { status: "in-progress", duration: "65 seconds" },
            { status: "transferring", duration: "20 seconds" }
          ], { status: "completed" })
        )
        const emitted = yield* listen(scenario, scenario.watch.events(sid, { cadence, stallAfter: "30 seconds" }))
        deepStrictEqual(words(emitted), [
          "0 Observed ringing",
          "30 Stalled",
          "70 Changed in-progress",
          "100 Stalled",
          "130 Changed transferring",
          "150 Ended completed"
        ])
        const stalls = emitted.emitted.flatMap(({ value }) =>
          value._tag === "Stalled"
            ? [[Option.getOrThrow(value.status), value.at.epochMillis - value.since.epochMillis]]
            : []
        )
        deepStrictEqual(stalls, [["ringing", 30_000], ["in-progress", 30_000]])
      })
    ))

  it.effect("emits Stalled during an outage, too", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "70 seconds" }))
        yield* scenario.fake.faults(FaultPlan.status(500).pipe(FaultPlan.between("5 seconds", "60 seconds")))
        const emitted = yield* listen(
          scenario,
          scenario.watch.events(sid, { cadence, stallAfter: "30 seconds", errorBackoff: "20 seconds" })
        )
        assert.strictEqual(emitted.emitted.filter(({ value }) => value._tag === "Stalled").length, 1)
        assert.isAbove(emitted.emitted.filter(({ value }) => value._tag === "PollFailed").length, 1)
      })
    ))
})

describe("the deadline", () => {
  it.effect("ends the watch with an error that holds its last state", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.answered({ talk: "1 hour", stages: true }))
        yield* scenario.fake.faults(FaultPlan.status(503).pipe(FaultPlan.onRequest(3)))
        const error = yield* Effect.flip(
          scenario.watch.awaitEnd(sid, {
            cadence,
            deadline: "24500 millis",
            errorBackoff: "1 hour",
            maxErrorBackoff: "1 hour"
          })
        )
        assert.strictEqual(scenario.now(), 24.5)
        assert.strictEqual(error._tag, "WatchTimeout")
        if (error._tag !== "WatchTimeout") return
        deepStrictEqual(
          [
            error.sid,
            error.reason,
            error.lastStatus,
            error.polls,
            Duration.toMillis(error.elapsed),
            error.lastError?._tag
          ],
          [sid, "Deadline", "in-progress", 3, 24_500, "ServiceUnavailable"]
        )
        assert.isFalse(error.isRetryable)
        assert.include(error.message, "last status was in-progress")
      })
    ))

  it.effect("holds no error if the last poll succeeded", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.answered({ talk: "1 hour" }))
        yield* scenario.fake.faults(FaultPlan.status(503).pipe(FaultPlan.onRequest(1)))
        const error = yield* Effect.flip(scenario.watch.awaitEnd(sid, { cadence, deadline: "1 minute" }))
        assert.isTrue(error._tag === "WatchTimeout" && error.lastError === undefined)
      })
    ))

  it.effect("of zero sends no request", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy())
        const error = yield* Effect.flip(scenario.watch.awaitEnd(sid, { deadline: 0 }))
        assert.isTrue(error._tag === "WatchTimeout" && error.polls === 0 && error.lastStatus === undefined)
        deepStrictEqual([scenario.now(), yield* scenario.requests()], [0, []])
      })
    ))

  it.effect("that is infinite never passes, and no sleep is too long for a timer", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.answered({ talk: "60 days" }))
        const call = yield* scenario.watch.awaitEnd(sid, {
          cadence: WatchPolicy.every("40 days"),
          deadline: Duration.infinity
        })
        assert.strictEqual(call.status, "completed")
        assert.strictEqual(scenario.now(), 80 * 86_400)
      })
    ))

  it.effect("ends a watch on time while all concurrent requests hang", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        yield* scenario.fake.faults(FaultPlan.stalled())
        const sids = yield* Effect.replicateEffect(scenario.fake.place(CallScript.busy()), 12)
        const emitted = yield* Effect.forEach(
          sids,
          (sid, i) => listen(scenario, scenario.watch.events(sid, { deadline: Duration.seconds(3 + i) })),
          { concurrency: "unbounded" }
        )
        deepStrictEqual(emitted.map(({ endedAt }) => endedAt), Array.makeBy(12, (i) => 3 + i))
        assert.isFalse((yield* scenario.fake.journal).some(({ outcome }) => outcome._tag === "Answered"))
      }), { concurrency: 2, client: { timeout: "1 hour" } }))

  it("ends a watch exactly on time, wherever the poll in progress hangs", () =>
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer({ min: 1, max: 25_000 }),
        FastCheck.constantFrom(
          FaultPlan.stalled(),
          FaultPlan.stalled({ at: "body" }),
          FaultPlan.slowBody({ bytes: 8, every: "90 millis" }),
          FaultPlan.refused,
          FaultPlan.status(503)
        ),
        FastCheck.integer({ min: 1, max: 4 }),
        (millis, fault, from) => {
          Effect.runSync(inScenario((scenario) =>
            Effect.gen(function*() {
              const sid = yield* scenario.fake.place(CallScript.answered({ talk: "1 hour" }))
              const nth = Array.range(from, from + 30)
              yield* scenario.fake.faults(fault.pipe(FaultPlan.onRequest(...nth), FaultPlan.optional))
              const watching = yield* Effect.fork(
                Effect.flip(
                  scenario.watch.awaitEnd(sid, {
                    cadence,
                    deadline: Duration.millis(millis),
                    errorBackoff: "4 seconds"
                  })
                )
              )
              const error = yield* Fiber.join(watching)
              assert.isTrue(error._tag === "WatchTimeout" && error.reason === "Deadline")
              assert.strictEqual(Math.round(scenario.now() * 1000), millis)
              yield* Effect.sleep("1 millis")
              assert.isFalse((yield* scenario.fake.journal).some(({ outcome }) => outcome._tag === "Pending"))
            })
          ))
        }
      ),
      { numRuns: cases(1000), seed: 10 }
    ), 120_000)
})
