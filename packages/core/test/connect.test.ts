/** Placing a call: the request, what each response proves, and that no call is placed twice. */
import { Call, ConnectError, ConnectRequest, ExotelCalls, RequestBudget, RetryPolicy } from "@effect-exotel/core"
import { HttpClient, HttpClientError, HttpClientResponse } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import {
  Clock,
  DateTime,
  Duration,
  Effect,
  Either,
  FastCheck as fc,
  Fiber,
  Layer,
  Option,
  Redacted,
  Schedule,
  Schema,
  TestClock
} from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { record } from "./support/canary.ts"
import { clients, credentials, makeCalls, sid } from "./support/clients.ts"
import { always, serve, unusedUrl } from "./support/server.ts"
import { status, stub } from "./support/stub.ts"

const request = ConnectRequest.twoNumbers({ from: "+918012345678", to: "08087654321", callerId: "08047123456" })

const placedCall = JSON.stringify({ Call: { Sid: sid, Status: "in-progress", EndTime: null, Duration: null } })
const placedXml = `<TwilioResponse><Call><Sid>${sid}</Sid><Status>in-progress</Status></Call></TwilioResponse>`
const exception = (status: number, message: string) =>
  JSON.stringify({ RestException: { Status: status, Message: message } })

/** Runs `effect` on the test clock until it is done. */
const settled = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    for (let n = 0; n < 30 && Option.isNone(yield* fiber.poll); n++) yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const connect = (
  client: Layer.Layer<HttpClient.HttpClient>,
  options: { readonly policy?: RetryPolicy.Policy } = {}
) =>
  Effect.gen(function*() {
    const calls = yield* makeCalls({
      ...credentials,
      region: "mumbai",
      regionProbe: "never",
      maxBodyBytes: 4096
    })
    return yield* Effect.either(calls.connect(request))
  }).pipe(
    Effect.provideService(RetryPolicy.RetryPolicy, options.policy ?? RetryPolicy.none),
    Effect.provide(client),
    settled
  )

/** The error of a `connect` that receives this response. */
const errorAfter = (response: () => Response) => Effect.flatMap(connect(stub(response).layer), Effect.flip)

describe("placing a call", () => {
  for (const format of ["json", "xml"] as const) {
    it.live(`sends one form in a POST and returns the call, in ${format}`, () =>
      Effect.gen(function*() {
        const seen: Array<{ method: string | undefined; body: string }> = []
        const server = yield* serve((request, response) => {
          let body = ""
          request.on("data", (chunk) => void (body += String(chunk)))
          request.on("end", () => {
            seen.push({ method: request.method, body })
            response.end(format === "json" ? placedCall : placedXml)
          })
        })
        const calls = yield* makeCalls({ ...credentials, baseUrl: server.url, format })
        const call = yield* calls.connect(request)
        assert.instanceOf(call, Call.Call)
        deepStrictEqual([String(call.sid), call.status], [sid, "in-progress"])
        deepStrictEqual(seen, [{
          method: "POST",
          body: "From=%2B918012345678&CallerId=08047123456&CallType=trans&Record=false&To=08087654321"
        }])
        deepStrictEqual(server.requests, [
          format === "json" ? "/v1/Accounts/acme1m/Calls/connect.json" : "/v1/Accounts/acme1m/Calls/connect"
        ])
        assert.include(server.headers[0], {
          "content-type": "application/x-www-form-urlencoded",
          accept: format === "json" ? "application/json" : "application/xml"
        })
        assert.match(String(server.headers[0]?.authorization), /^Basic /)
      }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici)))
  }

  it.effect("accepts a 201", () =>
    Effect.gen(function*() {
      const call = yield* yield* connect(stub(() => new Response(placedCall, { status: 201 })).layer)
      assert.strictEqual(call.sid, sid)
    }))

  it.effect("sends nothing for an invalid request", () =>
    Effect.gen(function*() {
      const server = stub(() => new Response(placedCall))
      const calls = yield* Effect.provide(makeCalls({ ...credentials, region: "mumbai" }), server.layer)
      const invalid = ConnectRequest.twoNumbers({ from: "12", to: "08087654321", callerId: "08047123456" })
      assert.strictEqual((yield* Effect.flip(calls.connect(invalid)))._tag, "InvalidRequest")
      deepStrictEqual(server.urls, [])
    }))

  it.effect("waits for the budget before the request is sent, and counts that wait neither as time-out nor as sending", () =>
    Effect.gen(function*() {
      const server = stub(() => status(504))
      const program = Effect.gen(function*() {
        const calls = yield* ExotelCalls.make({ ...credentials, region: "mumbai", regionProbe: "never" })
        const budget = yield* RequestBudget.RequestBudget
        yield* budget.acquire("interactive")
        return yield* Effect.flip(calls.connect(request))
      }).pipe(Effect.provide(Layer.merge(RequestBudget.layerMemory({ requestsPerMinute: 1 }), server.layer)))
      const fiber = yield* Effect.fork(program)
      yield* TestClock.adjust("59 seconds")
      deepStrictEqual(server.urls, [])
      const error = yield* Effect.zipRight(TestClock.adjust("2 seconds"), Fiber.join(fiber))
      assert(error._tag === "CallOutcomeUnknown")
      assert.isAtLeast(DateTime.toEpochMillis(error.sentAt), 60_000)
    }))

  it.effect("waits 30 seconds for a response unless configured otherwise", () =>
    Effect.gen(function*() {
      for (const [connectTimeout, seconds] of [[undefined, 30], ["90 seconds", 90]] as const) {
        const program = Effect.gen(function*() {
          const calls = yield* makeCalls({ ...credentials, region: "mumbai", connectTimeout })
          return yield* Effect.flip(calls.connect(request))
        }).pipe(Effect.provide(stub(() => Effect.never).layer))
        const fiber = yield* Effect.fork(program)
        yield* TestClock.adjust(Duration.seconds(seconds - 1))
        assert.isTrue(Option.isNone(yield* fiber.poll))
        const error = yield* Effect.zipRight(TestClock.adjust("1 second"), Fiber.join(fiber))
        assert.deepInclude(error, { _tag: "CallOutcomeUnknown", reason: "NoResponse", failure: "Timeout" })
      }
    }))
})

