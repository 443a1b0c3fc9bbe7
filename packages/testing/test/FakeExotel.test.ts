/** The fake through its layers: what the real client reads from it, and how it refuses. */
import type { ExotelConfig } from "@effect-exotel/core"
import { Call, CallStatus, ExotelCalls, RequestBudget, RetryPolicy } from "@effect-exotel/core"
import { CallScript, FakeExotel, FaultPlan, Journal, WireFormat } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual, notDeepStrictEqual } from "@effect/vitest/utils"
import { Cause, Duration, Effect, Exit, Fiber, Layer, Option, Redacted, TestClock } from "effect"

const script = CallScript.answered({ ring: "8 seconds", talk: "40 seconds", settles: "20 seconds" })

const story = (sid: string) =>
  Effect.gen(function*() {
    const calls = yield* ExotelCalls.ExotelCalls
    const begun = yield* calls.getWithDetails(sid)
    yield* TestClock.adjust("48 seconds")
    const ended = yield* calls.getWithDetails(sid)
    yield* TestClock.adjust("20 seconds")
    const settled = yield* calls.getWithDetails(sid)
    return { begun, ended, settled }
  })

describe("FakeExotel.layer", () => {
  it.effect("lets a call live through ring, talk, end and settling by the clock", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const { begun, ended, settled } = yield* story(yield* fake.place(script))
      assert.strictEqual(begun.status, "in-progress")
      deepStrictEqual(begun.details.value.leg1Status, Option.some("ringing"))
      assert.isTrue(Call.isTerminal(ended))
      deepStrictEqual(Call.unsettled(ended, { expectRecording: true }), [
        "duration",
        "endTime",
        "price",
        "recordingUrl"
      ])
      assert.isTrue(Call.isSettled(settled, { expectRecording: true }))
      deepStrictEqual(settled.duration, Option.some(Duration.seconds(48)))
      deepStrictEqual(Call.talkTime(settled), Option.some(Duration.seconds(40)))
      assert.strictEqual(Call.legs(settled).length, 2)
    }).pipe(Effect.provide(FakeExotel.layer())))

  for (const format of ["json", "xml"] as const) {
    for (
      const [name, wireFormat] of Object.entries({ standard: WireFormat.standard, alternate: WireFormat.alternate })
    ) {
      it.effect(`reads the same in ${format} and the ${name} wireFormat`, () =>
        Effect.gen(function*() {
          const fake = yield* FakeExotel.FakeExotel
          const { settled } = yield* story(yield* fake.place(script))
          deepStrictEqual(
            Option.map(settled.price, String),
            Option.some("BigDecimal(1.5)")
          )
          deepStrictEqual(settled.from, Option.some("09000000001"))
          deepStrictEqual(
            Option.map(settled.endTime, String),
            Option.some("DateTime.Zoned(2026-01-01T05:30:48.000+05:30)")
          )
        }).pipe(Effect.provide(FakeExotel.layer({ client: { format }, wireFormat }))))
    }
  }

  for (const format of ["json", "xml"] as const) {
    it.effect(`writes empty values as the text null in ${format}, which the client reads as absent`, () =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const { begun, settled } = yield* story(yield* fake.place(CallScript.busy({ ring: "8 seconds" })))
        deepStrictEqual(begun.endTime, Option.none())
        deepStrictEqual(begun.recordingUrl, Option.none())
        deepStrictEqual(settled.callerName, Option.none())
        assert.strictEqual(settled.unreadable.length, 0)
      }).pipe(
        Effect.provide(
          FakeExotel.layer({ client: { format }, wireFormat: { jsonEmpty: "null text", xmlEmpty: "null text" } })
        )
      ))

    it.effect(`leaves the status of an ended call empty in ${format} when the wire format says so`, () =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const { begun, ended } = yield* story(yield* fake.place(script))
        assert.strictEqual(begun.status, "in-progress")
        assert.strictEqual(ended.status, CallStatus.unknown)
      }).pipe(Effect.provide(FakeExotel.layer({ client: { format }, wireFormat: { endedStatus: "empty" } }))))
  }

  it.effect("names another fake of the process that has an unknown call", () =>
    Effect.gen(function*() {
      const other = yield* FakeExotel.FakeExotel
      const sid = yield* other.place(script)
      const read = Effect.gen(function*() {
        const calls = yield* ExotelCalls.ExotelCalls
        return yield* Effect.flip(calls.get(sid))
      }).pipe(Effect.provide(FakeExotel.layer()))
      assert.include((yield* read).message, "Another FakeExotel in this process has this call")
    }).pipe(Effect.provide(FakeExotel.layer())))

  it.effect("answers an unknown call, wrong credentials and a wrong region as the real one does", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const sid = yield* fake.place(script)
      const readWith = (
        options: Partial<ExotelConfig.CommonOptions> & (ExotelConfig.Endpoint | { region?: never; baseUrl?: never })
      ) =>
        ExotelCalls.make({ ...fake.options, ...options }).pipe(
          Effect.flatMap((calls) => Effect.flip(calls.get(sid))),
          Effect.map((error) => error._tag)
        )
      const unknown = yield* ExotelCalls.make(fake.options).pipe(
        Effect.flatMap((calls) => Effect.flip(calls.get("0".repeat(32))))
      )
      assert.strictEqual(unknown._tag, "CallNotFound")
      assert.strictEqual(yield* readWith({ apiToken: Redacted.make("wrong") }), "AuthenticationError")
      assert.strictEqual(yield* readWith({ region: "singapore" }), "RegionMismatch")
    }).pipe(Effect.provide([FakeExotel.layerHttpClient(), RequestBudget.layerUnlimited])))

  it.effect("distinguishes a region that answers 401 from wrong credentials, too", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const calls = yield* ExotelCalls.make({ ...fake.options, region: "singapore" })
      const error = yield* Effect.flip(calls.get(yield* fake.place(script)))
      assert.strictEqual(error._tag, "RegionMismatch")
    }).pipe(Effect.provide([FakeExotel.layerHttpClient({ wrongRegion: 401 }), RequestBudget.layerUnlimited])))

  it.effect("works under an application's own layerConfig", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const sid = yield* fake.place(script)
      const call = yield* Effect.flatMap(ExotelCalls.ExotelCalls, (calls) => calls.get(sid)).pipe(
        Effect.provide(ExotelCalls.layerConfig()),
        Effect.withConfigProvider(FakeExotel.configProvider(fake))
      )
      assert.strictEqual(call.sid, sid)
    }).pipe(Effect.provide([FakeExotel.layerHttpClient(), RequestBudget.layerUnlimited])))

  it.effect("places calls with sids in the form of Exotel's, the same for the same seed", () => {
    const sids = (seed: number) =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        return yield* Effect.replicateEffect(fake.place(CallScript.busy()), 3)
      }).pipe(Effect.provide(FakeExotel.layer({ seed })))
    return Effect.gen(function*() {
      const first = yield* sids(7)
      assert.isTrue(first.every((sid) => /^[0-9a-z]{32}$/.test(sid)))
      assert.strictEqual(new Set(first).size, 3)
      deepStrictEqual(yield* sids(7), first)
      notDeepStrictEqual(yield* sids(8), first)
    })
  })

  it.effect("answers 429 to the request that is one too many, and again when the minute has slid on", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const calls = yield* ExotelCalls.ExotelCalls
      const sid = yield* fake.place(script)
      yield* Effect.replicateEffect(calls.get(sid), 200)
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual((yield* Effect.flip(calls.get(sid)))._tag, "RateLimited")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* calls.get(sid)).sid, sid)
    }).pipe(
      Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none),
      // A client whose own budget is wrong. Without `Retry-After` it would pause for 5 s.
      Effect.provide(FakeExotel.layer({ retryAfter: "seconds", client: { requestsPerMinute: Infinity } }))
    ))

  it.effect("keeps a call unreadable for as long as the option says", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const calls = yield* ExotelCalls.ExotelCalls
      const sid = yield* fake.place(script, { readableAfter: "2 seconds" })
      assert.strictEqual((yield* Effect.flip(calls.get(sid)))._tag, "CallNotFound")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* calls.get(sid)).status, "in-progress")
    }).pipe(Effect.provide(FakeExotel.layer())))

  it.effect("moves a call that is led by hand with each step, and not with time", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const calls = yield* ExotelCalls.ExotelCalls
      const sid = yield* fake.place(CallScript.manual(CallScript.answered({ stages: true })))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* calls.get(sid)).status, "ringing")
      yield* fake.step(sid)
      assert.strictEqual((yield* calls.get(sid)).status, "in-progress")
      yield* fake.step(sid)
      assert.isFalse(Call.isSettled(yield* calls.get(sid)))
      yield* fake.step(sid)
      assert.isTrue(Call.isSettled(yield* calls.get(sid)))
    }).pipe(Effect.provide(FakeExotel.layer())))
})

