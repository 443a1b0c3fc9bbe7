/** Policies: the accepted inputs, the defaults and the rejected mistakes. */
import { CallScript } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, FastCheck, Schema, Stream } from "effect"
import { inScenario } from "./support/scenarios.ts"

const decode = Schema.decodeUnknownEither(WatchPolicy.WatchPolicy)

/** The message with which a watch and a fleet reject a policy, which may come from JSON. */
const rejection = (policy: unknown) =>
  inScenario((scenario) =>
    Effect.gen(function*() {
      const sid = yield* scenario.fake.place(CallScript.busy())
      const untyped = policy as WatchPolicy.Options
      const error = yield* Effect.flip(Stream.runDrain(scenario.watch.events(sid, untyped)))
      const ofFleet = yield* Effect.flip(Stream.runDrain(scenario.watch.fleet([sid], untyped)))
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.strictEqual(ofFleet.message, error.message)
      deepStrictEqual(yield* scenario.requests(), [])
      return error.message
    })
  )

describe("a watch policy", () => {
  it.effect("accepts a duration as the cadence", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "9 seconds" }))
        yield* scenario.watch.awaitEnd(sid, { cadence: "5 seconds" })
        deepStrictEqual(yield* scenario.requests(), [0, 5, 10])
      })
    ))

  it("has the standard value for each field that is absent or undefined", () => {
    const policy = Schema.decodeSync(WatchPolicy.WatchPolicy)({
      deadline: "1 minute",
      until: undefined,
      details: undefined
    })
    deepStrictEqual(policy, { ...WatchPolicy.standard, deadline: Duration.minutes(1) })
  })

  it("decodes a complete policy to itself", () => {
    for (const preset of [WatchPolicy.standard, WatchPolicy.eager, WatchPolicy.economical]) {
      deepStrictEqual(Schema.decodeSync(WatchPolicy.WatchPolicy)(preset), preset)
    }
  })

  it.effect("is rejected before any request, with a message that names the field and not the value", () =>
    Effect.gen(function*() {
      for (
        const [policy, field, advice] of [
          [{ deadline: NaN }, "deadline", "90 seconds"],
          [{ deadline: -1 }, "deadline", "90 seconds"],
          [{ settleLimit: "-5 minutes" }, "settleLimit", "90 seconds"],
          [{ stallAfter: "5 fortnights" }, "stallAfter", "90 seconds"],
          [{ errorBackoff: [1, NaN] }, "errorBackoff", "90 seconds"],
          [{ retryAfterCap: -1n }, "retryAfterCap", "90 seconds"],
          [{ cadence: "fortnightly" }, "cadence", "5 seconds"],
          [{ cadence: NaN }, "cadence", "5 seconds"],
          [{ settleCadence: null }, "settleCadence", "5 seconds"],
          [{ until: "setled" }, "until", "\"terminal\" or \"settled\""],
          [{ details: "yes" }, "details", "true or false"],
          [{ dedline: "1 hour" }, "dedline", "unknown field"]
        ] as const
      ) {
        const message = yield* rejection(policy)
        assert.include(message, `"${field}"`)
        assert.include(message, advice)
        for (const value of ["setled", "fortnight", "yes", "NaN", "-5"]) assert.notInclude(message, value)
      }
      assert.include(yield* rejection(7), "not an object")
    }))

  it("is decoded or rejected, and never throws", () =>
    FastCheck.assert(FastCheck.property(
      FastCheck.dictionary(
        FastCheck.constantFrom(...Object.keys(WatchPolicy.standard)),
        FastCheck.oneof(FastCheck.anything(), FastCheck.constantFrom("1 second", 5, 1n, [1, 2], Infinity, -0))
      ),
      (policy) => ["Left", "Right"].includes(decode(policy)._tag)
    )))
})
