/** Fleets that share a layer, and the bulk polls of it. */
import { type CallWatch, WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { type Duration, Effect, Exit, Fiber, Schedule, type Scope, Stream } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { count, endings, follow, limited, ofCall, placeAll, policy, talking } from "./support/fleets.ts"
import { inScenario, longAfter, makeWatch, type Scenario } from "./support/scenarios.ts"

/** So few requests a minute that a hundred calls are polled in bulk. */
const few = limited(30)

interface BulkPoll {
  readonly sids: ReadonlyArray<string>
  readonly at: number
  exit: "none" | "answered" | "interrupted"
}

/** A watch whose bulk polls take so long each, and what became of them. */
const observed = (
  scenario: Scenario,
  duration: Duration.DurationInput
): Effect.Effect<{ readonly watch: CallWatch.Service; readonly bulkPolls: Array<BulkPoll> }, never, Scope.Scope> =>
  Effect.gen(function*() {
    const bulkPolls: Array<BulkPoll> = []
    const watch = yield* makeWatch(scenario, {
      ...scenario.calls,
      findEnded: (sids) =>
        Effect.suspend(() => {
          const bulkPoll: BulkPoll = { sids: [...sids], at: scenario.now(), exit: "none" }
          bulkPolls.push(bulkPoll)
          return Effect.onExit(Effect.delay(scenario.calls.findEnded(bulkPoll.sids), duration), (exit) =>
            Effect.sync(() => {
              bulkPoll.exit = Exit.isInterrupted(exit) ? "interrupted" : "answered"
            }))
        })
    })
    return { watch, bulkPolls }
  })

describe("fleets of one layer", () => {
  it.effect("are polled in bulk together, and a bulk poll in flight is interrupted only when none of its calls is watched", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { bulkPolls, watch } = yield* observed(scenario, "4 seconds")
        const leaving = yield* placeAll(scenario.fake, Array.from({ length: 50 }, () => 300))
        const staying = yield* placeAll(scenario.fake, Array.from({ length: 50 }, () => 300))
        const first = yield* Effect.fork(follow(scenario, watch.fleet(leaving, policy)))
        const second = yield* Effect.fork(follow(scenario, watch.fleet(staying, policy)))
        yield* Effect.sleep("30 seconds")
        const shared = yield* Effect.iterate(undefined as BulkPoll | undefined, {
          while: (bulkPoll) => bulkPoll === undefined,
          body: () =>
            Effect.as(Effect.sleep("1 second"), undefined).pipe(
              Effect.map(() => {
                const last = bulkPolls.at(-1)
                return last?.exit === "none" && last.sids.some((sid) => leaving.includes(sid)) &&
                    last.sids.some((sid) => staying.includes(sid))
                  ? last
                  : undefined
              })
            )
        })
        yield* Fiber.interrupt(first)
        assert.strictEqual(shared?.exit, "none")
        yield* Effect.sleep("5 seconds")
        assert.strictEqual(shared?.exit, "answered")
        // The calls that left are not polled any more.
        const after = bulkPolls.length
        yield* Effect.sleep("30 seconds")
        assert.isFalse(bulkPolls.slice(after).some(({ sids }) => sids.some((sid) => leaving.includes(sid))))
        while (bulkPolls.at(-1)?.exit !== "none") yield* Effect.sleep("1 second")
        yield* Fiber.interrupt(second)
        assert.strictEqual(bulkPolls.at(-1)?.exit, "interrupted")
        const sent = bulkPolls.length
        yield* longAfter
        assert.strictEqual(bulkPolls.length, sent)
      }), few))

  it.effect("report to each its own calls, and both those that they share, while they are polled in bulk", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const all = yield* placeAll(scenario.fake, Array.from({ length: 120 }, (_, i) => 60 + i))
        const [one, other] = yield* Effect.all([
          follow(scenario, scenario.watch.fleet(all.slice(0, 80), policy)),
          follow(scenario, scenario.watch.fleet(all.slice(40), policy))
        ], { concurrency: "unbounded" })
        deepStrictEqual([...endings(one).keys()].sort(), [...all.slice(0, 80)].sort())
        deepStrictEqual([...endings(other).keys()].sort(), [...all.slice(40)].sort())
        for (const sid of all.slice(40, 80)) assert.strictEqual(endings(one).get(sid), endings(other).get(sid))
      }), few))

  it.effect("have calls that join while others are polled in bulk taken along by the next bulk polls, and not polled in bulk by themselves", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { bulkPolls, watch } = yield* observed(scenario, 0)
        const old = yield* placeAll(scenario.fake, Array.from({ length: Math.max(700, cases(1000)) }, () => 3000))
        yield* Effect.fork(follow(scenario, watch.fleet(old, { cadence: WatchPolicy.every("2 minutes") })))
        yield* Effect.sleep("5 minutes")
        const joining = yield* placeAll(scenario.fake, Array.from({ length: 20 }, () => 600))
        const coming = Stream.fromSchedule(Schedule.spaced("100 millis")).pipe(
          Stream.zipRight(Stream.fromIterable(joining))
        )
        const before = bulkPolls.length
        yield* Effect.fork(follow(scenario, watch.fleet(coming, { cadence: WatchPolicy.every("2 minutes") })))
        yield* Effect.sleep("12 seconds")
        const first = bulkPolls.slice(before).filter(({ sids }) => sids.some((sid) => joining.includes(sid)))
        assert.isAtMost(first.length, 3)
        const sent = new Set(first.flatMap(({ sids }) => sids))
        assert.strictEqual(joining.filter((sid) => sent.has(sid)).length, 20)
      }), { requestsPerMinute: 300, client: { requestsPerMinute: 300, regionProbe: "never" } }))

  it.effect("continue to watch a call that another fleet, or a single watch, has left", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const all = yield* placeAll(scenario.fake, Array.from({ length: 120 }, () => 200))
        const [shared = ""] = all
        const fleet = yield* Effect.fork(follow(scenario, scenario.watch.fleet(all, policy)))
        const single = yield* Effect.fork(scenario.watch.awaitEnd(shared, policy))
        yield* Effect.sleep("50 seconds")
        yield* Fiber.interrupt(single)
        yield* Effect.sleep("50 seconds")
        const other = yield* Effect.fork(scenario.watch.awaitEnd(shared, policy))
        yield* Effect.sleep("10 seconds")
        yield* Fiber.interrupt(fleet)
        assert.strictEqual((yield* other).status, "completed")
        assert.isAtMost(scenario.now(), 206)
      }), few))

  it.effect("report two sids that differ only in case, of which one is known, that one's end", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const all = yield* placeAll(scenario.fake, Array.from({ length: 100 }, () => 100))
        const known = yield* scenario.fake.place(talking(100), { sid: "abcdef1" })
        const emitted = yield* follow(scenario, scenario.watch.fleet([...all, known, "ABCDEF1"], policy), "30 minutes")
        assert.strictEqual(ofCall(emitted, known).at(-1), "Ended")
        assert.include(["Ended", "Failed"], ofCall(emitted, "ABCDEF1").at(-1) ?? "nothing")
        assert.strictEqual(count(emitted, "Added"), 102)
      }), few))
})

