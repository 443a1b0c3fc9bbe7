/** What the generators promise: the real client reads from a body what was written into it. */
import { Call, ExotelCalls } from "@effect-exotel/core"
import { Arbitraries, CallScript, FakeExotel, FaultPlan } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Equal, FastCheck, Option } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"

describe("arbitraries", () => {
  it.effect.prop(
    "a body in either format and any wireFormat decodes to the call that it was written from",
    { wire: Arbitraries.wireCall, format: FastCheck.constantFrom<"json" | "xml">("json", "xml") },
    ({ format, wire }) =>
      Effect.gen(function*() {
        const calls = yield* ExotelCalls.ExotelCalls
        const read = yield* calls.get(wire.call.sid)
        assert.isTrue(Equal.equals(read, wire.call), `${String(read)} is not what was written:\n${wire[format]}`)
      }).pipe(Effect.provide(FakeExotel.layer({ faults: FaultPlan.body(wire[format]), client: { format } }))),
    { fastCheck: { numRuns: cases(100) }, timeout: 30_000 }
  )

  it.prop("a script of theirs ends, settles, and never changes its ending", [Arbitraries.script], ([script]) => {
    const length = CallScript.duration(script)
    assert.isTrue(Duration.isFinite(length))
    const before = CallScript.stateAt(script, Duration.subtract(length, "1 millis"))
    const after = CallScript.stateAt(script, length)
    const later = CallScript.stateAt(script, Duration.sum(length, "1 hour"))
    assert.strictEqual(before.ended, Duration.equals(length, Duration.zero))
    assert.isTrue(after.ended && later.ended && later.settled)
    assert.strictEqual(after.status, later.status)
  })

  it.prop("a generated call satisfies core's schema", [Arbitraries.call], ([call]) => {
    assert.isTrue(call instanceof Call.Call)
    assert.isTrue(Option.isOption(call.details))
  })
})
