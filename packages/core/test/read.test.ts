/** The result of a read, with any HTTP client. */
import { Call, type ExotelCalls } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Data, DateTime, Effect, Equal, Option, Schema } from "effect"
import { withCalls } from "./support/clients.ts"
import { stub } from "./support/stub.ts"
import { answered, plain, toJson } from "./support/wire.ts"

const reading = <A, E>(
  body: string,
  use: (calls: ExotelCalls.Service) => Effect.Effect<A, E>,
  timeZone = "Asia/Kolkata"
) => Effect.provide(withCalls({ region: "mumbai", timeZone }, use), stub(() => new Response(body)).layer)

describe("a read", () => {
  it.effect("has times in the time zone of the account", () =>
    Effect.gen(function*() {
      const body = toJson(answered, plain())
      const { startTime } = yield* reading(body, (calls) => calls.get(answered.sid), "Asia/Singapore")
      assert.strictEqual(
        DateTime.formatIsoZoned(Option.getOrThrow(startTime)),
        "2026-11-02T10:00:01.000+08:00[Asia/Singapore]"
      )
    }))

  it.effect("with details of a call that has none yet returns the call with empty details", () =>
    Effect.gen(function*() {
      const { Call: { Details: _, ...record } } = JSON.parse(toJson(answered, plain()))
      const body = JSON.stringify({ Call: record })
      const bare = yield* reading(body, (calls) => calls.get(answered.sid))
      const call = yield* reading(body, (calls) => calls.getWithDetails(answered.sid))
      assert.isTrue(Option.isNone(bare.details))
      const none = Option.none()
      const empty = new Call.CallDetails({
        conversationDuration: none,
        leg1Status: none,
        leg2Status: none,
        legs: Data.array([])
      })
      assert.isTrue(Equal.equals(call.details, Option.some(empty)))
      assert.isTrue(call instanceof Call.Call)
      const withoutDetails = { ...(yield* Schema.encode(Call.Call)(call)), details: undefined }
      deepStrictEqual(withoutDetails, { ...(yield* Schema.encode(Call.Call)(bare)), details: undefined })
      assert.isTrue(Equal.equals(call, yield* reading(body, (calls) => calls.getWithDetails(answered.sid))))
    }))
})
