/** Chooses between individual and bulk polling, from the demand of the cadences and the available budget. Pure. */
import type { WatchedCall } from "./watchedCall.ts"

/** Shares of the budget: above the first, polling becomes bulk; below the second, individual again. */
const INDIVIDUAL_UP_TO = 1
const INDIVIDUAL_AGAIN_BELOW = 0.85

/** The same for calls of single watches, which are polled individually longer. */
const SINGLE_WATCHES_UP_TO = 0.5
const SINGLE_WATCHES_AGAIN_BELOW = 0.4

/** A queue that would take longer than this to read individually is polled in bulk. */
const MAX_QUEUE_SECONDS = 10

export class Demand {
  isBulk = false
  /** No bulk poll is sent before this monotonic time, because bulk reads fail. */
  bulkAllowedFrom = Number.NEGATIVE_INFINITY
  private bulkIncludesSingles = false
  /** The polls per second that the cadences of all calls, and of those of single watches, ask for. */
  private total = 0
  private ofSingles = 0

  /** Replaces the demand of a call; undefined if it is unknown, and therefore unchanged. */
  set(call: WatchedCall, perSecond: number | undefined): void {
    this.total -= call.demand
    if (call.single) this.ofSingles -= call.demand
    call.demand = perSecond ?? call.demand
    call.single = call.isSingle
    this.total += call.demand
    if (call.single) this.ofSingles += call.demand
  }

  /** Sums of fractions accumulate rounding errors, so they begin again when no call is left. */
  reset(): void {
    this.total = this.ofSingles = 0
  }

  /** `rate` is the budget's requests per second; `due` and `dueSingles` are the numbers of calls in the queue. */
  choose(at: number, rate: number, due: number, dueSingles: number): void {
    const longest = rate * MAX_QUEUE_SECONDS
    const share = this.isBulk ? INDIVIDUAL_AGAIN_BELOW : INDIVIDUAL_UP_TO
    this.isBulk = at >= this.bulkAllowedFrom && (due > longest || this.total > rate * share)
    const singlesShare = this.bulkIncludesSingles ? SINGLE_WATCHES_AGAIN_BELOW : SINGLE_WATCHES_UP_TO
    this.bulkIncludesSingles = this.isBulk && (dueSingles > longest || this.ofSingles > rate * singlesShare)
  }

  isIndividual(call: WatchedCall): boolean {
    return !this.isBulk || (call.single && !this.bulkIncludesSingles) || call.mustBeRead
  }
}
