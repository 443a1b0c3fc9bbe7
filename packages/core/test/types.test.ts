/** Checks types: exact errors, no hidden requirements, and the results of guards. */
import {
  Call,
  type CallStatus,
  ExotelCalls,
  type ExotelConfig,
  ExotelError,
  type RequestBudget
} from "@effect-exotel/core"
import { HttpApiSchema, type HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { type ConfigError, Effect, type Layer, Option, Schema } from "effect"
import { expectTypeOf } from "vitest"
import { answered, fresh, toCall } from "./support/wire.ts"

/** Its members are named below, where `catchTags` handles each, and in `scripts/consumer/types.ts`. */
type Union = ExotelError.ExotelError

describe("types", () => {
  it("let a read fail with the union of the design and nothing else, and require nothing", () => {
    type Get = ReturnType<ExotelCalls.Service["get"]>
    expectTypeOf<Effect.Effect.Success<Get>>().toEqualTypeOf<Call.Call>()
    expectTypeOf<Effect.Effect.Error<Get>>().toEqualTypeOf<Union>()
    expectTypeOf<Effect.Effect.Context<Get>>().toEqualTypeOf<never>()
    type WithDetails = ReturnType<ExotelCalls.Service["getWithDetails"]>
    expectTypeOf<Effect.Effect.Success<WithDetails>>().toEqualTypeOf<Call.CallWithDetails>()
    expectTypeOf<Effect.Effect.Error<WithDetails>>().toEqualTypeOf<Union>()
    expectTypeOf<Effect.Effect.Context<WithDetails>>().toEqualTypeOf<never>()
  })

  it("let verify fail with what needs no call", () => {
    type Verify = ExotelCalls.Service["verify"]
    expectTypeOf<Effect.Effect.Error<Verify>>().toEqualTypeOf<Exclude<Union, ExotelError.CallNotFound>>()
    expectTypeOf<Effect.Effect.Context<Verify>>().toEqualTypeOf<never>()
  })

  it("leave only the HTTP client for a layer to require, or the budget too", () => {
    expectTypeOf(ExotelCalls.layerConfig()).toEqualTypeOf<
      Layer.Layer<ExotelCalls.ExotelCalls | RequestBudget.RequestBudget, ConfigError.ConfigError, HttpClient.HttpClient>
    >()
    expectTypeOf(ExotelCalls.layerConfigWithBudget()).toEqualTypeOf<
      Layer.Layer<ExotelCalls.ExotelCalls, ConfigError.ConfigError, HttpClient.HttpClient | RequestBudget.RequestBudget>
    >()
  })

  it("require a region or a base URL", () => {
    type Endpoint<A> = ExotelConfig.CommonOptions & A
    expectTypeOf<Endpoint<{ region: "mumbai" }>>().toExtend<ExotelConfig.Options>()
    expectTypeOf<Endpoint<{ baseUrl: string }>>().toExtend<ExotelConfig.Options>()
    expectTypeOf<ExotelConfig.CommonOptions>().not.toExtend<ExotelConfig.Options>()
    expectTypeOf<Endpoint<{ region?: "mumbai"; baseUrl?: string }>>().not.toExtend<ExotelConfig.Options>()
  })

  it("annotate each error with an HTTP status for an HttpApi", () => {
    deepStrictEqual(
      [
        ExotelError.CallNotFound,
        ExotelError.InvalidRequest,
        ExotelError.RegionMismatch,
        ExotelError.AuthenticationError,
        ExotelError.AccessDenied,
        ExotelError.ResponseParseError,
        ExotelError.RateLimited,
        ExotelError.ServiceUnavailable,
        ExotelError.TransportError
      ].map((error) => HttpApiSchema.getStatusError(error)),
      [404, 400, 500, 502, 502, 502, 503, 503, 504]
    )
  })

  it("know that the details of a call read with them are there", () => {
    expectTypeOf<Call.CallWithDetails["details"]["value"]>().toEqualTypeOf<Call.CallDetails>()
    const call = toCall(answered)
    assert.isTrue(Call.hasDetails(call))
    if (Call.hasDetails(call)) expectTypeOf(call.details.value).toEqualTypeOf<Call.CallDetails>()
    assert.isFalse(Call.hasDetails(toCall(fresh)))
  })

  it("know the status of a call that has ended", () => {
    const call = toCall(answered)
    assert.isTrue(Call.isTerminal(call))
    if (Call.isTerminal(call)) {
      expectTypeOf(call).toExtend<Call.TerminalCall>()
      expectTypeOf(call.status).toExtend<CallStatus.TerminalStatus>()
      const word: "completed" | "failed" | "busy" | "no-answer" | "canceled" = call.status
      assert.strictEqual(word, "completed")
    }
    assert.isFalse(Call.isTerminal(toCall(fresh)))
  })

  it("let catchTags handle every error by name", () => {
    const read: Effect.Effect<string, Union> = Effect.fail(new ExotelError.CallNotFound({ status: 404 }))
    const handled = read.pipe(
      Effect.catchTags({
        AuthenticationError: () => Effect.succeed("a"),
        AccessDenied: () => Effect.succeed("b"),
        CallNotFound: () => Effect.succeed("c"),
        RegionMismatch: () => Effect.succeed("d"),
        InvalidRequest: () => Effect.succeed("e"),
        RateLimited: () => Effect.succeed("f"),
        ServiceUnavailable: () => Effect.succeed("g"),
        TransportError: () => Effect.succeed("h"),
        ResponseParseError: () => Effect.succeed("i")
      })
    )
    expectTypeOf<Effect.Effect.Error<typeof handled>>().toEqualTypeOf<never>()
    assert.strictEqual(Effect.runSync(handled), "c")
  })

  it("give the encoded form of a call no Option and no class", () => {
    const encoded = Schema.encodeSync(Call.Call)(toCall(fresh))
    expectTypeOf(encoded.price).toEqualTypeOf<string | null>()
    assert.isNull(encoded.price)
    deepStrictEqual(JSON.parse(JSON.stringify(encoded)), encoded)
    deepStrictEqual(Option.isNone(toCall(fresh).price), true)
  })
})
