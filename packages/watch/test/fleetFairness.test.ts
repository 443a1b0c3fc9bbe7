/** No call waits for ever: not behind others, not after bulk polls were refused, and not because it was added late. */
import { ExotelError } from "@effect-exotel/core"
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import type { CallWatch, WatchToken } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Fiber, Schedule, type Scope, Stream } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import {
  busiestMinute,
  count,
  type Emitted,
  endings,
  failures,
  follow,
  limited,
  ofCall,
  placeAll,
  policy
} from "./support/fleets.ts"
import { inScenario, makeWatch, type Scenario } from "./support/scenarios.ts"

interface SentRequest {
  readonly at: number
  readonly by: "read" | "bulkPoll"
  readonly sids: ReadonlyArray<string>
}

/** A watch that records its requests, and whose n-th bulk poll may fail. */
const noted = (
  scenario: Scenario,
  options: CallWatch.EngineOptions & {
    readonly fails?: (bulkPoll: number, sids: ReadonlyArray<string>) => ExotelError.AccountError | undefined
  } = {}
): Effect.Effect<
  { readonly watch: CallWatch.Service; readonly sent: ReadonlyArray<SentRequest> },
  never,
  Scope.Scope
> => {
  const sent: Array<SentRequest> = []
  let bulkPolls = 0
  return Effect.map(
    makeWatch(scenario, {
      ...scenario.calls,
      getWithDetails: (sid) =>
        Effect.suspend(() => {
          sent.push({ at: scenario.now(), by: "read", sids: [sid] })
          return scenario.calls.getWithDetails(sid)
        }),
      findEnded: (all) =>
        Effect.suspend(() => {
          const sids = [...all]
          sent.push({ at: scenario.now(), by: "bulkPoll", sids })
          const error = options.fails?.(++bulkPolls, sids)
          return error === undefined
            ? scenario.calls.findEnded(sids)
            : Effect.zipRight(scenario.calls.findEnded([]), Effect.fail(error))
        })
    }, options),
    (watch) => ({ watch, sent })
  )
}

