/** How much longer than their cadences calls wait for their turn, and who is told when that becomes another. */
import * as Meters from "./meters.ts"

export interface Pace {
  readonly by: "reads" | "sweeps"
  /** 1 when every call is looked at as often as its cadence says; 2 when each waits twice as long. */
  readonly stretch: number
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

export class Pacing {
  private stretch = 1
  private updatedAt = Number.NEGATIVE_INFINITY
  private told: Pace = { by: "reads", stretch: 1, at: Number.NEGATIVE_INFINITY }
  private readonly listeners = new Set<(pace: Pace) => void>()

  listen(listener: (pace: Pace) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** A call that asks to be looked at each `wait` was so late when its turn came. */
  served(wait: number, isSweeping: boolean, lag: number, now: number): void {
    // As it is nearly always.
    const isTold = this.told.stretch === 1 && isSweeping === (this.told.by === "sweeps")
    if (lag < TIMELY_MILLIS && this.stretch < NO_STRETCH && isTold) return
    const elapsed = Math.max(0, now - this.updatedAt)
    const weight = 1 - Math.exp(-elapsed / MEMORY_MILLIS)
    const asked = Number.isFinite(wait) ? Math.max(SHORTEST_WAIT_MILLIS, wait) : FIRST_WAIT_MILLIS
    this.stretch += ((asked + lag) / asked - this.stretch) * weight
    this.updatedAt = now
    Meters.stretched(this.stretch)
    this.tell(isSweeping ? "sweeps" : "reads", now)
  }

  private tell(by: Pace["by"], now: number): void {
    const stretch = this.stretch < NO_STRETCH ? 1 : this.stretch
    const ratio = stretch / this.told.stretch
    const differs = ratio >= TOLD_FACTOR || ratio <= 1 / TOLD_FACTOR || (stretch === 1 && this.told.stretch !== 1)
    if (!differs && by === this.told.by) return
    if (now - this.told.at < QUIET_MILLIS) return
    this.told = { by, stretch: Math.round(stretch * 100) / 100, at: now }
    for (const listener of this.listeners) listener(this.told)
  }

  shift(back: number): void {
    this.updatedAt -= back
    this.told = { ...this.told, at: this.told.at - back }
  }
}