describe("a refusal", () => {
  const refusals: ReadonlyArray<readonly [status: number, message: string, tag: ConnectError.ConnectError["_tag"]]> = [
    [400, "Mandatory parameter From missing", "InvalidRequest"],
    [401, "Authentication failed", "AuthenticationError"],
    [402, "Insufficient balance", "AccessDenied"],
    [403, "Call to [08087654321] cannot be made because of TRAI NDNC regulations", "DoNotDisturb"],
    [403, "The number is on the do not disturb register", "DoNotDisturb"],
    [403, "Your account is not KYC compliant", "AccessDenied"],
    [402, "TRAI NDNC", "AccessDenied"],
    [404, "No matching account", "AuthenticationError"],
    [407, "Proxy authentication required", "ServiceUnavailable"],
    [409, "Agent is busy", "InvalidRequest"],
    [429, "Too many requests", "RateLimited"]
  ]
  for (const [status, message, tag] of refusals) {
    it.effect(`with ${status} "${message}" is ${tag}, and no call was placed`, () =>
      Effect.gen(function*() {
        const error = yield* errorAfter(() => new Response(exception(status, message), { status }))
        assert.strictEqual(error._tag, tag)
        assert.notInclude(JSON.stringify(error) + error.message, "08087654321")
      }))
  }

  it.effect("by another region names the region of the account", () =>
    Effect.gen(function*() {
      const server = stub((url) =>
        url.host === "api.exotel.com" ? new Response("{}") : new Response(exception(404, "none"), { status: 404 })
      )
      const calls = yield* Effect.provide(makeCalls({ ...credentials, region: "mumbai" }), server.layer)
      assert.deepInclude(yield* Effect.flip(calls.connect(request)), { _tag: "RegionMismatch", actual: "singapore" })
    }))

  it.effect("hides what it repeats of the form", () =>
    Effect.gen(function*() {
      const calls = yield* Effect.provide(
        makeCalls({ ...credentials, region: "mumbai" }),
        stub(() => new Response(exception(400, "bad order 17 of agent, https%3A%2F%2Fx.test%2Fs3"), { status: 400 }))
          .layer
      )
      const secretive = ConnectRequest.flow({
        from: "sip:agent@example.invalid",
        callerId: "08047123456",
        appId: "1",
        customField: "order 17",
        statusCallback: { url: "https://x.test/s3" }
      })
      const error = yield* Effect.flip(calls.connect(secretive))
      assert(error._tag === "InvalidRequest")
      assert.strictEqual(error.exotelMessage, "bad <redacted> of agent, <redacted>")
    }))
})

