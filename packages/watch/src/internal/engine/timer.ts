/** One timer for the earliest due time. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/** The longest single sleep: Node's timers are limited to 24 days, and the clock may be set meanwhile. */
const LONGEST_SLEEP_MILLIS = 3_600_000

/**
 * The minimum interval between firings, apart from a burst: waking a process costs more than handling a call, while a
 * few calls are handled to the millisecond.
 */
const INTERVAL_MILLIS = 20
const BURST = 25

/** The time to fire at, and the time at which it was set. */
interface Setting {
  readonly at: number
  readonly now: number
}

export class Timer {
  private fiber: Fiber.RuntimeFiber<void> | undefined = undefined
  private at = Number.POSITIVE_INFINITY
  /** The time of the last firing at the even pace. */
  private paceAt = Number.NEGATIVE_INFINITY
  private isFiring = false
  /** The setting made while it fires: the same fiber continues. */
  private next: Setting | undefined = undefined
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  private readonly onTime: (since: number, slept: number) => void

  /** `onTime` receives the start and the length of the sleep as the timer measured it; it must not throw. */
  constructor(
    fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>,
    onTime: (since: number, slept: number) => void
  ) {
    this.fork = fork
    this.onTime = onTime
  }

  /** An infinite `at` stops the timer. */
  set(at: number, now: number): void {
    const isNever = at === Number.POSITIVE_INFINITY
    if (this.isFiring) {
      this.next = isNever ? undefined : { at, now }
      return
    }
    if (this.fiber !== undefined) {
      // An early firing is harmless; a firing without calls is not.
      if (this.at <= at && !isNever) return
      this.fiber.unsafeInterruptAsFork(FiberId.none)
      this.fiber = undefined
    }
    if (isNever) return
    this.at = at
    const fiber = this.fork(Effect.suspend(() => this.run(fiber, { at, now })))
    this.fiber = fiber
  }

  /** Sleeps, fires, and continues while it is set again. */
  private run(fiber: Fiber.RuntimeFiber<void>, first: Setting): Effect.Effect<void> {
    let setting: Setting | undefined = first
    let slept = 0
    return Effect.whileLoop({
      while: () => setting !== undefined && this.fiber === fiber,
      body: () => {
        slept = setting === undefined ? 0 : this.sleepOf(setting)
        return Effect.interruptible(Effect.sleep(slept))
      },
      step: () => {
        if (setting === undefined || this.fiber !== fiber) return
        setting = this.fire(setting.now, slept)
        if (setting === undefined) this.fiber = undefined
        else this.at = setting.at
      }
    })
  }

  private fire(since: number, slept: number): Setting | undefined {
    const now = since + slept
    // Bounded, because the clock may have been set back.
    this.paceAt = Math.max(now, Math.min(this.paceAt, now + BURST * INTERVAL_MILLIS) + INTERVAL_MILLIS)
    this.isFiring = true
    this.onTime(since, slept)
    this.isFiring = false
    const { next } = this
    this.next = undefined
    return next
  }

  /** Rounded up: waking a fraction of a millisecond early would loop until it has passed. */
  private sleepOf({ at, now }: Setting): number {
    const pause = Math.min(this.paceAt - BURST * INTERVAL_MILLIS - now, INTERVAL_MILLIS)
    return Math.min(Math.ceil(Math.max(at - now, pause, 1)), LONGEST_SLEEP_MILLIS)
  }
}
