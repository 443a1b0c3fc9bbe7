/** Each fault on the fake wire, as the real client meets it, and when it fires. */
import { ExotelCalls, RetryPolicy } from "@effect-exotel/core"
import { CallScript, FakeExotel, FaultPlan, Journal } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual, notDeepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Fiber, Option, TestClock } from "effect"

const place = Effect.flatMap(FakeExotel.FakeExotel, (fake) => fake.place(CallScript.answered()))

/** One attempt; the name of its error and what more there is to know of it, or the status. */
const attempt = (sid: string) =>
  Effect.flatMap(ExotelCalls.ExotelCalls, (calls) => calls.getWithDetails(sid)).pipe(
    Effect.map((call) => call.status),
    Effect.catchAll((error) => Effect.succeed("reason" in error ? `${error._tag} ${error.reason}` : error._tag)),
    Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none)
  )

const outcomes = (sid: string, times: number) => Effect.replicateEffect(attempt(sid), times)

describe("a fault", () => {
  for (
    const [plan, expected] of [
      [FaultPlan.status(403), "AccessDenied"],
      [FaultPlan.status(503), "ServiceUnavailable"],
      [FaultPlan.status(502, { body: "html" }), "ServiceUnavailable"],
      [FaultPlan.status(500, { body: "empty" }), "ServiceUnavailable"],
      [FaultPlan.refused, "TransportError Refused"],
      [FaultPlan.reset(), "TransportError Reset"],
      [FaultPlan.reset("body"), "TransportError Reset"],
      [FaultPlan.truncated(), "ResponseParseError Malformed"],
      [FaultPlan.garbage, "ResponseParseError Malformed"],
      [FaultPlan.html, "ResponseParseError Malformed"],
      [FaultPlan.hugeBody(), "ResponseParseError TooLarge"],
      [FaultPlan.body("{}"), "ResponseParseError Unexpected"],
      [FaultPlan.contentType("text/plain"), "in-progress"],
      [FaultPlan.malformed("Sid", "no sid"), "ResponseParseError Unexpected"],
      [FaultPlan.malformed("Duration", "soon"), "in-progress"],
      [FaultPlan.malformed("Nonsense", "x"), "in-progress"]
    ] as const
  ) {
    for (const format of ["json", "xml"] as const) {
      it.effect(`"${FaultPlan.describe(plan.faults[0] ?? assert.fail())}" in ${format} is seen as ${expected}`, () =>
        Effect.gen(function*() {
          assert.strictEqual(yield* attempt(yield* place), expected)
        }).pipe(Effect.provide(FakeExotel.layer({ faults: plan, client: { format } }))))
    }
  }

  it.effect("that stalls is over when its time has passed on the clock", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(attempt(yield* place))
      yield* TestClock.adjust("4 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "in-progress")
    }).pipe(Effect.provide(FakeExotel.layer({ faults: FaultPlan.stalled({ duration: "5 seconds", at: "body" }) }))))

  it.effect("that stalls for ever ends in the client's time-out, and the journal says that it gave up", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const fiber = yield* Effect.fork(attempt(yield* place))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "TransportError Timeout")
      deepStrictEqual((yield* fake.journal)[0]?.outcome, { _tag: "Aborted" })
    }).pipe(Effect.provide(FakeExotel.layer({ faults: FaultPlan.stalled() }))))

  it.effect("that drips takes the time of its pieces", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(attempt(yield* place))
      yield* TestClock.adjust("3 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(fiber), "in-progress")
    }).pipe(Effect.provide(FakeExotel.layer({
      faults: FaultPlan.slowBody({ bytes: 200, every: "1 second" }),
      client: { timeout: "1 minute" }
    }))))

  it.effect("carries Retry-After as seconds, a date or garbage", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const calls = yield* ExotelCalls.ExotelCalls
      const sid = yield* place
      const retryAfterOf = (plan: FaultPlan.FaultPlan) =>
        Effect.gen(function*() {
          yield* fake.clearFaults
          yield* fake.faults(plan)
          const error = yield* Effect.flip(calls.get(sid)).pipe(
            Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none)
          )
          return "retryAfter" in error ? error.retryAfter : undefined
        })
      deepStrictEqual(
        yield* retryAfterOf(FaultPlan.status(503, { retryAfter: Duration.seconds(7) })),
        Duration.seconds(7)
      )
      deepStrictEqual(
        yield* retryAfterOf(FaultPlan.status(503, { retryAfter: "Thu, 01 Jan 1970 00:00:09 GMT" })),
        Duration.seconds(9)
      )
      assert.isUndefined(yield* retryAfterOf(FaultPlan.status(503, { retryAfter: "soon" })))
    }).pipe(
      // A 503 does not pause the request budget.
      Effect.provide(FakeExotel.layer({ verifyOnClose: false, client: { requestsPerMinute: Infinity } }))
    ))
})

