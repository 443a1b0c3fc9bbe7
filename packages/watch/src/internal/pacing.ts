/** How much longer than their cadences calls wait for their turn, and who is told when that becomes another. */
import type { Order } from "./agenda.ts"
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

  /** The first call of an order was so late when its turn came. */
  served({ calls: [first] }: Order, isSweeping: boolean, lag: number, now: number): void {
    if (first === undefined) return
    const since = now - first.lastPollAt
    const wait = Number.isFinite(since) ? Math.max(1000, since - lag) : FIRST_WAIT_MILLIS
    const elapsed = Math.max(0, now - this.updatedAt)
    const weight = 1 - Math.exp(-elapsed / MEMORY_MILLIS)
    this.stretch += ((wait + lag) / wait - this.stretch) * weight
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
