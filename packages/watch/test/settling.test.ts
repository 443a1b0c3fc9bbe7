/** The wait for a complete record after the end. */
import { Call } from "@effect-exotel/core"
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Chunk, Duration, Effect, FastCheck, Option, Schedule, Stream } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { failure, inScenario, listen, words } from "./support/scenarios.ts"

const policy: WatchPolicy.Options = {
  cadence: WatchPolicy.every("5 seconds"),
  settleCadence: WatchPolicy.every("30 seconds"),
  settleLimit: "10 minutes",
  until: "settled"
}

const script = CallScript.answered({ ring: "8 seconds", talk: "10 seconds", settles: "70 seconds" })

describe("a watch until settled", () => {
  it.effect("emits the end at once and the complete record later, on a cadence of its own", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const emitted = yield* listen(scenario, scenario.watch.events(sid, policy))
        deepStrictEqual(words(emitted), [
          "0 Observed in-progress",
          "10 Changed in-progress",
          "20 Ended completed",
          "110 Settled"
        ])
        const last = emitted.emitted.at(-1)?.value
        assert.isTrue(last?._tag === "Settled" && Call.isSettled(last.call, { expectRecording: true }))
        deepStrictEqual(yield* scenario.requests(), [0, 5, 10, 15, 20, 50, 80, 110])
      })
    ))

  it.effect("begins the schedule of its own cadence when the call has ended", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const schedules = { cadence: Schedule.spaced("5 seconds"), settleCadence: Schedule.exponential("10 seconds") }
        yield* listen(scenario, scenario.watch.events(sid, { ...policy, ...schedules }))
        deepStrictEqual(yield* scenario.requests(), [0, 5, 10, 15, 20, 30, 50, 90])
      })
    ))

  it.effect("emits both at once if the record is complete when the end is seen", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ settles: "0 seconds" }))
        const emitted = yield* listen(scenario, scenario.watch.events(sid, policy))
        deepStrictEqual(words(emitted), ["0 Observed in-progress", "5 Ended busy", "5 Settled"])
        const calls = yield* Stream.runCollect(scenario.watch.changes(sid, policy))
        assert.strictEqual(Chunk.size(calls), 1)
      })
    ))

  it.effect("emits the complete record as one more element of changes", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const calls = Chunk.toReadonlyArray(yield* Stream.runCollect(scenario.watch.changes(sid, policy)))
        deepStrictEqual(calls.map((call) => [call.status, Option.isSome(call.price)]), [
          ["in-progress", false],
          ["in-progress", false],
          ["completed", false],
          ["completed", true]
        ])
      })
    ))

  it.effect("stops waiting exactly at the limit, and lists the missing fields of a free call", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.answered({ price: null, settles: "70 seconds" }))
        const settled = yield* scenario.watch.awaitSettled(sid, { ...policy, settleLimit: "421 seconds" })
        deepStrictEqual(settled.missing, ["price"])
        assert.strictEqual(Duration.toSeconds(Option.getOrThrow(settled.call.duration)), 48)
        assert.strictEqual(scenario.now(), 50 + 421)
      })
    ))

  it.effect("waits for the recording only of an answered call, and only if it is expected", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const unrecorded = CallScript.answered({ recording: false, settles: "10 seconds" })
        const answered = yield* scenario.fake.place(unrecorded)
        const busy = yield* scenario.fake.place(CallScript.busy({ settles: "10 seconds" }))
        const expecting = { ...policy, expectRecording: true }
        const missing = (sid: string, policy: WatchPolicy.Options) =>
          Effect.map(scenario.watch.awaitSettled(sid, policy), ({ missing }) => missing)
        deepStrictEqual(yield* missing(answered, policy), [])
        deepStrictEqual(yield* missing(busy, expecting), [])
        deepStrictEqual(yield* missing(answered, expecting), ["recordingUrl"])
      })
    ))

  it.effect("continues after a transient error and fails with a final one after the end was emitted", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        yield* scenario.fake.faults(FaultPlan.all(
          FaultPlan.status(502).pipe(FaultPlan.onRequest(6)),
          FaultPlan.status(403).pipe(FaultPlan.onRequest(8))
        ))
        const emitted = yield* listen(scenario, scenario.watch.events(sid, { ...policy, errorBackoff: "0 seconds" }))
        deepStrictEqual(words(emitted).slice(2), ["20 Ended completed", "50 PollFailed ServiceUnavailable"])
        assert.strictEqual(failure(emitted.exit), "AccessDenied")
        assert.strictEqual(emitted.endedAt, 80.1)
      }), { client: { regionProbe: "never" } }))

  it.effect("does not treat a response that shows an ongoing call as a settled record", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        yield* scenario.fake.faults(
          FaultPlan.malformed("Status", "in-progress").pipe(FaultPlan.onRequest(6, 7, 8), FaultPlan.forCall(sid))
        )
        const emitted = yield* listen(scenario, scenario.watch.events(sid, policy))
        deepStrictEqual(words(emitted).slice(2), ["20 Ended completed", "140 Settled"])
      })
    ))

  it.effect("stops waiting when its schedule ends, and lists the missing fields", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ settles: "1 hour" }))
        const twice = Schedule.intersect(Schedule.spaced("20 seconds"), Schedule.recurs(2))
        const emitted = yield* listen(scenario, scenario.watch.events(sid, { ...policy, settleCadence: twice }))
        deepStrictEqual(words(emitted).slice(1), ["5 Ended busy", "45 Settled duration endTime price"])
      })
    ))

  it(
    "settles when the record is complete, or lists the missing fields at the limit, for any call",
    () =>
      FastCheck.assert(
        FastCheck.property(
          FastCheck.record({
            settles: FastCheck.nat(300),
            price: FastCheck.constantFrom("1.5", null),
            recording: FastCheck.boolean(),
            expectRecording: FastCheck.boolean(),
            limit: FastCheck.integer({ min: 1, max: 300 })
          }),
          ({ expectRecording, limit, price, recording, settles }) => {
            Effect.runSync(inScenario((scenario) =>
              Effect.gen(function*() {
                const sid = yield* scenario.fake.place(
                  CallScript.answered({
                    ring: "0 seconds",
                    talk: "10 seconds",
                    settles: Duration.seconds(settles),
                    price,
                    recording
                  })
                )
                const { call, missing } = yield* scenario.watch.awaitSettled(sid, {
                  cadence: WatchPolicy.every("10 seconds"),
                  settleCadence: WatchPolicy.every("60 seconds"),
                  settleLimit: Duration.seconds(limit),
                  expectRecording
                })
                deepStrictEqual(missing, Call.unsettled(call, { expectRecording: expectRecording }))
                const complete = price !== null && (recording || !expectRecording)
                const seen = Math.ceil(settles / 60) * 60
                assert.strictEqual(scenario.now(), 10 + (complete ? Math.min(seen, limit) : limit))
                if (complete && seen < limit) deepStrictEqual(missing, [])
              })
            ))
          }
        ),
        { numRuns: cases(1000), seed: 9 }
      ),
    120_000
  )
})