describe("a fault fires", () => {
  it.effect("on the n-th request", () =>
    Effect.gen(function*() {
      const seen = yield* outcomes(yield* place, 4)
      deepStrictEqual(seen, ["in-progress", "AccessDenied", "AccessDenied", "in-progress"])
    }).pipe(Effect.provide(FakeExotel.layer({ faults: FaultPlan.status(403).pipe(FaultPlan.onRequest(2, 3)) }))))

  it.effect("for one call, and counts that call's requests", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const [fired, other] = [yield* place, yield* place]
      yield* fake.faults(FaultPlan.status(403).pipe(FaultPlan.forCall(fired), FaultPlan.onRequest(2)))
      deepStrictEqual(yield* outcomes(other, 3), ["in-progress", "in-progress", "in-progress"])
      deepStrictEqual(yield* outcomes(fired, 2), ["in-progress", "AccessDenied"])
    }).pipe(Effect.provide(FakeExotel.layer())))

  it.effect("within a window of time, and at most so many times", () =>
    Effect.gen(function*() {
      const sid = yield* place
      assert.strictEqual(yield* attempt(sid), "in-progress")
      yield* TestClock.adjust("10 seconds")
      deepStrictEqual(yield* outcomes(sid, 3), ["AccessDenied", "AccessDenied", "in-progress"])
    }).pipe(Effect.provide(FakeExotel.layer({
      faults: FaultPlan.status(403).pipe(FaultPlan.between("10 seconds", "20 seconds"), FaultPlan.times(2))
    }))))

  it.effect("no longer than its window", () =>
    Effect.gen(function*() {
      const sid = yield* place
      assert.strictEqual(yield* attempt(sid), "AccessDenied")
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* attempt(sid), "in-progress")
    }).pipe(Effect.provide(FakeExotel.layer({
      faults: FaultPlan.status(403).pipe(FaultPlan.between("0 seconds", "20 seconds"))
    }))))

  it.effect("before the faults that are named after it, which count the request all the same", () =>
    Effect.gen(function*() {
      const seen = yield* outcomes(yield* place, 3)
      deepStrictEqual(seen, ["AccessDenied", "ServiceUnavailable", "in-progress"])
    }).pipe(Effect.provide(FakeExotel.layer({
      faults: FaultPlan.all(
        FaultPlan.status(403).pipe(FaultPlan.onRequest(1)),
        FaultPlan.status(500).pipe(FaultPlan.onRequest(2)),
        FaultPlan.status(503).pipe(FaultPlan.onRequest(1), FaultPlan.optional)
      )
    }))))

  it.effect("by chance, the same way for the same seed", () => {
    const run = (seed: number) =>
      Effect.flatMap(place, (sid) => outcomes(sid, 40)).pipe(
        Effect.provide(FakeExotel.layer({ seed, faults: FaultPlan.status(403).pipe(FaultPlan.withProbability(0.3)) }))
      )
    return Effect.gen(function*() {
      const first = yield* run(1)
      const fired = first.filter((outcome) => outcome === "AccessDenied").length
      assert.isTrue(fired > 3 && fired < 25, `${fired} of 40`)
      deepStrictEqual(yield* run(1), first)
      notDeepStrictEqual(yield* run(2), first)
    })
  })

  it.effect("or is reported with the calls that were asked for instead", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const sid = yield* place
      yield* fake.faults(FaultPlan.reset().pipe(FaultPlan.forCall("0other0")))
      yield* attempt(sid)
      const report = yield* Effect.flip(fake.verify)
      assert.include(
        report.message,
        `"connection reset for call 0other0" never fired: that call was not read; ${sid} was`
      )
    }).pipe(Effect.provide(FakeExotel.layer({ verifyOnClose: false }))))
})

describe("the journal", () => {
  it.effect("is asserted in the words of the job, and says what it saw instead", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.place(CallScript.busy(), { sid: "abc" })
      yield* attempt("abc")
      yield* TestClock.adjust("5 seconds")
      yield* attempt("abc")
      const journal = yield* fake.journal
      yield* Journal.expectPolled(journal, "abc", 2)
      yield* Journal.expectNoRequestAfter(journal, "5 seconds")
      yield* Journal.expectAtMost(journal, 1, "5 seconds")
      const path = "/v1/Accounts/acme1m/Calls/abc.json?details=true"
      const late = yield* Effect.flip(Journal.expectNoRequestAfter(journal, "4 seconds"))
      assert.strictEqual(late.message, `Expected no request after 4s, but there was 1 request:\n#2 +5s GET ${path} 200`)
      const count = yield* Effect.flip(Journal.expectPolled(journal, "abc", 7))
      assert.include(count.message, "Expected call abc to be read 7 times, but there were 2 reads:\n#1 +0s GET")
      const many = yield* Effect.flip(Journal.expectAtMost(journal, 1, "6 seconds"))
      assert.include(many.message, "Expected at most 1 requests in any 6s, but there were 2 requests")
    }).pipe(Effect.provide(FakeExotel.layer())))
})
