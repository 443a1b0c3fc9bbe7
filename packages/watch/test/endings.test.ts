/** The end of a watch and the events before it: guarantees 1, 2 and 8, for random calls, policies and faults. */
import { CallStatus } from "@effect-exotel/core"
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Exit, FastCheck, Option, Stream } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { failure, inScenario, listen, words } from "./support/scenarios.ts"
import type { Run } from "./support/timelines.ts"
import { answered, caseWith, forEachRun, live, shown, transientCase, visibleAt } from "./support/timelines.ts"

const TIMEOUT = 120_000

const tags = (plan: Run) => plan.events.map(({ value }) => value._tag)

/** The calls that the events show, in order. */
const calls = (plan: Run) => plan.events.flatMap(({ value }) => "call" in value ? [shown(value.call)] : [])

const final = FastCheck.record({
  status: FastCheck.constantFrom([400, "InvalidRequest"], [402, "AccessDenied"], [403, "AccessDenied"]),
  request: FastCheck.integer({ min: 1, max: 5 })
})

describe("a watch under transient errors", () => {
  it(
    "ends in exactly one way, with Ended once and last or with a timeout, and sends no request afterwards",
    () =>
      forEachRun(transientCase, (plan) => {
        const ended = tags(plan).filter((tag) => tag === "Ended").length
        if (Exit.isSuccess(plan.exit)) {
          assert.strictEqual(ended, 1)
          assert.strictEqual(tags(plan).at(-1), "Ended")
        } else {
          assert.strictEqual(ended, 0)
          assert.strictEqual(failure(plan.exit), "WatchTimeout")
        }
        deepStrictEqual(plan.later, [])
        assert.strictEqual(plan.timersLeft, 0)
        assert.isFalse(plan.journal.some(({ outcome }) => outcome._tag === "Pending"))
      }),
    TIMEOUT
  )

  it(
    "ends no later than its deadline, and times out no earlier",
    () =>
      forEachRun(transientCase, (plan, { policy }) => {
        const deadline = Duration.toSeconds(policy.deadline ?? Duration.zero)
        assert.isAtMost(plan.endedAt, deadline)
        if (Exit.isSuccess(plan.exit)) return
        const error = Option.getOrThrow(Exit.causeOption(plan.exit))
        assert.isTrue(error._tag === "Fail" && error.error._tag === "WatchTimeout")
        if (error._tag !== "Fail" || error.error._tag !== "WatchTimeout") return
        if (error.error.reason === "Deadline") assert.strictEqual(plan.endedAt, deadline)
        else assert.strictEqual(error.error.reason, "RetryAfter")
      }),
    TIMEOUT
  )

  it(
    "emits the states at the times of its polls, in order, none twice, the end last",
    () =>
      forEachRun(transientCase, (plan, { script }) => {
        deepStrictEqual(calls(plan), visibleAt(script, answered(plan.journal)))
      }),
    TIMEOUT
  )

  it("emits every failed poll with the time of the next one", () =>
    forEachRun(transientCase, (plan) => {
      const reads = plan.journal.filter(({ operation }) => operation === "read")
      const failed = plan.events.filter(({ value }) => value._tag === "PollFailed")
      const untold = reads.length - answered(plan.journal).length - failed.length
      // The last poll of a watch that timed out may have been aborted, or have had a `Retry-After` beyond the deadline.
      assert.isTrue(untold === 0 || (untold === 1 && Exit.isFailure(plan.exit)))
      for (const { value } of failed) {
        if (value._tag !== "PollFailed") continue
        const next = Number(value.nextPollAt.epochMillis)
        const following = reads.find(({ at }) => at.epochMillis > value.at.epochMillis)
        if (following !== undefined) assert.strictEqual(following.at.epochMillis, next)
      }
    }), TIMEOUT)
})

describe("a watch under a final error", () => {
  it("fails with it at once, and sends no request afterwards", () =>
    FastCheck.assert(
      FastCheck.property(final, caseWith(FastCheck.constant(FaultPlan.none)), ({ request, status }, of) => {
        const [code, tag] = status
        const plan = live({
          ...of,
          policy: { ...of.policy, deadline: "5 hours" },
          faults: FaultPlan.status(Number(code)).pipe(FaultPlan.onRequest(request), FaultPlan.optional)
        })
        const struck = plan.journal.findIndex(({ fault }) => fault !== undefined)
        if (struck === -1) {
          assert.isTrue(Exit.isSuccess(plan.exit))
        } else {
          assert.strictEqual(failure(plan.exit), tag)
          assert.strictEqual(struck, plan.journal.filter(({ operation }) => operation === "read").length - 1)
          assert.strictEqual(plan.endedAt, Duration.toSeconds(plan.journal[struck]?.elapsed ?? 0))
        }
        deepStrictEqual(plan.later, [])
      }),
      { numRuns: cases(1000), seed: 1 }
    ), TIMEOUT)
})

describe("the states of a call", () => {
  const staged = CallScript.custom([
    { status: "queued", duration: "61 seconds" },
    { status: "ringing", duration: "62 seconds", leg1Status: "ringing" },
    { status: "transferring", duration: "63 seconds", leg1Status: "in-progress", parties: 1 },
    { status: "in-progress", duration: "64 seconds", leg1Status: "in-progress", leg2Status: "in-progress", parties: 2 }
  ], { status: "completed", leg1Status: "completed", leg2Status: "completed" })

  for (const interval of ["1 second", "5 seconds", "30 seconds", "1 minute"] as const) {
    it.effect(`are the same when it is polled every ${interval}, including an undocumented status`, () =>
      inScenario((scenario) =>
        Effect.gen(function*() {
          const sid = yield* scenario.fake.place(staged)
          const calls = yield* Stream.runCollect(scenario.watch.changes(sid, { cadence: WatchPolicy.every(interval) }))
          deepStrictEqual(
            Array.from(calls, ({ status }) => status),
            ["queued", "ringing", "transferring", "in-progress", "completed"]
          )
        }), { requestsPerMinute: 10_000 }))
  }

  it.effect("continue after an undocumented status, which is emitted and is not terminal", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(
          CallScript.custom([{ status: "voicemail", duration: "12 seconds" }], { status: "no-answer" })
        )
        assert.isFalse(CallStatus.isTerminal("voicemail"))
        const emitted = yield* listen(scenario, scenario.watch.events(sid, { cadence: WatchPolicy.every("5 seconds") }))
        deepStrictEqual(words(emitted), ["0 Observed voicemail", "15 Ended no-answer"])
      })
    ))

  for (const status of ["completed", "busy", "no-answer", "failed", "canceled"] as const) {
    it.effect(`end with a result and not an error when the call ends as ${status}`, () =>
      inScenario((scenario) =>
        Effect.gen(function*() {
          const sid = yield* scenario.fake.place(
            CallScript.custom([{ status: "in-progress", duration: "8 seconds" }], { status })
          )
          assert.strictEqual((yield* scenario.watch.awaitEnd(sid)).status, status)
          assert.strictEqual(scenario.now(), 10)
        })
      ))
  }

  it.effect("are one event when the call had ended before the first poll", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy())
        yield* Effect.sleep("1 hour")
        const emitted = yield* listen(scenario, scenario.watch.events(sid))
        deepStrictEqual(words(emitted), ["3600 Ended busy"])
        assert.strictEqual((yield* scenario.requests()).length, 1)
      })
    ))
})
