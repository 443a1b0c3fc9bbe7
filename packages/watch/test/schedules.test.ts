/** Schedules of Effect as cadences. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import type { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Exit, Fiber, Option, Schedule } from "effect"
import { failure, inScenario, interruptAfter, listen, words } from "./support/scenarios.ts"

const script = CallScript.answered({ ring: "0 seconds", talk: "60 seconds" })

/** When a call of one minute is polled under this policy. */
const requests = (policy: WatchPolicy.Options) =>
  inScenario((scenario) =>
    Effect.gen(function*() {
      const sid = yield* scenario.fake.place(script)
      yield* Effect.exit(scenario.watch.awaitEnd(sid, policy))
      return yield* scenario.requests()
    })
  )

describe("a schedule as the cadence", () => {
  it.effect("polls at once and then at the times of the schedule", () =>
    Effect.gen(function*() {
      deepStrictEqual(
        yield* requests({ cadence: Schedule.spaced("25 seconds") }),
        [0, 25, 50, 75]
      )
      deepStrictEqual(
        yield* requests({ cadence: Schedule.exponential("4 seconds") }),
        [0, 4, 12, 28, 60]
      )
      deepStrictEqual(
        yield* requests({ cadence: Schedule.fixed("20 seconds") }),
        [0, 20, 40, 60]
      )
      deepStrictEqual(
        yield* requests({
          cadence: Schedule.exponential("8 seconds").pipe(Schedule.union(Schedule.spaced("20 seconds")))
        }),
        [0, 8, 24, 44, 64]
      )
    }))

  it.effect("whose step never completes delays no other watch of the call and no deadline", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const stuck = Schedule.spaced("1 second").pipe(Schedule.tapOutput(() => Effect.never))
        const policies = [
          { cadence: stuck, deadline: "40 seconds" },
          { cadence: "20 seconds", deadline: "5 minutes" }
        ] as const
        const watches = yield* Effect.forEach(policies, (policy) =>
          Effect.fork(Effect.exit(scenario.watch.awaitEnd(sid, policy))))
        yield* Effect.sleep("45 seconds")
        const timedOut = yield* Fiber.poll(watches[0] ?? assert.fail())
        assert.isTrue(Option.isSome(timedOut))
        yield* Effect.sleep("45 seconds")
        const ended = yield* Fiber.join(watches[1] ?? assert.fail())
        assert.isTrue(Exit.isSuccess(ended))
        deepStrictEqual(yield* scenario.requests(), [0, 20, 40, 60])
      })
    ))

  it.effect("takes no second step while one is pending, even if a hint causes a poll", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        let steps = 0
        const slow = Schedule.spaced("1 second").pipe(
          Schedule.tapOutput(() => Effect.delay(Effect.sync(() => steps++), "20 seconds"))
        )
        const sid = yield* scenario.fake.place(script)
        const fiber = yield* Effect.fork(scenario.watch.awaitEnd(sid, { cadence: slow }))
        yield* Effect.sleep("5 seconds")
        yield* scenario.watch.hint(sid)
        yield* Effect.sleep("10 seconds")
        assert.strictEqual(steps, 0)
        yield* Effect.sleep("6 seconds")
        assert.strictEqual(steps, 1)
        yield* Fiber.join(fiber)
        deepStrictEqual((yield* scenario.requests()).slice(0, 3).map(Math.floor), [0, 5, 20])
      })
    ))

  it.effect("receives the state of the watch as input", () =>
    Effect.gen(function*() {
      const seen: Array<readonly [string, number, number]> = []
      const schedule = Schedule.identity<WatchPolicy.PollState>().pipe(
        Schedule.addDelay((progress) => {
          seen.push([
            Option.getOrElse(progress.status, () => ""),
            Duration.toSeconds(progress.age),
            progress.polls
          ])
          return Duration.seconds(Duration.toSeconds(progress.age) < 30 ? 15 : 40)
        })
      )
      deepStrictEqual(yield* requests({ cadence: schedule }), [0, 15, 30, 70])
      deepStrictEqual(seen, [["in-progress", 0, 1], ["in-progress", 15, 2], ["in-progress", 30, 3]])
    }))

  it.effect("fails with a time-out when the schedule ends before the call does", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const policy = { cadence: Schedule.intersect(Schedule.spaced("5 seconds"), Schedule.recurs(3)) }
        const error = yield* Effect.flip(scenario.watch.awaitEnd(sid, policy))
        assert.isTrue(error._tag === "WatchTimeout" && error.reason === "ScheduleEnded" && error.polls === 4)
        deepStrictEqual(yield* scenario.requests(), [0, 5, 10, 15])
        assert.include(error.message, "Use a schedule that continues until the deadline")
        assert.notInclude(error.message, "longer deadline")
      })
    ))

  it.effect("does not step for a failed poll", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        yield* scenario.fake.faults(FaultPlan.status(500).pipe(FaultPlan.onRequest(1, 2, 3, 4)))
        const policy = {
          cadence: Schedule.intersect(Schedule.spaced("5 seconds"), Schedule.recurs(3)),
          errorBackoff: "1 second"
        } as const
        const emitted = yield* listen(scenario, scenario.watch.events(sid, policy))
        assert.strictEqual(failure(emitted.exit), "WatchTimeout")
        assert.strictEqual((yield* scenario.requests()).length, 8)
        assert.strictEqual(words(emitted).filter((each) => each.includes("PollFailed")).length, 4)
      })
    ))

  it.effect("delays neither an interruption nor a deadline while one of its steps takes long", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const slow = {
          cadence: Schedule.mapEffect(Schedule.spaced("1 second"), () => Effect.sleep("1 hour")),
          deadline: "9 seconds"
        } as const
        yield* interruptAfter(scenario.watch.awaitEnd(sid, slow), "4 seconds")
        assert.strictEqual(scenario.now(), 4)
        assert.strictEqual((yield* Effect.flip(scenario.watch.awaitEnd(sid, slow)))._tag, "WatchTimeout")
        assert.strictEqual(scenario.now(), 13)
        yield* Effect.sleep("1 millis")
        assert.strictEqual(scenario.clock.timers, 0)
      })
    ))

  it.effect("starts anew for each watch", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const policy = { cadence: Schedule.exponential("10 seconds") }
        for (let i = 0; i < 2; i++) {
          const sid = yield* scenario.fake.place(script)
          const began = scenario.now()
          yield* scenario.watch.awaitEnd(sid, policy)
          deepStrictEqual((yield* scenario.requests(sid)).map((at) => at - began), [0, 10, 30, 70])
        }
      })
    ))
})
