/** The limits of a watch: a call that is not readable yet, stalls, polls that hang, the deadline. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Array, Duration, Effect, FastCheck, Fiber, Option } from "effect"
import { cases } from "./support/cases.ts"
import { failure, inWorld, listen, words } from "./support/scenarios.ts"

const cadence = WatchPolicy.every("10 seconds")

describe("a call that cannot be read yet", () => {
  it.effect("is polled within the grace, with an event for each failed poll", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(CallScript.busy({ ring: "1 minute" }), { readableAfter: "6 seconds" })
        const told = yield* listen(world, world.watch.events(sid, { cadence, errorBackoff: "1 second" }))
        const tags = told.told.map(({ value }) => value._tag)
        assert.isTrue(tags.slice(0, -2).every((tag) => tag === "PollFailed"))
        deepStrictEqual(tags.slice(-2), ["Observed", "Ended"])
      }), { client: { regionProbe: "never" } }))

  it.effect("is polled at most ten times a second, even by a policy without backoff", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(CallScript.busy({ ring: "1 minute" }), { readableAfter: "3 seconds" })
        yield* listen(world, world.watch.events(sid, { cadence: WatchPolicy.every("1 minute"), errorBackoff: 0 }))
        assert.strictEqual((yield* world.requests()).length, 30 + 2)
      }), { client: { regionProbe: "never" } }))

  it.effect("ends the watch when the grace is over", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(CallScript.busy(), { readableAfter: "1 hour" })
        const told = yield* listen(world, world.watch.events(sid, { cadence, notFoundGrace: "30 seconds" }))
        assert.strictEqual(failure(told.exit), "CallNotFound")
        assert.isAtLeast(told.endedAt, 30)
        assert.isAtMost(told.endedAt, 60)
        assert.strictEqual((yield* world.requests()).at(-1), told.endedAt)
      }), { client: { regionProbe: "never" } }))

  it.effect("ends the watch at once without a grace", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const told = yield* listen(world, world.watch.events("0".repeat(32), { notFoundGrace: 0 }))
        assert.strictEqual(failure(told.exit), "CallNotFound")
        deepStrictEqual([told.endedAt, told.told.length], [0, 0])
      }), { client: { regionProbe: "never" } }))

  it.effect("because it is in another region fails the watch at once, without a grace", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const told = yield* listen(world, world.watch.events("0".repeat(32)))
        assert.strictEqual(failure(told.exit), "RegionMismatch")
        assert.strictEqual(told.endedAt, 0)
      }), { client: { region: "singapore" } }))

  it.effect("costs no request when the sid is invalid", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        for (const sid of ["", "../calls", "a b", "0123?x"]) {
          const told = yield* listen(world, world.watch.changes(sid))
          assert.strictEqual(failure(told.exit), "InvalidRequest")
        }
        deepStrictEqual(yield* world.requests(), [])
      })
    ))
})

describe("a call that does not change", () => {
  it.effect("emits Stalled once for each stall", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(
          CallScript.custom([
            { status: "ringing", duration: "65 seconds" },
            { status: "in-progress", duration: "65 seconds" },
            { status: "transferring", duration: "20 seconds" }
          ], { status: "completed" })
        )
        const told = yield* listen(world, world.watch.events(sid, { cadence, stallAfter: "30 seconds" }))
        deepStrictEqual(words(told), [
          "0 Observed ringing",
          "30 Stalled",
          "70 Changed in-progress",
          "100 Stalled",
          "130 Changed transferring",
          "150 Ended completed"
        ])
        const stalls = told.told.flatMap(({ value }) =>
          value._tag === "Stalled"
            ? [[Option.getOrThrow(value.status), value.at.epochMillis - value.since.epochMillis]]
            : []
        )
        deepStrictEqual(stalls, [["ringing", 30_000], ["in-progress", 30_000]])
      })
    ))

  it.effect("emits Stalled during an outage, too", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(CallScript.busy({ ring: "70 seconds" }))
        yield* world.fake.faults(FaultPlan.status(500).pipe(FaultPlan.between("5 seconds", "60 seconds")))
        const told = yield* listen(
          world,
          world.watch.events(sid, { cadence, stallAfter: "30 seconds", errorBackoff: "20 seconds" })
        )
        assert.strictEqual(told.told.filter(({ value }) => value._tag === "Stalled").length, 1)
        assert.isAbove(told.told.filter(({ value }) => value._tag === "PollFailed").length, 1)
      })
    ))
})

describe("the deadline", () => {
  it.effect("ends the watch with an error that holds its last state", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(CallScript.answered({ talk: "1 hour", stages: true }))
        yield* world.fake.faults(FaultPlan.status(503).pipe(FaultPlan.onRequest(3)))
        const error = yield* Effect.flip(
          world.watch.awaitEnd(sid, {
            cadence,
            deadline: "24500 millis",
            errorBackoff: "1 hour",
            maxErrorBackoff: "1 hour"
          })
        )
        assert.strictEqual(world.now(), 24.5)
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
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(CallScript.answered({ talk: "1 hour" }))
        yield* world.fake.faults(FaultPlan.status(503).pipe(FaultPlan.onRequest(1)))
        const error = yield* Effect.flip(world.watch.awaitEnd(sid, { cadence, deadline: "1 minute" }))
        assert.isTrue(error._tag === "WatchTimeout" && error.lastError === undefined)
      })
    ))

  it.effect("of zero sends no request", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(CallScript.busy())
        const error = yield* Effect.flip(world.watch.awaitEnd(sid, { deadline: 0 }))
        assert.isTrue(error._tag === "WatchTimeout" && error.polls === 0 && error.lastStatus === undefined)
        deepStrictEqual([world.now(), yield* world.requests()], [0, []])
      })
    ))

  it.effect("that is infinite never passes, and no sleep is too long for a timer", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(CallScript.answered({ talk: "60 days" }))
        const call = yield* world.watch.awaitEnd(sid, {
          cadence: WatchPolicy.every("40 days"),
          deadline: Duration.infinity
        })
        assert.strictEqual(call.status, "completed")
        assert.strictEqual(world.now(), 80 * 86_400)
      })
    ))

  it.effect("ends a watch on time while all concurrent requests hang", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        yield* world.fake.faults(FaultPlan.stalled())
        const sids = yield* Effect.replicateEffect(world.fake.place(CallScript.busy()), 12)
        const told = yield* Effect.forEach(
          sids,
          (sid, i) => listen(world, world.watch.events(sid, { deadline: Duration.seconds(3 + i) })),
          { concurrency: "unbounded" }
        )
        deepStrictEqual(told.map(({ endedAt }) => endedAt), Array.makeBy(12, (i) => 3 + i))
        assert.isFalse((yield* world.fake.journal).some(({ outcome }) => outcome._tag === "Answered"))
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
          Effect.runSync(inWorld((world) =>
            Effect.gen(function*() {
              const sid = yield* world.fake.place(CallScript.answered({ talk: "1 hour" }))
              const nth = Array.range(from, from + 30)
              yield* world.fake.faults(fault.pipe(FaultPlan.onRequest(...nth), FaultPlan.optional))
              const watching = yield* Effect.fork(
                Effect.flip(
                  world.watch.awaitEnd(sid, { cadence, deadline: Duration.millis(millis), errorBackoff: "4 seconds" })
                )
              )
              const error = yield* Fiber.join(watching)
              assert.isTrue(error._tag === "WatchTimeout" && error.reason === "Deadline")
              assert.strictEqual(Math.round(world.now() * 1000), millis)
              yield* Effect.sleep("1 millis")
              assert.isFalse((yield* world.fake.journal).some(({ outcome }) => outcome._tag === "Pending"))
            })
          ))
        }
      ),
      { numRuns: cases(1000), seed: 10 }
    ), 120_000)
})
