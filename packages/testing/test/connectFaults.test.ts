/** Faults of connect requests, before and after the call is placed. */
import { CallScript, FakeExotel, FaultPlan, Journal } from "@effect-exotel/testing"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Fiber, TestClock } from "effect"
import { flow, post, read, sidOf, twoNumbers } from "./support/connect.ts"

const onConnect = FaultPlan.forOperation("connect")

/** The outcome that a client sees, and how many calls were placed. */
const outcome = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const seen = yield* Effect.match(post(twoNumbers), {
    onFailure: ({ _tag }) => _tag,
    onSuccess: ({ status, text }) => `${status} ${/"Sid":"\w{32}".*\}$/.test(text) ? "with" : "without"} a call`
  })
  return [seen, (yield* fake.placed).length]
})

const cases: ReadonlyArray<readonly [string, FaultPlan.FaultPlan, string, placed: number]> = [
  ["a 500", FaultPlan.status(500), "500 without a call", 1],
  ["a 504 of a gateway", FaultPlan.status(504, { body: "html" }), "504 without a call", 1],
  ["a 408", FaultPlan.status(408), "408 without a call", 1],
  ["a 402, which says that no call was placed,", FaultPlan.status(402), "402 without a call", 0],
  ["a 500 before placing", FaultPlan.status(500).pipe(FaultPlan.placesCall(false)), "500 without a call", 0],
  ["a refused connection", FaultPlan.refused, "RequestError", 0],
  ["a reset", FaultPlan.reset(), "RequestError", 1],
  ["a reset before placing", FaultPlan.reset().pipe(FaultPlan.placesCall(false)), "RequestError", 0],
  ["a reset in the middle of the body", FaultPlan.reset("body"), "ResponseError", 1],
  ["a truncated 200", FaultPlan.truncated(), "200 without a call", 1],
  ["an empty 200", FaultPlan.body(""), "200 without a call", 1],
  ["garbage", FaultPlan.garbage, "200 without a call", 1],
  [
    "a truncated response before placing",
    FaultPlan.truncated(1).pipe(FaultPlan.placesCall(false)),
    "500 without a call",
    0
  ]
]

describe("a fault of a connect request", () => {
  for (const [name, plan, seen, placed] of cases) {
    it.effect(`${name} leaves ${placed} call`, () =>
      Effect.gen(function*() {
        deepStrictEqual(yield* outcome, [seen, placed])
      }).pipe(Effect.provide(FakeExotel.layerHttpClient({ faults: onConnect(plan) }))))

    it.live(`${name} leaves ${placed} call over a socket`, () =>
      Effect.gen(function*() {
        // A server has accepted a connection before it can refuse it.
        deepStrictEqual(yield* outcome, [seen, placed])
      }).pipe(
        Effect.provide([FakeExotel.layerServer({ faults: onConnect(plan) }), NodeHttpClient.layerUndici])
      ))
  }

  it.effect("slows the response down, and the call begins with the request", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const posting = yield* Effect.fork(post(twoNumbers))
      yield* TestClock.adjust("19 seconds")
      deepStrictEqual((yield* fake.placed).map(({ at }) => at.epochMillis), [0])
      assert.isNull(yield* Effect.map(Fiber.poll(posting), (exit) => exit._tag === "None" ? null : exit))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(posting)).status, 200)
    }).pipe(
      Effect.provide(FakeExotel.layerHttpClient({ faults: onConnect(FaultPlan.stalled({ duration: "20 seconds" })) }))
    ))

  it.effect("leaves the call of a client that gave up", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const posting = yield* Effect.fork(Effect.timeoutOption(post(twoNumbers), "15 seconds"))
      yield* TestClock.adjust("15 seconds")
      yield* Fiber.join(posting)
      const [placed] = yield* fake.placed
      const entries = yield* fake.journal
      assert.include(Journal.render(entries), `given up by the client placed ${placed?.sid} (fault: stalled)`)
    }).pipe(Effect.provide(FakeExotel.layerHttpClient({ faults: onConnect(FaultPlan.stalled()) }))))

  it.effect("on another operation does not fire, and is reported by its operation", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const { status, text } = yield* post(flow)
      assert.strictEqual(status, 200)
      const { message } = yield* Effect.flip(fake.verify)
      assert.include(message, "the planned fault \"status 503 of read requests\" never fired")
      assert.include(yield* read(sidOf(text)), "35008")
    }).pipe(
      Effect.provide(FakeExotel.layerHttpClient({ faults: FaultPlan.forOperation(FaultPlan.status(503), "read") }))
    ))

  it.effect("that places no call does not consume its outcome", () =>
    Effect.gen(function*() {
      yield* post(twoNumbers)
      const { text } = yield* post(twoNumbers)
      yield* TestClock.adjust("1 minute")
      assert.include(yield* read(sidOf(text)), "\"busy\"")
    }).pipe(Effect.provide(FakeExotel.layerHttpClient({
      connect: { inOrder: [CallScript.busy()], default: CallScript.answered() },
      faults: FaultPlan.status(503).pipe(onConnect, FaultPlan.placesCall(false), FaultPlan.onRequest(1))
    }))))
})