/** Runs a program with a fake of its own and gives what a failure would print. */
const failureOf = <A, E>(
  program: Effect.Effect<A, E, FakeExotel.FakeExotel | ExotelCalls.ExotelCalls>,
  options?: FakeExotel.Options
) =>
  Effect.map(
    Effect.exit(Effect.provide(program, FakeExotel.layer(options))),
    (exit) => Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
  )

describe("expectations", () => {
  it.effect("a planned fault that never fired fails the test and is named", () =>
    Effect.gen(function*() {
      const report = yield* failureOf(
        Effect.gen(function*() {
          const fake = yield* FakeExotel.FakeExotel
          const calls = yield* ExotelCalls.ExotelCalls
          yield* fake.faults(FaultPlan.status(503).pipe(FaultPlan.onRequest(3)))
          yield* calls.get(yield* fake.place(script))
        })
      )
      assert.include(
        report,
        `the planned fault "status 503 on request 3" never fired: 1 request met its other conditions`
      )
    }))

  it.effect("a test that failed by itself is not blamed on its faults", () =>
    Effect.gen(function*() {
      const report = yield* failureOf(Effect.fail("the reason"), { faults: FaultPlan.status(503) })
      assert.include(report, "the reason")
      assert.notInclude(report, "status 503")
    }))

  it.effect("a read of an unknown call fails a strict test, with the sid that was probably meant", () =>
    Effect.gen(function*() {
      const program = Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const calls = yield* ExotelCalls.ExotelCalls
        yield* fake.place(script, { sid: "abc123" })
        yield* Effect.flip(calls.get("abc124"))
      })
      assert.include(yield* failureOf(program, { strict: true }), "abc123 differs in one character")
      assert.strictEqual(yield* failureOf(program), "")
    }))

  it.effect("what the fake does not do is a defect that names it", () =>
    Effect.gen(function*() {
      const report = yield* failureOf(
        Effect.gen(function*() {
          const fake = yield* FakeExotel.FakeExotel
          const elsewhere = yield* ExotelCalls.make({ ...fake.options, baseUrl: "https://exotel.example" })
          yield* elsewhere.get(yield* fake.place(script))
        }).pipe(Effect.provide([FakeExotel.layerHttpClient(), RequestBudget.layerUnlimited]))
      )
      assert.include(report, "the fake Exotel is reached at api.exotel.com")
    }))

  it.effect("the journal shows each request with its time and outcome", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const calls = yield* ExotelCalls.ExotelCalls
      yield* fake.place(script, { sid: "abc" })
      yield* calls.get("abc")
      yield* TestClock.adjust("5 seconds")
      yield* calls.getWithDetails("abc")
      assert.strictEqual(
        Journal.render(yield* fake.journal),
        "#1 +0s GET /v1/Accounts/acme1m/Calls/abc.json 200\n"
          + "#2 +5s GET /v1/Accounts/acme1m/Calls/abc.json?details=true 200"
      )
    }).pipe(Effect.provide(FakeExotel.layer())))
})

