/** Measures how much longer than their cadences calls wait for a poll, and reports changes to listeners. */
import * as Meters from "./metrics.ts"

export interface PollingMode {
  readonly mode: "individual" | "bulk"
  /** 1 when every call is polled at its cadence; 2 when each waits twice as long. */
  readonly slowdown: number
}

/** The time constant of the moving average. */
const MEMORY_MILLIS = 20_000

/** A slowdown below the first value counts as none; a change by the second factor is reported. */
const NO_SLOWDOWN = 1.25
const REPORTED_FACTOR = 1.4

/** The shortest wait that lateness is measured against. */
const SHORTEST_WAIT_MILLIS = 1000

/** The wait that the first poll of a call, which has no cadence yet, is measured against. */
const FIRST_WAIT_MILLIS = 5000

/** The minimum time between two reports. */
const QUIET_MILLIS = 10_000

export class PollingRate {
  private slowdown = 1
  private updatedAt = Number.NEGATIVE_INFINITY
  private emitted: PollingMode = { mode: "individual", slowdown: 1 }
  private emittedAt = Number.NEGATIVE_INFINITY
  private readonly listeners = new Set<(mode: PollingMode) => void>()

  listen(listener: (mode: PollingMode) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Records the delay of a poll whose cadence asked for `wait`, at a monotonic time. */
  served(wait: number, mode: PollingMode["mode"], lag: number, at: number): void {
    const weight = 1 - Math.exp((this.updatedAt - at) / MEMORY_MILLIS)
    const expected = Number.isFinite(wait) ? Math.max(SHORTEST_WAIT_MILLIS, wait) : FIRST_WAIT_MILLIS
    this.slowdown += (lag / expected + 1 - this.slowdown) * weight
    this.updatedAt = at
    Meters.slowdown(this.slowdown)
    this.emit(mode, at)
  }

  private emit(mode: PollingMode["mode"], at: number): void {
    const slowdown = this.slowdown < NO_SLOWDOWN ? 1 : this.slowdown
    const ratio = slowdown / this.emitted.slowdown
    const differs = ratio >= REPORTED_FACTOR || ratio <= 1 / REPORTED_FACTOR ||
      (slowdown === 1 && this.emitted.slowdown !== 1)
    if (!differs && mode === this.emitted.mode) return
    if (at - this.emittedAt < QUIET_MILLIS) return
    this.emitted = { mode, slowdown: Math.round(slowdown * 100) / 100 }
    this.emittedAt = at
    for (const listener of this.listeners) listener(this.emitted)
  }
}