describe("in a fleet that is too large for its budget", () => {
  it.effect("each call is polled as often as any other, and one that joins late as soon as the others", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const bulkSize = Math.max(10, cases(20))
        const { sent, watch } = yield* noted(scenario, { bulkSize })
        const early = yield* placeAll(scenario.fake, Array.from({ length: 20 * bulkSize }, () => 5000))
        const late = yield* placeAll(scenario.fake, Array.from({ length: 5 * bulkSize }, () => 5000))
        const joining = Stream.fromIterable(late).pipe(Stream.rechunk(1), Stream.tap(() => Effect.sleep("3 seconds")))
        yield* follow(scenario, watch.fleet(Stream.concat(Stream.fromIterable(early), joining), policy), "15 minutes")
        const polls = new Map<string, Array<number>>()
        for (const { at, sids } of sent) for (const sid of sids) polls.set(sid, [...polls.get(sid) ?? [], at])
        // 25 bulk polls read all of them, at 19 a minute and the tenth of them for reads: 88 s.
        for (const [index, sid] of [...early, ...late].entries()) {
          const added = index < early.length ? 0 : (index - early.length + 1) * 3
          const times = [added, ...polls.get(sid) ?? [], 900]
          for (const [i, at] of times.entries()) assert.isAtMost(at - (times[i - 1] ?? at), 100)
        }
      }), limited(20)))

  it.effect("calls of single watches, too many to poll individually, are polled in bulk in their order", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { watch } = yield* noted(scenario, { bulkSize: 5 })
        const fleet = yield* placeAll(scenario.fake, Array.from({ length: 200 }, () => 5000))
        yield* Effect.fork(follow(scenario, watch.fleet(fleet, policy)))
        yield* Effect.sleep("1 minute")
        const watched = yield* placeAll(scenario.fake, Array.from({ length: 60 }, () => 100))
        const began = scenario.now()
        yield* Effect.forEach(watched, (sid) => watch.awaitEnd(sid, policy), { concurrency: "unbounded" })
        // A round of 260 calls is 52 bulk polls, at nearly one a second.
        assert.isAtMost(scenario.now() - began, 100 + 2 * 60)
      }), limited(60)))

  it.effect("a call whose changes are watched is seen to change", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const fleet = yield* placeAll(scenario.fake, Array.from({ length: 300 }, () => 600))
        const script = CallScript.custom(
          [
            { status: "queued", duration: "20 seconds" },
            { status: "ringing", duration: "20 seconds" },
            { status: "in-progress", duration: "20 seconds" }
          ],
          { status: "completed" }
        )
        const both = yield* scenario.fake.place(script, { startsIn: "60 seconds" })
        const emitted = yield* Effect.fork(
          follow(scenario, scenario.watch.fleet([...fleet, both], policy), "3 minutes")
        )
        yield* Effect.sleep("1 minute")
        const seen: Array<string> = []
        yield* Stream.runForEach(
          scenario.watch.changes(both, policy),
          ({ status }) => Effect.sync(() => seen.push(status))
        )
        deepStrictEqual(seen, ["queued", "ringing", "in-progress", "completed"])
        // And what one is emitted, the other is emitted.
        deepStrictEqual(ofCall(yield* emitted, both).slice(-3), ["Changed", "Changed", "Ended"])
      }), limited(60)))

  it.effect("a schedule that ends fails its own watches, and no others", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [...Array.from({ length: 100 }, () => 30), 400])
        const schedule = Schedule.intersect(Schedule.spaced("5 seconds"), Schedule.recurs(8))
        const emitted = yield* follow(scenario, scenario.watch.fleet(sids, { cadence: schedule }))
        assert.strictEqual(count(emitted, "Ended"), 100)
        deepStrictEqual(failures(emitted).map((error) => error._tag === "WatchTimeout" && error.reason), [
          "ScheduleEnded"
        ])
        assert.strictEqual(ofCall(emitted, sids[100] ?? "").at(-1), "Failed")
      }), limited(30)))
})

const refused = (bulkPoll: number) => bulkPoll <= 3 ? new ExotelError.AccessDenied({ status: 403 }) : undefined

describe("after three bulk polls that failed in a row", () => {
  const failing = (bulkPoll: number) => bulkPoll <= 3 ? new ExotelError.ServiceUnavailable({ status: 503 }) : undefined

  for (
    const [name, fails, seconds] of [
      ["as refused, ten minutes", refused, 600],
      ["in a way that passes, one minute", failing, 60]
    ] as const
  ) {
    it.effect(`${name} pass without any, and then calls are polled in bulk as before`, () =>
      inScenario((scenario) =>
        Effect.gen(function*() {
          const { sent, watch } = yield* noted(scenario, { fails })
          // At 30 requests a minute, so many calls are polled in bulk. They outlast the time without bulk polls.
          const lengths = Array.from({ length: Math.max(15, cases(30)) }, (_, i) => seconds + 200 + i)
          const sids = yield* placeAll(scenario.fake, lengths)
          const emitted = yield* follow(scenario, watch.fleet(sids, policy))
          const bulkPolls = sent.filter(({ by }) => by === "bulkPoll").map(({ at }) => at)
          const [, , third = NaN, fourth = NaN] = bulkPolls
          assert.isAtLeast(fourth - third, seconds)
          assert.isAtMost(fourth - third, seconds + 10)
          for (const [index, sid] of sids.entries()) {
            const late = (endings(emitted).get(sid) ?? NaN) - (lengths[index] ?? NaN)
            assert.isAtLeast(late, 0)
            assert.isAtMost(late, 15)
          }
        }), limited(30)))
  }

  it.effect("not in a row, as when others are answered in between, calls are polled in bulk on", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { sent, watch } = yield* noted(scenario, {
          fails: (bulkPoll) => bulkPoll % 2 === 0 ? new ExotelError.ServiceUnavailable({ status: 503 }) : undefined
        })
        yield* follow(
          scenario,
          watch.fleet(
            yield* placeAll(
              scenario.fake,
              Array.from({ length: 300 }, () => 5000)
            ),
            policy
          ),
          Duration.minutes(Math.max(2, cases(10)))
        )
        const bulkPolls = sent.filter(({ by }) => by === "bulkPoll").map(({ at }) => at)
        assert.isAbove(bulkPolls.length, 25 * Math.max(2, cases(10)))
        for (const [index, at] of bulkPolls.entries()) assert.isAtMost(at - (bulkPolls[index - 1] ?? 0), 30)
      }), limited(60)))
})

