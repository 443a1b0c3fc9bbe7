/** Tests the application unchanged, with Exotel replaced at each of three levels. */
import { CallScript, FakeExotel, FaultPlan, ScaledClock } from "@effect-exotel/testing"
import { describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Fiber, Layer, TestClock } from "effect"
import { followUp, Verdict } from "../src/swap/followUp.ts"
import { Exotel, Watch } from "../src/swap/layers.ts"

/** Places the call, advances the clock by one hour, and returns the verdict. */
const anHourAfter = (script: CallScript.CallScript) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const verdict = yield* Effect.fork(followUp(yield* fake.place(script)))
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(verdict)
  })

describe("with ExotelCalls replaced", () => {
  const layer = (options?: FakeExotel.Options) => Watch.pipe(Layer.provideMerge(FakeExotel.layer(options)))

  it.effect("a customer who heard the reminder is not called again", () =>
    Effect.gen(function*() {
      const verdict = yield* anHourAfter(CallScript.answered({ talk: "20 seconds" }))
      deepStrictEqual(verdict, Verdict.Reminded({ talked: Duration.seconds(20) }))
    }).pipe(Effect.provide(layer())))

  for (
    const [what, script, expected] of [
      ["who hung up early", CallScript.answered({ talk: "3 seconds" }), Verdict.CallAgain({ in: Duration.minutes(1) })],
      ["whose line is busy", CallScript.busy(), Verdict.CallAgain({ in: Duration.minutes(5) })],
      ["who does not answer", CallScript.noAnswer(), Verdict.CallAgain({ in: Duration.hours(1) })],
      ["whose number fails", CallScript.failed(), Verdict.CheckNumber({ status: "failed" })]
    ] as const
  ) {
    it.effect(`a customer ${what} gets the verdict ${expected._tag}`, () =>
      Effect.gen(function*() {
        deepStrictEqual(yield* anHourAfter(script), expected)
      }).pipe(Effect.provide(layer())))
  }

  it.effect("an outage of one minute delays the verdict without changing it", () =>
    Effect.gen(function*() {
      const verdict = yield* anHourAfter(CallScript.busy())
      deepStrictEqual(verdict, Verdict.CallAgain({ in: Duration.minutes(5) }))
    }).pipe(Effect.provide(layer({ faults: FaultPlan.status(503).pipe(FaultPlan.between("0 seconds", "1 minute")) }))))
})

describe("with the HTTP client replaced", () => {
  it.effect("the application's own layer reads valid credentials from the environment", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const verdict = yield* anHourAfter(CallScript.busy()).pipe(
        Effect.provide(Exotel),
        Effect.withConfigProvider(FakeExotel.configProvider(fake))
      )
      deepStrictEqual(verdict, Verdict.CallAgain({ in: Duration.minutes(5) }))
    }).pipe(Effect.provide(FakeExotel.layerHttpClient({ strict: true }))))
})

describe("with a server in place of Exotel", () => {
  it.live("real sockets give the same verdict, on a clock sixty times as fast", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const sid = yield* fake.place(CallScript.busy({ ring: "1 second", settles: "10 seconds" }))
      deepStrictEqual(yield* followUp(sid), Verdict.CallAgain({ in: Duration.minutes(5) }))
    }).pipe(Effect.provide(Watch.pipe(
      Layer.provideMerge(FakeExotel.layerServer({ client: { timeout: "5 minutes" } })),
      Layer.provideMerge(ScaledClock.layer(60))
    ))))
})
