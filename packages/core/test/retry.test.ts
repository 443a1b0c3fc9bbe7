/** The retries of a failed read and the waits between them, on the virtual clock. */
import { ExotelError, RetryPolicy } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual, notDeepStrictEqual } from "@effect/vitest/utils"
import { Clock, Duration, Effect, Exit, FastCheck as fc, Fiber, Option, Random, TestClock } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { parseRetryAfter } from "../src/internal/http/headers.ts"
import { delayBefore } from "../src/internal/http/retry.ts"
import { credentials, makeCalls, sid } from "./support/clients.ts"
import { status, stub, type StubResponse } from "./support/stub.ts"
import { answered, plain, toJson } from "./support/wire.ts"

const found = () => new Response(toJson({ ...answered, sid }, plain()))

/** Reads once, lets time pass, and returns the result and the time of each request. */
const run = (
  response: (n: number) => StubResponse,
  options: { readonly policy?: RetryPolicy.Policy; readonly seed?: string; readonly read?: "get" | "verify" } = {}
) =>
  Effect.gen(function*() {
    const times: Array<number> = []
    const client = stub((_, n) => Effect.map(Clock.currentTimeMillis, (now) => (times.push(now), response(n))))
    const calls = yield* Effect.provide(
      makeCalls({ ...credentials, baseUrl: "http://localhost", requestsPerMinute: Infinity }),
      client.layer
    )
    const read: Effect.Effect<unknown, ExotelError.ExotelError> = options.read === "verify"
      ? calls.verify
      : calls.get(sid)
    const fiber = yield* read.pipe(
      Effect.provideService(RetryPolicy.RetryPolicy, options.policy ?? RetryPolicy.standard),
      Effect.withRandom(Random.make(options.seed ?? "seed")),
      Effect.exit,
      Effect.fork
    )
    yield* TestClock.adjust("1 hour")
    const exit = yield* Fiber.join(fiber)
    return {
      tag: Exit.isSuccess(exit) ? "a call" : Option.getOrThrow(Exit.causeOption(exit)).toString(),
      error: Exit.isFailure(exit) && exit.cause._tag === "Fail" ? exit.cause.error : undefined,
      times,
      // The clock has moved on by an hour before each run, and with it the last digits of a difference.
      waits: times.slice(1).map((time, i) => Math.round((time - (times[i] ?? 0)) * 1000) / 1000)
    }
  })

describe("a read that fails", () => {
  for (
    const [what, response] of [
      ["a refused connection", () => "refused"],
      ["a 500", () => status(500)],
      ["a 502", () => status(502)],
      ["a 503", () => status(503)],
      ["a 407", () => status(407)],
      ["a 408", () => status(408)],
      ["a 421", () => status(421)],
      ["a 425", () => status(425)],
      ["a 429", () => status(429)]
    ] as ReadonlyArray<[string, () => StubResponse]>
  ) {
    it.effect(`is attempted three times after ${what}`, () =>
      Effect.gen(function*() {
        const { error, times } = yield* run(response)
        assert.strictEqual(times.length, 3)
        assert.isTrue(error?.isRetryable)
      }))

    it.effect(`succeeds when the third attempt does, after ${what}`, () =>
      Effect.gen(function*() {
        const { tag, times } = yield* run((n) => n < 3 ? response() : found())
        assert.strictEqual(tag, "a call")
        assert.strictEqual(times.length, 3)
      }))

    it.effect(`is not retried by RetryPolicy.none after ${what}`, () =>
      Effect.gen(function*() {
        const { times } = yield* run(response, { policy: RetryPolicy.none })
        assert.strictEqual(times.length, 1)
      }))

    it.effect(`is attempted three times by verify after ${what}`, () =>
      Effect.gen(function*() {
        const { times } = yield* run(response, { read: "verify" })
        assert.strictEqual(times.length, 3)
      }))
  }

  for (
    const [what, response] of [
      ["a 400", () => status(400)],
      ["a 401", () => status(401)],
      ["a 402", () => status(402)],
      ["a 403", () => status(403)],
      ["a 404", () => status(404)],
      ["a 409", () => status(409)],
      ["a redirect", () => status(302, { location: "https://example.com" })],
      ["a body that was cut off", () => new Response("{\"Call\":")],
      ["a body that is no call", () => new Response("{}")],
      ["a body that is too large", () => new Response(" ".repeat(2_000_000))],
      ["another call's record", () => new Response(toJson({ ...answered, sid: "other" }, plain()))]
    ] as ReadonlyArray<[string, () => StubResponse]>
  ) {
    it.effect(`is not retried after ${what}`, () =>
      Effect.gen(function*() {
        const { error, times } = yield* run(response)
        assert.strictEqual(times.length, 1)
        assert.isDefined(error)
      }))
  }

  it.effect("is retried after the timeout of each attempt", () =>
    Effect.gen(function*() {
      const client = stub(() => Effect.never)
      const calls = yield* Effect.provide(
        makeCalls({ ...credentials, baseUrl: "http://localhost", timeout: "10 seconds" }),
        client.layer
      )
      const fiber = yield* Effect.fork(Effect.flip(calls.get(sid)))
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual(client.urls.length, 1)
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "TransportError", reason: "Timeout", sid })
      assert.strictEqual(client.urls.length, 3)
    }))
})

