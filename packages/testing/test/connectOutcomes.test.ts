/** The planned outcomes of connect requests: which one a request has, and what strict mode reports. */
import { CallScript, ConnectPlan, FakeExotel } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, TestClock } from "effect"
import { fieldOf, flow, post, read, sidOf, twoNumbers } from "./support/connect.ts"

const withFake = (options?: FakeExotel.Options) => Effect.provide(FakeExotel.layerHttpClient(options))

const to = (To: string) => post({ ...twoNumbers, To })

/** The HTTP status of a rejected request, or the status of its call two minutes later. */
const results = (...numbers: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const responses = yield* Effect.forEach(numbers, to)
    yield* TestClock.adjust("2 minutes")
    return yield* Effect.forEach(responses, ({ status, text }) =>
      status === 200
        ? Effect.map(read(sidOf(text)), (record) => fieldOf(record, "Status"))
        : Effect.succeed(String(status)))
  })

const [a, b, c] = ["09000000011", "09000000012", "09000000013"] as const

describe("the outcome of a connect request", () => {
  it.effect("is an answered call by default", () =>
    Effect.gen(function*() {
      deepStrictEqual(yield* results(a), ["completed"])
    }).pipe(withFake()))

  it.effect("is the same for every request when one is planned", () =>
    Effect.gen(function*() {
      deepStrictEqual(yield* results(a, b), ["busy", "busy"])
    }).pipe(withFake({ connect: CallScript.busy() })))

  it.effect("follows a table: by number, the last one repeatedly, then in order, then the default", () =>
    Effect.gen(function*() {
      deepStrictEqual(
        yield* results(a, b, a, c, b, a, b),
        ["busy", "failed", "completed", "402", "no-answer", "completed", "no-answer"]
      )
    }).pipe(withFake({
      connect: {
        byNumber: { [a]: [CallScript.busy(), CallScript.answered()] },
        inOrder: [CallScript.failed(), ConnectPlan.rejected(402)],
        default: CallScript.noAnswer()
      }
    })))

  it.effect("by number holds for the number that rings first, too, as for that of a flow", () =>
    Effect.gen(function*() {
      const { status } = yield* post(flow)
      assert.strictEqual(status, 409)
    }).pipe(withFake({ connect: { byNumber: { [flow.From]: ConnectPlan.rejected(409, { code: 10_706 }) } } })))

  it.effect("is that of a function, which receives the fields and the attempt", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.onConnect(({ attempt, to }) => attempt === 1 && to === a ? CallScript.busy() : CallScript.failed())
      deepStrictEqual(yield* results(a, b, a), ["busy", "failed", "failed"])
      yield* fake.onConnect((request) => {
        assert.strictEqual(request.fields.get("TimeOut"), "25")
        assert.strictEqual(request.accountSid, "acme1m")
        return CallScript.noAnswer()
      })
      assert.strictEqual((yield* post({ ...twoNumbers, TimeOut: "25" })).status, 200)
    }).pipe(withFake()))

  it.effect("can be a do-not-disturb refusal: a 403 without a code that quotes the number", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const { status, text } = yield* to(a)
      assert.strictEqual(status, 403)
      assert.match(text, new RegExp(`^\\{"RestException":\\{"Status":403,"Message":"[^"]*${a}[^"]*NDNC[^"]*"\\}\\}$`))
      deepStrictEqual(yield* fake.placed, [])
    }).pipe(withFake({ connect: ConnectPlan.doNotDisturb })))

  it.effect("can be an error with a code, a word as well, and Retry-After", () =>
    Effect.gen(function*() {
      const limited = yield* to(a)
      deepStrictEqual([limited.status, limited.headers["retry-after"]], [429, "30"])
      assert.include(limited.text, "\"Code\":\"RATE_LIMIT_EXCEEDED\"")
      assert.include((yield* to(b)).text, "\"Message\":\"Invalid parameter CallerId\"")
    }).pipe(withFake({
      connect: {
        inOrder: [
          ConnectPlan.rejected(429, { code: "RATE_LIMIT_EXCEEDED", retryAfter: "30" }),
          ConnectPlan.invalid("CallerId")
        ]
      },
      wireFormat: { errorCode: "number" }
    })))

  it.effect("is not consumed by an invalid request", () =>
    Effect.gen(function*() {
      yield* post({ ...twoNumbers, TimeLimit: "no" })
      deepStrictEqual(yield* results(a), ["busy"])
    }).pipe(withFake({ connect: { inOrder: [CallScript.busy()], default: CallScript.failed() } })))

  it.effect("can be a call that cannot be read at first", () =>
    Effect.gen(function*() {
      const { text } = yield* to(a)
      assert.include(yield* read(sidOf(text)), "No matching results")
      yield* TestClock.adjust("3 seconds")
      assert.include(yield* read(sidOf(text)), sidOf(text))
    }).pipe(withFake({ connectSettings: { readableAfter: "3 seconds" } })))
})

