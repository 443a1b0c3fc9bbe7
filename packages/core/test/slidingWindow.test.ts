/** How many requests may go, and when: told the time directly. */
import type { RequestBudget } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { Duration, FastCheck, Option } from "effect"
import { SlidingWindow } from "../src/internal/budget/slidingWindow.ts"
import { cases } from "./support/cases.ts"

const MINUTE = 60_000

const signal = (status: number, headers: Partial<RequestBudget.RateLimitInfo> = {}): RequestBudget.RateLimitInfo => ({
  status,
  retryAfter: Option.none(),
  limit: Option.none(),
  remaining: Option.none(),
  reset: Option.none(),
  ...headers
})

const seconds = (n: number) => Option.some(Duration.seconds(n))

const busiest = (times: ReadonlyArray<number>): number =>
  Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + MINUTE).length))

/** Takes as many turns as may go from one second to another, looking each 50 ms. */
const takeAll = (turns: SlidingWindow, priority: RequestBudget.Priority, from: number, to: number): Array<number> => {
  const times: Array<number> = []
  for (let now = from; now < to; now += 50) {
    while (turns.waitOf(priority, now, false) === 0) {
      turns.grant(priority, now)
      times.push(now)
    }
  }
  return times
}

describe("a sliding minute", () => {
  it("never holds more than the limit, whoever asks when, whatever is given back, said or set back", () => {
    const happening = FastCheck.record({
      later: FastCheck.oneof(FastCheck.nat(2000), FastCheck.nat(70_000)),
      what: FastCheck.oneof(
        {
          weight: 8,
          arbitrary: FastCheck.constantFrom<"interactive" | "watch" | "background">(
            "interactive",
            "watch",
            "background"
          )
        },
        {
          weight: 1,
          arbitrary: FastCheck.constantFrom<"give back" | "429" | "headers" | "set back">(
            "give back",
            "429",
            "headers",
            "set back"
          )
        }
      ),
      times: FastCheck.integer({ min: 1, max: 40 }),
      aged: FastCheck.boolean()
    })
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer({ min: 1, max: 60 }),
        FastCheck.array(happening, { maxLength: 40 }),
        (limit, happenings) => {
          const turns = new SlidingWindow(limit, MINUTE)
          let now = 1_000_000
          let granted: Array<number> = []
          let last: RequestBudget.Permit | undefined
          for (const { aged, later, times, what } of happenings) {
            now += later
            if (what === "give back") {
              if (last !== undefined && granted.at(-1) === now) {
                turns.release(last)
                granted.pop()
                last = undefined
              }
            } else if (what === "429") turns.observe(signal(429, { retryAfter: seconds(times % 7) }), now)
            else if (what === "headers") {
              turns.observe(signal(200, { remaining: Option.some(times), limit: Option.some(limit) }), now)
            } else if (what === "set back") {
              turns.shift(later)
              granted = granted.map((at) => at - later)
              now -= later
            } else {
              for (let i = 0; i < times; i++) {
                const wait = turns.waitOf(what, now, aged)
                assert.isTrue(wait >= 0 && Number.isFinite(wait))
                if (wait > 0) break
                last = turns.grant(what, now)
                granted.push(now)
              }
            }
            assert.isAtMost(busiest(granted), limit)
          }
        }
      ),
      { numRuns: cases(1000), seed: 11 }
    )
  })

  it("may be used up at once by whoever is in a hurry, and opens as it slides", () => {
    const turns = new SlidingWindow(200, MINUTE)
    assert.strictEqual(takeAll(turns, "interactive", 0, 50).length, 200)
    assert.strictEqual(turns.waitOf("interactive", 1000, false), 59_000)
    assert.strictEqual(takeAll(turns, "interactive", 1000, 60_000).length, 0)
    assert.strictEqual(takeAll(turns, "interactive", 60_000, 60_050).length, 200)
  })

  it("gives whoever can wait ten at once, the rest evenly, and keeps a twentieth back", () => {
    for (const priority of ["watch", "background"] as const) {
      const turns = new SlidingWindow(200, MINUTE)
      const times = takeAll(turns, priority, 0, 10 * MINUTE)
      assert.strictEqual(times.filter((at) => at === 0).length, 10)
      assert.strictEqual(busiest(times), 190)
      const gaps = times.slice(10, 180).map((at, i, all) => at - (all[i - 1] ?? at - 300))
      assert.isAtMost(Math.max(...gaps), 350)
      assert.isAtLeast(takeAll(turns, "interactive", 10 * MINUTE, 10 * MINUTE + 50).length, 10)
    }
  })

  it("lets whoever has waited too long use the reserve", () => {
    const turns = new SlidingWindow(20, MINUTE)
    const permit = turns.grant("interactive", 0)
    takeAll(turns, "interactive", 0, 50)
    turns.release(permit)
    assert.isAbove(turns.waitOf("watch", 100, false), 0)
    assert.strictEqual(turns.waitOf("watch", 100, true), 0)
  })

  it("leaves to those who can wait what the others did not need", () => {
    const turns = new SlidingWindow(200, MINUTE)
    assert.strictEqual(turns.availablePerWindow(0), 190)
    for (let i = 0; i < 120; i++) turns.grant("interactive", i)
    assert.strictEqual(turns.availablePerWindow(1000), 80)
    assert.strictEqual(turns.availablePerWindow(MINUTE + 1000), 190)
  })
})

