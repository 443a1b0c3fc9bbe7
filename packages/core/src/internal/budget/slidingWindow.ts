/**
 * The limit as a sliding window, with a reserve for interactive requests, an even pace for the others, and AIMD after 429s.
 * Pure: the caller passes the time, in milliseconds.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Permit, Priority, RateLimitInfo } from "../../RequestBudget.ts"
import { Grant } from "./permit.ts"

const MINUTE_MILLIS = 60_000

/** The share of the window that only interactive requests can use. */
const RESERVE = 0.05

/** The number of paced requests that can go at once after an idle time. */
const BURST = 10

/** The part of a share that can go at once after an idle time. */
const SHARE_BURST = 1 / 60

/** The share of the limit that no 429 and no header reduces. */
const FLOOR = 0.1

/** A 429 reduces the limit to this share of the grants in the window before it, */
const DECREASE = 0.9

/** but at once to no less than this share of the limit that was in force. */
const LARGEST_STEP = 0.5

/** The share of the limit that each window without a 429 restores. */
const INCREASE = 0.2

/** The pause after a 429 that asks for none, and the longest one. */
const DEFAULT_PAUSE_MILLIS = 5000
const LONGEST_PAUSE_MILLIS = 300_000

const millis = (duration: Option.Option<Duration.Duration>): number | undefined =>
  Option.getOrUndefined(Option.map(duration, Duration.toMillis))

export class SlidingWindow {
  private readonly limit: number
  private readonly length: number
  /** The grants of this window, oldest first; none without a limit. */
  private readonly grants: Array<Grant> = []
  private interactiveCount = 0
  /** When the next paced grant would come if none had come early. */
  private paceAt = Number.NEGATIVE_INFINITY
  private pausedUntil = Number.NEGATIVE_INFINITY
  /** The limit that a 429 has left, and when. */
  private reducedLimit = { to: Number.POSITIVE_INFINITY, at: Number.NEGATIVE_INFINITY }
  /** `X-RateLimit-Limit`. */
  private advertisedLimit = Number.POSITIVE_INFINITY
  /** The requests of other programs of the account, going by `X-RateLimit-Remaining`. */
  private externalUsage = { count: 0, until: Number.NEGATIVE_INFINITY }
  /** The share of the limit for this process, until a time. */
  private restriction = { share: 1, until: Number.NEGATIVE_INFINITY }
  /** The requests per window that this process may send, until a time; it is the pace of all priorities. */
  private share: { readonly limit: number; readonly until: number } | undefined

  constructor(limit: number, lengthMillis: number) {
    this.limit = limit
    this.length = lengthMillis
  }

  /** The highest number of requests in a window at this time. */
  allowed(now: number): number {
    const share = now < this.restriction.until ? this.limit * this.restriction.share : this.limit
    const recovered = this.reducedLimit.to === Number.POSITIVE_INFINITY
      ? this.limit
      : this.reducedLimit.to + (now - this.reducedLimit.at) / this.length * this.limit * INCREASE
    const floor = Math.max(1, Math.floor(this.limit * FLOOR))
    return Math.floor(Math.min(Math.max(floor, Math.min(share, this.advertisedLimit, recovered)), this.shareAt(now)))
  }

  /** The requests per window that are left to paced requests, going by what the others used in the last one. */
  available(now: number): number {
    this.evictExpired(now)
    const allowed = this.allowed(now)
    return Math.max(0, Math.min(this.paced(allowed), allowed - this.interactiveCount - this.externalCount(now)))
  }

  perMinute(perWindow: number): number {
    return perWindow * MINUTE_MILLIS / this.length
  }

  pausedFor(now: number): number {
    return Math.max(0, this.pausedUntil - now)
  }

  /** How long a request of this priority has to wait, 0 when it can go; `aged` when it may use the reserve. */
  waitOf(priority: Priority, now: number, aged: boolean): number {
    this.evictExpired(now)
    const allowed = this.allowed(now)
    if (allowed === 0) return Number.POSITIVE_INFINITY
    const isPaced = this.isPaced(priority)
    // The grants of a larger share do not count against the present one, which the pace keeps.
    const upTo = this.share !== undefined ? this.limit : isPaced && !aged ? this.paced(allowed) : allowed
    return Math.max(
      this.pausedFor(now),
      this.windowWait(upTo, now),
      isPaced ? this.paceAt - this.burst(allowed) * this.interval(allowed) - now : 0,
      0
    )
  }