describe("a 429", () => {
  const policy: RetryPolicy.Policy = { ...RetryPolicy.standard, attempts: 3 }
  const responses = (first: () => Response) => stub((_, n) => n === 1 ? first() : new Response(placedCall))

  it.effect("is sent again when the policy says so, because no call was placed", () =>
    Effect.gen(function*() {
      const server = responses(() => status(429, { "retry-after": "7" }))
      assert.isTrue(Either.isRight(yield* connect(server.layer, { policy })))
      assert.strictEqual(server.urls.length, 2)
    }))

  it.effect("is an error when the policy has one attempt", () =>
    Effect.gen(function*() {
      const server = responses(() => status(429))
      assert.strictEqual((yield* Effect.flip(yield* connect(server.layer)))._tag, "RateLimited")
      assert.strictEqual(server.urls.length, 1)
    }))

  for (
    const [what, first] of Object.entries({
      503: () => status(503),
      408: () => status(408),
      407: () => status(407)
    })
  ) {
    it.effect(`is the only response that is: not a ${what}`, () =>
      Effect.gen(function*() {
        const server = responses(first)
        assert.isTrue(Either.isLeft(yield* connect(server.layer, { policy })))
        assert.strictEqual(server.urls.length, 1)
      }))
  }
})

describe("an unknown outcome", () => {
  const responses = [
    ["a 504", "InconclusiveStatus", () => status(504)],
    ["a 200 with an error", "UnreadableResponse", () => new Response(exception(400, "nothing was placed"))],
    ["a 200 that is too large", "UnreadableResponse", () => new Response("too large ".repeat(1000))]
  ] as const
  for (const [what, reason, response] of responses) {
    it.effect(`says when the request was sent and what to do, after ${what}`, () =>
      Effect.gen(function*() {
        yield* TestClock.setTime(Date.UTC(2026, 10, 26, 4, 30))
        const error = yield* errorAfter(response)
        assert(error._tag === "CallOutcomeUnknown")
        deepStrictEqual([error.reason, error.region, error.status], [reason, "mumbai", response().status] as const)
        assert.isFalse(error.isRetryable)
        assert.include(error.message, "The request was sent at 2026-11-26T04:30:00.000Z. Do not place the call again")
        const json = Schema.parseJson(ConnectError.ConnectError)
        const text = yield* Schema.encode(json)(error)
        const decoded = yield* Schema.decode(json)(text)
        assert.strictEqual(decoded.message, error.message)
        assert.strictEqual(yield* Schema.encode(json)(decoded), text)
      }))
  }

  for (const code of [300, 301, 302, 304, 307, 408, 500, 501, 502, 503, 504, 599]) {
    it.effect(`follows a ${code}`, () =>
      Effect.gen(function*() {
        // Without a body, and with one according to which no call was placed.
        for (const body of code === 304 ? [null] : [null, exception(404, "not found")]) {
          const error = yield* errorAfter(() => new Response(body, { status: code }))
          assert.strictEqual(error._tag, "CallOutcomeUnknown")
        }
      }))
  }

  it.effect("is logged when the caller is interrupted after the request was sent, and not before", () =>
    Effect.gen(function*() {
      const interrupted = (perMinute: number) =>
        record(Effect.gen(function*() {
          const calls = yield* ExotelCalls.make({ ...credentials, region: "mumbai" })
          const budget = yield* RequestBudget.RequestBudget
          yield* budget.acquire("interactive")
          const fiber = yield* Effect.fork(calls.connect(request))
          yield* TestClock.adjust("1 second")
          yield* Fiber.interrupt(fiber)
        })).pipe(
          Effect.provide(
            Layer.merge(RequestBudget.layerMemory({ requestsPerMinute: perMinute }), stub(() => Effect.never).layer)
          ),
          Effect.map(([, output]) => output)
        )
      assert.include(yield* interrupted(100), "Exotel may have placed it")
      assert.notInclude(yield* interrupted(1), "Exotel may have placed it")
    }))
})

/** One exchange as the server lives it: whether the call is placed, and what the client then sees. */
interface Exchange {
  readonly name: string
  readonly placed: boolean
  /** A new response each time: the body of a clone cannot be canceled. */
  readonly response: (() => Response) | "stall" | { readonly code: string }
}

const truncated = (body: string, at: number) => body.slice(0, Math.floor(body.length * at))

const brokenBody = (body: string) =>
  new ReadableStream<Uint8Array>({
    pull: (controller) => {
      controller.enqueue(new TextEncoder().encode(body.slice(0, 20)))
      controller.error(Object.assign(new Error("reset"), { code: "ECONNRESET" }))
    }
  })

