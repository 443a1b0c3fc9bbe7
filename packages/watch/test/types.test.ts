/** The types of a watch. */
import type { Call, ExotelError } from "@effect-exotel/core"
import type { CallWatch, FleetEvent, WatchError, WatchEvent, WatchPolicy, WatchToken } from "@effect-exotel/watch"
import { describe, it } from "@effect/vitest"
import type { Effect, Stream } from "effect"
import { expectTypeOf } from "vitest"

type Service = CallWatch.Service

/** Its members are named in `scripts/consumer/types.ts`. */
type Final = WatchError.WatchError

describe("the types of CallWatch", () => {
  it("return a call that has ended", () => {
    expectTypeOf<Effect.Effect.Success<ReturnType<Service["awaitEnd"]>>>().toEqualTypeOf<Call.TerminalCall>()
    expectTypeOf<Call.TerminalCall["status"]>().toEqualTypeOf<
      "completed" | "failed" | "busy" | "no-answer" | "canceled"
    >()
    expectTypeOf<Effect.Effect.Success<ReturnType<Service["awaitSettled"]>>["call"]>().toEqualTypeOf<
      Call.TerminalCall
    >()
  })

  it("fail only with the errors of a watch", () => {
    expectTypeOf<Effect.Effect.Error<ReturnType<Service["awaitEnd"]>>>().toEqualTypeOf<Final>()
    expectTypeOf<Effect.Effect.Error<ReturnType<Service["awaitSettled"]>>>().toEqualTypeOf<Final>()
    expectTypeOf<Stream.Stream.Error<ReturnType<Service["changes"]>>>().toEqualTypeOf<Final>()
    expectTypeOf<Stream.Stream.Error<ReturnType<Service["events"]>>>().toEqualTypeOf<Final>()
    expectTypeOf<Stream.Stream.Error<ReturnType<Service["resume"]>>>().toEqualTypeOf<Final>()
    expectTypeOf<Effect.Effect.Error<ReturnType<Service["hint"]>>>().toEqualTypeOf<never>()
  })

  it("require no service but CallWatch", () => {
    expectTypeOf<Effect.Effect.Context<ReturnType<Service["awaitEnd"]>>>().toEqualTypeOf<never>()
    expectTypeOf<Stream.Stream.Context<ReturnType<Service["changes"]>>>().toEqualTypeOf<never>()
    expectTypeOf<Stream.Stream.Context<ReturnType<Service["resume"]>>>().toEqualTypeOf<never>()
  })

  it("distinguish the events by their tag", () => {
    expectTypeOf<WatchEvent.WatchEvent["_tag"]>().toEqualTypeOf<
      | "Placed"
      | "AnsweredHint"
      | "Observed"
      | "Changed"
      | "PollFailed"
      | "Stalled"
      | "Ended"
      | "DetailsLoaded"
      | "DetailsUnavailable"
      | "Settled"
    >()
    expectTypeOf<Extract<WatchEvent.WatchEvent, { readonly _tag: "Ended" }>["call"]>().toEqualTypeOf<
      Call.TerminalCall
    >()
  })

  it("let a fleet fail only with the errors of its source or for an invalid policy, and require only what its source requires", () => {
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

  it("distinguish the last event of a call from events of no call", () => {
    expectTypeOf<Extract<FleetEvent.FleetEvent, { readonly isFinal: true }>["_tag"]>().toEqualTypeOf<"Failed">()
    expectTypeOf<Extract<FleetEvent.FleetEvent, { readonly isFinal: false }>["_tag"]>().toEqualTypeOf<
      "Added" | "PollingChanged"
    >()
    expectTypeOf<Extract<FleetEvent.FleetEvent, { readonly _tag: "Failed" }>["error"]>().toEqualTypeOf<
      Final | WatchError.WatchDefect
    >()
  })

  it("accept a complete policy wherever they accept some of its fields", () => {
    expectTypeOf<WatchPolicy.WatchPolicy>().toExtend<WatchPolicy.Options>()
  })
})
