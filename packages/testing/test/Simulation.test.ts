/** Virtual time that moves on by itself. */
import { Call, ExotelCalls } from "@effect-exotel/core"
import { CallScript, FakeExotel, FaultPlan, Journal, Simulation } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Cause, Clock, Effect, Exit, Random } from "effect"

const whyItDied = <A, E>(program: Effect.Effect<A, E>) =>
  Effect.map(Effect.exit(Simulation.run()(program)), (exit) => Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "")

describe("Simulation", () => {
  it.effect("lives through a call of half an hour without a given duration", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const calls = yield* ExotelCalls.ExotelCalls
      const sid = yield* fake.place(CallScript.answered({ ring: "8 seconds", talk: "30 minutes" }))
      while (!Call.isTerminal(yield* calls.get(sid))) yield* Effect.sleep("10 seconds")
      const journal = yield* fake.journal
      yield* Journal.expectPolled(journal, sid, 182)
      yield* Journal.expectNoRequestAfter(journal, "1810 seconds")
    }).pipe(Effect.provide(FakeExotel.layer()), Simulation.run()))

  it.effect("ends sleeps in the order of their time, and time-outs where they are due", () =>
    Effect.gen(function*() {
      const begin = yield* Clock.currentTimeMillis
      const order: Array<string> = []
      const after = (seconds: number, name: string) =>
        Effect.delay(Effect.sync(() => order.push(name)), `${seconds} seconds`)
      yield* Effect.all([after(3, "c"), after(1, "a"), after(2, "b"), after(3, "d")], { concurrency: "unbounded" })
      yield* Effect.timeoutOption(Effect.never, "7 seconds")
      deepStrictEqual(order, ["a", "b", "c", "d"])
      assert.strictEqual((yield* Clock.currentTimeMillis) - begin, 10_000)
    }).pipe(Simulation.run()))

  it.effect("has the same course for the same seed, chance included", () => {
    const story = (seed: number) =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const calls = yield* ExotelCalls.ExotelCalls
        const sid = yield* fake.place(CallScript.answered())
        for (let i = 0; i < 20; i++) {
          yield* Effect.ignore(calls.get(sid))
          yield* Effect.sleep(1_000 * (yield* Random.next))
        }
        return Journal.render(yield* fake.journal)
      }).pipe(
        Effect.provide(FakeExotel.layer({ faults: FaultPlan.status(503).pipe(FaultPlan.withProbability(0.3)) })),
        Simulation.run({ seed })
      )
    return Effect.gen(function*() {
      const first = yield* story(1)
      assert.strictEqual(yield* story(1), first)
      assert.notStrictEqual(yield* story(2), first)
    })
  })

  it.effect("gives errors and services through", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const error = yield* Effect.flip(Simulation.run()(Effect.zipRight(fake.journal, Effect.fail("no"))))
      assert.strictEqual(error, "no")
    }).pipe(Effect.provide(FakeExotel.layer())))

  it.effect("dies, and says why, when a program waits for something else than time", () =>
    Effect.gen(function*() {
      assert.include(yield* whyItDied(Effect.never), "waits for something that is not time")
      assert.include(yield* whyItDied(Effect.promise(() => Promise.resolve())), "waits for something that is not time")
    }))
})
