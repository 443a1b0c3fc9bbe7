/** How much longer than their cadences calls wait for their turn, and who is told when that becomes another. */
import * as Meters from "./metrics.ts"

export interface PollingMode {
  readonly mode: "individual" | "bulk"
  /** 1 when every call is looked at as often as its cadence says; 2 when each waits twice as long. */
  readonly slowdown: number
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The memory of the average: what was served so long ago counts for a third. */
const MEMORY_MILLIS = 20_000

/** A stretch below the first is none; told is what differs from what was told by the second factor. */
const NO_STRETCH = 1.25
const TOLD_FACTOR = 1.4

/** Lateness is measured against no shorter wait than this. */
const SHORTEST_WAIT_MILLIS = 1000

/** Timers are no more exact than that. */
const TIMELY_MILLIS = 50

/** What the first look of a call is measured against, which has no cadence yet. */
const FIRST_WAIT_MILLIS = 5000

/** The least time between two that are told, unless the way of looking is another. */
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

  /** A call that asks to be looked at each `wait` was so late when its turn came. */
  served(wait: number, isSweeping: boolean, lag: number, now: number): void {
    // As it is nearly always.
    const isTold = this.emitted.slowdown === 1 && isSweeping === (this.emitted.mode === "bulk")
    if (lag < TIMELY_MILLIS && this.slowdown < NO_STRETCH && isTold) return
    const elapsed = Math.max(0, now - this.updatedAt)
    const weight = 1 - Math.exp(-elapsed / MEMORY_MILLIS)
    const asked = Number.isFinite(wait) ? Math.max(SHORTEST_WAIT_MILLIS, wait) : FIRST_WAIT_MILLIS
    this.slowdown += ((asked + lag) / asked - this.slowdown) * weight
    this.updatedAt = now
    Meters.stretched(this.slowdown)
    this.emit(isSweeping ? "bulk" : "individual", now)
  }

  private emit(mode: PollingMode["mode"], now: number): void {
    const slowdown = this.slowdown < NO_STRETCH ? 1 : this.slowdown
    const ratio = slowdown / this.emitted.slowdown
    const differs = ratio >= TOLD_FACTOR || ratio <= 1 / TOLD_FACTOR || (slowdown === 1 && this.emitted.slowdown !== 1)
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
