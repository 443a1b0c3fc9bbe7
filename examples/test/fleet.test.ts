/** The fleet's screen fits a terminal of 80 columns and 24 rows. */
import { assert, describe, it } from "@effect/vitest"
import { percentile, type View } from "../src/lib/fleet/board.ts"
import { draw } from "../src/lib/fleet/screen.ts"

const view: View = {
  active: 100_000,
  statuses: new Map([["in-progress", 99_000], ["not read yet", 1000]]),
  requests: 4750,
  bulkReads: 4700,
  perMinute: 5000,
  mode: "bulk",
  slowdown: 12.34,
  ended: 1_000_000,
  p50: 6.84,
  p95: 113.1,
  waitingForDetails: 1234,
  failed: 3,
  last: Array.from({ length: 6 }, (_, i) => ({
    sid: `b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1${i}`,
    status: "completed",
    delay: i
  }))
}

describe("the screen", () => {
  it("is at most 80 columns wide and 24 rows high, and shows how many calls have each status", () => {
    const lines = draw(view).split("\n")
    assert.isAtMost(lines.length, 23)
    assert.isAtMost(Math.max(...lines.map((line) => line.length)), 80)
    assert.match(draw(view), /in-progress +99000/)
    assert.match(draw(view), /4750 +#+\.+ of 5000\/min/)
  })
})

describe("percentile", () => {
  it("returns the value at or below which the given share of the values lies", () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i)
    assert.strictEqual(percentile(values, 0.5), 50)
    assert.strictEqual(percentile(values, 0.95), 95)
    assert.strictEqual(percentile([], 0.5), 0)
  })
})
