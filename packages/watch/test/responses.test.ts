/** How responses and failures change the polled calls and the polling mode. The time is a parameter. */
import { ExotelError, RequestBudget } from "@effect-exotel/core"
import type { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Logger, Random } from "effect"
import { ResponseHandler } from "../src/internal/engine/responses.ts"
import { PollScheduler } from "../src/internal/engine/scheduler.ts"
import type { Job, WatchedCall } from "../src/internal/engine/watchedCall.ts"
import { failure } from "./support/scenarios.ts"
import { activeRecord, endedRecord, NOW, watchedCall } from "./support/watchedCalls.ts"

const make = () => {
  const scheduler = new PollScheduler(100)
  const handler = new ResponseHandler(scheduler, RequestBudget.unlimited)
  /** Events and ends of watches. */
  const heard: Array<string> = []
  const logged: Array<string> = []
  const logger = Logger.make(({ message }) => void logged.push(String(message)))
  /** A watched call whose next poll is due in 100 seconds. */
  const watched = (name: string, policy: WatchPolicy.Options = {}): WatchedCall =>
    watchedCall(name, {
      dueAt: NOW.at + 100_000,
      policy,
      listener: {
        single: false,
        onEvent: ({ _tag }) => void heard.push(`${name} ${_tag}`),
        onFinished: (_, exit) => void heard.push(`${name} ends: ${failure(exit)}`)
      }
    }).call
  const fail = (by: Job["by"], calls: ReadonlyArray<WatchedCall>, error: ExotelError.ExotelError) =>
    handler.onFailure({ by, calls, fiber: undefined }, error, NOW).pipe(
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Effect.withRandom(Random.make("responses")),
      Effect.runSync
    )
  return { scheduler, handler, heard, logged, watched, fail }
}

const malformed = (sid?: string) =>
  new ExotelError.ResponseParseError({ sid, reason: "Unexpected", detail: "a number is expected" })

describe("the time of the last response that showed a call active", () => {
  it("is that of a read of an active call", () => {
    const { handler, watched } = make()
    const [first, second] = [watched("first"), watched("second")]
    handler.onSeen(first, activeRecord("first"), NOW)
    handler.onSeen(second, endedRecord("second"), NOW)
    deepStrictEqual([first.lastActiveAt, second.lastActiveAt], [NOW.at, NaN])
  })

  it("is that of a bulk poll that does not list the call", () => {
    const { handler, watched } = make()
    const [first, second] = [watched("first"), watched("second")]
    handler.onFound([first, second], { calls: [endedRecord("second")], missing: [first.sid], malformed: [] }, NOW)
    deepStrictEqual([first.lastActiveAt, second.lastActiveAt], [NOW.at, NaN])
  })
})

describe("a record of a bulk poll that cannot be decoded", () => {
  it("has only its call read at once, also if the letter case of its sid differs", () => {
    const { heard, handler, watched } = make()
    const calls = [watched("abc"), watched("other")]
    const [broken, other] = calls
    handler.onFound(calls, { calls: [], missing: [], malformed: [malformed("ABC")] }, NOW)
    deepStrictEqual(calls.map(({ needsRead }) => needsRead), [true, false])
    assert.strictEqual(broken?.pollDueAt, NOW.at)
    assert.notStrictEqual(other?.pollDueAt, NOW.at)
    deepStrictEqual(heard, [])
    assert.isNaN(broken?.lastActiveAt)
  })

  it("has no call read if its sid is not known, or another record of the call is readable", () => {
    const { heard, handler, watched } = make()
    const calls = [watched("abc"), watched("other")]
    handler.onFound(
      calls,
      { calls: [endedRecord("abc")], missing: [], malformed: [malformed("abc"), malformed(undefined)] },
      NOW
    )
    deepStrictEqual(calls.map(({ needsRead }) => needsRead), [false, false])
    deepStrictEqual(heard, ["abc Ended", "abc ends: success"])
  })

  it("does not change when a watch that waits only for details is due", () => {
    const { handler, watched } = make()
    const call = watched("abc", { details: true })
    handler.onFound([call], { calls: [endedRecord("abc")], missing: [], malformed: [] }, NOW)
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
    new ExotelError.InvalidRequest({ status: 400, reason: "no" })
  ]

  for (const error of passing) {
    it(`with ${error._tag} ${error.status} is a failed poll of each call; the third disallows bulk polls for a minute`, () => {
      const handling = make()
      const calls = [handling.watched("first"), handling.watched("second")]
      const allowedFrom = [1, 2, 3].map(() => {
        handling.fail("bulk", calls, error)
        return handling.scheduler.demand.bulkAllowedFrom
      })
      deepStrictEqual(allowedFrom, [-Infinity, -Infinity, NOW.at + 60_000])
      deepStrictEqual(handling.heard.slice(0, 2), ["first PollFailed", "second PollFailed"])
      deepStrictEqual(calls.map(({ needsRead }) => needsRead), [false, false])
      assert.isFalse(handling.logged.some((message) => message.includes("refuses bulk reads")))
    })
  }

  for (const error of refusals) {
    it(`with ${error._tag} ${error.status} has each call read; the third disallows bulk polls for ten minutes`, () => {
      const handling = make()
      const calls = [handling.watched("first"), handling.watched("second")]
      handling.fail("bulk", calls.slice(0, 1), error)
      deepStrictEqual(calls.map(({ needsRead }) => needsRead), [true, false])
      handling.fail("bulk", calls, error)
      deepStrictEqual(calls.map(({ needsRead }) => needsRead), [true, true])
      assert.strictEqual(handling.scheduler.demand.bulkAllowedFrom, -Infinity)
      deepStrictEqual(handling.logged, [])
      handling.fail("bulk", calls, error)
      assert.strictEqual(handling.scheduler.demand.bulkAllowedFrom, NOW.at + 600_000)
      assert.strictEqual(handling.logged.length, 1)
      deepStrictEqual(handling.heard, [])
    })
  }

  it("because the account is in another region ends the watches", () => {
    const { heard, fail, watched } = make()
    const call = watched("first")
    fail("bulk", [call], new ExotelError.RegionMismatch({ configured: "mumbai", actual: "singapore" }))
    deepStrictEqual(heard, ["first ends: RegionMismatch"])
  })

  it("because of the rate limit does not count towards disallowing bulk polls", () => {
    const { heard, fail, scheduler, watched } = make()
    const call = watched("first")
    for (let i = 0; i < 4; i++) {
      fail("bulk", [call], new ExotelError.RateLimited({ status: 429 }))
    }
    assert.strictEqual(scheduler.demand.bulkAllowedFrom, -Infinity)
    assert.strictEqual(heard[0], "first PollFailed")
  })

  it("counts only if no bulk poll succeeds in between; failed individual reads do not count", () => {
    const { fail, handler, scheduler, watched } = make()
    const call = watched("first")
    const [refusal = assert.fail()] = refusals
    for (let i = 0; i < 3; i++) {
      fail("bulk", [call], refusal)
      fail("bulk", [call], refusal)
      fail("individual", [call], new ExotelError.ServiceUnavailable({ status: 503 }))
      handler.onFound([call], { calls: [], missing: [call.sid], malformed: [] }, NOW)
    }
    assert.strictEqual(scheduler.demand.bulkAllowedFrom, -Infinity)
    assert.isTrue(call.isWatched)
  })
})
