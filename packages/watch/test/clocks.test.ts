/** A machine's clock can jump: forward when a laptop wakes up, backward when it is set. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, FastCheck, Fiber } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import type { Scenario } from "./support/scenarios.ts"
import { failure, inScenario, listen } from "./support/scenarios.ts"

const cadence = WatchPolicy.every("10 seconds")

const endless = CallScript.answered({ talk: "100 days" })

/** A call that began so long ago that no clock of these tests is set back to before it. */
const longAgo = (scenario: Scenario) =>
  Effect.tap(scenario.fake.place(endless), () => Effect.sync(() => scenario.clock.set("20 days", "forward")))

describe("a clock that jumps forward", () => {
  for (const [name, pace] of [["a function", cadence], ["the default policy", undefined]] as const) {
    it.effect(`by 12 h leads to one poll a call, paced by ${name}`, () =>
      inScenario((scenario) =>
        Effect.gen(function*() {
          const sids = yield* Effect.replicateEffect(scenario.fake.place(endless), 20)
          const fibers = yield* Effect.forEach(
            sids,
            (sid) => Effect.fork(scenario.watch.awaitEnd(sid, { cadence: pace, deadline: "3 days" }))
          )
          yield* Effect.sleep("25 seconds")
          const before = (yield* scenario.requests()).length
          scenario.clock.set("12 hours", "forward")
          // Long enough for the sleep that was under way to end, too short for the one after it.
          yield* Effect.sleep("9 seconds")
          assert.strictEqual((yield* scenario.requests()).length, before + 20)
          yield* Fiber.interruptAll(fibers)
        })
      ))
  }

  it.effect("past the deadline ends the watch without another poll", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(endless)
        const watching = yield* Effect.fork(listen(scenario, scenario.watch.events(sid, { cadence })))
        yield* Effect.sleep("15 seconds")
        scenario.clock.set("12 hours", "forward")
        const emitted = yield* Fiber.join(watching)
        assert.strictEqual(failure(emitted.exit), "WatchTimeout")
        assert.strictEqual((yield* scenario.requests()).length, 2)
      })
    ))
})

describe("a clock that is set back", () => {
  it.effect("by an hour leaves the polls in their cadence", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* longAgo(scenario)
        const watching = yield* Effect.fork(scenario.watch.awaitEnd(sid, { cadence }))
        yield* Effect.sleep("35 seconds")
        assert.strictEqual((yield* scenario.requests()).length, 4)
        scenario.clock.set("1 hour", "back")
        yield* Effect.sleep("60 seconds")
        assert.strictEqual((yield* scenario.requests()).length, 10)
        yield* Fiber.interrupt(watching)
      })
    ))

  it.effect("during the pause that a 429 asked for does not make the pause longer", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* longAgo(scenario)
        yield* scenario.fake.faults(
          FaultPlan.status(429, { retryAfter: Duration.seconds(30) }).pipe(FaultPlan.onRequest(1))
        )
        const watching = yield* Effect.fork(scenario.watch.awaitEnd(sid, { cadence }))
        yield* Effect.sleep("20 seconds")
        scenario.clock.set("1 hour", "back")
        yield* Effect.sleep("15 seconds")
        assert.strictEqual((yield* scenario.requests()).length, 2)
        yield* Fiber.interrupt(watching)
      })
    ))
})

describe("a clock that does whatever it likes", () => {
  const jump = FastCheck.record({
    after: FastCheck.integer({ min: 1, max: 15 }),
    by: FastCheck.oneof(FastCheck.integer({ min: 1, max: 60 }), FastCheck.integer({ min: 3600, max: 100_000 })),
    direction: FastCheck.constantFrom<"forward" | "back">("forward", "back")
  })

  it(
    "never lets a call be polled twice within its cadence but once for each jump, and never forgets it",
    () =>
      FastCheck.assert(
        FastCheck.property(FastCheck.array(jump, { maxLength: 5 }), (jumps) => {
          Effect.runSync(inScenario((scenario) =>
            Effect.gen(function*() {
              const sid = yield* longAgo(scenario)
              const watching = yield* Effect.fork(
                scenario.watch.awaitEnd(sid, { cadence, deadline: "300 days", stallAfter: "300 days" })
              )
              let elapsed = 0
              for (const { after, by, direction } of jumps) {
                yield* Effect.sleep(Duration.seconds(after))
                elapsed += after
                scenario.clock.set(Duration.seconds(by), direction)
              }
              yield* Effect.sleep("25 seconds")
              elapsed += 25
              const polls = (yield* scenario.requests()).length
              assert.isAtMost(polls, 1 + Math.floor(elapsed / 10) + jumps.length)
              assert.isAtLeast(polls, Math.floor(elapsed / 10) - jumps.length)
              yield* Fiber.interrupt(watching)
            })
          ))
        }),
        { numRuns: cases(1000), seed: 12 }
      ),
    120_000
  )
})
