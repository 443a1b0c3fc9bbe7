/**
 * How many requests may go, and when: a sliding minute, of which a reserve and an even pace are kept for those who are in
 * a hurry, and what answers have taught. Has no effects; is told the time, in milliseconds.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Permit, Priority, RateLimitInfo } from "../../RequestBudget.ts"
import { Grant } from "./permit.ts"

/** The share of the minute that only interactive requests may use. */
const RESERVE = 0.05

/** So many paced requests may go at once after a pause. */
const BURST = 10

/** Whatever is learnt, so much of the limit remains. */
const LEAST = 0.1

/** Of what was granted in the minute before a 429, so much is allowed after it. */
const DECREASE = 0.9

/** And so much of the limit comes back with each minute without another. */
const RECOVERY = 0.1

const LONGEST_PAUSE_MILLIS = 300_000

const millis = (duration: Option.Option<Duration.Duration>): number | undefined =>
  Option.getOrUndefined(Option.map(duration, Duration.toMillis))

export class SlidingWindow {
  readonly limit: number
  private readonly window: number
  /** The grants of this window, oldest first. */
  private grants: Array<Grant> = []
  private interactiveCount = 0
  /** The even pace: when the next paced turn would come if none had come early. */
  private paceAt = Number.NEGATIVE_INFINITY
  private pausedUntil = Number.NEGATIVE_INFINITY
  /** What a 429 has left of the limit, and when. */
  private reducedLimit: { readonly to: number; readonly at: number } | undefined
  /** What `X-RateLimit-Limit` says. */
  private advertisedLimit = Number.POSITIVE_INFINITY
  /** What others have used of the account's limit. */
  private externalUsage = { count: 0, until: Number.NEGATIVE_INFINITY }

  constructor(limit: number, windowMillis: number) {
    this.limit = limit
    this.window = windowMillis
  }

  /** How many requests a window may hold now. */
  allowed(now: number): number {
    const least = Math.max(1, Math.floor(this.limit * LEAST))
    const recovered = this.reducedLimit === undefined
      ? this.limit
      : this.reducedLimit.to + (now - this.reducedLimit.at) / this.window * this.limit * RECOVERY
    return Math.floor(Math.max(least, Math.min(this.limit, this.advertisedLimit, recovered)))
  }

  private spare(allowed: number): number {
    return allowed > 1 ? allowed - Math.max(1, Math.ceil(allowed * RESERVE)) : allowed
  }

  /** What is left to paced requests in a window, going by what the others needed in the last one. */
  availablePerWindow(now: number): number {
    this.evictExpired(now)
    const spare = this.spare(this.allowed(now))
    return Math.max(0, Math.min(spare, this.allowed(now) - this.interactiveCount - this.externalCount(now)))
  }

  pausedFor(now: number): number {
    return Math.max(0, this.pausedUntil - now)
  }

  /** How long a request of this priority has to wait, 0 when it may go; `aged` when it has waited too long already. */
  waitOf(priority: Priority, now: number, aged: boolean): number {
    this.evictExpired(now)
    const allowed = this.allowed(now)
    const isPaced = priority !== "interactive"
    const upTo = isPaced && !aged ? this.spare(allowed) : allowed
    return Math.max(
      this.pausedFor(now),
      this.windowWait(upTo, now),
      isPaced ? this.paceAt - this.burst(allowed) * this.interval(allowed) - now : 0,
      0
    )
  }

  /** Grants a request of this priority now. */
  grant(priority: Priority, now: number): Grant {
    const interval = priority === "interactive" ? 0 : this.interval(this.allowed(now))
    const grant = new Grant(priority, now, interval)
    this.grants.push(grant)
    if (priority === "interactive") this.interactiveCount += 1
    else this.paceAt = Math.max(this.paceAt, now) + interval
    return grant
  }

  /** Removes the grant of this permit. Does nothing when it has left the window or was released before. */
  release(permit: Permit): void {
    const index = this.grants.findIndex((grant) => grant === permit)
    if (index < 0) return
    const [grant] = this.grants.splice(index, 1)
    if (permit.priority === "interactive") this.interactiveCount -= 1
    this.paceAt -= grant?.interval ?? 0
  }

  observe(signal: RateLimitInfo, now: number): void {
    const retryAfter = millis(signal.retryAfter)
    const reset = millis(signal.reset)
    if (signal.status === 429) {
      this.evictExpired(now)
      const granted = this.grants.length
      this.reducedLimit = { to: Math.min(this.allowed(now), granted * DECREASE), at: now }
      const pause = retryAfter ?? reset ?? 0
      this.pausedUntil = Math.max(this.pausedUntil, now + Math.min(pause, LONGEST_PAUSE_MILLIS))
    }
    if (Option.isSome(signal.limit)) this.advertisedLimit = signal.limit.value
    if (Option.isSome(signal.remaining)) {
      this.evictExpired(now)
      const limit = Option.getOrElse(signal.limit, () => this.limit)
      const ours = this.grants.length
      this.externalUsage = {
        count: Math.max(0, limit - signal.remaining.value - ours),
        until: now + Math.min(reset ?? this.window, this.window)
      }
    }
  }

  /** Moves everything with a clock that was set back. */
  shift(back: number): void {
    for (const grant of this.grants) grant.at -= back
    this.paceAt -= back
    this.pausedUntil -= back
    this.externalUsage = { ...this.externalUsage, until: this.externalUsage.until - back }
    if (this.reducedLimit !== undefined) this.reducedLimit = { ...this.reducedLimit, at: this.reducedLimit.at - back }
  }

  private interval(allowed: number): number {
    return this.window / this.spare(allowed)
  }

  /** How many paced requests may be early. */
  private burst(allowed: number): number {
    return Math.min(BURST, Math.ceil(this.spare(allowed) / 4)) - 1
  }

  private externalCount(now: number): number {
    return now < this.externalUsage.until ? this.externalUsage.count : 0
  }

  private windowWait(upTo: number, now: number): number {
    const externalUsage = this.externalCount(now)
    const excess = this.grants.length + externalUsage - upTo
    if (excess < 0) return 0
    // The window opens when enough of ours have left it, or the others' have.
    const leaving = this.grants[excess]
    const ours = leaving === undefined ? Number.POSITIVE_INFINITY : leaving.at + this.window - now
    return externalUsage === 0 ? ours : Math.min(ours, this.externalUsage.until - now)
  }

  /** Drops what has left the window. */
  private evictExpired(now: number): void {
    let expired = 0
    for (const grant of this.grants) {
      if (grant.at > now - this.window) break
      if (grant.priority === "interactive") this.interactiveCount -= 1
      expired += 1
    }
    if (expired > 0) this.grants.splice(0, expired)
  }
}
