/** More calls than the request budget has reads for: their ends are found by bulk polls, and none is lost. */
import { type ExotelCalls, ExotelError } from "@effect-exotel/core"
import { Arbitraries, FaultPlan, type Journal } from "@effect-exotel/testing"
import { type CallWatch, type FleetEvent, type WatchEvent, WatchMetrics, WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Cause, Duration, Effect, FastCheck, Metric, Option, type Scope, Stream } from "effect"
import { cases, eventLoopTurn } from "../../../scripts/lib/cases.mjs"
import {
  busiestMinute,
  count,
  type Emitted,
  endings,
  failures,
  follow,
  lengths,
  limited,
  ofCall,
  placeAll,
  policy,
  talking
} from "./support/fleets.ts"
import { inScenario, makeWatch, openScenario, type Scenario } from "./support/scenarios.ts"
import { run } from "./support/simulation.ts"

const operations = (journal: ReadonlyArray<Journal.JournalEntry>) => ({
  bulkPolls: journal.filter(({ operation }) => operation === "list").length,
  reads: journal.filter(({ operation }) => operation === "read").length
})

/** A watch whose bulk read is another one. */
const withFind = (
  scenario: Scenario,
  find: ExotelCalls.Service["findEnded"]
): Effect.Effect<CallWatch.Service, never, Scope.Scope> => makeWatch(scenario, { ...scenario.calls, findEnded: find })

const paced = (
  emitted: ReadonlyArray<Emitted>
): ReadonlyArray<Extract<FleetEvent.FleetEvent, { _tag: "PollingChanged" }>> =>
  emitted.flatMap(({ event }) => event._tag === "PollingChanged" ? [event] : [])

const hundreds = (n: number) => Array.from({ length: n }, (_, i) => 60 + (i * 37) % 240)

