/** The cost of the presets and their detection delays: the figures in the comments of `WatchPolicy`. */
import { CallScript } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Array, Duration, Effect } from "effect"
import { readFileSync } from "node:fs"
import { inScenario } from "./support/scenarios.ts"

/** Requests for a call that rings 10 s and talks for `talk` seconds, and how many seconds late its end was detected. */
const cost = (policy: WatchPolicy.WatchPolicy, talk: number) =>
  inScenario((scenario) =>
    Effect.gen(function*() {
      const sid = yield* scenario.fake.place(CallScript.answered({ ring: "10 seconds", talk: Duration.seconds(talk) }))
      yield* scenario.watch.awaitEnd(sid, policy)
      return { requests: (yield* scenario.requests()).length, late: scenario.now() - 10 - talk }
    }), { requestsPerMinute: 10_000 })

/** Talk times around three minutes, so that the ends fall at different points between two polls. */
const talks = Array.makeBy(14, (i) => 170 + 1.5 * i)

/** The figures in the doc comment of an export. */
const documented = (name: string): ReadonlyArray<number> => {
  const source = readFileSync(new URL("../src/WatchPolicy.ts", import.meta.url), "utf8")
  const before = source.slice(0, source.indexOf(name))
  const comment = before.slice(before.lastIndexOf("/**")).replaceAll(/\s*\n \* /g, " ")
  const figures = /costs (\d+) requests; its end is detected (\d+) s late on average, (\d+) s at most/.exec(comment)
  return (figures ?? []).slice(1).map(Number)
}

describe("the preset", () => {
  for (
    const [name, policy, source] of [
      ["standard", WatchPolicy.standard, "export const standard"],
      ["eager", WatchPolicy.eager, "export const eager"],
      ["economical", WatchPolicy.economical, "export const economical"]
    ] as const
  ) {
    it.effect(`${name} costs the figures of its doc comment`, () =>
      Effect.gen(function*() {
        const typical = yield* cost(policy, 180)
        const late = yield* Effect.forEach(talks, (talk) => Effect.map(cost(policy, talk), ({ late }) => late))
        const mean = late.reduce((sum, each) => sum + each) / late.length
        deepStrictEqual(
          documented(source),
          [typical.requests, Math.ceil(mean), Math.ceil(Math.max(...late))]
        )
      }), 60_000)
  }

  it.effect("standard detects the end of a short call within 5 s", () =>
    Effect.gen(function*() {
      for (const talk of Array.range(20, 40)) {
        const { late } = yield* cost(WatchPolicy.standard, talk)
        assert.isAtMost(late, 5)
      }
    }))
})
