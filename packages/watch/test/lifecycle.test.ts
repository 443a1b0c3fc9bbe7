/** The engine's own life: layers that close, defects of others, and layers side by side. */
import { Call, type ExotelCalls } from "@effect-exotel/core"
import { CallScript, FakeExotel, FaultPlan } from "@effect-exotel/testing"
import { CallWatch, WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Cause, Duration, Effect, Exit, Fiber, Layer, Schedule, Scope, Stream } from "effect"
import { PollScheduler } from "../src/internal/engine/scheduler.ts"
import type { Scenario } from "./support/scenarios.ts"
import { failure, inScenario, listen, longAfter, makeWatch, openScenario, words } from "./support/scenarios.ts"
import { simulate } from "./support/simulation.ts"

const cadence = WatchPolicy.every("10 seconds")

const script = CallScript.answered({ ring: "5 seconds", talk: "30 seconds" })

/** A second engine over the same scenario, in a scope of its own. */
const anotherEngine = (scenario: Scenario, options: CallWatch.EngineOptions = {}) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const watch = yield* Scope.extend(makeWatch(scenario, scenario.calls, options), scope)
    return { watch, close: Scope.close(scope, Exit.void) }
  })

describe("closing the layer", () => {
  for (
    const [name, faults] of [
      ["sleep", FaultPlan.none],
      ["wait for an answer", FaultPlan.stalled()],
      ["read a body that drips", FaultPlan.slowBody({ bytes: 8, every: "100 millis" })],
      ["rest after an error", FaultPlan.status(503, { retryAfter: Duration.minutes(2) })]
    ] as const
  ) {
    it.effect(`ends watches that ${name} as interrupted, and sends no more requests`, () =>
      inScenario((scenario) =>
        Effect.gen(function*() {
          yield* scenario.fake.faults(faults)
          const { close, watch } = yield* anotherEngine(scenario, { concurrency: 2 })
          const sids = yield* Effect.replicateEffect(scenario.fake.place(script), 5)
          const streams = yield* Effect.forEach(
            sids,
            (sid) => Effect.fork(listen(scenario, watch.events(sid, { cadence })))
          )
          const ends = yield* Effect.forEach(sids, (sid) => Effect.fork(watch.awaitEnd(sid, { cadence })))
          yield* Effect.sleep("3 seconds")
          yield* close
          const sent = (yield* scenario.requests()).length
          for (const stream of streams) assert.strictEqual(failure((yield* Fiber.join(stream)).exit), "interrupted")
          for (const end of ends) assert.isTrue(Exit.isInterrupted(yield* Fiber.await(end)))
          assert.strictEqual(scenario.now(), 3)
          assert.strictEqual(scenario.clock.timers, 0)
          yield* longAfter
          assert.strictEqual((yield* scenario.requests()).length, sent)
          assert.isFalse((yield* scenario.fake.journal).some(({ outcome }) => outcome._tag === "Pending"))
        })
      ))
  }

  it.effect("at the moment in which a watch begins leaves no watch waiting", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { close, watch } = yield* anotherEngine(scenario)
        const sid = yield* scenario.fake.place(script)
        const end = yield* Effect.fork(watch.awaitEnd(sid))
        yield* Effect.yieldNow()
        yield* close
        assert.isTrue(Exit.isInterrupted(yield* Fiber.await(end)))
      })
    ))

  it.effect("comes to an end where the layer was built in an uninterruptible region, as servers do for a request", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { close, watch } = yield* Effect.uninterruptible(anotherEngine(scenario))
        const sid = yield* scenario.fake.place(script)
        const waiting = yield* Effect.fork(watch.awaitEnd(sid, { cadence }))
        yield* Effect.sleep("15 seconds")
        yield* Effect.uninterruptible(close)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.await(waiting)))
      })
    ))

  it.effect("interrupts a watch that begins afterwards", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const { close, watch } = yield* anotherEngine(scenario)
        const sid = yield* scenario.fake.place(script)
        yield* close
        assert.isTrue(Exit.isInterrupted(yield* Effect.exit(watch.awaitEnd(sid))))
        assert.isTrue(Exit.isInterrupted(yield* Effect.exit(Stream.runDrain(watch.changes(sid)))))
        assert.isTrue(Exit.isInterrupted(yield* Effect.exit(Stream.runDrain(watch.fleet([sid])))))
        assert.isFalse(yield* watch.hint(sid))
        deepStrictEqual(yield* scenario.requests(), [])
      })
    ))
})

describe("layers side by side", () => {
  it.effect("know nothing of each other's watches, hints and ends", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const other = yield* anotherEngine(scenario)
        const sid = yield* scenario.fake.place(script)
        const [mine, theirs] = [
          yield* Effect.fork(listen(scenario, scenario.watch.events(sid, { cadence }))),
          yield* Effect.fork(listen(scenario, other.watch.events(sid, { cadence })))
        ]
        yield* Effect.sleep("5 seconds")
        yield* scenario.watch.hint(sid)
        yield* Effect.sleep("1 second")
        yield* other.close
        assert.strictEqual(failure((yield* Fiber.join(theirs)).exit), "interrupted")
        deepStrictEqual(words(yield* Fiber.join(mine)), [
          "0 Observed in-progress",
          "5 Changed in-progress",
          "35 Ended completed"
        ])
        deepStrictEqual(yield* scenario.requests(), [0, 0, 5, 15, 25, 35])
      })
    ))
})