const unplacedCodes = [
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "CERT_HAS_EXPIRED",
  "UND_ERR_CONNECT_TIMEOUT"
]

/** Faults at every point of the request and of the response. Whether a server with that fault has placed the call is random. */
const exchange: fc.Arbitrary<Exchange> = fc.oneof(
  fc.constantFrom(...unplacedCodes).map((code) => ({ name: code, placed: false, response: { code } })),
  fc.tuple(fc.boolean(), fc.constantFrom("ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "EWHAT"))
    .map((
      [placed, code]
    ) => ({ name: code, placed, response: { code } })),
  fc.boolean().map((placed) => ({ name: "stall", placed, response: "stall" as const })),
  fc.tuple(fc.boolean(), fc.constantFrom(100, 300, 301, 302, 307, 308, 408, 500, 502, 503, 504, 599)).map((
    [placed, code]
  ) => ({
    name: String(code),
    placed,
    response: code < 200
      ? { code: "HPE_INVALID_CONSTANT" }
      : () => status(code, { location: "https://elsewhere.test/" })
  })),
  fc.tuple(
    fc.constantFrom(400, 401, 402, 403, 404, 407, 409, 410, 418, 421, 422, 425, 429, 451, 499),
    fc.constantFrom("", "<html>", exception(403, "TRAI NDNC"), exception(404, "No matching results"), placedCall)
  ).map(([code, body]) => ({ name: `${code}`, placed: false, response: () => new Response(body, { status: code }) })),
  fc.tuple(
    fc.boolean(),
    fc.constantFrom(200, 201, 202, 204),
    fc.constantFrom(
      "",
      "null",
      "<html></html>",
      exception(400, "bad"),
      exception(429, "slow down"),
      exception(403, "TRAI NDNC"),
      JSON.stringify({ Call: { Status: "in-progress" } }),
      JSON.stringify({ Metadata: {}, Calls: [] }),
      "x".repeat(5000)
    )
  ).map(([placed, code, body]) => ({
    name: `${code} unreadable`,
    placed,
    response: () => new Response(code === 204 ? null : body, { status: code })
  })),
  fc.tuple(fc.constantFrom(placedCall, placedXml), fc.double({ min: 0, max: 0.95, noNaN: true })).map(([body, at]) => ({
    name: "truncated",
    placed: true,
    response: () => new Response(truncated(body, at))
  })),
  fc.constant({ name: "reset within the body", placed: true, response: () => new Response(brokenBody(placedCall)) }),
  fc.constantFrom(placedCall, placedXml).map((body) => ({
    name: "placed",
    placed: true,
    response: () => new Response(body)
  }))
)

/** A 429 is frequent, so that a policy sends again. */
const exchanges = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: exchange },
    {
      weight: 1,
      arbitrary: fc.constantFrom("0", "", "9999").map((wait) => ({
        name: "429",
        placed: false,
        response: () => status(429, { "retry-after": wait })
      }))
    }
  ),
  { minLength: 1, maxLength: 5 }
)

const retrying: Readonly<Record<string, (client: HttpClient.HttpClient) => HttpClient.HttpClient>> = {
  "not retrying": (client) => client,
  retryTransient: HttpClient.retryTransient({ times: 3 }),
  "retryTransient after filterStatusOk": (client) =>
    HttpClient.filterStatusOk(client).pipe(
      HttpClient.retryTransient({ times: 3, schedule: Schedule.spaced("1 millis") })
    ),
  retry: (client) => HttpClient.filterStatusOk(client).pipe(HttpClient.retry({ times: 3 })),
  "retry below mapRequest": (client) =>
    HttpClient.filterStatusOk(client).pipe(HttpClient.retry({ times: 3 }), HttpClient.mapRequest((request) => request))
}

const silent: Exchange = { name: "stall", placed: false, response: "stall" }

/** An `HttpClient` before a server that answers its n-th request by the n-th exchange, the last one for ever, and counts. */
const server = (script: ReadonlyArray<Exchange>) => {
  let requests = 0
  let placed = 0
  const client = HttpClient.make((request) =>
    Effect.suspend((): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.RequestError> => {
      const { placed: isPlaced, response } = script[Math.min(requests, script.length - 1)] ?? silent
      requests += 1
      if (isPlaced) placed += 1
      if (response === "stall") return Effect.never
      if (typeof response === "function") return Effect.succeed(HttpClientResponse.fromWeb(request, response()))
      const cause = Object.assign(new Error("broken"), { code: response.code })
      return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
    })
  )
  return { client, counts: () => ({ requests, placed }) }
}

