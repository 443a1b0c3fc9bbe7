/** The guards, accessors and printed form of a call. */
import { Call, CallStatus } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Either, Equal, Option, Schema } from "effect"
import { inspect } from "node:util"
import { answered, fresh, toCall, unanswered } from "./support/wire.ts"

describe("an ended call", () => {
  for (const status of ["completed", "failed", "busy", "no-answer", "canceled"]) {
    it(`has ended when it is ${status}`, () => {
      assert.isTrue(Call.isTerminal(toCall({ ...answered, status })))
      assert.isTrue(CallStatus.isTerminal(status) && CallStatus.isKnown(status))
    })
  }

  for (const status of ["queued", "ringing", "in-progress", "Completed", "transferring", "canceled-by-agent"]) {
    it(`has not ended when it is ${status}`, () => {
      assert.isFalse(Call.isTerminal(toCall({ ...answered, status })))
    })
  }

  it("decodes as a terminal call, and an ongoing call does not", () => {
    const decode = Schema.decodeEither(Call.TerminalCall)
    const ended = toCall(answered)
    const ongoing = toCall({ ...answered, status: "in-progress" })
    deepStrictEqual(Either.getOrThrow(decode(Schema.encodeSync(Call.Call)(ended))), ended)
    assert.isTrue(Either.isLeft(decode(Schema.encodeSync(Call.Call)(ongoing))))
  })

  it("is settled when end, duration and price are present, and the recording if one is expected", () => {
    const call = toCall(answered)
    assert.isTrue(Call.isSettled(call))
    assert.isTrue(Call.isSettled(call, { expectRecording: true }))
    const unrecorded = toCall({ ...answered, texts: { ...answered.texts, RecordingUrl: undefined } })
    assert.isTrue(Call.isSettled(unrecorded))
    deepStrictEqual(Call.unsettled(unrecorded, { expectRecording: true }), ["recordingUrl"])
    deepStrictEqual(
      Call.unsettled(
        toCall({ ...answered, duration: undefined, price: undefined, times: { ...answered.times, EndTime: undefined } })
      ),
      ["duration", "endTime", "price"]
    )
  })

  it("needs no recording when it was not answered, and may have a price of zero", () => {
    const call = toCall({ ...unanswered, texts: { ...unanswered.texts, RecordingUrl: undefined } })
    assert.isTrue(Call.isSettled(call, { expectRecording: true }))
  })

  it("is not settled before it has ended, however complete its record is", () => {
    assert.isFalse(Call.isSettled(toCall({ ...answered, status: "in-progress" })))
  })
})

describe("a printed call", () => {
  it("shows plain values, redacts personal data, and omits absent fields", () => {
    const shown = JSON.parse(JSON.stringify(toCall(answered)))
    assert.deepInclude(shown, {
      sid: answered.sid,
      status: "completed",
      to: "<redacted>",
      from: "<redacted>",
      exoPhone: "<redacted>",
      callerName: "<redacted>",
      recordingUrl: "<redacted>",
      startTime: "2026-11-02T10:00:01.000+05:30",
      duration: "48s",
      price: "1.5"
    })
    assert.notProperty(shown, "forwardedFrom")
    assert.isTrue(Array.isArray(shown.details.legs))
    deepStrictEqual(shown.details.legs[1], { id: 2, onCallDuration: "40s" })
    deepStrictEqual(JSON.parse(JSON.stringify(toCall(fresh))).details, undefined)
  })

  it("is printed equally in every way, without changing the call", () => {
    const call = toCall(answered)
    assert.include(inspect(call, { depth: Infinity }), "status: 'completed'")
    assert.strictEqual(String(call), `Call(${answered.sid}, completed)`)
    assert.isTrue(Equal.equals(call, toCall(answered)))
    deepStrictEqual(call.to, Option.some("08012345678"))
  })
})