/** Interrupts a program once it waits, and returns the lines that its fake writes to the console. */
const warningsOf = (
  program: Effect.Effect<unknown, unknown, FakeExotel.FakeExotel | ExotelCalls.ExotelCalls>,
  options?: FakeExotel.Options,
  meanwhile: Effect.Effect<void> = Effect.void
) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const console = yield* Effect.consoleWith(Effect.succeed)
    const warn = (text: string) => Effect.sync(() => void lines.push(text))
    const fiber = yield* program.pipe(
      Effect.provide(FakeExotel.layer(options)),
      Effect.withConsole({ ...console, warn }),
      Effect.fork
    )
    for (let i = 0; i < 100; i++) yield* Effect.yieldNow()
    yield* meanwhile
    yield* Fiber.interrupt(fiber)
    return lines.join("\n")
  })

describe("an interrupted test", () => {
  it.effect("reports a sleep, its end, and that the clock has not moved", () =>
    Effect.gen(function*() {
      const report = yield* warningsOf(Effect.sleep("5 seconds"))
      assert.include(report, "sleeps on the TestClock end in 5s")
      assert.include(report, "the TestClock has not moved since the fake was made")
    }))

  it.effect("reports how far the clock has moved", () =>
    Effect.gen(function*() {
      const report = yield* warningsOf(Effect.sleep("5 seconds"), {}, TestClock.adjust("3 seconds"))
      assert.include(report, "sleeps on the TestClock end in 2s")
      assert.include(report, "the TestClock stands at 3s")
    }))

  it.effect("reports a request that was not answered, and its fault", () =>
    Effect.gen(function*() {
      const read = Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const calls = yield* ExotelCalls.ExotelCalls
        yield* calls.get(yield* fake.place(script, { sid: "abc" }))
      })
      const report = yield* warningsOf(read, { faults: FaultPlan.stalled() })
      assert.include(report, "a request without a complete response: #1 +0s GET /v1/Accounts/acme1m/Calls/abc.json")
    }))

  it.effect("reports that requests wait for the budget", () =>
    Effect.gen(function*() {
      const read = Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const calls = yield* ExotelCalls.ExotelCalls
        const sid = yield* fake.place(script)
        yield* Effect.replicateEffect(calls.get(sid), 4)
      })
      const report = yield* warningsOf(read, { client: { requestsPerMinute: 3 } })
      assert.include(report, "3 requests were made within a minute, the limit of the client")
    }))

  it.effect("reports nothing when nothing was waiting", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* warningsOf(Effect.never), "")
      assert.strictEqual(yield* warningsOf(Effect.void), "")
    }))
})

describe("fakes", () => {
  const count = Effect.flatMap(FakeExotel.FakeExotel, (fake) => fake.journal)
  const read = Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const calls = yield* ExotelCalls.ExotelCalls
    yield* calls.get(yield* fake.place(script))
  })

  it.layer(FakeExotel.layer())("in one layer block", (it) => {
    const fresh = <A, E, R>(test: Effect.Effect<A, E, R>) => Effect.provide(test, Layer.fresh(FakeExotel.layer()))

    it.effect("the first test sees its own requests", () =>
      Effect.gen(function*() {
        yield* read
        assert.strictEqual((yield* count).length, 1)
      }).pipe(fresh))
    it.effect("the second test has a fresh fake", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* count).length, 0)
      }).pipe(fresh))
  })
})
