/** One timer that is set to whatever comes first. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/** The longest single sleep: a timer of Node's reaches 24 days, and the clock of a machine may be set meanwhile. */
const LONGEST_SLEEP_MILLIS = 3_600_000

/**
 * It goes off this often at most, but for so many times in a row: to wake a process costs more than to look after a call,
 * and a few calls are to be looked after to the millisecond.
 */
const INTERVAL_MILLIS = 20
const BURST = 25

/** When to go off, laid down at which time. */
interface Setting {
  readonly at: number
  readonly now: number
}

export class Timer {
  private fiber: Fiber.RuntimeFiber<void> | undefined = undefined
  private at = Number.POSITIVE_INFINITY
  /** When it would have gone off last, had it never gone off before its interval was over. */
  private paceAt = Number.NEGATIVE_INFINITY
  private isFiring = false
  /** What it was set to while it went off: the same fiber sleeps on. */
  private next: Setting | undefined = undefined
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  private readonly onTime: (since: number, slept: number) => void

  /** `onTime` is told when the sleep began and how long it took by the timer, whatever the clock says; must not throw. */
  constructor(
    fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>,
    onTime: (since: number, slept: number) => void
  ) {
    this.fork = fork
    this.onTime = onTime
  }

  /** Never, when `at` is infinite. */
  set(at: number, now: number): void {
    const isNever = at === Number.POSITIVE_INFINITY
    if (this.isFiring) {
      this.next = isNever ? undefined : { at, now }
      return
    }
    if (this.fiber !== undefined) {
      // A timer that comes too early does no harm, one that comes for nothing does.
      if (this.at <= at && !isNever) return
      this.fiber.unsafeInterruptAsFork(FiberId.none)
      this.fiber = undefined
    }
    if (isNever) return
    this.at = at
    const fiber = this.fork(Effect.suspend(() => this.run(fiber, { at, now })))
    this.fiber = fiber
  }

  /** Sleeps, goes off, and sleeps on for as long as it is set again meanwhile. */
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
    // Bounded, for the clock may have been set back.
    this.paceAt = Math.max(now, Math.min(this.paceAt, now + BURST * INTERVAL_MILLIS) + INTERVAL_MILLIS)
    this.isFiring = true
    this.onTime(since, slept)
    this.isFiring = false
    const { next } = this
    this.next = undefined
    return next
  }

  /** Rounded up: to wake a fraction of a millisecond early would be to go round and round until it has passed. */
  private sleepOf({ at, now }: Setting): number {
    const pause = Math.min(this.paceAt - BURST * INTERVAL_MILLIS - now, INTERVAL_MILLIS)
    return Math.min(Math.ceil(Math.max(at - now, pause, 1)), LONGEST_SLEEP_MILLIS)
  }
}
