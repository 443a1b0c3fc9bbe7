/** The sliding window with its reserve, pace and AIMD, at times that the test passes. */
import type { RequestBudget } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { Duration, FastCheck, Option } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { SlidingWindow } from "../src/internal/budget/slidingWindow.ts"

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

/** Acquires as many permits as possible between two times, tried every 50 ms. */
const takeAll = (window: SlidingWindow, priority: RequestBudget.Priority, from: number, to: number): Array<number> => {
  const times: Array<number> = []
  for (let now = from; now < to; now += 50) {
    while (window.waitOf(priority, now, false) === 0) {
      window.grant(priority, now)
      times.push(now)
    }
  }
  return times
}

describe("a sliding minute", () => {
  it("never holds more than the limit for any sequence of requests, releases, 429s and headers", () => {
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
          arbitrary: FastCheck.constantFrom<"release" | "429" | "headers" | "restrict">(
            "release",
            "429",
            "headers",
            "restrict"
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
          const window = new SlidingWindow(limit, MINUTE)
          let now = 1_000_000
          const granted: Array<number> = []
          let last: RequestBudget.Permit | undefined
          for (const { aged, later, times, what } of happenings) {
            now += later
            if (what === "release") {
              if (last !== undefined && granted.at(-1) === now) {
                window.release(last)
                granted.pop()
                last = undefined
              }
            } else if (what === "429") window.observe(signal(429, { retryAfter: seconds(times % 7) }), now)
            else if (what === "headers") {
              window.observe(signal(200, { remaining: Option.some(times), limit: Option.some(limit) }), now)
            } else if (what === "restrict") window.restrict(0.5, now + later)
            else {
              for (let i = 0; i < times; i++) {
                const wait = window.waitOf(what, now, aged)
                assert.isTrue(wait >= 0 && Number.isFinite(wait))
                if (wait > 0) break
                last = window.grant(what, now)
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

  it("lets interactive requests use it up at once, and has capacity again as it slides", () => {
    const window = new SlidingWindow(200, MINUTE)
    assert.strictEqual(takeAll(window, "interactive", 0, 50).length, 200)
    assert.strictEqual(window.waitOf("interactive", 1000, false), 59_000)
    assert.strictEqual(takeAll(window, "interactive", 1000, 60_000).length, 0)
    assert.strictEqual(takeAll(window, "interactive", 60_000, 60_050).length, 200)
  })

  it("gives paced requests ten permits at once and the rest evenly, and keeps a twentieth in reserve", () => {
    for (const priority of ["watch", "background"] as const) {
      const window = new SlidingWindow(200, MINUTE)
      const times = takeAll(window, priority, 0, 10 * MINUTE)
      assert.strictEqual(times.filter((at) => at === 0).length, 10)
      assert.strictEqual(busiest(times), 190)
      const gaps = times.slice(10, 180).map((at, i, all) => at - (all[i - 1] ?? at - 300))
      assert.isAtMost(Math.max(...gaps), 350)
      assert.isAtLeast(takeAll(window, "interactive", 10 * MINUTE, 10 * MINUTE + 50).length, 10)
    }
  })

  it("lets an aged request use the reserve", () => {
    const window = new SlidingWindow(20, MINUTE)
    const permit = window.grant("interactive", 0)
    takeAll(window, "interactive", 0, 50)
    window.release(permit)
    assert.isAbove(window.waitOf("watch", 100, false), 0)
    assert.strictEqual(window.waitOf("watch", 100, true), 0)
  })

  it("leaves to paced requests what interactive requests did not use", () => {
    const window = new SlidingWindow(200, MINUTE)
    assert.strictEqual(window.available(0), 190)
    for (let i = 0; i < 120; i++) window.grant("interactive", i)
    assert.strictEqual(window.available(1000), 80)
    assert.strictEqual(window.available(MINUTE + 1000), 190)
  })

  it("counts only interactive requests as interactive, until they leave it", () => {
    const window = new SlidingWindow(200, MINUTE)
    takeAll(window, "watch", 0, 50)
    assert.strictEqual(window.available(100), 190)
    for (let i = 0; i < 120; i++) window.grant("interactive", 20_000)
    assert.strictEqual(window.available(MINUTE), 80)
    assert.strictEqual(window.available(MINUTE + 19_999), 80)
    assert.strictEqual(window.available(MINUTE + 20_000), 190)
    for (let i = 0; i < 120; i++) window.grant("interactive", MINUTE + 20_000)
    assert.strictEqual(window.available(MINUTE + 20_000), 80)
  })

  it("lets a quarter of a small limit go at once", () => {
    const window = new SlidingWindow(20, MINUTE)
    assert.strictEqual(takeAll(window, "watch", 0, 50).length, 5)
  })

  it("can be restricted to a share, until one minute after the given time", () => {
    const window = new SlidingWindow(200, MINUTE)
    window.restrict(0.5, 1000)
    assert.strictEqual(window.allowed(1000), 100)
    assert.strictEqual(window.allowed(1000 + MINUTE - 1), 100)
    assert.strictEqual(window.allowed(1000 + MINUTE), 200)
  })
})

describe("a share of the limit", () => {
  const windowWithShare = (perMinute: number) => {
    const window = new SlidingWindow(200, MINUTE)
    window.setShare(perMinute, 0, Infinity)
    return window
  }

  it("paces requests of every priority", () => {
    const window = windowWithShare(20)
    assert.strictEqual(takeAll(window, "interactive", 0, MINUTE).length, 19)
  })

  it("ends at its time", () => {
    const window = new SlidingWindow(200, MINUTE)
    window.setShare(120, 0, 8000)
    assert.strictEqual(window.allowed(7999), 120)
    assert.strictEqual(window.allowed(8000), 0)
    assert.strictEqual(window.waitOf("watch", 8000, false), Infinity)
  })

  it("that changes keeps what was early, at the new pace", () => {
    const window = windowWithShare(120)
    window.grant("watch", 0)
    window.grant("watch", 0)
    // Two may be early. Of the smaller share one may, and 57 go in a minute.
    assert.closeTo(window.waitOf("watch", 0, false), 0, 0.001)
    window.setShare(60, 0, Infinity)
    assert.closeTo(window.waitOf("watch", 0, false), MINUTE / 57, 0.001)
  })

  it("that comes after none keeps the time that was early", () => {
    const window = windowWithShare(120)
    for (let i = 0; i < 4; i++) window.grant("watch", 0)
    window.setShare(0, 0, Infinity)
    window.setShare(60, 0, Infinity)
    assert.closeTo(window.waitOf("watch", 0, false), 4 * MINUTE / 114 - MINUTE / 57, 0.001)
    window.setShare(60, 30_000, Infinity)
    assert.strictEqual(window.waitOf("watch", 30_000, false), 0)
  })
})

describe("a released permit", () => {
  it("frees its own grant and its step of the pace", () => {
    const window = new SlidingWindow(200, MINUTE)
    const first = window.grant("watch", 0)
    takeAll(window, "watch", 0, 50)
    const wait = window.waitOf("watch", 100, false)
    assert.isAbove(wait, 0)
    window.release(first)
    assert.strictEqual(window.waitOf("watch", 100, false), 0)
    window.grant("watch", 100)
    assert.closeTo(window.waitOf("watch", 100, false), wait, 0.001)
  })

  it("frees the grant at its own time, and only once", () => {
    const window = new SlidingWindow(2, MINUTE)
    const early = window.grant("interactive", 0)
    window.grant("interactive", 30_000)
    window.release(early)
    window.release(early)
    window.grant("interactive", 40_000)
    // The grants of 30 s and 40 s are left: the window has capacity again at 90 s.
    assert.strictEqual(window.waitOf("interactive", 40_000, false), 50_000)
  })

  it("that has left the window frees nothing", () => {
    const window = new SlidingWindow(1, MINUTE)
    const old = window.grant("interactive", 0)
    window.waitOf("interactive", MINUTE, false)
    window.grant("interactive", MINUTE)
    window.release(old)
    assert.strictEqual(window.waitOf("interactive", MINUTE, false), MINUTE)
    assert.strictEqual(window.waitOf("watch", MINUTE, false), MINUTE)
  })

  it("frees the use of its own priority", () => {
    const window = new SlidingWindow(200, MINUTE)
    const [interactive, watch] = [window.grant("interactive", 0), window.grant("watch", 0)]
    for (let i = 0; i < 19; i++) window.grant("interactive", 0)
    assert.strictEqual(window.available(0), 180)
    window.release(watch)
    assert.strictEqual(window.available(0), 180)
    window.release(interactive)
    assert.strictEqual(window.available(0), 181)
  })
})

describe("a 429", () => {
  it("pauses all priorities for its Retry-After, five minutes at most", () => {
    const window = new SlidingWindow(200, MINUTE)
    window.observe(signal(429, { retryAfter: seconds(7) }), 1000)
    for (const priority of ["interactive", "watch", "background"] as const) {
      assert.strictEqual(window.waitOf(priority, 1000, true), 7000)
      assert.strictEqual(window.waitOf(priority, 8000, false), 0)
    }
    window.observe(signal(429, { retryAfter: seconds(100_000) }), 1000)
    assert.strictEqual(window.pausedFor(1000), 300_000)
  })

  it("pauses for five seconds without a `Retry-After`, and not at all after one of 0", () => {
    const window = new SlidingWindow(200, MINUTE)
    window.observe(signal(429, { retryAfter: seconds(0) }), 1000)
    assert.strictEqual(window.pausedFor(1000), 0)
    window.observe(signal(429), 1000)
    assert.strictEqual(window.pausedFor(1000), 5000)
  })

  it("pauses a budget without a limit, too", () => {
    const window = new SlidingWindow(Infinity, MINUTE)
    for (let i = 0; i < 10_000; i++) window.grant("watch", 0)
    window.observe(signal(429, { retryAfter: seconds(7) }), 0)
    assert.strictEqual(window.waitOf("watch", 0, false), 7000)
    assert.strictEqual(window.waitOf("watch", 7000, false), 0)
    assert.strictEqual(window.available(7000), Infinity)
  })

  it("reduces the limit to nine tenths of the grants of the last minute, which time restores", () => {
    const window = new SlidingWindow(200, MINUTE)
    for (let i = 0; i < 150; i++) window.grant("interactive", i)
    window.observe(signal(429), 1000)
    assert.strictEqual(window.allowed(1000), 135)
    assert.strictEqual(window.allowed(1000 + MINUTE), 175)
    assert.strictEqual(window.allowed(1000 + 2 * MINUTE), 200)
  })

  it("halves the limit at most, and in a burst counts once", () => {
    const window = new SlidingWindow(200, MINUTE)
    for (let at = 0; at < MINUTE; at += 1000) window.observe(signal(429, { retryAfter: seconds(1) }), at)
    assert.strictEqual(window.allowed(0), 100)
    window.observe(signal(429), MINUTE)
    assert.strictEqual(window.allowed(MINUTE), 70)
  })

  it("never reduces the limit below a tenth, from which it recovers within five minutes", () => {
    const window = new SlidingWindow(200, MINUTE)
    let now = 0
    for (; now < 20 * MINUTE; now += MINUTE) {
      window.observe(signal(429), now)
      assert.isAtLeast(window.allowed(now), 20)
    }
    assert.strictEqual(window.allowed(now + 4 * MINUTE), 200)
  })
})

describe("the headers of a response", () => {
  it("lower the limit and never raise it", () => {
    const window = new SlidingWindow(200, MINUTE)
    window.observe(signal(200, { limit: Option.some(120) }), 0)
    assert.strictEqual(window.allowed(0), 120)
    window.observe(signal(200, { limit: Option.some(900) }), 0)
    assert.strictEqual(window.allowed(0), 200)
    window.observe(signal(200, { limit: Option.some(1) }), 0)
    assert.strictEqual(window.allowed(0), 20)
  })

  it("show what other programs have used, until the reset", () => {
    const window = new SlidingWindow(200, MINUTE)
    for (let i = 0; i < 30; i++) window.grant("interactive", 0)
    window.observe(signal(200, { remaining: Option.some(5), limit: Option.some(200), reset: seconds(20) }), 1000)
    assert.strictEqual(takeAll(window, "interactive", 1000, 1050).length, 5)
    assert.strictEqual(window.waitOf("interactive", 1000, false), 20_000)
    assert.strictEqual(takeAll(window, "interactive", 21_000, 21_050).length, 165)
  })

  it("leave to paced requests what other programs do not use", () => {
    const window = new SlidingWindow(200, MINUTE)
    window.observe(signal(200, { remaining: Option.some(50) }), 0)
    assert.strictEqual(window.available(0), 50)
    window.observe(signal(200, { remaining: Option.some(0), reset: seconds(20) }), 0)
    assert.strictEqual(window.waitOf("interactive", 0, false), 20_000)
  })

  it("change nothing when enough remains", () => {
    const window = new SlidingWindow(200, MINUTE)
    window.grant("interactive", 0)
    window.observe(signal(200, { remaining: Option.some(199), limit: Option.some(200) }), 0)
    assert.strictEqual(takeAll(window, "interactive", 0, 50).length, 199)
  })
})
