/** The state machine of one watch, given times and responses directly. */
import { Call, CallSid, ExotelError } from "@effect-exotel/core"
import { Arbitraries } from "@effect-exotel/testing"
import { type WatchEvent, WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Data, Duration, FastCheck, Option, Schema } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import type { Transition } from "../src/internal/watch/watchState.ts"
import { WatchState } from "../src/internal/watch/watchState.ts"
import { activeRecord } from "./support/watchedCalls.ts"

const sid = Schema.decodeSync(CallSid.CallSid)("b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f")

const START = 1_000_000_000_000

const begin = (options: WatchPolicy.Options = {}) =>
  WatchState.begin(sid, Schema.decodeSync(WatchPolicy.WatchPolicy)(options), START)

/** An account that responds and whose credentials are accepted. */
const healthy = { pausedUntil: 0, isReachable: true, unauthorizedSince: START + 1e12 }

const transient = new ExotelError.TransportError({ sid, reason: "Reset" })

const ongoing = activeRecord(sid)

const [unsettled = assert.fail()] = FastCheck.sample(
  Arbitraries.call.filter((call) => Call.isTerminal(call) && !Call.hasDetails(call) && !Call.isSettled(call)),
  { numRuns: 1, seed: 4 }
)

/** An input of the state machine, whether or not an engine would produce it. */
const input = FastCheck.oneof(
  { weight: 4, arbitrary: Arbitraries.call.map((call) => ({ _tag: "Call" as const, call })) },
  { weight: 1, arbitrary: Arbitraries.call.map((call) => ({ _tag: "BulkRecord" as const, call })) },
  {
    weight: 2,
    arbitrary: FastCheck.constantFrom<ExotelError.ExotelError>(
      transient,
      new ExotelError.ServiceUnavailable({ sid, status: 503, retryAfter: Duration.seconds(10) }),
      new ExotelError.RateLimited({ sid, status: 429, retryAfter: Duration.infinity }),
      new ExotelError.AuthenticationError({ sid, status: 401 }),
      new ExotelError.CallNotFound({ sid, status: 404 })
    ).map((error) => ({ _tag: "Failure" as const, error }))
  },
  {
    weight: 1,
    arbitrary: FastCheck.constantFrom(
      { _tag: "Limit" as const },
      { _tag: "ScheduleEnd" as const },
      { _tag: "Missing" as const }
    )
  }
)

const isLast = ({ next }: Transition) => next._tag === "Over" || next._tag === "Fail"

