/** The wait that a policy determines: always a whole number of milliseconds, and never too short. */
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Option, Schedule } from "effect"
import { scheduleStepper, waitFromCadence } from "../src/internal/watch/cadence.ts"

const progress = (ageSeconds: number): WatchPolicy.PollState => ({
  status: Option.some("in-progress"),
  age: Duration.seconds(ageSeconds),
  sinceChange: Duration.seconds(ageSeconds),
  polls: 1
})

const START = 1_000_000

/** The waits that a schedule gives, one after the other, in milliseconds. */
const waits = (schedule: Schedule.Schedule<unknown, WatchPolicy.PollState>, count: number) =>
  Effect.gen(function*() {
    const pace = scheduleStepper(schedule)
    const found: Array<number | undefined> = []
    let now = START
    for (let i = 0; i < count; i++) {
      const wait = Option.getOrUndefined(yield* pace.next(progress((now - START) / 1000), now))
      found.push(wait)
      now += wait ?? 0
    }
    return found
  })

describe("a cadence", () => {
  for (
    const [name, wait, expected] of [
      ["nothing", Duration.zero, 100],
      ["less than a tenth of a second", Duration.millis(3), 100],
      ["a negative time", Duration.millis(-5000), 100],
      ["no number", Duration.millis(NaN), 100],
      ["fractions of a millisecond", Duration.micros(1_234_567n), 1235],
      ["for ever", Duration.infinity, Infinity]
    ] as const
  ) {
    it(`waits ${expected} ms when a policy's function says ${name}`, () => {
      assert.strictEqual(waitFromCadence(() => wait, progress(7)), expected)
    })
  }

  it.effect("gives the waits of a schedule, and none when it has ended", () =>
    Effect.gen(function*() {
      deepStrictEqual(yield* waits(Schedule.spaced("7 seconds"), 3), [7000, 7000, 7000])
      deepStrictEqual(yield* waits(Schedule.exponential("1 second"), 4), [1000, 2000, 4000, 8000])
      deepStrictEqual(
        yield* waits(Schedule.intersect(Schedule.spaced("5 seconds"), Schedule.recurs(2)), 4),
        [5000, 5000, undefined, undefined]
      )
      deepStrictEqual(yield* waits(Schedule.forever, 2), [100, 100])
    }))

  it.effect("lets a schedule see the progress", () =>
    Effect.gen(function*() {
      const slow = Schedule.identity<WatchPolicy.PollState>().pipe(
        Schedule.addDelay(({ age }) => Duration.seconds(Duration.toSeconds(age) < 10 ? 5 : 60))
      )
      deepStrictEqual(yield* waits(slow, 4), [5000, 5000, 60_000, 60_000])
    }))

  it.effect("gives every watch a schedule of its own", () =>
    Effect.gen(function*() {
      const schedule = Schedule.exponential("1 second")
      deepStrictEqual(yield* waits(schedule, 2), [1000, 2000])
      deepStrictEqual(yield* waits(schedule, 2), [1000, 2000])
    }))
})

describe("proportional", () => {
  it("waits a fraction of the age, between the first wait and the longest", () => {
    const cadence = WatchPolicy.proportional({ first: "5 seconds", longest: "30 seconds", fraction: 0.1 })
    const wait = (seconds: number) =>
      typeof cadence === "function" ? Duration.toSeconds(cadence(progress(seconds))) : NaN
    deepStrictEqual([0, 50, 100, 299, 300, 9000].map(wait), [5, 5, 10, 29.9, 30, 30])
  })
})
