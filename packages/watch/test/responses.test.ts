/** How responses and failures change the polled calls and the polling mode. The time is a parameter. */
import { Call, CallSid, ExotelError, RequestBudget } from "@effect-exotel/core"
import { Arbitraries } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Array, Effect, FastCheck, Option, Schema } from "effect"
import { ResponseHandler } from "../src/internal/engine/responses.ts"
import { PollScheduler } from "../src/internal/engine/scheduler.ts"
import { type Job, Watch, WatchedCall } from "../src/internal/engine/watchedCall.ts"
import { WatchState } from "../src/internal/watch/watchState.ts"

/** Both clocks; they differ, so that one is not mistaken for the other. */
const NOW = { at: 5_000_000, date: 1_000_000_000_000 }

/** When the next poll of each call was due. */
const DUE = NOW.at + 100_000

const sample = (predicate: (call: Call.Call) => boolean) => (sid: string): Call.Call => {
  const [call = assert.fail()] = FastCheck.sample(Arbitraries.call.filter(predicate), { numRuns: 1, seed: 1 })
  return new Call.Call({ ...call, sid: Schema.decodeSync(CallSid.CallSid)(sid), details: Option.none() }, {
    disableValidation: true
  })
}
const active = sample((call) => !Call.isTerminal(call))
const ended = sample(Call.isTerminal)

const make = () => {
  const scheduler = new PollScheduler(100)
  const handler = new ResponseHandler(scheduler, RequestBudget.unlimited)
  const events: Array<string> = []
  const watched = (name: string, options: { readonly details?: boolean } = {}): WatchedCall => {
    const sid = Schema.decodeSync(CallSid.CallSid)(name)
    const call = new WatchedCall(sid, NOW.at, () => assert.fail("no schedule is used"))
    const listener = {
      single: false,
      onEvent: ({ _tag }: { readonly _tag: string }) => void events.push(`${name} ${_tag}`),
      onFinished: () => undefined
    }
    call.add(new Watch(WatchState.begin(sid, { ...WatchPolicy.standard, ...options }, NOW.date), listener, DUE))
    return call
  }
  const fail = (by: Job["by"], calls: ReadonlyArray<WatchedCall>, error: ExotelError.ExotelError) =>
    Effect.runSync(handler.onFailure({ by, calls, fiber: undefined }, error, NOW))
  return { scheduler, handler, events, watched, fail }
}

const malformed = (sid?: string) =>
  new ExotelError.ResponseParseError({ sid, reason: "Unexpected", detail: "a number is expected" })

describe("the time of the last response that showed a call active", () => {
  it("is that of a read of an active call", () => {
    const { handler, watched } = make()
    const [first, second] = [watched("first"), watched("second")]
    handler.onSeen(first, active("first"), NOW)
    handler.onSeen(second, ended("second"), NOW)
    deepStrictEqual([first.lastActiveAt, second.lastActiveAt], [NOW.at, NaN])
  })

  it("is that of a bulk poll that does not list the call", () => {
    const { handler, watched } = make()
    const [first, second] = [watched("first"), watched("second")]
    handler.onFound([first, second], { calls: [ended("second")], missing: [first.sid], malformed: [] }, NOW)
    deepStrictEqual([first.lastActiveAt, second.lastActiveAt], [NOW.at, NaN])
  })
})

