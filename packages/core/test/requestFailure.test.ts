/** The reason of a failed request, from the errors of HTTP clients. */
import type { ExotelError } from "@effect-exotel/core"
import { HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import * as RequestFailure from "../src/internal/http/requestFailure.ts"

const request = HttpClientRequest.get("https://example.com")

const beforeResponse = (cause: unknown) =>
  RequestFailure.fromClientError(new HttpClientError.RequestError({ request, reason: "Transport", cause }))

const afterResponse = (cause: unknown) =>
  RequestFailure.fromClientError(
    new HttpClientError.ResponseError({
      request,
      response: HttpClientResponse.fromWeb(request, new Response()),
      reason: "Decode",
      cause
    })
  )

const withCode = (code: unknown, cause?: unknown) => Object.assign(new Error("failed"), { code, cause })

describe("the failure of a request", () => {
  it("has the reason of its error code", () => {
    const reasons: Readonly<Record<string, ExotelError.TransportReason>> = {
      ECONNREFUSED: "Refused",
      UND_ERR_SOCKET: "Reset",
      ETIMEDOUT: "Timeout",
      ENOTFOUND: "NameNotFound",
      EHOSTUNREACH: "Unreachable",
      CERT_HAS_EXPIRED: "Tls",
      ERR_SSL_WRONG_VERSION_NUMBER: "Tls",
      UNABLE_TO_VERIFY_LEAF_SIGNATURE: "Tls",
      ESOMETHING: "Unknown"
    }
    for (const [code, reason] of Object.entries(reasons)) {
      deepStrictEqual(beforeResponse(withCode(code)), RequestFailure.transportFailure(reason, code))
    }
  })

  it("without a code is a closed connection once the response has begun, and otherwise unknown", () => {
    for (const cause of [undefined, null, "ECONNREFUSED", new Error("failed"), withCode(7)]) {
      deepStrictEqual(beforeResponse(cause), RequestFailure.transportFailure("Unknown"))
      deepStrictEqual(afterResponse(cause), RequestFailure.transportFailure("Reset"))
    }
    deepStrictEqual(afterResponse(withCode("ETIMEDOUT")), RequestFailure.transportFailure("Timeout", "ETIMEDOUT"))
  })

  it("has the code of the innermost of its causes, seven levels deep, also if they form a circle", () => {
    const nested = (depth: number): Error =>
      depth === 0 ? withCode("ETIMEDOUT") : withCode("ECONNRESET", nested(depth - 1))
    const codes = [1, 6, 7].map((depth) => {
      const failure = beforeResponse(nested(depth))
      return failure._tag === "Transport" && failure.code
    })
    deepStrictEqual(codes, ["ETIMEDOUT", "ETIMEDOUT", "ECONNRESET"])
    const circle = withCode("EPIPE")
    circle.cause = circle
    deepStrictEqual(beforeResponse(circle), RequestFailure.transportFailure("Reset", "EPIPE"))
  })

  it("keeps no code that may be a secret", () => {
    for (const code of ["E".repeat(65), "Basic a2V5OnRva2Vu", "918012345678", "e12", "E"]) {
      deepStrictEqual(beforeResponse(withCode(code)), RequestFailure.transportFailure("Unknown"))
    }
    const longest = "E".repeat(64)
    deepStrictEqual(beforeResponse(withCode(longest)), RequestFailure.transportFailure("Unknown", longest))
  })

  it("over the undici of Bun, which is a stub, has a reason of its own", () => {
    const message = "this.dispatcher.request is not a function"
    deepStrictEqual(beforeResponse(new TypeError(message)), RequestFailure.transportFailure("UnsupportedClient"))
    for (const failure of [beforeResponse(new Error(message)), afterResponse(new TypeError(message))]) {
      assert.notStrictEqual(RequestFailure.toOutcome(failure), "UnsupportedClient")
    }
  })

  it("is counted under its reason, or as too large", () => {
    deepStrictEqual(
      [RequestFailure.timedOut, RequestFailure.tooLarge(200)].map(RequestFailure.toOutcome),
      ["Timeout", "TooLarge"]
    )
    const error = RequestFailure.toError(RequestFailure.tooLarge(206), { region: "mumbai" }, "example.com:443")
    assert.deepInclude(error, { _tag: "ResponseParseError", reason: "TooLarge", status: 206, region: "mumbai" })
  })
})