describe("placing a call with credentials that have been rotated", () => {
  const rejected: Exchange = {
    name: "401",
    placed: false,
    response: () => new Response(exception(401, "Authentication failed"), { status: 401 })
  }
  const accepted: Exchange = { name: "placed", placed: true, response: () => new Response(placedCall) }
  const lost: Exchange = { name: "lost", placed: true, response: { code: "ECONNRESET" } }

  /** Places a call at a server with this script. The first 401 changes the token, and later ones do not. */
  const placeAt = (script: ReadonlyArray<Exchange>) =>
    Effect.gen(function*() {
      const { client, counts } = server(script)
      const calls = yield* ExotelCalls.make({
        ...credentials,
        region: "mumbai",
        regionProbe: "never",
        refreshCredentials: Effect.succeed({ ...credentials, apiToken: Redacted.make("another-token") })
      }).pipe(
        Effect.provideService(HttpClient.HttpClient, client),
        Effect.provideService(RequestBudget.RequestBudget, RequestBudget.unlimited)
      )
      return { result: yield* Effect.either(calls.connect(request)), ...counts() }
    })

  it.effect("sends the request once more after a 401, which proves that no call was placed", () =>
    Effect.gen(function*() {
      const { placed, requests, result } = yield* placeAt([rejected, accepted])
      assert.strictEqual(Either.getOrThrow(result).sid, sid)
      deepStrictEqual({ placed, requests }, { placed: 1, requests: 2 })
    }))

  it.effect("fails with the second 401, and sends nothing a third time", () =>
    Effect.gen(function*() {
      const { requests, result } = yield* placeAt([rejected])
      assert.strictEqual(Either.isLeft(result) && result.left._tag, "AuthenticationError")
      assert.strictEqual(requests, 2)
    }))

  it.effect("reports an unknown outcome when the second request is not answered, and sends nothing a third time", () =>
    Effect.gen(function*() {
      const { placed, requests, result } = yield* placeAt([rejected, lost, accepted])
      assert.strictEqual(Either.isLeft(result) && result.left._tag, "CallOutcomeUnknown")
      deepStrictEqual({ placed, requests }, { placed: 1, requests: 2 })
    }))

  it.effect("reports an unknown outcome when the first request is not answered, and sends nothing again", () =>
    Effect.gen(function*() {
      const { placed, requests, result } = yield* placeAt([lost, accepted])
      assert.strictEqual(Either.isLeft(result) && result.left._tag, "CallOutcomeUnknown")
      deepStrictEqual({ placed, requests }, { placed: 1, requests: 1 })
    }))
})

