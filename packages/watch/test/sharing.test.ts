/** Sharing: watches of the same call share its polls, and all watches share the workers of the engine. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Array, Duration, Effect, FastCheck, Fiber, Schedule } from "effect"
import { cases, eventLoopTurn } from "../../../scripts/lib/cases.mjs"
import { inScenario, listen, words } from "./support/scenarios.ts"

const script = CallScript.answered({ ring: "12 seconds", talk: "50 seconds" })

const cadence = WatchPolicy.every("10 seconds")

describe("watches of one call", () => {
  it.effect("share one poll, however many they are, and are emitted the same", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const emitted = yield* Effect.all(
          Array.makeBy(50, () => listen(scenario, scenario.watch.events(sid, { cadence }))),
          { concurrency: "unbounded" }
        )
        for (const each of emitted) {
          deepStrictEqual(words(each), [
            "0 Observed in-progress",
            "20 Changed in-progress",
            "70 Ended completed"
          ])
        }
        deepStrictEqual(yield* scenario.requests(), [0, 10, 20, 30, 40, 50, 60, 70])
      })
    ))

  it.effect("begun at different times fall into step with each other", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const late = (seconds: number) =>
          Effect.delay(listen(scenario, scenario.watch.events(sid, { cadence })), Duration.seconds(seconds))
        const [first, second] = yield* Effect.all([late(0), late(3)], { concurrency: "unbounded" })
        deepStrictEqual(yield* scenario.requests(), [0, 3, 13, 23, 33, 43, 53, 63])
        deepStrictEqual(words(first), ["0 Observed in-progress", "13 Changed in-progress", "63 Ended completed"])
        deepStrictEqual(words(second), [
          "3 Observed in-progress",
          "13 Changed in-progress",
          "63 Ended completed"
        ])
      })
    ))

  it.effect("share the request in flight when the second one begins", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy())
        yield* scenario.fake.faults(FaultPlan.stalled({ duration: "5 seconds" }).pipe(FaultPlan.onRequest(1)))
        const watching = Array.makeBy(
          3,
          (i) => Effect.delay(listen(scenario, scenario.watch.events(sid, { cadence })), Duration.seconds(i))
        )
        const emitted = yield* Effect.all(watching, { concurrency: "unbounded" })
        for (const each of emitted) deepStrictEqual(words(each), ["5 Observed in-progress", "15 Ended busy"])
        deepStrictEqual(yield* scenario.requests(), [0, 15])
      })
    ))

  it.effect("keep deadlines of their own", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const [short, long] = yield* Effect.all([
          listen(scenario, scenario.watch.events(sid, { cadence, deadline: "25 seconds" })),
          listen(scenario, scenario.watch.events(sid, { cadence }))
        ], { concurrency: "unbounded" })
        assert.strictEqual(short.endedAt, 25)
        assert.strictEqual(words(long).at(-1), "70 Ended completed")
      })
    ))

  it.effect("do not use up each other's schedules", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const three = { cadence: Schedule.intersect(Schedule.spaced("25 seconds"), Schedule.recurs(3)) }
        const [scheduled] = yield* Effect.all([
          listen(scenario, scenario.watch.events(sid, three)),
          listen(scenario, scenario.watch.events(sid, { cadence: WatchPolicy.every("2 seconds") }))
        ], { concurrency: "unbounded" })
        assert.strictEqual(words(scheduled).at(-1), "62 Ended completed")
      })
    ))
})

describe("watches of many calls", () => {
  it.effect("with one worker take turns, the longest due first, and none starves", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const long = CallScript.answered({ talk: "1 hour" })
        const sids = yield* Effect.replicateEffect(scenario.fake.place(long), 50)
        // Each poll takes a second, so a round of all 50 takes 50: five times what the cadence would like.
        yield* scenario.fake.faults(FaultPlan.stalled({ duration: "1 second" }))
        const fibers = yield* Effect.forEach(sids, (sid) => Effect.fork(scenario.watch.awaitEnd(sid, { cadence })))
        yield* Effect.sleep("500 seconds")
        yield* Fiber.interruptAll(fibers)
        const order = (yield* scenario.fake.journal).map(({ sid }) => sid)
        const rounds = Array.chunksOf(order.slice(0, 500), 50)
        assert.strictEqual(rounds.length, 10)
        assert.strictEqual(new Set(rounds[0]).size, 50)
        for (const round of rounds) deepStrictEqual(round, rounds[0])
      }), { concurrency: 1 }))

  it(
    "with few workers are polled in the order in which they became due, whatever their cadences",
    () =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.array(FastCheck.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 12 }),
          FastCheck.integer({ min: 1, max: 3 }),
          FastCheck.integer({ min: 1, max: 4 }),
          async (intervals, concurrency, takes) => {
            Effect.runSync(inScenario((scenario) =>
              Effect.gen(function*() {
                yield* scenario.fake.faults(FaultPlan.stalled({ duration: Duration.seconds(takes) }))
                const due = new Map<string, number>()
                const every = new Map<string, number>()
                const fibers = yield* Effect.forEach(intervals, (seconds) =>
                  Effect.gen(function*() {
                    const sid = yield* scenario.fake.place(CallScript.answered({ talk: "1 hour" }))
                    due.set(sid, 0)
                    every.set(sid, seconds)
                    return yield* Effect.fork(
                      scenario.watch.awaitEnd(sid, { cadence: WatchPolicy.every(Duration.seconds(seconds)) })
                    )
                  }))
                yield* Effect.sleep(Duration.seconds(Math.max(20, cases(60))))
                yield* Fiber.interruptAll(fibers)
                let running: ReadonlyArray<{ readonly sid: string; readonly until: number }> = []
                for (const { elapsed, sid } of yield* scenario.fake.journal) {
                  const at = Duration.toSeconds(elapsed)
                  if (sid === undefined) continue
                  // Every call that was due for longer is polled already, or its response has just arrived.
                  running = running.filter(({ until }) => until > at)
                  for (const [other, since] of due) {
                    const busy = running.some((each) => each.sid === other)
                    if (!busy) assert.isAtMost(due.get(sid) ?? NaN, since, `${sid} was polled before ${other} at ${at}`)
                  }
                  assert.isAtLeast(at, due.get(sid) ?? NaN)
                  running = [...running, { sid, until: at + takes }]
                  assert.isAtMost(running.length, concurrency)
                  due.set(sid, at + takes + (every.get(sid) ?? NaN))
                }
              }), { concurrency, requestsPerMinute: 100_000 }))
            await eventLoopTurn()
          }
        ),
        { numRuns: cases(1000), seed: 5 }
      ),
    120_000
  )
})
