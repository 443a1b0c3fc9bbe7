/** The reports of the polling rate, for given times and delays of polls. */
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { type PollingMode, PollingRate } from "../src/internal/engine/pollingRate.ts"

const CADENCE = 5000

/** A pacing that hears for so many seconds, twice a second, how late calls are that want to wait five seconds. */
const listened = () => {
  const pacing = new PollingRate()
  const emitted: Array<PollingMode & { readonly at: number }> = []
  let now = 0
  const stop = pacing.listen((pace) => emitted.push({ ...pace, at: now }))
  return {
    emitted,
    stop,
    serve: (seconds: number, by: PollingMode["mode"], lag: number, cadence: number = CADENCE) => {
      for (const until = now + seconds * 1000; now < until; now += 500) pacing.served(cadence, by, lag, now)
    },
    words: () => emitted.map(({ at, mode, slowdown }) => `${at / 1000} ${mode} ${slowdown}`)
  }
}

describe("the pace", () => {
  it("is not emitted as long as calls are polled when their cadence says", () => {
    const { serve, words } = listened()
    serve(600, "individual", 0)
    serve(600, "individual", 1000)
    deepStrictEqual(words(), [])
  })

  it("is emitted when calls wait longer, how much longer, and when that is over", () => {
    const { serve, emitted, words } = listened()
    serve(60, "individual", 0)
    serve(120, "individual", CADENCE)
    assert.isAtMost(Math.abs((emitted.at(-1)?.slowdown ?? NaN) - 2), 0.3)
    serve(120, "individual", 0)
    deepStrictEqual(words().at(-1)?.split(" ").slice(1), ["individual", "1"])
  })

  it("is emitted when it falls by a third, and neither for one late poll nor while it stays the same", () => {
    const { serve, words } = listened()
    serve(60, "individual", 0)
    serve(0.5, "individual", 3 * CADENCE)
    deepStrictEqual(words(), [])
    serve(200, "individual", 3 * CADENCE)
    const risen = words()
    assert.isAtMost(risen.length, 4)
    assert.match(risen.at(-1) ?? "", /individual 3\.\d+$/)
    serve(600, "individual", 3 * CADENCE)
    deepStrictEqual(words(), risen)
    serve(600, "individual", CADENCE)
    assert.match(words().at(-1) ?? "", /individual 2(\.\d+)?$/)
  })

  it("is emitted at once when calls are polled in bulk, and when they are read again", () => {
    const { serve, words } = listened()
    serve(1, "bulk", 0)
    serve(19, "bulk", 0)
    serve(20, "individual", 0)
    deepStrictEqual(words(), ["0 bulk 1", "20 individual 1"])
  })

  it("is not emitted back and forth: ten seconds lie between two, whatever happens", () => {
    const { serve, emitted } = listened()
    for (let i = 0; i < 60; i++) {
      serve(2, "bulk", 20_000)
      serve(2, "individual", 0)
    }
    assert.isAbove(emitted.length, 3)
    for (const [index, { at }] of emitted.entries()) {
      assert.isAtLeast(at - (emitted[index - 1]?.at ?? -Infinity), 10_000)
    }
  })

  it("comes back to one even if it does so just after it was emitted to be another", () => {
    const { serve, words } = listened()
    serve(60, "bulk", 3000)
    serve(8, "bulk", 0)
    // The switch is emitted with the slowdown of that moment, which is nearly none.
    serve(1, "individual", 0)
    serve(600, "individual", 0)
    deepStrictEqual(words().at(-1)?.split(" ").slice(1), ["individual", "1"])
  })

  it("measures lateness against a second at least, so that hints and short cadences do not cry wolf", () => {
    const { serve, words } = listened()
    serve(120, "individual", 200, 100)
    deepStrictEqual(words(), [])
  })

  it("measures the first poll of a call, which has no cadence yet, against five seconds", () => {
    const { serve, emitted } = listened()
    serve(200, "individual", 10_000, Infinity)
    assert.isAtMost(Math.abs((emitted.at(-1)?.slowdown ?? NaN) - 3), 0.5)
  })

  it("is not reported to a listener that was removed", () => {
    const { serve, stop, emitted } = listened()
    stop()
    serve(60, "bulk", CADENCE)
    deepStrictEqual(emitted, [])
  })
})