describe("whatever fails, and at whatever point", () => {
  // On the real clock with short waits: the test clock takes several turns of the event loop for each step.
  it.live.prop(
    "at most one call is placed, and no error reports that none was when one was",
    {
      script: exchanges,
      client: fc.constantFrom(...Object.keys(retrying)),
      policy: fc.constantFrom(1, 3, 5).map((attempts) => ({
        ...RetryPolicy.standard,
        attempts,
        throttledBackoff: Duration.millis(1)
      })),
      format: fc.constantFrom("json" as const, "xml" as const)
    },
    ({ client, format, policy, script }) =>
      Effect.gen(function*() {
        const { client: plain, counts } = server(script)
        const transformed = (retrying[client] ?? ((client) => client))(plain)
        const calls = yield* ExotelCalls.make({
          ...credentials,
          region: "mumbai",
          regionProbe: "never",
          maxBodyBytes: 4096,
          connectTimeout: "50 millis",
          format
        }).pipe(
          Effect.provideService(HttpClient.HttpClient, transformed),
          Effect.provideService(RequestBudget.RequestBudget, RequestBudget.unlimited)
        )
        const result = yield* Effect.either(calls.connect(request)).pipe(
          Effect.provideService(RetryPolicy.RetryPolicy, policy)
        )
        const { placed, requests } = counts()
        assert.isAtMost(placed, 1)
        if (Either.isRight(result)) return assert.strictEqual(placed, 1)
        const error = result.left
        if (placed === 1) assert.strictEqual(error._tag, "CallOutcomeUnknown")
        // Only a 429 was sent again, and only with a client that does not retry.
        const again = script.findIndex(({ name }) => name !== "429")
        assert.isAtMost(requests, Math.min(policy.attempts, again === -1 ? Infinity : again + 1))
      }),
    { fastCheck: { numRuns: cases(1000), seed: 20_261_126 }, timeout: 120_000 }
  )

  for (const [name, client] of Object.entries(clients)) {
    it.live(
      `over ${name}, a connection that breaks after the request leaves it unknown, and sends nothing again`,
      () =>
        Effect.gen(function*() {
          let posts = 0
          const broken = yield* serve((request, response) => {
            request.resume().on("end", () => {
              posts += 1
              // The fourth is not answered.
              if (posts === 1) request.socket.destroy()
              if (posts === 2) {
                response.writeHead(200, { "content-length": 5000 })
                response.write(placedCall, () => request.socket.destroy())
              }
              if (posts === 3) response.end(placedCall.slice(0, 40))
            })
          })
          const calls = yield* makeCalls({ ...credentials, baseUrl: broken.url })
          const withShortTimeout = yield* makeCalls({
            ...credentials,
            baseUrl: broken.url,
            connectTimeout: "100 millis"
          })
          const reasons: Array<unknown> = []
          for (const [i, { connect }] of [calls, calls, calls, withShortTimeout].entries()) {
            const error = yield* Effect.flip(connect(request))
            assert(error._tag === "CallOutcomeUnknown")
            reasons.push(error.reason)
            assert.strictEqual(posts, i + 1)
          }
          deepStrictEqual(reasons, ["NoResponse", "NoResponse", "UnreadableResponse", "NoResponse"])
        }).pipe(Effect.scoped, Effect.provide(client)),
      20_000
    )

    it.live(`over ${name}, a refused connection proves that nothing was sent`, () =>
      Effect.gen(function*() {
        const calls = yield* makeCalls({ ...credentials, baseUrl: yield* unusedUrl })
        const error = yield* Effect.flip(calls.connect(request))
        assert.deepInclude(error, { _tag: "TransportError", reason: "Refused" })
      }).pipe(Effect.provide(client)))

    it.live(`over ${name}, a client that retries sends one request`, () =>
      Effect.gen(function*() {
        const busy = yield* serve(always(503, ""))
        const retrying = Effect.map(HttpClient.HttpClient, HttpClient.retryTransient({ times: 2 }))
        const calls = yield* Effect.provideServiceEffect(
          makeCalls({ ...credentials, baseUrl: busy.url }),
          HttpClient.HttpClient,
          retrying
        )
        assert.deepInclude(yield* Effect.flip(calls.connect(request)), { reason: "ResendRefused" })
        assert.strictEqual(busy.requests.length, 1)
      }).pipe(Effect.scoped, Effect.provide(client)))
  }
})

describe("the search for a call whose outcome is unknown", () => {
  const found = (
    request: Pick<ConnectRequest.ConnectRequest, "from" | "callerId">,
    options?: ExotelCalls.FindPlacedOptions
  ) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 10, 26, 6, 0))
      const page = JSON.stringify({
        Metadata: { NextPageUri: null },
        Calls: [{ Sid: sid, Status: "completed" }, { Sid: "another1", Status: "busy" }]
      })
      const server = stub(() => new Response(page))
      const calls = yield* Effect.provide(makeCalls({ ...credentials, region: "mumbai" }), server.layer)
      const sentAt = DateTime.unsafeMake(yield* Clock.currentTimeMillis)
      const result = yield* calls.findPlaced(request, sentAt, options)
      return {
        sids: result.map((call) => call.sid),
        query: Object.fromEntries(new URL(server.urls[0] ?? "").searchParams)
      }
    })

  it.effect("reads the ended calls from that party over that ExoPhone around that time, in the account's clock", () =>
    Effect.gen(function*() {
      const { query, sids } = yield* found(request)
      deepStrictEqual(sids, [sid, "another1"])
      assert.include(query, {
        From: "+918012345678,08012345678",
        PhoneNumber: "08047123456,+918047123456",
        DateCreated: "gte:2026-11-26 11:28:00;lte:2026-11-26 11:32:00",
        SortBy: "DateCreated:asc"
      })
    }))

  it.effect("keeps a foreign number and a SIP URI as they are, and takes another margin", () =>
    Effect.gen(function*() {
      const { query } = yield* found({ from: "sip:a@example.invalid", callerId: "+6561234567" }, {
        margin: "10 seconds"
      })
      assert.include(query, {
        From: "sip:a@example.invalid",
        PhoneNumber: "+6561234567",
        DateCreated: "gte:2026-11-26 11:29:50;lte:2026-11-26 11:30:10"
      })
    }))
})
