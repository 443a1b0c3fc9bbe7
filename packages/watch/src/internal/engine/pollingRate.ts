/** Measures how much longer than their cadences calls wait for a poll, and reports changes to listeners. */
import * as Meters from "./metrics.ts"

export interface PollingMode {
  readonly mode: "individual" | "bulk"
  /** 1 when every call is polled at its cadence; 2 when each waits twice as long. */
  readonly slowdown: number
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The time constant of the moving average. */
const MEMORY_MILLIS = 20_000

/** A slowdown below the first value counts as none; a change by the second factor is reported. */
const NO_SLOWDOWN = 1.25
const REPORTED_FACTOR = 1.4

/** The shortest wait that lateness is measured against. */
const SHORTEST_WAIT_MILLIS = 1000

/** The precision of timers. */
const TIMER_PRECISION_MILLIS = 50

/** The wait that the first poll of a call, which has no cadence yet, is measured against. */
const FIRST_WAIT_MILLIS = 5000

/** The minimum time between two reports of the same mode. */
const QUIET_MILLIS = 10_000

export class PollingRate {
  private slowdown = 1
  private updatedAt = Number.NEGATIVE_INFINITY
  private emitted: PollingMode = { mode: "individual", slowdown: 1, at: Number.NEGATIVE_INFINITY }
  private readonly listeners = new Set<(pace: PollingMode) => void>()

  listen(listener: (pace: PollingMode) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Records the delay of a poll whose cadence asked for `wait`. */
  served(wait: number, isBulk: boolean, lag: number, now: number): void {
    // The usual case.
    const isReported = this.emitted.slowdown === 1 && isBulk === (this.emitted.mode === "bulk")
    if (lag < TIMER_PRECISION_MILLIS && this.slowdown < NO_SLOWDOWN && isReported) return
    const elapsed = Math.max(0, now - this.updatedAt)
    const weight = 1 - Math.exp(-elapsed / MEMORY_MILLIS)
    const expected = Number.isFinite(wait) ? Math.max(SHORTEST_WAIT_MILLIS, wait) : FIRST_WAIT_MILLIS
    this.slowdown += ((expected + lag) / expected - this.slowdown) * weight
    this.updatedAt = now
    Meters.slowdown(this.slowdown)
    this.emit(isBulk ? "bulk" : "individual", now)
  }

  private emit(mode: PollingMode["mode"], now: number): void {
    const slowdown = this.slowdown < NO_SLOWDOWN ? 1 : this.slowdown
    const ratio = slowdown / this.emitted.slowdown
    const differs = ratio >= REPORTED_FACTOR || ratio <= 1 / REPORTED_FACTOR ||
      (slowdown === 1 && this.emitted.slowdown !== 1)
    if (!differs && mode === this.emitted.mode) return
    if (now - this.emitted.at < QUIET_MILLIS) return
    this.emitted = { mode, slowdown: Math.round(slowdown * 100) / 100, at: now }
    for (const listener of this.listeners) listener(this.emitted)
  }

  shift(back: number): void {
    this.updatedAt -= back
    this.emitted = { ...this.emitted, at: this.emitted.at - back }
  }
}
