/** What the compiler knows of a watch. */
import type { Call, ExotelError } from "@effect-exotel/core"
import type { CallWatch, FleetEvent, WatchError, WatchEvent, WatchPolicy, WatchToken } from "@effect-exotel/watch"
import { describe, it } from "@effect/vitest"
import type { Effect, Stream } from "effect"
import { expectTypeOf } from "vitest"

type Service = CallWatch.Service

type Final =
  | ExotelError.AuthenticationError
  | ExotelError.AccessDenied
  | ExotelError.CallNotFound
  | ExotelError.RegionMismatch
  | ExotelError.InvalidRequest
  | WatchError.WatchTimeout

describe("the types of CallWatch", () => {
  it("promise a call that has ended", () => {
    expectTypeOf<Effect.Effect.Success<ReturnType<Service["awaitEnd"]>>>().toEqualTypeOf<Call.TerminalCall>()
    expectTypeOf<Call.TerminalCall["status"]>().toEqualTypeOf<
      "completed" | "failed" | "busy" | "no-answer" | "canceled"
    >()
    expectTypeOf<Effect.Effect.Success<ReturnType<Service["awaitSettled"]>>["call"]>().toEqualTypeOf<
      Call.TerminalCall
    >()
  })

  it("name exactly what a watch can fail with, and nothing that passes", () => {
    expectTypeOf<WatchError.WatchError>().toEqualTypeOf<Final>()
    expectTypeOf<Effect.Effect.Error<ReturnType<Service["awaitEnd"]>>>().toEqualTypeOf<Final>()
    expectTypeOf<Effect.Effect.Error<ReturnType<Service["awaitSettled"]>>>().toEqualTypeOf<Final>()
    expectTypeOf<Stream.Stream.Error<ReturnType<Service["changes"]>>>().toEqualTypeOf<Final>()
    expectTypeOf<Stream.Stream.Error<ReturnType<Service["events"]>>>().toEqualTypeOf<Final>()
    expectTypeOf<Stream.Stream.Error<ReturnType<Service["resume"]>>>().toEqualTypeOf<Final>()
    expectTypeOf<Effect.Effect.Error<ReturnType<Service["hint"]>>>().toEqualTypeOf<never>()
  })

  it("ask for nothing once the service is there", () => {
    expectTypeOf<Effect.Effect.Context<ReturnType<Service["awaitEnd"]>>>().toEqualTypeOf<never>()
    expectTypeOf<Stream.Stream.Context<ReturnType<Service["changes"]>>>().toEqualTypeOf<never>()
    expectTypeOf<Stream.Stream.Context<ReturnType<Service["resume"]>>>().toEqualTypeOf<never>()
  })

  it("tell the events apart by their tag", () => {
    expectTypeOf<WatchEvent.WatchEvent["_tag"]>().toEqualTypeOf<
      "Observed" | "Changed" | "PollFailed" | "Stalled" | "Ended" | "DetailsLoaded" | "DetailsUnavailable" | "Settled"
    >()
    expectTypeOf<Extract<WatchEvent.WatchEvent, { readonly _tag: "Ended" }>["call"]>().toEqualTypeOf<
      Call.TerminalCall
    >()
  })

  it("let a fleet fail only as its source does, or for a policy that is none, and need only what its source needs", () => {
    class Broken {
      readonly _tag = "Broken"
    }
    class Queue {
      readonly _ = "Queue"
    }
    type Fleet = Stream.Stream<FleetEvent.FleetEvent, Broken | ExotelError.InvalidRequest, Queue>
    const fleetOf = (fleet: Service["fleet"], source: Stream.Stream<string | WatchToken.WatchToken, Broken, Queue>) =>
      fleet(source)
    expectTypeOf<ReturnType<typeof fleetOf>>().toEqualTypeOf<Fleet>()
    const listed = (fleet: Service["fleet"]) => fleet(new Set(["call1"]))
    expectTypeOf<ReturnType<typeof listed>>().toEqualTypeOf<
      Stream.Stream<FleetEvent.FleetEvent, ExotelError.InvalidRequest>
    >()
  })

  it("tell the last event of each call of a fleet apart from those that tell of no call", () => {
    expectTypeOf<Extract<FleetEvent.FleetEvent, { readonly isFinal: true }>["_tag"]>().toEqualTypeOf<"Failed">()
    expectTypeOf<Extract<FleetEvent.FleetEvent, { readonly isFinal: false }>["_tag"]>().toEqualTypeOf<
      "Added" | "PollingChanged"
    >()
    expectTypeOf<Extract<FleetEvent.FleetEvent, { readonly _tag: "Failed" }>["error"]>().toEqualTypeOf<
      Final | WatchError.WatchDefect
    >()
  })

  it("take a whole policy wherever they take some of its fields", () => {
    expectTypeOf<WatchPolicy.WatchPolicy>().toExtend<WatchPolicy.Options>()
  })
})
