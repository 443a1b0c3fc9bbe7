/** Interruption: a watch that is interrupted at any instant leaves no request, no timer and no connection. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { type CallWatch, WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Exit, FastCheck, Fiber, Stream, Struct } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { inScenario, interruptAfter, listen, longAfter, openScenario, words } from "./support/scenarios.ts"
import { run } from "./support/simulation.ts"
import { caseWith } from "./support/timelines.ts"

/** Each holds a poll up where it can be held up: before the answer, in its middle, for a while or for good. */
const holdUps = FastCheck.array(
  FastCheck.tuple(
    FastCheck.constantFrom(
      FaultPlan.stalled(),
      FaultPlan.stalled({ at: "body" }),
      FaultPlan.stalled({ duration: "4 seconds", at: "body" }),
      FaultPlan.slowBody({ bytes: 40, every: "300 millis" }),
      FaultPlan.status(503),
      FaultPlan.status(429, { retryAfter: Duration.seconds(9) }),
      FaultPlan.reset("body")
    ),
    FastCheck.integer({ min: 1, max: 8 })
  ).map(([plan, request]) => plan.pipe(FaultPlan.onRequest(request), FaultPlan.optional)),
  { minLength: 1, maxLength: 6 }
).map((plans) => FaultPlan.all(...plans))

/** A time, and then so many turns of the scheduler: the instants between two timers count too. */
const instant = FastCheck.record({
  millis: FastCheck.oneof(FastCheck.constant(0), FastCheck.nat(90_000)),
  later: FastCheck.nat(60)
})

const turns = (count: number) => Effect.replicateEffect(Effect.yieldNow(), count, { discard: true })

type Entrance = (watch: CallWatch.Service, sid: string, policy: WatchPolicy.Options) => Effect.Effect<unknown, unknown>

const entrances = {
  events: (watch, sid, policy) => Stream.runDrain(watch.events(sid, policy)),
  changes: (watch, sid, policy) => Stream.runDrain(watch.changes(sid, policy)),
  awaitEnd: (watch, sid, policy) => watch.awaitEnd(sid, policy),
  awaitSettled: (watch, sid, policy) => watch.awaitSettled(sid, policy)
} satisfies Record<string, Entrance>

describe("interruption", () => {
  it("leaves nothing behind, whenever it comes and whatever the watch is at", () => {
    const at = { pending: 0, sleeping: 0, over: 0 }
    FastCheck.assert(
      FastCheck.property(
        caseWith(holdUps),
        instant,
        FastCheck.constantFrom(...Struct.keys(entrances)),
        ({ faults, policy, script, seed }, { later, millis }, entrance) => {
          const { exit, timersLeft } = run((clock) =>
            Effect.gen(function*() {
              const scenario = yield* openScenario(clock, { faults, seed, requestsPerMinute: 1_000_000 })
              const sid = yield* scenario.fake.place(script)
              const watching = yield* Effect.fork(entrances[entrance](scenario.watch, sid, policy))
              if (millis > 0) yield* Effect.sleep(millis)
              yield* turns(later)
              const before = yield* scenario.fake.journal
              const now = scenario.now()
              const end = yield* Fiber.interrupt(watching)
              const journal = yield* scenario.fake.journal
              // The engine, a fiber of its own, lies down again without a timer.
              yield* turns(20)
              at[
                Exit.isInterrupted(end)
                  ? before.at(-1)?.outcome._tag === "Pending" ? "pending" : "sleeping"
                  : "over"
              ]++
              assert.strictEqual(scenario.now(), now)
              assert.isFalse(journal.some(({ outcome }) => outcome._tag === "Pending"))
              assert.strictEqual(clock.timers, 0)
              yield* longAfter
              assert.strictEqual((yield* scenario.fake.journal).length, journal.length)
            }), { seed })
          assert.isTrue(Exit.isSuccess(exit), String(exit))
          assert.strictEqual(timersLeft, 0)
        }
      ),
      { numRuns: cases(1000), seed: 3 }
    )
    // The instants must be worth something: many of them in the middle of a poll, many between two.
    assert.isAtLeast(at.pending, cases(50))
    assert.isAtLeast(at.sleeping, cases(50))
  }, 120_000)

  it.effect("of one of two watches of a call leaves the poll under way to the other one", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "1 second" }))
        yield* scenario.fake.faults(FaultPlan.stalled({ duration: "6 seconds" }).pipe(FaultPlan.onRequest(1)))
        const other = yield* Effect.fork(listen(scenario, scenario.watch.events(sid)))
        yield* interruptAfter(scenario.watch.awaitEnd(sid), "3 seconds")
        const emitted = yield* Fiber.join(other)
        deepStrictEqual(words(emitted), ["6 Observed in-progress", "11 Ended busy"])
        deepStrictEqual(yield* scenario.requests(), [0, 11])
      })
    ))

  it.effect("of the last watch of a call interrupts the request in flight, and a new watch sends requests again", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.answered({ talk: "10 minutes" }))
        yield* scenario.fake.faults(FaultPlan.stalled().pipe(FaultPlan.onRequest(1)))
        yield* interruptAfter(scenario.watch.awaitEnd(sid), "3 seconds")
        const emitted = yield* listen(scenario, Stream.take(scenario.watch.events(sid), 1))
        deepStrictEqual(words(emitted), ["3 Observed in-progress"])
        const journal = yield* scenario.fake.journal
        deepStrictEqual(journal.map(({ outcome }) => outcome._tag), ["Aborted", "Answered"])
      })
    ))

  it.effect("of 200 watches that wait for one worker costs no request and no time", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* Effect.replicateEffect(scenario.fake.place(CallScript.answered()), 200)
        yield* scenario.fake.faults(FaultPlan.stalled().pipe(FaultPlan.onRequest(1)))
        yield* interruptAfter(
          Effect.forEach(sids, (sid) => scenario.watch.awaitEnd(sid), { concurrency: "unbounded" }),
          "2 seconds"
        )
        yield* turns(20)
        assert.strictEqual(scenario.now(), 2)
        assert.strictEqual(scenario.clock.timers, 0)
        yield* longAfter
        deepStrictEqual(yield* scenario.requests(), [0])
      }), { concurrency: 1 }))

  it.effect("by the consumer, who has seen enough, ends the polls too", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.answered({ talk: "10 minutes" }))
        yield* Stream.runDrain(Stream.take(
          scenario.watch.changes(sid, { cadence: WatchPolicy.every("5 seconds") }),
          2
        ))
        yield* longAfter
        deepStrictEqual(yield* scenario.requests(), [0, 5, 10])
      })
    ))
})