describe("a record of a bulk poll that cannot be decoded", () => {
  it("has its call read at once, and no other, in any case of its sid", () => {
    const { events, handler, watched } = make()
    const calls = [watched("abc"), watched("other")]
    const [broken, other] = calls
    handler.onFound(calls, { calls: [], missing: [], malformed: [malformed("ABC")] }, NOW)
    deepStrictEqual(calls.map(({ needsRead }) => needsRead), [true, false])
    assert.strictEqual(broken?.pollDueAt, NOW.at)
    assert.notStrictEqual(other?.pollDueAt, NOW.at)
    deepStrictEqual(events, [])
    assert.isNaN(broken?.lastActiveAt)
  })

  it("has no call read if its sid is not known, or another record of the call is readable", () => {
    const { events, handler, watched } = make()
    const calls = [watched("abc"), watched("other")]
    handler.onFound(
      calls,
      { calls: [ended("abc")], missing: [], malformed: [malformed("abc"), malformed(undefined)] },
      NOW
    )
    deepStrictEqual(calls.map(({ needsRead }) => needsRead), [false, false])
    deepStrictEqual(events, ["abc Ended"])
  })

  it("leaves a watch that waits only for details when it was due", () => {
    const { handler, watched } = make()
    const call = watched("abc", { details: true })
    handler.onFound([call], { calls: [ended("abc")], missing: [], malformed: [] }, NOW)
    const later = { at: NOW.at + 1000, date: NOW.date + 1000 }
    handler.onFound([call], { calls: [], missing: [], malformed: [malformed("abc")] }, later)
    assert.strictEqual(call.detailsDueAt, NOW.at)
  })
})

describe("a bulk poll that fails", () => {
  const passing = [
    new ExotelError.ServiceUnavailable({ status: 503 }),
    new ExotelError.AuthenticationError({ status: 401 })
  ]
  const refusals = [
    new ExotelError.AccessDenied({ status: 403 }),
    new ExotelError.AuthenticationError({ status: 404 }),
    new ExotelError.InvalidRequest({ reason: "no" })
  ]

  for (const error of passing) {
    it(`with ${error._tag} is a failed poll of each call; the third in a row disallows bulk polls for a minute`, () => {
      const { events, fail, scheduler, watched } = make()
      const calls = [watched("first"), watched("second")]
      const allowedFrom = Array.makeBy(3, () => {
        fail("bulk", calls, error)
        return scheduler.demand.bulkAllowedFrom
      })
      deepStrictEqual(allowedFrom, [-Infinity, -Infinity, NOW.at + 60_000])
      deepStrictEqual(events.slice(0, 2), ["first PollFailed", "second PollFailed"])
      deepStrictEqual(calls.map(({ needsRead }) => needsRead), [false, false])
    })
  }

  for (const error of refusals) {
    it(`with ${error._tag} has each call read; the third in a row disallows bulk polls for ten minutes`, () => {
      const { events, fail, scheduler, watched } = make()
      const calls = [watched("first"), watched("second")]
      const allowedFrom = Array.makeBy(3, () => {
        fail("bulk", calls, error)
        return scheduler.demand.bulkAllowedFrom
      })
      deepStrictEqual(allowedFrom, [-Infinity, -Infinity, NOW.at + 600_000])
      deepStrictEqual(events, [])
      deepStrictEqual(calls.map(({ needsRead }) => needsRead), [true, true])
    })
  }

  it("because the account is in another region ends the watches", () => {
    const { events, fail, watched } = make()
    const call = watched("first")
    fail("bulk", [call], new ExotelError.RegionMismatch({ configured: "mumbai", actual: "singapore" }))
    assert.isFalse(call.isWatched)
    deepStrictEqual(events, [])
  })

  it("because of the limit does not count", () => {
    const { events, fail, scheduler, watched } = make()
    const call = watched("first")
    for (let i = 0; i < 4; i++) {
      fail("bulk", [call], new ExotelError.RateLimited({ status: 429 }))
    }
    assert.strictEqual(scheduler.demand.bulkAllowedFrom, -Infinity)
    assert.strictEqual(events[0], "first PollFailed")
  })

  it("counts only in a row, and failed reads do not", () => {
    const { fail, handler, scheduler, watched } = make()
    const call = watched("first")
    const [refusal = assert.fail()] = refusals
    for (let i = 0; i < 3; i++) {
      fail("bulk", [call], refusal)
      fail("bulk", [call], refusal)
      fail("individual", [call], refusal)
      handler.onFound([call], { calls: [], missing: [call.sid], malformed: [] }, NOW)
    }
    assert.strictEqual(scheduler.demand.bulkAllowedFrom, -Infinity)
  })
})
