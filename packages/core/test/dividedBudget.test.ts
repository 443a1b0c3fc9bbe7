/** A budget for one of several processes that divide the limit of an account. */
import { RequestBudget } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, FastCheck, Fiber, Option, TestClock } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { SlidingWindow } from "../src/internal/budget/slidingWindow.ts"

const MINUTE = 60_000

const busiest = (times: ReadonlyArray<number>): number =>
  Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + MINUTE).length))

/** Acquires permits one after the other, and records when each was granted. */
const acquireAll = (budget: RequestBudget.Service, priority: RequestBudget.Priority, times: Array<number>) =>
  Effect.fork(Effect.forever(Effect.zipRight(
    budget.acquire(priority),
    Effect.map(Clock.currentTimeMillis, (now) => times.push(now))
  )))

describe("a divided budget", () => {
  it("stays within the limit in any minute, however its shares move between processes", () => {
    const period = FastCheck.record({
      seconds: FastCheck.integer({ min: 1, max: 40 }),
      // The process that each of eight parts of the limit belongs to.
      owners: FastCheck.array(FastCheck.nat(2), { minLength: 8, maxLength: 8 }),
      isBusy: FastCheck.array(FastCheck.boolean(), { minLength: 3, maxLength: 3 }),
      priority: FastCheck.constantFrom<"interactive" | "watch">("interactive", "watch"),
      aged: FastCheck.boolean()
    })
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer({ min: 15, max: 60 }),
        FastCheck.array(period, { minLength: 1, maxLength: 8 }),
        (eighth, periods) => {
          const limit = 8 * eighth
          const processes = [0, 1, 2].map(() => new SlidingWindow(limit, MINUTE))
          const granted: Array<number> = []
          let now = 1_000_000
          for (const { aged, isBusy, owners, priority, seconds } of periods) {
            for (const end = now + seconds * 1000; now < end; now += 100) {
              processes.forEach((window, index) => {
                // Renewed far more often than it changes.
                window.setShare(owners.filter((owner) => owner === index).length * eighth, now, Infinity)
                while (isBusy[index] === true && window.waitOf(priority, now, aged) === 0) {
                  window.grant(priority, now)
                  granted.push(now)
                }
              })
            }
          }
          assert.isAtMost(busiest(granted), limit)
        }
      ),
      { numRuns: cases(300) }
    )
  })

  it.effect("grants nothing without a share, and uses nearly all of the share that it is given", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeDivided({ requestsPerMinute: 200 })
      const times: Array<number> = []
      yield* acquireAll(budget, "interactive", times)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(times.length, 0)
      assert.strictEqual(yield* budget.availablePerMinute, 0)
      yield* budget.setShare(100, "1 hour")
      assert.strictEqual(yield* budget.availablePerMinute, 95)
      yield* TestClock.adjust("1 minute")
      assert.isAtLeast(times.length, 95)
      assert.isAtMost(times.length, 97)
    }))

  it.effect("stops when its share has expired, until the share is set again", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeDivided({ requestsPerMinute: 120 })
      const times: Array<number> = []
      yield* acquireAll(budget, "watch", times)
      yield* budget.setShare(120, "8 seconds")
      yield* TestClock.adjust("10 minutes")
      const granted = times.length
      assert.isAbove(granted, 12)
      assert.isAtMost(granted, 18)
      yield* budget.setShare(120, "8 seconds")
      yield* TestClock.adjust("4 seconds")
      assert.isAbove(times.length, granted)
    }))

  it.effect("follows a share that shrinks or grows at once", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeDivided({ requestsPerMinute: 80 })
      const times: Array<number> = []
      const fiber = yield* acquireAll(budget, "watch", times)
      yield* budget.setShare(80, "1 hour")
      yield* TestClock.adjust("1 minute")
      yield* budget.setShare(12, "1 hour")
      const before = times.length
      yield* TestClock.adjust("1 minute")
      assert.isAtLeast(times.length - before, 6)
      assert.isAtMost(times.length - before, 12)
      yield* budget.setShare(80, "1 hour")
      const small = times.length
      yield* TestClock.adjust("30 seconds")
      assert.isAtLeast(times.length - small, 33)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("counts the requests of the other processes against the limit of the account, not against its share", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeDivided({ requestsPerMinute: 200 })
      yield* budget.setShare(100, "1 hour")
      yield* budget.observe({
        status: 200,
        retryAfter: Option.none(),
        limit: Option.some(200),
        remaining: Option.some(110),
        reset: Option.some(Duration.minutes(1))
      })
      const times: Array<number> = []
      yield* acquireAll(budget, "watch", times)
      yield* TestClock.adjust("50 seconds")
      assert.isAbove(times.length, 70)
    }))
})