describe("a 429", () => {
  it("rests everybody for as long as it says, five minutes at most", () => {
    const turns = new SlidingWindow(200, MINUTE)
    turns.observe(signal(429, { retryAfter: seconds(7) }), 1000)
    for (const priority of ["interactive", "watch", "background"] as const) {
      assert.strictEqual(turns.waitOf(priority, 1000, true), 7000)
      assert.strictEqual(turns.waitOf(priority, 8000, false), 0)
    }
    turns.observe(signal(429, { retryAfter: seconds(100_000) }), 1000)
    assert.strictEqual(turns.pausedFor(1000), 300_000)
  })

  it("lowers what is allowed to nine tenths of what went, a tenth of the limit at least, and that comes back", () => {
    const turns = new SlidingWindow(200, MINUTE)
    for (let i = 0; i < 100; i++) turns.grant("interactive", i)
    turns.observe(signal(429), 1000)
    assert.strictEqual(turns.allowed(1000), 90)
    assert.strictEqual(turns.allowed(1000 + MINUTE), 110)
    assert.strictEqual(turns.allowed(1000 + 20 * MINUTE), 200)
    turns.observe(signal(429), 30 * MINUTE)
    assert.strictEqual(turns.allowed(30 * MINUTE), 20)
  })
})

describe("the headers of an answer", () => {
  it("lower the limit and never raise it", () => {
    const turns = new SlidingWindow(200, MINUTE)
    turns.observe(signal(200, { limit: Option.some(120) }), 0)
    assert.strictEqual(turns.allowed(0), 120)
    turns.observe(signal(200, { limit: Option.some(900) }), 0)
    assert.strictEqual(turns.allowed(0), 200)
    turns.observe(signal(200, { limit: Option.some(1) }), 0)
    assert.strictEqual(turns.allowed(0), 20)
  })

  it("tell what others have used, until the reset", () => {
    const turns = new SlidingWindow(200, MINUTE)
    for (let i = 0; i < 30; i++) turns.grant("interactive", 0)
    turns.observe(signal(200, { remaining: Option.some(5), limit: Option.some(200), reset: seconds(20) }), 1000)
    assert.strictEqual(takeAll(turns, "interactive", 1000, 1050).length, 5)
    assert.strictEqual(turns.waitOf("interactive", 1000, false), 20_000)
    assert.strictEqual(takeAll(turns, "interactive", 21_000, 21_050).length, 165)
  })

  it("that say that enough is left change nothing", () => {
    const turns = new SlidingWindow(200, MINUTE)
    turns.grant("interactive", 0)
    turns.observe(signal(200, { remaining: Option.some(199), limit: Option.some(200) }), 0)
    assert.strictEqual(takeAll(turns, "interactive", 0, 50).length, 199)
  })
})
