/** Distinguishes a wrong region from a missing call and from wrong credentials with one probe. */
import { type ExotelConfig, RetryPolicy } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Deferred, Effect, Fiber, TestClock } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { credentials, makeCalls, sid } from "./support/clients.ts"
import { status, stub, type StubResponse } from "./support/stub.ts"
import { answered, plain, toJson } from "./support/wire.ts"

const found = () => new Response(toJson({ ...answered, sid }, plain()))

interface Servers {
  /** What each host says of a call, and of the account. */
  readonly singapore: {
    readonly call: () => StubResponse
    readonly account: () => StubResponse | Effect.Effect<StubResponse>
  }
  readonly mumbai: Servers["singapore"]
}

/** What hosts say of an account that lives here, or elsewhere; servers differ in how they say the second. */
const home = { call: () => status(404), account: () => status(200) }
const elsewhere = {
  "answers 404": { call: () => status(404), account: () => status(404) },
  "answers 401": { call: () => status(401), account: () => status(401) }
}

const isAccount = (url: string) => url.endsWith("/v1/Accounts/acme1m.json")

const setUp = (
  servers: Servers,
  options: Partial<ExotelConfig.CommonOptions> & (ExotelConfig.Endpoint | { region?: never; baseUrl?: never }) = {}
) =>
  Effect.gen(function*() {
    const client = stub((url) => {
      const host = url.hostname === "api.in.exotel.com" ? servers.mumbai : servers.singapore
      return isAccount(url.href) ? host.account() : host.call()
    })
    const calls = yield* Effect.provide(
      makeCalls({ ...credentials, region: "singapore", requestsPerMinute: Infinity, ...options }),
      client.layer
    )
    const probes = () => client.urls.filter(isAccount).map((url) => new URL(url).hostname)
    return { calls, client, probes, read: Effect.flip(calls.get(sid)) }
  })

const once = Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none)

for (const [how, away] of Object.entries(elsewhere)) {
  describe(`where the other region ${how}`, () => {
    it.effect("an unknown call in the right region is not found", () =>
      Effect.gen(function*() {
        const { probes, read } = yield* setUp({ singapore: home, mumbai: away })
        assert.deepInclude(yield* read, { _tag: "CallNotFound", sid, region: "singapore" })
        deepStrictEqual(probes(), ["api.exotel.com"])
      }))

    it.effect("right credentials in the wrong region are a RegionMismatch that names the right one", () =>
      Effect.gen(function*() {
        const { probes, read } = yield* setUp({ singapore: away, mumbai: home })
        const error = yield* read
        assert.deepInclude(error, {
          _tag: "RegionMismatch",
          sid,
          configured: "singapore",
          actual: "mumbai",
          region: "singapore"
        })
        assert.include(error.message, "EXOTEL_REGION=mumbai")
        deepStrictEqual(probes(), ["api.exotel.com", "api.in.exotel.com"])
      }))

    it.effect("a Mumbai client of a Singapore account is a RegionMismatch too", () =>
      Effect.gen(function*() {
        const { read } = yield* setUp({ singapore: home, mumbai: away }, { region: "mumbai" })
        assert.deepInclude(yield* read, { _tag: "RegionMismatch", configured: "mumbai", actual: "singapore" })
      }))

    it.effect("verify reports the RegionMismatch too, without a sid", () =>
      Effect.gen(function*() {
        const { calls } = yield* setUp({ singapore: away, mumbai: home })
        const error = yield* Effect.flip(calls.verify)
        assert.strictEqual(error._tag, "RegionMismatch")
        assert.isUndefined(error.sid)
      }))

    it.effect("credentials unknown in every region leave the error unchanged", () =>
      Effect.gen(function*() {
        const { read } = yield* setUp({ singapore: away, mumbai: away })
        assert.strictEqual((yield* read)._tag, how === "answers 404" ? "CallNotFound" : "AuthenticationError")
      }))

    it.effect("verify reports an account unknown in every region as wrong credentials", () =>
      Effect.gen(function*() {
        const { calls } = yield* setUp({ singapore: away, mumbai: away })
        assert.strictEqual((yield* Effect.flip(calls.verify))._tag, "AuthenticationError")
      }))

    it.effect("many reads that fail at once cause one probe of two requests", () =>
      Effect.gen(function*() {
        const { calls, client, probes } = yield* setUp({
          singapore: away,
          mumbai: { ...home, account: () => Effect.as(Effect.yieldNow(), status(200)) }
        })
        const sids = Array.from({ length: cases(1000) }, (_, i) => `call${i}`)
        const errors = yield* Effect.forEach(
          sids,
          (sid) => Effect.flip(calls.get(sid)),
          { concurrency: "unbounded" }
        )
        assert.isTrue(errors.every((error) => error._tag === "RegionMismatch"))
        deepStrictEqual(errors.map((error) => error.sid), sids)
        assert.strictEqual(probes().length, 2)
        assert.strictEqual(client.urls.length, sids.length + 2)
      }), 60_000)
  })
}