describe("a fleet beyond what reads can do", () => {
  it.effect("is polled in bulk, reports each end once and soon, and stays within the budget", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const size = Math.max(60, cases(400))
        const all = hundreds(size)
        const sids = yield* placeAll(scenario.fake, all)
        const emitted = yield* follow(scenario, scenario.watch.fleet(sids, policy))
        assert.strictEqual(count(emitted, "Ended"), size)
        for (const [sid, at] of endings(emitted)) {
          const late = at - (all[sids.indexOf(sid)] ?? NaN)
          assert.isAtLeast(late, 0)
          assert.isAtMost(late, 15)
        }
        const journal = yield* scenario.fake.journal
        assert.isAbove(operations(journal).bulkPolls, 50)
        assert.isAtMost(busiestMinute(yield* scenario.requests()), 60)
        assert.isTrue(journal.every(({ outcome }) => outcome._tag === "Answered" && outcome.status === 200))
      }), limited(60, { bulkSize: Math.max(20, cases(100)) })))

  it.effect("reports bulk polling, the slowdown, and the return to individual polling", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [
          ...Array.from({ length: 60 }, () => 200),
          Math.max(400, cases(900))
        ])
        const emitted = yield* follow(scenario, scenario.watch.fleet(sids, policy))
        const [first] = paced(emitted)
        assert.strictEqual(first?.mode, "bulk")
        // Three requests are needed for all of them, at 19 a minute: twice the five seconds that were asked for.
        const most = Math.max(...paced(emitted).map(({ slowdown }) => slowdown))
        assert.isAbove(most, 1.4)
        assert.isBelow(most, 4)
        deepStrictEqual([paced(emitted).at(-1)?.mode, paced(emitted).at(-1)?.slowdown], ["individual", 1])
      }), limited(20, { bulkSize: 20 })))

  it.effect("continues to poll the calls of single watches individually", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, hundreds(Math.max(40, cases(300))))
        yield* Effect.fork(follow(scenario, scenario.watch.fleet(sids, policy)))
        yield* Effect.sleep("30 seconds")
        const single = yield* scenario.fake.place(talking(100))
        const events: Array<WatchEvent.WatchEvent> = []
        yield* Stream.runForEach(
          scenario.watch.events(single, policy),
          (event) => Effect.sync(() => events.push(event))
        )
        deepStrictEqual(events.map(({ _tag }) => _tag), ["Observed", "Changed", "Ended"])
        const reads = (yield* scenario.requests(single)).map((at) => at - 30)
        assert.isAtLeast(reads.length, 16)
      }), limited(120)))

  it.effect("is read call by call again as soon as that fits", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const last = Array.from({ length: 3 }, () => Math.max(400, cases(600)))
        const sids = yield* placeAll(scenario.fake, [...Array.from({ length: 60 }, () => 60), ...last])
        yield* follow(scenario, scenario.watch.fleet(sids, policy))
        const late = (yield* scenario.fake.journal).filter(({ elapsed }) => Duration.toSeconds(elapsed) > 200)
        assert.strictEqual(operations(late).bulkPolls, 0)
        assert.isAbove(operations(late).reads, (3 * ((last[0] ?? 0) - 200)) / 8)
      }), limited(60)))

  it.effect("finds out about unknown calls when there are requests available", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, Array.from({ length: Math.max(15, cases(150)) }, () => 900))
        const emitted = yield* follow(scenario, scenario.watch.fleet([...sids, "unknown1"], policy), "10 minutes")
        assert.strictEqual(ofCall(emitted, "unknown1").at(-1), "Failed")
      }), limited(60)))

  it.effect("polls a call that a callback reports", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [...Array.from({ length: 300 }, () => 3000), 100])
        const slow = { cadence: WatchPolicy.every("1 minute") }
        const fiber = yield* Effect.fork(follow(scenario, scenario.watch.fleet(sids, slow), "130 seconds"))
        yield* Effect.sleep("101 seconds")
        assert.isTrue(yield* scenario.watch.hint(sids.at(-1) ?? ""))
        const emitted = yield* fiber
        const at = endings(emitted).get(sids.at(-1) ?? "")
        assert.isAtMost(at ?? NaN, 108)
      }), limited(30, { bulkDetails: false })))

  it("holds for any calls, budget, size of bulk polls, lag of the bulk read and faults", async () => {
    const any = FastCheck.record({
      lengths: FastCheck.array(lengths(2, 200), { minLength: 1, maxLength: Math.max(20, cases(120)) }),
      perMinute: FastCheck.constantFrom(5, 20, 60, 600),
      bulkSize: FastCheck.constantFrom(1, 2, 20, 100),
      concurrency: FastCheck.constantFrom(1, 2, 16),
      bulkLag: FastCheck.constantFrom(0, 10, 60),
      details: FastCheck.boolean(),
      until: FastCheck.constantFrom<"terminal" | "settled">("terminal", "settled"),
      faults: FastCheck.oneof(
        FastCheck.constant<FaultPlan.FaultPlan | undefined>(undefined),
        Arbitraries.transientFaults
      ),
      seed: FastCheck.nat(999)
    })
    for (const [index, one] of FastCheck.sample(any, { numRuns: cases(300), seed: 5 }).entries()) {
      const { exit, timersLeft } = run((clock) =>
        Effect.gen(function*() {
          const scenario = yield* openScenario(
            clock,
            limited(one.perMinute, {
              bulkSize: one.bulkSize,
              concurrency: one.concurrency,
              bulkLag: Duration.seconds(one.bulkLag),
              verifyOnClose: false,
              ...(one.faults === undefined ? {} : { faults: one.faults })
            })
          )
          const sids = yield* placeAll(scenario.fake, one.lengths)
          const emitted = yield* follow(
            scenario,
            scenario.watch.fleet(sids, { ...policy, details: one.details, until: one.until, settleLimit: "2 minutes" }),
            "6 hours"
          )
          for (const [i, sid] of sids.entries()) {
            const own = emitted.filter(({ event }) => "sid" in event && event.sid === sid)
            assert.strictEqual(own.filter(({ event }) => event._tag === "Ended").length, 1)
            deepStrictEqual(own.map(({ event }) => event.isFinal), own.map((_, at) => at === own.length - 1))
            const length = one.lengths[i] ?? NaN
            assert.isAtLeast(endings(emitted).get(sid) ?? NaN, length)
            const tags = own.map(({ event }) => event._tag)
            assert.strictEqual(
              tags.filter((tag) => tag === "DetailsLoaded" || tag === "DetailsUnavailable").length,
              one.details ? 1 : 0
            )
            assert.strictEqual(tags.filter((tag) => tag === "Settled").length, one.until === "settled" ? 1 : 0)
            // The details are those of the record that was waited for.
            if (one.details) assert.isTrue(["DetailsLoaded", "DetailsUnavailable"].includes(tags.at(-1) ?? ""))
          }
          assert.isAtMost(busiestMinute(yield* scenario.requests()), one.perMinute)
          const sent = (yield* scenario.requests()).length
          yield* Effect.sleep("1 hour")
          assert.strictEqual((yield* scenario.requests()).length, sent)
        }), { seed: one.seed })
      if (exit._tag === "Failure") assert.fail(`case ${index} ${JSON.stringify(one)}: ${Cause.pretty(exit.cause)}`)
      assert.strictEqual(timersLeft, 0)
      if (index % 10 === 0) await eventLoopTurn()
    }
  }, 120_000)
})

