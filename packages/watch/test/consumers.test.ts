/** Slow consumers receive all events and delay nothing. */
import { CallScript } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Chunk, Duration, Effect, FastCheck, Fiber, Stream } from "effect"
import { cases, eventLoopTurn } from "../../../scripts/lib/cases.mjs"
import { inScenario, listen, words } from "./support/scenarios.ts"

const cadence = WatchPolicy.every("5 seconds")

/** Changes every ten seconds, six times. */
const restless = CallScript.custom(
  ["queued", "ringing", "in-progress", "transferring", "in-progress", "holding"].map((status) => ({
    status,
    duration: "10 seconds"
  })),
  { status: "completed" }
)

describe("a consumer that takes minutes for each element", () => {
  it.effect("receives every change and the end, and the polls follow their cadence", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(restless)
        const calls = yield* scenario.watch.changes(sid, { cadence }).pipe(
          Stream.tap(() => Effect.sleep("3 minutes")),
          Stream.runCollect
        )
        deepStrictEqual(
          Chunk.toReadonlyArray(calls).map(({ status }) => status),
          ["queued", "ringing", "in-progress", "transferring", "in-progress", "holding", "completed"]
        )
        // The end was detected at 60 s; the consumer, which took 20 minutes, caused no request.
        deepStrictEqual(yield* scenario.requests(), [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60])
      })
    ))

  it.effect("delays neither another consumer of the same call nor one of another call", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const [sid, other] = [yield* scenario.fake.place(restless), yield* scenario.fake.place(restless)]
        const slow = yield* Effect.fork(
          Stream.runForEach(scenario.watch.events(sid, { cadence }), () => Effect.sleep("1 hour"))
        )
        const quick = yield* Effect.forEach(
          [sid, other],
          (sid) => listen(scenario, scenario.watch.events(sid, { cadence })),
          { concurrency: "unbounded" }
        )
        for (const each of quick) assert.strictEqual(words(each).at(-1), "60 Ended completed")
        yield* Fiber.interrupt(slow)
      }), { concurrency: 1 }))

  it("receives the same events as a fast one, for the same requests", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(FastCheck.nat(90), { minLength: 1, maxLength: 7 }),
        FastCheck.integer({ min: 6, max: 25 }),
        async (pauses, every) => {
          const lived = (slow: boolean) =>
            Effect.runSync(inScenario((scenario) =>
              Effect.gen(function*() {
                const sid = yield* scenario.fake.place(restless)
                let element = 0
                const policy = { cadence: WatchPolicy.every(Duration.seconds(every)) }
                const emitted = yield* Stream.runCollect(
                  Stream.tap(
                    scenario.watch.events(sid, policy),
                    () => slow ? Effect.sleep(Duration.seconds(pauses[element++ % pauses.length] ?? 0)) : Effect.void
                  )
                )
                const events = Chunk.toReadonlyArray(emitted).map(({ _tag, at }) => [_tag, at.epochMillis])
                return { events, requests: yield* scenario.requests() }
              })
            ))
          deepStrictEqual(lived(true), lived(false))
          await eventLoopTurn()
        }
      ),
      { numRuns: cases(1000), seed: 11 }
    ), 120_000)
})