describe("a defect", () => {
  const boom = new Error("boom")

  const dies = (exit: Exit.Exit<unknown, unknown>) =>
    // Effect marks a defect that passed through a span, which makes it another object.
    assert.strictEqual(Exit.isFailure(exit) ? Cause.originalError(Cause.squash(exit.cause)) : undefined, boom)

  for (
    const [name, broken] of [
      ["function", () => {
        throw boom
      }],
      ["schedule", Schedule.mapEffect(Schedule.spaced("1 second"), () => Effect.die(boom))]
    ] as const
  ) {
    it.effect(`of a policy's ${name} ends that watch with it, and not the others of the same call`, () =>
      inScenario((scenario) =>
        Effect.gen(function*() {
          const sid = yield* scenario.fake.place(script)
          const exits = yield* Effect.all([
            Effect.exit(scenario.watch.awaitEnd(sid, { cadence: broken })),
            Effect.exit(scenario.watch.awaitEnd(sid, { cadence })),
            Effect.exit(scenario.watch.awaitSettled(sid, { cadence, settleCadence: broken }))
          ], { concurrency: "unbounded" })
          dies(exits[0])
          assert.isTrue(Exit.isSuccess(exits[1]))
          dies(exits[2])
          deepStrictEqual(yield* scenario.requests(), [0, 10, 20, 30, 40])
        })
      ))
  }

  it.effect("of the client ends the watches of that call with it, and the engine goes on", () =>
    simulate((clock) =>
      Effect.gen(function*() {
        const scenario = yield* openScenario(clock)
        const [bad, good] = [yield* scenario.fake.place(script), yield* scenario.fake.place(script)]
        const calls: ExotelCalls.Service = {
          ...scenario.calls,
          getWithDetails: (sid, options) => sid === bad ? Effect.die(boom) : scenario.calls.getWithDetails(sid, options)
        }
        const watch = yield* makeWatch(scenario, calls, { concurrency: 1 })
        const end = (sid: string) => Effect.exit(watch.awaitEnd(sid, { cadence }))
        const exits = yield* Effect.all([end(bad), end(bad), end(good)], { concurrency: "unbounded" })
        dies(exits[0])
        dies(exits[1])
        assert.isTrue(Exit.isSuccess(exits[2]))
      })
    ))

  it.effect("of the engine ends every watch with it, so that none waits for ever", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const place: (this: PollScheduler, ...given: Parameters<PollScheduler["place"]>) => void = Reflect.get(
          PollScheduler.prototype,
          "place"
        )
        let began: number | undefined
        let thrown = false
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            PollScheduler.prototype.place = function(call, now) {
              began ??= now.at
              // When a call is put back after its second poll.
              if (!thrown && call.readAt === now.at && now.at > began) {
                thrown = true
                throw boom
              }
              place.call(this, call, now)
            }
          }),
          () => Effect.sync(() => void (PollScheduler.prototype.place = place))
        )
        const end = Effect.flatMap(
          scenario.fake.place(script),
          (sid) => Effect.exit(Effect.timeout(scenario.watch.awaitEnd(sid, { cadence }), "1 hour"))
        )
        const ends = Array.from({ length: 8 }, () => end)
        for (const exit of yield* Effect.all(ends, { concurrency: "unbounded" })) dies(exit)
        // Calls that were due are not polled any more, and no timer waits for the others.
        const sent = (yield* scenario.requests()).length
        assert.strictEqual(scenario.clock.timers, 0)
        yield* longAfter
        assert.strictEqual((yield* scenario.requests()).length, sent)
        dies(yield* end)
      }), { concurrency: 2 }))

  it.effect("that is thrown instead of returned as an effect ends its watch as well", () =>
    simulate((clock) =>
      Effect.gen(function*() {
        const scenario = yield* openScenario(clock)
        const sid = yield* scenario.fake.place(script)
        const watch = yield* makeWatch(scenario, {
          ...scenario.calls,
          getWithDetails: () => {
            throw boom
          }
        })
        dies(yield* Effect.exit(watch.awaitEnd(sid, { cadence })))
        dies(yield* Effect.exit(watch.awaitEnd(sid, { cadence })))
      })
    ))
})

describe("CallWatch.layer", () => {
  it.effect("is the service of a program that composes its layers", () =>
    simulate(() =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const watch = yield* CallWatch.CallWatch
        const call = yield* watch.awaitEnd(yield* fake.place(script))
        assert.isTrue(Call.isTerminal(call))
      }).pipe(Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer()))))
    ))
})
