/** One timer that is set to whatever comes first. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/** The longest single sleep: a timer of Node's reaches 24 days, and the clock of a machine may be set meanwhile. */
const LONGEST_SLEEP_MILLIS = 3_600_000

export class Timer {
  private fiber: Fiber.RuntimeFiber<void> | undefined = undefined
  private at = Number.POSITIVE_INFINITY
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  private readonly onTime: (since: number, slept: number) => Effect.Effect<void>

  /** `onTime` is told when the sleep began and how long it took by the timer, whatever the clock says. */
  constructor(
    fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>,
    onTime: (since: number, slept: number) => Effect.Effect<void>
  ) {
    this.fork = fork
    this.onTime = onTime
  }

  /** Never, when `at` is infinite. */
  set(at: number, now: number): void {
    if (this.fiber !== undefined) {
      // A timer that comes too early does no harm, one that comes for nothing does.
      if (this.at <= at && at !== Number.POSITIVE_INFINITY) return
      this.fiber.unsafeInterruptAsFork(FiberId.none)
      this.fiber = undefined
    }
    if (at === Number.POSITIVE_INFINITY) return
    this.at = at
    // Rounded up: to wake a fraction of a millisecond early would be to go round and round until it has passed.
    const sleep = Math.min(Math.ceil(Math.max(at - now, 1)), LONGEST_SLEEP_MILLIS)
    const fiber = this.fork(
      Effect.flatMap(Effect.interruptible(Effect.sleep(sleep)), () => {
        if (this.fiber !== fiber) return Effect.void
        this.fiber = undefined
        return this.onTime(now, sleep)
      })
    )
    this.fiber = fiber
  }
}