describe("WatchState", () => {
  it(
    "emits, for any inputs, a beginning before changes, one ending, and only the record after it",
    () =>
      FastCheck.assert(
        FastCheck.property(
          FastCheck.array(FastCheck.tuple(input, FastCheck.nat(600_000)), { maxLength: 25 }),
          FastCheck.constantFrom<"terminal" | "settled">("terminal", "settled"),
          FastCheck.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
          FastCheck.boolean(),
          (inputs, until, chance, details) => {
            const state = begin({ until, details })
            let now = START
            const events: Array<WatchEvent.WatchEvent> = []
            for (const [what, later] of inputs) {
              now += later
              const step = what._tag === "Call"
                ? state.onCall(what.call, now)
                : what._tag === "BulkRecord"
                ? state.onBulkRecord(what.call, now)
                : what._tag === "Missing"
                ? state.onMissing(now)
                : what._tag === "Failure"
                ? state.onFailure(what.error, now, chance, healthy)
                : what._tag === "Limit"
                ? state.onLimit(now)
                : state.onScheduleEnd(now)
              events.push(...step.events)
              if (step.next._tag === "WaitUntil") assert.isAbove(step.next.date, now)
              // Over is what the last event says, and nothing else says so.
              assert.strictEqual(step.next._tag === "Over", step.events.at(-1)?.isFinal === true)
              assert.strictEqual(state.isFinished, step.next._tag === "Over")
              if (isLast(step)) break
            }
            const tags = events.map(({ _tag }) => _tag).filter((tag) => tag !== "PollFailed" && tag !== "Stalled").join(
              " "
            )
            assert.match(
              tags,
              /^(Observed( Changed)*)?( ?Ended( DetailsLoaded| DetailsUnavailable)?( Settled)?( DetailsLoaded| DetailsUnavailable)?)?$/
            )
            const emitted = (tag: string) => tags.split(" ").filter((each) => each === tag).length
            assert.isAtMost(emitted("DetailsLoaded") + emitted("DetailsUnavailable"), details ? 1 : 0)
            assert.isAtMost(emitted("Settled"), until === "settled" ? 1 : 0)
          }
        ),
        { numRuns: cases(1000), seed: 13 }
      ),
    60_000
  )

  it("waits after errors between half of the longest wait and all of it, doubled with each error up to the maximum", () => {
    for (const chance of [0, 0.5, 0.999]) {
      const state = begin({ errorBackoff: "1 second", maxErrorBackoff: "6 seconds" })
      const waits = Array.from({ length: 6 }, () => {
        const { next } = state.onFailure(transient, START, chance, healthy)
        return next._tag === "WaitUntil" ? next.date - START : NaN
      })
      deepStrictEqual(
        waits,
        [1000, 2000, 4000, 6000, 6000, 6000].map((longest) => Math.ceil(longest / 2 + longest / 2 * chance))
      )
    }
  })

  it("resets its backoff after a response", () => {
    const state = begin({ errorBackoff: "1 second" })
    for (let i = 0; i < 5; i++) state.onFailure(transient, START, 0, healthy)
    state.onCall(ongoing, START)
    const { next } = state.onFailure(transient, START, 0, healthy)
    deepStrictEqual(next, { _tag: "WaitUntil", date: START + 500 })
  })

  it("ends at the first poll when the HTTP client does not work in this runtime, with the error that says so", () => {
    const error = new ExotelError.TransportError({ sid, reason: "UnsupportedClient" })
    const { events, next } = begin().onFailure(error, START, 0, { ...healthy, isReachable: false })
    assert.lengthOf(events, 0)
    assert.isTrue(next._tag === "Fail" && next.error._tag === "WatchTimeout" && next.error.lastError === error)
  })

  it("waits until the pause of the account is over", () => {
    const { events, next } = begin().onFailure(transient, START, 0, { ...healthy, pausedUntil: START + 7000 })
    deepStrictEqual(next, { _tag: "WaitUntil", date: START + 7000 })
    assert.isTrue(events[0]?._tag === "PollFailed" && events[0].nextPollAt.epochMillis === START + 7000)
  })

  it("treats a call that a bulk poll shows as ongoing like one that is not in its response", () => {
    const state = begin()
    const found = state.onBulkRecord(ongoing, START)
    deepStrictEqual([found.events, found.next._tag], [[], "Wait"])
    deepStrictEqual(state.onCall(ongoing, START).events.map(({ _tag }) => _tag), ["Observed"])
  })

  it("emits one stall for a call that is missing from bulk polls", () => {
    const state = begin({ stallAfter: "1 minute" })
    const events = [59_999, 60_000, 70_000].map((later) => state.onMissing(START + later).events)
    deepStrictEqual(events.map((each) => each.map(({ _tag }) => _tag)), [[], ["Stalled"], []])
  })

  it("gives the cadence the age of the call and the time since its last change", () => {
    const state = begin()
    state.onMissing(START + 2000)
    state.onCall(ongoing, START + 5000)
    const { next } = state.onCall(ongoing, START + 20_000)
    const progress = {
      status: Option.some(ongoing.status),
      age: Duration.seconds(20),
      sinceChange: Duration.seconds(15),
      polls: 3
    }
    deepStrictEqual(next, { _tag: "Wait", cadence: "cadence", progress })
  })

  it("emits a change when only the status of one leg has changed", () => {
    const state = begin()
    const tags = [["ringing"], ["in-progress"], ["in-progress", "ringing"], ["in-progress", "in-progress"]].flatMap(
      ([leg1, leg2]) => {
        const details = new Call.CallDetails({
          conversationDuration: Option.none(),
          leg1Status: Option.fromNullable(leg1),
          leg2Status: Option.fromNullable(leg2),
          legs: Data.array([])
        }, { disableValidation: true })
        const call = new Call.Call({ ...ongoing, details: Option.some(details) }, { disableValidation: true })
        return [call, call].flatMap((call) => state.onCall(call, START).events.map(({ _tag }) => _tag))
      }
    )
    deepStrictEqual(tags, ["Observed", "Changed", "Changed", "Changed"])
  })

  describe("with a Retry-After that ends after the limit of the record", () => {
    const options = { details: true, until: "settled", settleLimit: "10 minutes", deadline: "1 minute" } as const
    const limited = new ExotelError.RateLimited({ sid, status: 429, retryAfter: Duration.seconds(90) })

    it("emits the record, and reads the details no sooner", () => {
      const state = begin(options)
      state.onBulkRecord(unsettled, START)
      const { events, next } = state.onFailure(limited, START + 590_000, 0, healthy)
      deepStrictEqual(events.map(({ _tag }) => _tag), ["Settled"])
      deepStrictEqual(next, { _tag: "WaitUntil", date: START + 680_000 })
    })

    it("fails when there is no record, because none was read since the watch was resumed", () => {
      const before = begin(options)
      before.onBulkRecord(unsettled, START)
      const state = WatchState.resume(before.token, before.policy, START + 590_000)
      assert.strictEqual(state.limit, START + 650_000)
      const { events, next } = state.onFailure(limited, START + 590_000, 0, healthy)
      assert.strictEqual(state.limit, START + 600_000)
      deepStrictEqual(events, [])
      assert.deepInclude(next._tag === "Fail" ? next.error : next, { _tag: "WatchTimeout", reason: "Deadline" })
    })
  })

  describe("with the details of a call that a bulk poll found", () => {
    const [flat = assert.fail()] = FastCheck.sample(
      Arbitraries.call.filter((call) => Call.isTerminal(call) && !Call.hasDetails(call)),
      { numRuns: 1, seed: 2 }
    )
    const ended = (options: WatchPolicy.Options = {}) => {
      const state = begin({ details: true, detailsLimit: "1 minute", ...options })
      deepStrictEqual(state.onBulkRecord(flat, START).next, { _tag: "Details" })
      return state
    }

    it("reports why they cannot be read, and ends", () => {
      const error = new ExotelError.AccessDenied({ sid, status: 403 })
      const { events, next } = ended().onFailure(error, START, 0, healthy)
      deepStrictEqual(events.map(({ _tag, isFinal }) => [_tag, isFinal]), [["DetailsUnavailable", true]])
      assert.isTrue(events[0]?._tag === "DetailsUnavailable" && Option.contains(events[0].lastError, error))
      deepStrictEqual(next, { _tag: "Over" })
    })

    it("waits for the record to settle first, and then for them", () => {
      const state = begin({ details: true, detailsLimit: "1 minute", until: "settled", settleLimit: "10 minutes" })
      assert.strictEqual(state.onBulkRecord(unsettled, START).next._tag, "Wait")
      assert.isFalse(state.awaitsDetails)
      assert.strictEqual(state.limit, START + 600_000)
      const { events, next } = state.onLimit(START + 600_000)
      deepStrictEqual(events.map(({ _tag, isFinal }) => [_tag, isFinal]), [["Settled", false]])
      deepStrictEqual(next, { _tag: "Details" })
      assert.isTrue(state.awaitsDetails)
      assert.strictEqual(state.limit, START + 660_000)
      const skipped = state.onFailure(new ExotelError.AccessDenied({ sid, status: 403 }), START + 600_001, 0, healthy)
      deepStrictEqual(skipped.events.map(({ _tag, isFinal }) => [_tag, isFinal]), [["DetailsUnavailable", true]])
      deepStrictEqual(skipped.next, { _tag: "Over" })
    })

    it("retries after transient errors, and reports the last one when their limit passes", () => {
      const state = ended()
      const { events, next } = state.onFailure(transient, START, 0, healthy)
      deepStrictEqual(events.map(({ _tag }) => _tag), ["PollFailed"])
      assert.strictEqual(next._tag, "WaitUntil")
      assert.strictEqual(state.limit, START + 60_000)
      const [skipped] = state.onLimit(START + 60_000).events
      assert.isTrue(skipped?._tag === "DetailsUnavailable" && Option.contains(skipped.lastError, transient))
    })

    it("emits no details for a response without details", () => {
      const state = ended()
      deepStrictEqual(state.onBulkRecord(flat, START + 1000), { events: [], next: { _tag: "Details" } })
    })
  })
})