describe("the details of bulk-polled calls", () => {
  const detailed = { ...policy, details: true }

  it.effect("follow the ends, the oldest first", () => {
    const size = Math.max(60, cases(150))
    return inScenario((scenario) =>
      Effect.gen(function*() {
        // Ends come faster than details can be read, so that details wait.
        const sids = yield* placeAll(scenario.fake, Array.from({ length: size }, (_, i) => 60 + (i * 37) % (2 * size)))
        const emitted = yield* follow(scenario, scenario.watch.fleet(sids, detailed))
        const order = (tag: string) => emitted.flatMap(({ event }) => event._tag === tag ? [event] : [])
        const ended = order("Ended").flatMap((event) => "sid" in event ? [event.sid] : [])
        const details = order("DetailsLoaded").flatMap((event) => "sid" in event ? [event.sid] : [])
        assert.strictEqual(details.length, size)
        // Calls that were polled in bulk together ended together.
        const at = endings(emitted)
        const times = details.map((sid) => at.get(sid) ?? NaN)
        const out = times.filter((time, i) => time < (times[i - 1] ?? 0))
        assert.isAtMost(out.length, 5)
        assert.strictEqual(ended.length, size)
        for (const { event } of emitted) {
          if (event._tag === "DetailsLoaded") assert.isTrue(Option.isSome(event.call.details))
        }
      }), limited(60, { bulkDetails: false, bulkSize: size / 3 }))
  })

  it.effect("come with a bulk poll if one of its calls wants them, and are not requested otherwise", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const requested: Array<boolean> = []
        const watch = yield* withFind(scenario, (sids, options) => {
          requested.push(options?.details === true)
          return scenario.calls.findEnded(sids, options)
        })
        yield* follow(scenario, watch.fleet(yield* placeAll(scenario.fake, hundreds(40)), policy))
        deepStrictEqual([...new Set(requested)], [false])
        requested.length = 0
        const many = yield* placeAll(scenario.fake, hundreds(40))
        const few = yield* placeAll(scenario.fake, [100, 200])
        const emitted = yield* Effect.all([
          follow(scenario, watch.fleet(many, policy)),
          follow(scenario, watch.fleet(few, detailed))
        ], { concurrency: "unbounded" })
        assert.include(requested, true)
        // The last calls that want details end a minute before the others.
        assert.isFalse(requested.at(-1))
        for (const sid of few) {
          const own = emitted[1].filter(({ event }) => "sid" in event && event.sid === sid).slice(-2)
          deepStrictEqual(own.map(({ event }) => event._tag), ["Ended", "DetailsLoaded"])
          assert.strictEqual(own[1]?.at, own[0]?.at)
        }
      }), limited(60)))

  it.effect("are given up when their time is up, exactly then, and this is reported", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, Array.from({ length: 200 }, () => 60))
        const backlog = yield* Effect.fork(Effect.delay(Metric.value(WatchMetrics.detailsBacklog), "100 seconds"))
        const emitted = yield* follow(scenario, scenario.watch.fleet(sids, { ...detailed, detailsLimit: "90 seconds" }))
        assert.isAbove((yield* backlog).value, 100)
        const at = endings(emitted)
        const skipped = emitted.flatMap(({ at, event }) => event._tag === "DetailsUnavailable" ? [{ at, event }] : [])
        assert.isAbove(skipped.length, 100)
        assert.strictEqual(skipped.length + count(emitted, "DetailsLoaded"), 200)
        for (const each of skipped) {
          assert.strictEqual(each.at, (at.get(each.event.sid) ?? NaN) + 90)
          assert.isTrue(each.event.isFinal)
        }
      }), limited(30, { bulkDetails: false })))

  it.effect("make no end be emitted later", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const late = (policy: WatchPolicy.Options) =>
          Effect.gen(function*() {
            const all = hundreds(100)
            const began = scenario.now()
            const sids = yield* placeAll(scenario.fake, all)
            const emitted = yield* follow(scenario, scenario.watch.fleet(sids, policy))
            const delays = sids.map((sid, i) => (endings(emitted).get(sid) ?? NaN) - began - (all[i] ?? NaN))
            yield* Effect.sleep("10 minutes")
            return delays.reduce((sum, delay) => sum + delay, 0) / delays.length
          })
        const without = yield* late(policy)
        assert.isAtMost(yield* late(detailed), without * 1.1 + 0.2)
      }), limited(60, { bulkDetails: false, bulkSize: 10 })))
})