describe("a probe", () => {
  it.effect("that was conclusive is kept for as long as the client lives", () =>
    Effect.gen(function*() {
      const { probes, read } = yield* setUp({ singapore: home, mumbai: elsewhere["answers 404"] })
      yield* read
      yield* TestClock.adjust("30 days")
      yield* read
      assert.strictEqual(probes().length, 1)
    }))

  const inconclusive: Readonly<Record<string, () => StubResponse>> = {
    "served by neither": () => status(404),
    "wrong credentials everywhere": () => status(401),
    "in trouble": () => status(503),
    // Without a `Retry-After` of 0 the request budget would pause.
    "rate limited": () => status(429, { "retry-after": "0" }),
    "forbidden": () => status(403),
    "redirected": () => status(302, { location: "https://example.com" }),
    "unreachable": () => "refused"
  }
  for (const [what, account] of Object.entries(inconclusive)) {
    it.effect(`that was ${what} is inconclusive, is kept for a minute and then repeated`, () =>
      Effect.gen(function*() {
        const nowhere = { call: () => status(404), account }
        const { probes, read } = yield* setUp({ singapore: nowhere, mumbai: nowhere })
        assert.strictEqual((yield* read)._tag, "CallNotFound")
        assert.strictEqual(probes().length, 2)
        yield* TestClock.adjust("59 seconds")
        assert.strictEqual((yield* read)._tag, "CallNotFound")
        assert.strictEqual(probes().length, 2)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* read)._tag, "CallNotFound")
        assert.strictEqual(probes().length, 4)
      }))
  }

  it.effect("that stalls ends after the timeout, and the error is reported", () =>
    Effect.gen(function*() {
      const stalled = { call: () => status(404), account: () => Effect.never }
      const { probes, read } = yield* setUp({ singapore: stalled, mumbai: home }, { timeout: "2 seconds" })
      const fiber = yield* Effect.fork(read)
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "RegionMismatch", actual: "mumbai" })
      assert.strictEqual(probes().length, 2)
    }))

  it.effect("goes on for the others when the read that began it is interrupted", () =>
    Effect.gen(function*() {
      const sent = yield* Deferred.make<void>()
      const answer = yield* Deferred.make<void>()
      const { probes, read } = yield* setUp({
        singapore: {
          call: () => status(404),
          account: () =>
            Deferred.succeed(sent, undefined).pipe(Effect.zipRight(Deferred.await(answer)), Effect.as(status(404)))
        },
        mumbai: home
      })
      const first = yield* Effect.fork(read)
      yield* Deferred.await(sent)
      const others = yield* Effect.forEach(Array.from({ length: 10 }), () => Effect.fork(read))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(answer, undefined)
      const errors = yield* Effect.forEach(others, Fiber.join)
      assert.isTrue(errors.every((error) => error._tag === "RegionMismatch"))
      // The one that was interrupted, and one that was answered.
      deepStrictEqual(probes(), ["api.exotel.com", "api.exotel.com", "api.in.exotel.com"])
    }))

  it.effect("is not made after any other error", () =>
    Effect.gen(function*() {
      const responses: ReadonlyArray<() => StubResponse> = [
        found,
        () => status(400),
        () => status(402),
        () => status(403),
        () => status(409),
        () => status(429),
        () => status(500),
        () => status(302),
        () => new Response("{}"),
        () => "refused"
      ]
      for (const call of responses) {
        const { calls, probes } = yield* setUp({ singapore: { ...home, call }, mumbai: home })
        yield* once(Effect.exit(calls.get(sid)))
        deepStrictEqual(probes(), [])
      }
    }))

  it.effect("is made after a body's 404 or 401 under another status", () =>
    Effect.gen(function*() {
      for (const [http, named] of [[400, 404], [200, 404], [200, 401]] as const) {
        const call = () => new Response(JSON.stringify({ RestException: { Status: named } }), { status: http })
        const { read } = yield* setUp({ singapore: { call, account: () => status(404) }, mumbai: home })
        assert.strictEqual((yield* read)._tag, "RegionMismatch")
      }
    }))

  it.effect("is not made when it is switched off", () =>
    Effect.gen(function*() {
      const { probes, read } = yield* setUp({ singapore: elsewhere["answers 401"], mumbai: home }, {
        regionProbe: "never"
      })
      assert.strictEqual((yield* read)._tag, "AuthenticationError")
      deepStrictEqual(probes(), [])
    }))

  it.effect("is not made under a base URL, so that credentials go to no other host", () =>
    Effect.gen(function*() {
      const { client, probes, read } = yield* setUp({ singapore: home, mumbai: home }, {
        baseUrl: "https://exotel.example.com",
        regionProbe: "auto"
      })
      const error = yield* read
      assert.strictEqual(error._tag, "CallNotFound")
      assert.isUndefined(error.region)
      deepStrictEqual(probes(), [])
      assert.isTrue(client.urls.every((url) => new URL(url).hostname === "exotel.example.com"))
    }))

  it.effect("does not read the body of the account resource", () =>
    Effect.gen(function*() {
      let pulled = 0
      const account = () =>
        new Response(
          new ReadableStream({ pull: (controller) => (pulled++, controller.enqueue(new Uint8Array(1))) }, {
            highWaterMark: 0
          })
        )
      const { calls, read } = yield* setUp({ singapore: { call: () => status(404), account }, mumbai: home })
      assert.strictEqual((yield* read)._tag, "CallNotFound")
      yield* calls.verify
      assert.strictEqual(pulled, 0)
    }))
})

describe("verify", () => {
  it.effect("succeeds when the region serves the account", () =>
    Effect.gen(function*() {
      const { calls, client } = yield* setUp({ singapore: home, mumbai: home })
      assert.isUndefined(yield* calls.verify)
      deepStrictEqual(client.urls, ["https://api.exotel.com/v1/Accounts/acme1m.json"])
    }))

  const failures: ReadonlyArray<readonly [number, string]> = [
    [400, "InvalidRequest"],
    [403, "AccessDenied"],
    [429, "RateLimited"],
    [503, "ServiceUnavailable"],
    [302, "ResponseParseError"]
  ]
  for (const [code, tag] of failures) {
    it.effect(`fails with ${tag} after a ${code}`, () =>
      Effect.gen(function*() {
        const { calls } = yield* setUp({ singapore: { ...home, account: () => status(code) }, mumbai: home })
        assert.strictEqual((yield* once(Effect.flip(calls.verify)))._tag, tag)
      }))
  }
})
