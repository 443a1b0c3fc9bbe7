/**
 * Lives through hours of a program at once: virtual time that moves on by itself.
 *
 * A `TestClock` is advanced by the test and takes milliseconds for each sleep that ends; this clock advances
 * to the next sleep whenever every fiber waits, without yielding to the event loop. It suits programs that wait for
 * nothing but time, as all do over the fake wire.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import * as Scheduler from "effect/Scheduler"

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  private now: number
  /** By the time at which they wake; among equals the first to sleep comes first. */
  private readonly sleepers: Array<Sleeper> = []

  constructor(now: number) {
    this.now = now
  }

  unsafeCurrentTimeMillis(): number {
    return this.now
  }
  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.floor(this.now)) * 1_000_000n
  }
  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const sleeper = { at: this.now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      const after = this.sleepers.findLastIndex(({ at }) => at <= sleeper.at)
      this.sleepers.splice(after + 1, 0, sleeper)
      return Effect.sync(() => {
        const index = this.sleepers.indexOf(sleeper)
        if (index !== -1) this.sleepers.splice(index, 1)
      })
    })
  }

  /** Ends the next sleep; false when no fiber sleeps for a finite time. */
  advance(): boolean {
    const next = this.sleepers[0]
    if (next === undefined || !Number.isFinite(next.at)) return false
    this.sleepers.shift()
    this.now = next.at
    next.wake()
    return true
  }
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The instant at which it begins, in milliseconds since 1970. Default: the first of January 2026, UTC. */
  readonly startsAt?: number | undefined
  /** Of the program's `Random`. Default: 1. */
  readonly seed?: number | undefined
}

/** More of either between two sleeps, or in all, is a program that will not come to an end. */
const MOST_STEPS = 10_000_000

/**
 * Runs the program on virtual time to its end, in one go. The same program has the same result each time.
 *
 * Dies when the program waits for something that is not time, such as a socket or a promise, or loops
 * without time passing: both would hang a test.
 *
 * @example
 * ```ts
 * import { Call, ExotelCalls } from "@effect-exotel/core"
 * import { CallScript, FakeExotel, Simulation } from "@effect-exotel/testing"
 * import { Effect } from "effect"
 *
 * // Half an hour, polled every ten seconds; no fork, no adjust.
 * const test = Effect.gen(function*() {
 *   const fake = yield* FakeExotel.FakeExotel
 *   const calls = yield* ExotelCalls.ExotelCalls
 *   const sid = yield* fake.place(CallScript.answered({ talk: "30 minutes" }))
 *   while (!Call.isTerminal(yield* calls.get(sid))) yield* Effect.sleep("10 seconds")
 * }).pipe(Effect.provide(FakeExotel.layer()), Simulation.run())
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const run = (options: Options = {}) => <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.runtime<R>(), (runtime) => {
    const clock = new VirtualClock(options.startsAt ?? Date.UTC(2026, 0, 1))
    const scheduler = new Scheduler.ControlledScheduler()
    const fiber = Runtime.runFork(runtime)(
      program.pipe(Effect.withClock(clock), Effect.withRandom(Random.make(options.seed ?? 1))),
      { scheduler }
    )
    /** Until every fiber waits; false when that does not come. */
    const settle = (): boolean => {
      for (let steps = 0; scheduler.tasks.buckets.length > 0; steps++) {
        if (steps > MOST_STEPS) return false
        scheduler.step()
      }
      return true
    }
    const liveOn = (): Exit.Exit<A, E> | string => {
      for (let wakes = 0; settle(); wakes++) {
        const exit = fiber.unsafePoll()
        if (exit !== null) return exit
        if (wakes > MOST_STEPS) return "never stops waking up"
        if (!clock.advance()) return "waits for something that is not time, such as a socket or a promise"
      }
      return "loops without time passing"
    }
    const end = liveOn()
    if (typeof end !== "string") return end
    fiber.unsafeInterruptAsFork(fiber.id())
    settle()
    return Effect.dieMessage(`The program under Simulation.run ${end}`)
  })
