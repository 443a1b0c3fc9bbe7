/** An invalid sid is refused before a request is sent. */
import { CallSid, type ExotelCalls } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, FastCheck as fc } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { sid, withCalls } from "./support/clients.ts"
import { status, stub } from "./support/stub.ts"
import { character } from "./support/unicode.ts"

const refused = [
  "",
  ".",
  "..",
  "../",
  "../Calls",
  "a/../../b",
  "a/b",
  "a\\b",
  "?details=true",
  "abc?x=1",
  "#",
  "abc#x",
  "abc.json",
  "abc;x=1",
  "abc&x",
  "a b",
  " abc",
  "abc ",
  "abc\n",
  "\nabc",
  "abc\r\nHost: evil.example",
  "abc\u0000",
  "%2e%2e",
  "%2F",
  "abc%00",
  "äbc",
  "ａｂｃ",
  "１２３",
  "abc\u200b",
  "📞",
  "a-b",
  "a_b",
  "+918012345678"
]

const reads = {
  get: (calls: ExotelCalls.Service) => calls.get,
  getWithDetails: (calls: ExotelCalls.Service) => calls.getWithDetails
}

for (const [name, method] of Object.entries(reads)) {
  describe(`${name} of an invalid sid`, () => {
    for (const sid of refused) {
      it.effect(`refuses ${JSON.stringify(sid)} before sending, without quoting it`, () =>
        Effect.gen(function*() {
          const client = stub(() => status(500))
          const error = yield* withCalls({ region: "mumbai" }, (calls) => Effect.flip(method(calls)(sid))).pipe(
            Effect.provide(client.layer)
          )
          assert.strictEqual(error._tag, "InvalidRequest")
          assert.isFalse(error.isRetryable)
          if (sid.trim().length > 3) assert.notInclude(JSON.stringify(error) + error.message, sid)
          deepStrictEqual(client.urls, [])
        }))
    }

    it.effect("refuses a recording link for less than 5, more than 60, or a fraction of minutes", () =>
      Effect.gen(function*() {
        const client = stub(() => status(500))
        for (const recordingUrlValidity of ["4 minutes", "61 minutes", "330 seconds", 0, Infinity, NaN] as const) {
          const error = yield* withCalls(
            { region: "mumbai" },
            (calls) => Effect.flip(method(calls)(sid, { recordingUrlValidity }))
          ).pipe(Effect.provide(client.layer))
          assert.strictEqual(error._tag, "InvalidRequest")
        }
        deepStrictEqual(client.urls, [])
      }))
  })
}

describe("a call sid", () => {
  it.prop("consists of letters and digits only", [fc.string({ unit: character })], ([text]) => {
    assert.strictEqual(CallSid.isCallSid(text), text !== "" && [...text].every((c) => /[0-9A-Za-z]/.test(c)))
  })

  it.effect.prop(
    "is part of the call's path, whatever its letters",
    [fc.stringMatching(/^[0-9A-Za-z]{1,64}$/)],
    ([sid]) =>
      Effect.gen(function*() {
        const client = stub(() => status(500))
        yield* withCalls({ region: "mumbai" }, (calls) => Effect.exit(calls.get(sid))).pipe(
          Effect.provide(client.layer)
        )
        deepStrictEqual(client.urls, [`https://api.in.exotel.com/v1/Accounts/acme1m/Calls/${sid}.json`])
      }),
    { fastCheck: { numRuns: cases(100) } }
  )
})
