/** The end of a watch and the events before it: guarantees 1, 2 and 8, for random calls, policies and faults. */
import { CallStatus } from "@effect-exotel/core"
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Exit, FastCheck, Option, Stream } from "effect"
import { cases } from "./support/cases.ts"
import { failure, inWorld, listen, words } from "./support/scenarios.ts"
import type { Life } from "./support/timelines.ts"
import { answered, caseWith, forEachLife, live, shown, transientCase, visibleAt } from "./support/timelines.ts"

const TIMEOUT = 120_000

const tags = (life: Life) => life.events.map(({ value }) => value._tag)

/** The calls that the events show, in order. */
const calls = (life: Life) => life.events.flatMap(({ value }) => "call" in value ? [shown(value.call)] : [])

const final = FastCheck.record({
  status: FastCheck.constantFrom([400, "InvalidRequest"], [402, "AccessDenied"], [403, "AccessDenied"]),
  request: FastCheck.integer({ min: 1, max: 5 })
})

describe("a watch under transient errors", () => {
  it(
    "ends in exactly one way, with Ended once and last or with a timeout, and sends no request afterwards",
    () =>
      forEachLife(transientCase, (life) => {
        const ended = tags(life).filter((tag) => tag === "Ended").length
        if (Exit.isSuccess(life.exit)) {
          assert.strictEqual(ended, 1)
          assert.strictEqual(tags(life).at(-1), "Ended")
        } else {
          assert.strictEqual(ended, 0)
          assert.strictEqual(failure(life.exit), "WatchTimeout")
        }
        deepStrictEqual(life.later, [])
        assert.strictEqual(life.timersLeft, 0)
        assert.isFalse(life.journal.some(({ outcome }) => outcome._tag === "Pending"))
      }),
    TIMEOUT
  )

  it(
    "ends no later than its deadline, and times out no earlier",
    () =>
      forEachLife(transientCase, (life, { policy }) => {
        const deadline = Duration.toSeconds(policy.deadline ?? Duration.zero)
        assert.isAtMost(life.endedAt, deadline)
        if (Exit.isSuccess(life.exit)) return
        const error = Option.getOrThrow(Exit.causeOption(life.exit))
        assert.isTrue(error._tag === "Fail" && error.error._tag === "WatchTimeout")
        if (error._tag !== "Fail" || error.error._tag !== "WatchTimeout") return
        if (error.error.reason === "Deadline") assert.strictEqual(life.endedAt, deadline)
        else assert.strictEqual(error.error.reason, "RetryAfter")
      }),
    TIMEOUT
  )

  it(
    "emits the states at the times of its polls, in order, none twice, the end last",
    () =>
      forEachLife(transientCase, (life, { script }) => {
        deepStrictEqual(calls(life), visibleAt(script, answered(life.journal)))
      }),
    TIMEOUT
  )

  it("emits every failed poll with the time of the next one", () =>
    forEachLife(transientCase, (life) => {
      const reads = life.journal.filter(({ operation }) => operation === "read")
      const failed = life.events.filter(({ value }) => value._tag === "PollFailed")
      const untold = reads.length - answered(life.journal).length - failed.length
      // The last poll of a watch that timed out may have been aborted, or have had a `Retry-After` beyond the deadline.
      assert.isTrue(untold === 0 || (untold === 1 && Exit.isFailure(life.exit)))
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
        const life = live({
          ...of,
          policy: { ...of.policy, deadline: "5 hours" },
          faults: FaultPlan.status(Number(code)).pipe(FaultPlan.onRequest(request), FaultPlan.optional)
        })
        const struck = life.journal.findIndex(({ fault }) => fault !== undefined)
        if (struck === -1) {
          assert.isTrue(Exit.isSuccess(life.exit))
        } else {
          assert.strictEqual(failure(life.exit), tag)
          assert.strictEqual(struck, life.journal.filter(({ operation }) => operation === "read").length - 1)
          assert.strictEqual(life.endedAt, Duration.toSeconds(life.journal[struck]?.elapsed ?? 0))
        }
        deepStrictEqual(life.later, [])
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
      inWorld((world) =>
        Effect.gen(function*() {
          const sid = yield* world.fake.place(staged)
          const calls = yield* Stream.runCollect(world.watch.changes(sid, { cadence: WatchPolicy.every(interval) }))
          deepStrictEqual(
            Array.from(calls, ({ status }) => status),
            ["queued", "ringing", "transferring", "in-progress", "completed"]
          )
        }), { requestsPerMinute: 10_000 }))
  }

  it.effect("continue after an undocumented status, which is emitted and is not terminal", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(
          CallScript.custom([{ status: "voicemail", duration: "12 seconds" }], { status: "no-answer" })
        )
        assert.isFalse(CallStatus.isTerminal("voicemail"))
        const told = yield* listen(world, world.watch.events(sid, { cadence: WatchPolicy.every("5 seconds") }))
        deepStrictEqual(words(told), ["0 Observed voicemail", "15 Ended no-answer"])
      })
    ))

  for (const status of ["completed", "busy", "no-answer", "failed", "canceled"] as const) {
    it.effect(`end with a result and not an error when the call ends as ${status}`, () =>
      inWorld((world) =>
        Effect.gen(function*() {
          const sid = yield* world.fake.place(
            CallScript.custom([{ status: "in-progress", duration: "8 seconds" }], { status })
          )
          assert.strictEqual((yield* world.watch.awaitEnd(sid)).status, status)
          assert.strictEqual(world.now(), 10)
        })
      ))
  }

  it.effect("are one event when the call had ended before the first poll", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(CallScript.busy())
        yield* Effect.sleep("1 hour")
        const told = yield* listen(world, world.watch.events(sid))
        deepStrictEqual(words(told), ["3600 Ended busy"])
        assert.strictEqual((yield* world.requests()).length, 1)
      })
    ))
})
