// A program of a user who installed the packages: it must compile under their settings, and run.
import { Call } from "@effect-exotel/core"
import * as ExotelCalls from "@effect-exotel/core/ExotelCalls"
import { CallScript, FakeExotel, FaultPlan } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { Duration, Effect, Fiber, Layer, Option, TestClock, TestContext } from "effect"

// @ts-expect-error what is internal cannot be imported
// oxlint-disable-next-line house/packages -- that is the point
import type {} from "@effect-exotel/core/internal/decode/xml"

const program = Effect.gen(function*() {
  const calls = yield* ExotelCalls.ExotelCalls
  const watch = yield* CallWatch.CallWatch
  const fake = yield* FakeExotel.FakeExotel
  const sid = yield* fake.place(CallScript.answered({ ring: "8 seconds", talk: "42 seconds" }))
  // A retry with jitter, which lasts a fraction of a millisecond.
  yield* fake.faults(FaultPlan.status(503).pipe(FaultPlan.onRequest(1)))
  const watching = yield* Effect.fork(watch.awaitEnd(sid))
  yield* TestClock.adjust("10 minutes")
  const ended: Call.TerminalCall = yield* Fiber.join(watching)
  const talked: Duration.Duration = Option.getOrThrow(Call.talkTime(yield* calls.getWithDetails(sid)))
  return `${ended.status} after ${Duration.format(talked)} of talk`
}).pipe(
  Effect.catchTag("CallNotFound", (error) => Effect.succeed(error.message)),
  Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer()))),
  Effect.provide(TestContext.TestContext)
)

console.log(await Effect.runPromise(program))