describe("the limit of concurrent calls", () => {
  const script = CallScript.answered({ ring: "10 seconds", talk: "20 seconds" })
  const limited = (limit: number, atLimit: "queue" | "busy" | ConnectPlan.Rejection) =>
    withFake({ connect: script, connectSettings: { concurrentCalls: { limit, atLimit } } })

  it.effect("counts two for two numbers and one for a flow, until the call ends", () =>
    Effect.gen(function*() {
      const statuses = Effect.forEach([twoNumbers, flow, flow], (fields) => Effect.map(post(fields), (r) => r.status))
      deepStrictEqual(yield* statuses, [200, 200, 403])
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual((yield* post(flow)).status, 403)
      yield* TestClock.adjust("1 second")
      deepStrictEqual(yield* statuses, [200, 200, 403])
    }).pipe(limited(3, ConnectPlan.rejected(403))))

  it.effect("can end a call busy", () =>
    Effect.gen(function*() {
      deepStrictEqual(yield* results(a, b), ["completed", "busy"])
    }).pipe(limited(2, "busy")))

  it.effect("can queue calls, which start in order as the ones before them end", () =>
    Effect.gen(function*() {
      const sids = yield* Effect.forEach([a, b, c], (number) => Effect.map(to(number), ({ text }) => sidOf(text)))
      const statuses = Effect.forEach(sids, (sid) => Effect.map(read(sid), (record) => fieldOf(record, "Status")))
      deepStrictEqual(yield* statuses, ["in-progress", "queued", "queued"])
      yield* TestClock.adjust("30 seconds")
      deepStrictEqual(yield* statuses, ["completed", "in-progress", "queued"])
      yield* TestClock.adjust("30 seconds")
      deepStrictEqual(yield* statuses, ["completed", "completed", "in-progress"])
      yield* TestClock.adjust("30 seconds")
      deepStrictEqual(yield* statuses, ["completed", "completed", "completed"])
    }).pipe(limited(3, "queue")))

  it.effect("does not let a call that needs one slot pass one that waits for two", () =>
    Effect.gen(function*() {
      const statuses = yield* Effect.forEach([flow, twoNumbers, flow], (fields) =>
        Effect.map(post(fields), ({ text }) => fieldOf(text, "Status")))
      deepStrictEqual(statuses, ["in-progress", "queued", "queued"])
    }).pipe(limited(2, "queue")))

  it.effect("does not count calls that the test itself placed", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.place(script)
      assert.strictEqual((yield* to(a)).status, 200)
    }).pipe(limited(2, ConnectPlan.rejected(403))))
})

describe("strict mode", () => {
  const problems = <E, R>(options: FakeExotel.Options, test: Effect.Effect<unknown, E, R>) =>
    Effect.gen(function*() {
      yield* test
      const fake = yield* FakeExotel.FakeExotel
      const error = yield* Effect.flip(fake.verify)
      assert.notInclude(error.message, a)
      return error.problems
    }).pipe(withFake({ strict: true, verifyOnClose: false, ...options }))

  it.effect("reports a request without a planned outcome", () =>
    Effect.gen(function*() {
      const expected = ["a connect request has no planned outcome; set connect or call onConnect"]
      deepStrictEqual(yield* problems({}, to(a)), expected)
      deepStrictEqual(yield* problems({ connect: { byNumber: { [b]: CallScript.busy() } } }, results(a, b)), expected)
      deepStrictEqual(yield* problems({ connect: () => undefined }, to(a)), expected)
    }))

  it.effect("reports outcomes that were not used, numbers by their position", () =>
    Effect.gen(function*() {
      const connect = {
        byNumber: { [b]: CallScript.busy(), [a]: [CallScript.busy(), CallScript.answered()] as const },
        inOrder: [CallScript.busy(), CallScript.busy()],
        default: CallScript.busy()
      }
      deepStrictEqual(yield* problems({ connect }, results(a, b, c)), [
        "connect.byNumber: 1 of 2 outcomes were used for number 2",
        "connect.inOrder: 1 of 2 outcomes were used"
      ])
      deepStrictEqual(
        yield* problems({ connect: CallScript.busy() }, Effect.void),
        ["connect: no connect request arrived"]
      )
    }))

  it.effect("reports fields that are not documented, and names the one that was meant", () =>
    Effect.gen(function*() {
      const fields = { ...twoNumbers, callerid: "x", Priority: "1", [a]: "", StatusCallbackEvents: "terminal" }
      const at = "POST /v1/Accounts/acme1m/Calls/connect.json"
      deepStrictEqual(yield* problems({ connect: CallScript.busy() }, post(fields)), [
        `${at}: the field callerid is not documented; names are case-sensitive, write CallerId`,
        `${at}: the field Priority is not documented`,
        `${at}: a field is not documented`,
        `${at}: the field StatusCallbackEvents is not documented`
      ])
    }))
})