describe("a bulk poll that fails", () => {
  it.effect("in a way that passes is a failed poll of each of its calls, and they go on", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        let bulkPolls = 0
        const watch = yield* withFind(scenario, (sids) =>
          ++bulkPolls % 3 === 0
            ? Effect.fail(new ExotelError.ServiceUnavailable({ status: 503 }))
            : scenario.calls.findEnded(sids))
        const emitted = yield* follow(scenario, watch.fleet(yield* placeAll(scenario.fake, hundreds(60)), policy))
        assert.strictEqual(count(emitted, "Ended"), 60)
        assert.isAbove(count(emitted, "PollFailed"), 100)
      }), limited(60)))

  for (
    const [name, error] of [
      ["is refused as not allowed", new ExotelError.AccessDenied({ status: 403 })],
      ["is refused as invalid, perhaps because of one sid", new ExotelError.InvalidRequest({ reason: "no" })],
      [
        "is answered with too long a body",
        new ExotelError.ResponseParseError({ reason: "TooLarge", detail: "too large" })
      ]
    ] as const
  ) {
    it.effect(`because it ${name} ends no watch: the calls are polled individually`, () =>
      inScenario((scenario) =>
        Effect.gen(function*() {
          let bulkPolls = 0
          const watch = yield* withFind(
            scenario,
            () => Effect.zipRight(Effect.sync(() => bulkPolls++), Effect.fail(error))
          )
          const emitted = yield* follow(scenario, watch.fleet(yield* placeAll(scenario.fake, hundreds(100)), policy))
          assert.strictEqual(count(emitted, "Ended"), 100)
          assert.strictEqual(count(emitted, "Failed"), 0)
          // Three in a row, and then none for ten minutes.
          assert.strictEqual(bulkPolls, 3)
        }), limited(60)))
  }

  /** The events of a hundred calls while every bulk poll fails in this way. */
  const toldWhile = (error: ExotelError.AccountError) =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const watch = yield* withFind(scenario, () => Effect.fail(error))
        return yield* follow(scenario, watch.fleet(yield* placeAll(scenario.fake, hundreds(100)), policy), "1 hour")
      }), limited(60))

  for (
    const error of [
      new ExotelError.ServiceUnavailable({ status: 503 }),
      new ExotelError.ResponseParseError({ reason: "Malformed", detail: "a web page" })
    ]
  ) {
    it.effect(`again and again (${error._tag}) delays no end: calls are polled individually for a while`, () =>
      Effect.map(toldWhile(error), (emitted) => assert.strictEqual(count(emitted, "Ended"), 100)))
  }

  it.effect("because the bulk read is not found ends no watch", () =>
    Effect.map(toldWhile(new ExotelError.AuthenticationError({ status: 404 })), (emitted) => {
      assert.strictEqual(count(emitted, "Ended"), 100)
      assert.strictEqual(count(emitted, "Failed"), 0)
    }))

  it.effect("because it is refused has none of its calls polled in bulk again before they were read", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const bulkPolls: Array<ReadonlySet<string>> = []
        const watch = yield* withFind(scenario, (sids) => {
          bulkPolls.push(new Set(sids))
          return bulkPolls.length === 1
            ? Effect.fail(new ExotelError.InvalidRequest({ reason: "no" }))
            : scenario.calls.findEnded(sids)
        })
        yield* follow(scenario, watch.fleet(yield* placeAll(scenario.fake, hundreds(250)), policy), "20 seconds")
        const [refused = new Set(), second = new Set()] = bulkPolls
        assert.strictEqual([...second].filter((sid) => refused.has(sid)).length, 0)
        assert.isAbove(second.size, 50)
      }), limited(60)))

  it.effect("because the credentials are wrong ends every watch, after the grace of its policy", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, hundreds(100))
        yield* scenario.fake.faults(FaultPlan.status(401))
        const emitted = yield* follow(scenario, scenario.watch.fleet(sids, policy), "1 hour")
        deepStrictEqual([...new Set(failures(emitted).map(({ _tag }) => _tag))], ["AuthenticationError"])
        assert.strictEqual(failures(emitted).length, 100)
        assert.isTrue(emitted.every(({ at, event }) => event._tag !== "Failed" || at >= 60))
      }), limited(60)))

  it.effect("for one record, which cannot be read, has that call read by itself", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, hundreds(100))
        const [broken = ""] = sids
        let damagedAt = Infinity
        const watch = yield* withFind(scenario, (sent) =>
          Effect.map(scenario.calls.findEnded(sent), (found) => {
            const malformed = found.calls.flatMap(({ sid }) =>
              sid === broken ? [new ExotelError.ResponseParseError({ sid, reason: "Unexpected", detail: "odd" })] : []
            )
            if (malformed.length > 0) damagedAt = Math.min(damagedAt, scenario.now())
            return { calls: found.calls.filter(({ sid }) => sid !== broken), missing: found.missing, malformed }
          }))
        const emitted = yield* follow(scenario, watch.fleet(sids, { cadence: WatchPolicy.every("30 seconds") }))
        assert.strictEqual(count(emitted, "Ended"), 100)
        assert.isAtMost((endings(emitted).get(broken) ?? NaN) - damagedAt, 6)
      }), limited(60)))

  it.effect("by a defect ends the watches of its calls, and no others", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        let bulkPolls = 0
        const watch = yield* withFind(scenario, (sids) =>
          ++bulkPolls === 1 ? Effect.dieMessage("a bug") : scenario.calls.findEnded(sids))
        const emitted = yield* follow(scenario, watch.fleet(yield* placeAll(scenario.fake, hundreds(150)), policy))
        assert.strictEqual(count(emitted, "Ended"), 50)
        deepStrictEqual(
          [
            ...new Set(emitted.flatMap(({ event }) =>
              event._tag === "Failed" ? [event.error._tag] : []
            ))
          ],
          ["WatchDefect"]
        )
      }), limited(60)))
})