  /** Grants a request of this priority now. */
  grant(priority: Priority, now: number): Grant {
    const interval = this.isPaced(priority) ? this.interval(this.allowed(now)) : 0
    const grant = new Grant(priority, now, interval)
    if (this.limit === Number.POSITIVE_INFINITY) return grant
    this.grants.push(grant)
    if (priority === "interactive") this.interactiveCount += 1
    this.paceAt = Math.max(this.paceAt, now) + interval
    return grant
  }

  /** Removes the grant of this permit. Does nothing when it has left the window or was released before. */
  release(permit: Permit): void {
    const index = this.grants.findIndex((grant) => grant === permit)
    const [grant] = index < 0 ? [] : this.grants.splice(index, 1)
    if (grant === undefined) return
    if (grant.priority === "interactive") this.interactiveCount -= 1
    this.paceAt -= grant.interval
  }

  observe(info: RateLimitInfo, now: number): void {
    this.evictExpired(now)
    const reset = millis(info.reset)
    if (info.status === 429) {
      // The responses to requests that were sent together are one event.
      if (now >= this.reducedLimit.at + this.length) {
        const allowed = this.allowed(now)
        const to = Math.min(allowed, Math.max(allowed * LARGEST_STEP, this.grants.length * DECREASE))
        this.reducedLimit = { to, at: now }
      }
      const pause = millis(info.retryAfter) ?? reset ?? DEFAULT_PAUSE_MILLIS
      this.pausedUntil = Math.max(this.pausedUntil, now + Math.min(pause, LONGEST_PAUSE_MILLIS))
    }
    if (Option.isSome(info.limit)) this.advertisedLimit = info.limit.value
    if (Option.isSome(info.remaining)) {
      const limit = Option.getOrElse(info.limit, () => this.limit)
      this.externalUsage = {
        count: Math.max(0, limit - info.remaining.value - this.grants.length),
        until: now + Math.min(reset ?? this.length, this.length)
      }
    }
  }

  /** Allows only a share of the limit until one window after `until`: no window may hold more than that share. */
  restrict(share: number, until: number): void {
    this.restriction = { share, until: until + this.length }
  }

  /** Sets the share of this process. Its requests are paced from then on, whatever their priority. */
  setShare(limit: number, now: number, until: number): void {
    const before = Math.floor(Math.min(this.share?.limit ?? 0, this.limit))
    this.share = { limit, until }
    const allowed = this.allowed(now)
    // Grants that came early are still to be made up for, at the new pace.
    const early = this.paceAt - now
    if (early > 0 && before > 0 && allowed > 0) {
      this.paceAt = now + early * this.interval(allowed) / this.interval(before)
    }
  }

  private shareAt(now: number): number {
    return this.share === undefined ? Number.POSITIVE_INFINITY : now < this.share.until ? this.share.limit : 0
  }

  private isPaced(priority: Priority): boolean {
    return this.share !== undefined || priority !== "interactive"
  }

  private paced(allowed: number): number {
    return allowed > 1 && Number.isFinite(allowed) ? allowed - Math.max(1, Math.ceil(allowed * RESERVE)) : allowed
  }

  private interval(allowed: number): number {
    return this.length / this.paced(allowed)
  }

  /** The number of paced requests that can be early. */
  private burst(allowed: number): number {
    if (this.share !== undefined) return Math.floor(allowed * SHARE_BURST)
    return Math.min(BURST, Math.ceil(this.paced(allowed) / 4)) - 1
  }

  private externalCount(now: number): number {
    return now < this.externalUsage.until ? this.externalUsage.count : 0
  }

  private windowWait(upTo: number, now: number): number {
    const external = this.externalCount(now)
    const excess = this.grants.length + external - upTo
    if (excess < 0) return 0
    // The window has capacity again when enough of our grants have left it, or the external usage has.
    const leaving = this.grants[excess]
    const ours = leaving === undefined ? Number.POSITIVE_INFINITY : leaving.at + this.length - now
    return external === 0 ? ours : Math.min(ours, this.externalUsage.until - now)
  }

  private evictExpired(now: number): void {
    let expired = 0
    for (const grant of this.grants) {
      if (grant.at > now - this.length) break
      if (grant.priority === "interactive") this.interactiveCount -= 1
      expired += 1
    }
    this.grants.splice(0, expired)
  }
}