describe("the wait before a retry", () => {
  const policy = { ...RetryPolicy.standard, attempts: 10 }
  const unavailable = (status: number) => new ExotelError.ServiceUnavailable({ status })
  const limited = new ExotelError.RateLimited({ status: 429 })
  const millis = (error: ExotelError.ExotelError, n: number, chance: number) =>
    Duration.toMillis(Option.getOrThrow(delayBefore(policy, error, n, chance)))

  it.prop(
    "is between zero and the backoff, which doubles",
    [fc.integer({ min: 1, max: 9 }), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })],
    ([n, chance]) => {
      assert.closeTo(millis(unavailable(500), n, chance), chance * 50 * 2 ** (n - 1), 0.001)
      assert.closeTo(millis(unavailable(503), n, chance), chance * 1000 * 2 ** (n - 1), 0.001)
      assert.closeTo(millis(limited, n, chance), chance * 1000 * 2 ** (n - 1), 0.001)
    }
  )

  it("includes the Retry-After of a 503, but not that of a 429, for which the request budget pauses", () => {
    const retryAfter = Duration.seconds(10)
    const wait = (error: ExotelError.ExotelError) => millis(error, 1, 0.5)
    assert.strictEqual(wait(new ExotelError.ServiceUnavailable({ status: 503, retryAfter })), 10_500)
    assert.strictEqual(wait(new ExotelError.RateLimited({ status: 429, retryAfter })), 500)
  })

  it.effect("is what passes on the clock", () =>
    Effect.gen(function*() {
      for (const seed of ["a", "b", "c"]) {
        const [first = NaN, second = NaN] = (yield* run(() => status(500), { seed })).waits
        assert.isTrue(first > 0 && first < 50 && second > 0 && second < 100)
        const [throttled = NaN, again = NaN] = (yield* run(() => status(429), { seed })).waits
        // Without `Retry-After` the budget pauses for 5 s, whatever wait is drawn.
        assert.isTrue(throttled >= 5000 && throttled < 6000 && again >= 5000 && again < 7000)
      }
    }))

  it.effect("is the same for the same seed", () =>
    Effect.gen(function*() {
      const once = yield* run(() => status(503), { seed: "a" })
      const again = yield* run(() => status(503), { seed: "a" })
      const other = yield* run(() => status(503), { seed: "b" })
      deepStrictEqual(once.waits, again.waits)
      notDeepStrictEqual(once.waits, other.waits)
    }))
})