describe("a clock that is set back by an hour", () => {
  /** The requests of a run in which the clock is set back after five minutes. Exotel has no limit, because it has the same clock. */
  const requestsDuring = (
    duration: Duration.DurationInput,
    fails: (bulkPoll: number) => ExotelError.AccountError | undefined = () => undefined
  ) =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { sent, watch } = yield* noted(scenario, { fails })
        const sids = yield* placeAll(scenario.fake, Array.from({ length: Math.max(40, cases(120)) }, () => 30_000))
        yield* Effect.sleep("2 hours")
        const began = scenario.now()
        const fleet = yield* Effect.fork(follow(scenario, watch.fleet(sids, policy)))
        yield* Effect.sleep("5 minutes")
        scenario.clock.set("1 hour", "back")
        const before = sent.length
        yield* Effect.sleep(duration)
        yield* Fiber.interrupt(fleet)
        return [
          ...sent.slice(0, before).map((each) => ({ ...each, at: each.at - began })),
          ...sent.slice(before).map((each) => ({ ...each, at: each.at - began + 3600 }))
        ]
      }), { ...limited(60), requestsPerMinute: 1_000_000 })

  it.effect("leaves bulk polls in their pace", () =>
    Effect.gen(function*() {
      const sent = yield* requestsDuring("5 minutes")
      const bulkPolls = sent.filter(({ by }) => by === "bulkPoll").map(({ at }) => at)
      for (const [index, at] of [...bulkPolls, 600].entries()) assert.isAtMost(at - (bulkPolls[index - 1] ?? 0), 12)
      assert.isAtMost(busiestMinute(sent.map(({ at }) => at)), 60)
    }))

  it.effect("makes the time without bulk polls no longer", () =>
    Effect.gen(function*() {
      const sent = yield* requestsDuring("9 minutes", refused)
      const [, , third = NaN, fourth = NaN] = sent.filter(({ by }) => by === "bulkPoll").map(({ at }) => at)
      assert.isAtMost(Math.abs(fourth - third - 605), 6)
    }))
})

describe("a bulk poll that meets the limit", () => {
  it.effect("has all of the account rest for as long as Exotel says", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, Array.from({ length: 300 }, (_, i) => 100 + i % 50))
        const limits = [10, 25]
        yield* scenario.fake.faults(
          FaultPlan.status(429, { retryAfter: Duration.seconds(20) }).pipe(
            FaultPlan.forOperation("list"),
            FaultPlan.onRequest(...limits)
          )
        )
        const emitted = yield* follow(scenario, scenario.watch.fleet(sids, policy))
        const journal = yield* scenario.fake.journal
        const bulkPolls = journal.filter(({ operation }) => operation === "list")
        for (const limit of limits) {
          const refused = bulkPolls[limit - 1] ?? assert.fail()
          const next = journal[journal.indexOf(refused) + 1] ?? assert.fail()
          assert.isAtLeast(Duration.toSeconds(next.elapsed) - Duration.toSeconds(refused.elapsed), 20)
        }
        assert.strictEqual(count(emitted, "Ended"), 300)
      }), limited(60)))
})