describe("the rest of the program", () => {
  it.effect("has a fleet polled in bulk while it needs most of the budget itself, and read again afterwards", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const all = yield* placeAll(scenario.fake, Array.from({ length: 6 }, () => 420))
        const emitted = yield* Effect.fork(follow(scenario, scenario.watch.fleet(all, policy)))
        const busy = yield* scenario.fake.place(talking(900))
        const bulkPollsIn = (duration: Duration.DurationInput) =>
          Effect.gen(function*() {
            const before = (yield* scenario.fake.journal).length
            yield* Effect.sleep(duration)
            return (yield* scenario.fake.journal).slice(before).filter(({ operation }) => operation === "list").length
          })
        assert.strictEqual(yield* bulkPollsIn("1 minute"), 0)
        const rest = yield* Effect.fork(Effect.repeat(scenario.calls.get(busy), Schedule.fixed("750 millis")))
        yield* Effect.sleep("70 seconds")
        assert.isAbove(yield* bulkPollsIn("1 minute"), 5)
        yield* Fiber.interrupt(rest)
        yield* Effect.sleep("70 seconds")
        assert.strictEqual(yield* bulkPollsIn("1 minute"), 0)
        const ended = yield* emitted
        assert.strictEqual(count(ended, "Ended"), 6)
        deepStrictEqual(
          ended.flatMap(({ event }) => event._tag === "PollingChanged" ? [event.mode] : []).filter((by, i, all) =>
            by !== all[i - 1]
          ),
          ["bulk", "individual"]
        )
      }), { requestsPerMinute: 120, client: { requestsPerMinute: 120, regionProbe: "never" } }))
})