describe("Retry-After", () => {
  const now = Date.UTC(2026, 10, 23, 12, 0, 0)
  for (
    const [header, expected] of [
      ["0", Duration.zero],
      ["1", Duration.seconds(1)],
      [" 17 ", Duration.seconds(17)],
      ["1.5", Duration.millis(1500)],
      ["3000000", Duration.seconds(3_000_000)],
      ["Mon, 23 Nov 2026 12:00:30 GMT", Duration.seconds(30)],
      ["Monday, 23 Nov 2026 12:00:30 GMT", Duration.seconds(30)],
      ["Mon Nov 23 12:00:30 2026", Duration.seconds(30)],
      ["Mon, 23 Nov 2026 11:00:00 GMT", Duration.zero],
      ["Thu, 01 Jan 1970 00:00:00 GMT", Duration.zero],
      ["", undefined],
      ["-5", undefined],
      ["-0", undefined],
      ["1e3", undefined],
      ["0x10", undefined],
      ["soon", undefined],
      ["NaN", undefined],
      ["Infinity", undefined],
      ["5 seconds", undefined],
      ["2026-11-23", undefined],
      ["Mon, 99 Nov 2026 12:00:30 GMT", undefined],
      ["Some day in 2026", undefined],
      ["Some day in 2026 12:00:30 GMT", undefined],
      ["Mon, 23 Nov 2026", undefined]
    ] as const
  ) {
    it(`${JSON.stringify(header)} means ${expected === undefined ? "nothing" : Duration.format(expected)}`, () => {
      deepStrictEqual(parseRetryAfter(header, now), expected)
    })
  }

  it("of any number of digits is a finite time that survives being stored", () => {
    for (const header of ["9".repeat(17), "9".repeat(40), "9".repeat(400)]) {
      const wait = parseRetryAfter(header, now)
      assert.isTrue(wait !== undefined && Duration.isFinite(wait))
    }
  })

  it.effect("is waited for, with jitter after a 503", () =>
    Effect.gen(function*() {
      for (const code of [429, 503]) {
        const { tag, waits } = yield* run((n) => n === 1 ? status(code, { "retry-after": "5" }) : found())
        assert.strictEqual(tag, "a call")
        assert.isAtLeast(waits[0] ?? NaN, 5000)
        assert.isAtMost(waits[0] ?? NaN, 6000)
      }
    }))

  it.effect("holds for one wait", () =>
    Effect.gen(function*() {
      const { waits } = yield* run((n) => status(429, n === 1 ? { "retry-after": "15" } : {}))
      assert.isAtLeast(waits[0] ?? NaN, 15_000)
      assert.isAtMost(waits[1] ?? NaN, 7000)
    }))

  it.effect("as a date is converted by the clock", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(now)
      const { waits } = yield* run((n) =>
        n === 1 ? status(503, { "retry-after": "Mon, 23 Nov 2026 12:00:10 GMT" }) : found()
      )
      assert.isAtLeast(waits[0] ?? NaN, 10_000)
      assert.isAtMost(waits[0] ?? NaN, 11_000)
    }))

  it.effect("up to the cap is waited for; beyond it the read fails at once", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* run(() => status(429, { "retry-after": "20" }))).times.length, 3)
      for (const header of ["20.001", "21", "3000000", "9".repeat(400)]) {
        const { error, times } = yield* run(() => status(429, { "retry-after": header }))
        assert.strictEqual(times.length, 1)
        assert.strictEqual(error?._tag, "RateLimited")
        assert.isTrue(error?._tag === "RateLimited" && error.retryAfter !== undefined)
        assert.include(error?.message, "Retry after")
      }
    }))

  it.effect("that is garbage is ignored", () =>
    Effect.gen(function*() {
      const { waits } = yield* run(() => status(429, { "retry-after": "a while" }))
      assert.strictEqual(waits.length, 2)
      assert.isAtMost(waits[0] ?? NaN, 6000)
    }))

  it.effect("of a past date does not remove the backoff", () =>
    Effect.gen(function*() {
      const { waits } = yield* run(() => status(429, { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }))
      assert.strictEqual(waits.length, 2)
      assert.isAbove((waits[0] ?? 0) + (waits[1] ?? 0), 0)
    }))
})

describe("an outage", () => {
  for (
    const [name, response] of [
      ["refused connections", () => "refused"],
      ["503s", () => status(503)]
    ] as ReadonlyArray<[string, () => StubResponse]>
  ) {
    it.effect(`of ${name} during many reads is not amplified beyond the request budget`, () =>
      Effect.gen(function*() {
        const count = cases(1000)
        const times: Array<number> = []
        const client = stub(() => Effect.map(Clock.currentTimeMillis, (now) => (times.push(now), response())))
        const calls = yield* Effect.provide(
          makeCalls({ ...credentials, baseUrl: "http://localhost", requestsPerMinute: count / 5 }),
          client.layer
        )
        const reads = yield* Effect.fork(
          Effect.forEach(Array.from({ length: count }), () => Effect.exit(calls.get(sid)), {
            concurrency: "unbounded"
          }).pipe(Effect.withRandom(Random.fixed([0])))
        )
        yield* TestClock.adjust("14 minutes")
        yield* Fiber.join(reads)
        assert.strictEqual(times.length, 3 * count)
        const busiest = Math.max(
          ...times.map((from, i) => times.filter((at, j) => j >= i && at < from + 60_000).length)
        )
        assert.strictEqual(busiest, count / 5)
      }), 60_000)
  }
})

describe("a retry policy", () => {
  it.effect("can be provided for a part of a program", () =>
    Effect.gen(function*() {
      const policy = { ...RetryPolicy.standard, attempts: 6, backoff: Duration.seconds(1) }
      const { times, waits } = yield* run(() => status(500), { policy })
      assert.strictEqual(times.length, 6)
      assert.isAbove(Math.max(...waits), 100)
    }))

  it.effect("sends at least one request for any number of attempts", () =>
    Effect.gen(function*() {
      for (const attempts of [0, -1, NaN]) {
        const { times } = yield* run(() => status(500), { policy: { ...RetryPolicy.standard, attempts } })
        assert.strictEqual(times.length, 1)
      }
    }))
})