describe("tokens that a fleet is given", () => {
  const tokensOf = (emitted: ReadonlyArray<Emitted>): ReadonlyArray<WatchToken.WatchToken> => [
    ...new Map(emitted.flatMap(({ event }) => "token" in event ? [[event.sid, event.token] as const] : [])).values()
  ]

  it.effect("of calls that were emitted to have ended cause nothing, neither an event nor a request", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, Array.from({ length: 80 }, () => 30))
        const tokens = tokensOf(yield* follow(scenario, scenario.watch.fleet(sids, policy)))
        assert.strictEqual(tokens.length, 80)
        const before = (yield* scenario.requests()).length
        deepStrictEqual(yield* follow(scenario, scenario.watch.fleet(tokens, policy)), [])
        assert.strictEqual((yield* scenario.requests()).length, before)
      }), limited(60)))

  it.effect("after their deadline have each call read once more, though others are polled in bulk", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { sent, watch } = yield* noted(scenario)
        const others = yield* placeAll(scenario.fake, Array.from({ length: 300 }, () => 5000))
        const ended = yield* placeAll(scenario.fake, Array.from({ length: 10 }, () => 60))
        const ongoing = yield* placeAll(scenario.fake, Array.from({ length: 10 }, () => 5000))
        const short = { ...policy, deadline: "100 seconds" } as const
        const tokens = tokensOf(
          yield* follow(scenario, watch.fleet([...ended, ...ongoing], short), "20 seconds")
        )
        assert.strictEqual(tokens.length, 20)
        yield* Effect.sleep("10 minutes")
        yield* Effect.fork(follow(scenario, watch.fleet(others, policy)))
        yield* Effect.sleep("1 minute")
        const before = sent.length
        const emitted = yield* follow(scenario, watch.fleet(tokens, short))
        const own = sent.slice(before).filter(({ sids }) => sids.some((sid) => [...ended, ...ongoing].includes(sid)))
        deepStrictEqual(own.map(({ by }) => by), Array.from({ length: 20 }, () => "read"))
        for (const sid of ended) deepStrictEqual(ofCall(emitted, sid), ["Added", "Ended"])
        for (const sid of ongoing) assert.strictEqual(ofCall(emitted, sid).at(-1), "Failed")
        deepStrictEqual([...new Set(failures(emitted).map(({ _tag }) => _tag))], ["WatchTimeout"])
      }), limited(120)))
})

describe("a call because of whose sid the bulk read is refused", () => {
  it.effect("delays the ends of others, which are then read individually, and prevents none", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const lengths = Array.from({ length: 200 }, (_, i) => 60 + (i * 37) % 600)
        const sids = yield* placeAll(scenario.fake, lengths)
        const [odd = ""] = sids
        const { watch } = yield* noted(scenario, {
          fails: (_, sent) => sent.includes(odd) ? new ExotelError.InvalidRequest({ reason: "no" }) : undefined
        })
        const emitted = yield* follow(scenario, watch.fleet(sids, policy))
        assert.strictEqual(count(emitted, "Ended"), 200)
        const late = sids.map((sid, index) => (endings(emitted).get(sid) ?? NaN) - (lengths[index] ?? NaN))
        assert.isAtMost(late.filter((seconds) => seconds > 10).length, 100)
        // A hundred reads at 57 a minute, and once more.
        assert.isAtMost(Math.max(...late), 220)
      }), limited(60)))
})

describe("a consumer that has fallen behind", () => {
  it.effect("does not receive the failed polls, which alone can come for ever, and finds every end", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, Array.from({ length: 5 }, () => 1000))
        yield* scenario.fake.faults(FaultPlan.status(503).pipe(FaultPlan.between("0 seconds", "10 minutes")))
        const pull = yield* Stream.toPull(scenario.watch.fleet(sids, policy, { buffer: 20 }))
        const added = yield* pull
        assert.strictEqual(added.length, 5)
        yield* Effect.sleep("1 hour")
        const waiting = yield* pull
        const tags = [...waiting].map(({ _tag }) => _tag)
        assert.strictEqual(tags.filter((tag) => tag === "PollFailed").length, 20)
        assert.strictEqual(tags.filter((tag) => tag === "Ended").length, 5)
      })
    ))
})
