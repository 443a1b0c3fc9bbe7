/** A machine's clock can jump: forward when a laptop wakes up, backward when it is set. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, FastCheck, Fiber } from "effect"
import { cases } from "./support/cases.ts"
import type { World } from "./support/scenarios.ts"
import { failure, inWorld, listen } from "./support/scenarios.ts"

const cadence = WatchPolicy.every("10 seconds")

const endless = CallScript.answered({ talk: "100 days" })

/** A call that began so long ago that no clock of these tests is set back to before it. */
const longAgo = (world: World) =>
  Effect.tap(world.fake.place(endless), () => Effect.sync(() => world.clock.set("20 days", "forward")))

describe("a clock that jumps forward", () => {
  for (const [name, pace] of [["a function", cadence], ["the default policy", undefined]] as const) {
    it.effect(`by 12 h leads to one poll a call, paced by ${name}`, () =>
      inWorld((world) =>
        Effect.gen(function*() {
          const sids = yield* Effect.replicateEffect(world.fake.place(endless), 20)
          const fibers = yield* Effect.forEach(
            sids,
            (sid) => Effect.fork(world.watch.awaitEnd(sid, { cadence: pace, deadline: "3 days" }))
          )
          yield* Effect.sleep("25 seconds")
          const before = (yield* world.requests()).length
          world.clock.set("12 hours", "forward")
          // Long enough for the sleep that was under way to end, too short for the one after it.
          yield* Effect.sleep("9 seconds")
          assert.strictEqual((yield* world.requests()).length, before + 20)
          yield* Fiber.interruptAll(fibers)
        })
      ))
  }

  it.effect("past the deadline ends the watch without another poll", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* world.fake.place(endless)
        const watching = yield* Effect.fork(listen(world, world.watch.events(sid, { cadence })))
        yield* Effect.sleep("15 seconds")
        world.clock.set("12 hours", "forward")
        const told = yield* Fiber.join(watching)
        assert.strictEqual(failure(told.exit), "WatchTimeout")
        assert.strictEqual((yield* world.requests()).length, 2)
      })
    ))
})

describe("a clock that is set back", () => {
  it.effect("by an hour leaves the polls in their cadence", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* longAgo(world)
        const watching = yield* Effect.fork(world.watch.awaitEnd(sid, { cadence }))
        yield* Effect.sleep("35 seconds")
        assert.strictEqual((yield* world.requests()).length, 4)
        world.clock.set("1 hour", "back")
        yield* Effect.sleep("60 seconds")
        assert.strictEqual((yield* world.requests()).length, 10)
        yield* Fiber.interrupt(watching)
      })
    ))

  it.effect("during the rest that a 429 asked for does not make the rest longer", () =>
    inWorld((world) =>
      Effect.gen(function*() {
        const sid = yield* longAgo(world)
        yield* world.fake.faults(
          FaultPlan.status(429, { retryAfter: Duration.seconds(30) }).pipe(FaultPlan.onRequest(1))
        )
        const watching = yield* Effect.fork(world.watch.awaitEnd(sid, { cadence }))
        yield* Effect.sleep("20 seconds")
        world.clock.set("1 hour", "back")
        yield* Effect.sleep("15 seconds")
        assert.strictEqual((yield* world.requests()).length, 2)
        yield* Fiber.interrupt(watching)
      })
    ))
})

describe("a clock that does whatever it likes", () => {
  const jump = FastCheck.record({
    after: FastCheck.integer({ min: 1, max: 15 }),
    by: FastCheck.oneof(FastCheck.integer({ min: 1, max: 60 }), FastCheck.integer({ min: 3600, max: 100_000 })),
    direction: FastCheck.constantFrom<"forward" | "back">("forward", "back")
  })

  it(
    "never lets a call be polled twice within its cadence but once for each jump, and never forgets it",
    () =>
      FastCheck.assert(
        FastCheck.property(FastCheck.array(jump, { maxLength: 5 }), (jumps) => {
          Effect.runSync(inWorld((world) =>
            Effect.gen(function*() {
              const sid = yield* longAgo(world)
              const watching = yield* Effect.fork(
                world.watch.awaitEnd(sid, { cadence, deadline: "300 days", stallAfter: "300 days" })
              )
              let elapsed = 0
              for (const { after, by, direction } of jumps) {
                yield* Effect.sleep(Duration.seconds(after))
                elapsed += after
                world.clock.set(Duration.seconds(by), direction)
              }
              yield* Effect.sleep("25 seconds")
              elapsed += 25
              const polls = (yield* world.requests()).length
              assert.isAtMost(polls, 1 + Math.floor(elapsed / 10) + jumps.length)
              assert.isAtLeast(polls, Math.floor(elapsed / 10) - jumps.length)
              yield* Fiber.interrupt(watching)
            })
          ))
        }),
        { numRuns: cases(1000), seed: 12 }
      ),
    120_000
  )
})
