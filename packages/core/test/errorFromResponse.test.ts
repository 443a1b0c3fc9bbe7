/** The error of a failed response: its class by the status, its code and message from the body. */
import { ExotelError } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { DateTime, Duration, Option } from "effect"
import { parseBody } from "../src/internal/decode/body.ts"
import { makeRecordDecoder } from "../src/internal/decode/callFromResponse.ts"
import { errorFromResponse } from "../src/internal/decode/errorFromResponse.ts"
import { parseXml } from "../src/internal/decode/xml.ts"

const decodeRecord = makeRecordDecoder(DateTime.zoneMakeOffset(0))

const errorOf = (status: number, body: unknown, retryAfter?: Duration.Duration) =>
  errorFromResponse(
    { status, retryAfter, body: parseBody(typeof body === "string" ? body : JSON.stringify(body), parseXml) },
    { sid: undefined, secrets: ["the-token"], decodeRecord }
  )

describe("the error of a failed response", () => {
  it("has the code and the message of the body, without white space around them", () => {
    const error = errorOf(
      403,
      "<RestException><Code><![CDATA[ 1005 ]]></Code><Message> no the-token </Message></RestException>"
    )
    assert.deepInclude(error, { _tag: "AccessDenied", code: 1005 })
    assert.include(error.message, "no <redacted>")
  })

  it("has no code that could be a phone number, and no blank message", () => {
    for (const Code of ["1234567", -1, 1.5, "", null, ["1005"], { a: 1 }, true]) {
      const error = errorOf(403, { RestException: { Code, Message: " \n" } })
      deepStrictEqual(
        Object.keys(error).filter((key) => key === "code" || key === "exotelMessage"),
        [],
        JSON.stringify(Code)
      )
    }
  })

  it("takes nothing from a body that is no exception", () => {
    const error = errorOf(400, { Call: { Sid: "abc", Status: 404, Code: 7, Message: "a field of the call" } })
    deepStrictEqual([error._tag, "code" in error, "exotelMessage" in error], ["InvalidRequest", false, false])
  })

  it("has the delay that a 429 or an outage asks for", () => {
    for (const status of [429, 503, 408]) {
      const error = errorOf(status, "", Duration.seconds(7))
      deepStrictEqual(Option.map(ExotelError.retryAfter(error), Duration.toSeconds), Option.some(7))
      assert.isTrue(Option.isNone(ExotelError.retryAfter(errorOf(status, ""))))
    }
    assert.isTrue(Option.isNone(ExotelError.retryAfter(errorOf(400, "", Duration.seconds(7)))))
  })

  it("says of a redirect why it is not followed, and of other unknown statuses that they are unknown", () => {
    for (const status of [300, 301, 399]) {
      assert.include(errorOf(status, "").message, "a redirect, which is not followed")
    }
    for (const status of [100, 199, 299]) {
      assert.include(errorOf(status, "").message, "a status that Exotel does not document")
    }
  })
})
