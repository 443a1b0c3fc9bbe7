/**
 * How many requests may go, and when: a sliding minute, of which a reserve and an even pace are kept for those who are in
 * a hurry, and what answers have taught. Has no effects; is told the time, in milliseconds.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Priority, Signal } from "../RequestBudget.ts"

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

export class Turns {
  readonly limit: number
  private readonly window: number
  /** When turns were granted, from `head` on; whether they were interactive stands beside. */
  private times: Array<number> = []
  private interactive: Array<boolean> = []
  private head = 0
  private interactiveCount = 0
  /** The even pace: when the next paced turn would come if none had come early. */
  private paceAt = Number.NEGATIVE_INFINITY
  private pausedUntil = Number.NEGATIVE_INFINITY
  /** What a 429 has left of the limit, and when. */
  private lowered: { readonly to: number; readonly at: number } | undefined
  /** What `X-RateLimit-Limit` says. */
  private stated = Number.POSITIVE_INFINITY
  /** What others have used of the account's limit. */
  private foreign = { count: 0, until: Number.NEGATIVE_INFINITY }

  constructor(limit: number, windowMillis: number) {
    this.limit = limit
    this.window = windowMillis
  }

  /** How many requests a window may hold now. */
  allowed(now: number): number {
    const least = Math.max(1, Math.floor(this.limit * LEAST))
    const recovered = this.lowered === undefined
      ? this.limit
      : this.lowered.to + (now - this.lowered.at) / this.window * this.limit * RECOVERY
    return Math.floor(Math.max(least, Math.min(this.limit, this.stated, recovered)))
  }

  private spare(allowed: number): number {
    return allowed > 1 ? allowed - Math.max(1, Math.ceil(allowed * RESERVE)) : allowed
  }

  /** What is left to paced requests in a window, going by what the others needed in the last one. */
  sparePerWindow(now: number): number {
    this.forget(now)
    const spare = this.spare(this.allowed(now))
    return Math.max(0, Math.min(spare, this.allowed(now) - this.interactiveCount - this.foreignCount(now)))
  }

  pausedFor(now: number): number {
    return Math.max(0, this.pausedUntil - now)
  }

  /** How long a request of this priority has to wait, 0 when it may go; `aged` when it has waited too long already. */
  waitOf(priority: Priority, now: number, aged: boolean): number {
    this.forget(now)
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

  /** Counts a request of this priority as going now. */
  grant(priority: Priority, now: number): void {
    this.times.push(now)
    this.interactive.push(priority === "interactive")
    if (priority === "interactive") this.interactiveCount += 1
    else this.paceAt = Math.max(this.paceAt, now) + this.interval(this.allowed(now))
  }

  /** Undoes the last grant of this priority. */
  giveBack(priority: Priority, now: number): void {
    const index = this.interactive.lastIndexOf(priority === "interactive")
    if (index < this.head) return
    this.times.splice(index, 1)
    this.interactive.splice(index, 1)
    if (priority === "interactive") this.interactiveCount -= 1
    else this.paceAt -= this.interval(this.allowed(now))
  }

  heed(signal: Signal, now: number): void {
    const retryAfter = millis(signal.retryAfter)
    const reset = millis(signal.reset)
    if (signal.status === 429) {
      this.forget(now)
      const granted = this.times.length - this.head
      this.lowered = { to: Math.min(this.allowed(now), granted * DECREASE), at: now }
      const pause = retryAfter ?? reset ?? 0
      this.pausedUntil = Math.max(this.pausedUntil, now + Math.min(pause, LONGEST_PAUSE_MILLIS))
    }
    if (Option.isSome(signal.limit)) this.stated = signal.limit.value
    if (Option.isSome(signal.remaining)) {
      this.forget(now)
      const limit = Option.getOrElse(signal.limit, () => this.limit)
      const ours = this.times.length - this.head
      this.foreign = {
        count: Math.max(0, limit - signal.remaining.value - ours),
        until: now + Math.min(reset ?? this.window, this.window)
      }
    }
  }

  /** Moves everything with a clock that was set back. */
  shift(back: number): void {
    this.times = this.times.map((time) => time - back)
    this.paceAt -= back
    this.pausedUntil -= back
    this.foreign = { ...this.foreign, until: this.foreign.until - back }
    if (this.lowered !== undefined) this.lowered = { ...this.lowered, at: this.lowered.at - back }
  }

  private interval(allowed: number): number {
    return this.window / this.spare(allowed)
  }

  /** How many paced requests may be early. */
  private burst(allowed: number): number {
    return Math.min(BURST, Math.ceil(this.spare(allowed) / 4)) - 1
  }

  private foreignCount(now: number): number {
    return now < this.foreign.until ? this.foreign.count : 0
  }

  private windowWait(upTo: number, now: number): number {
    const foreign = this.foreignCount(now)
    const excess = this.times.length - this.head + foreign - upTo
    if (excess < 0) return 0
    // The window opens when enough of ours have left it, or the others' have.
    const ours = excess < this.times.length - this.head
      ? (this.times[this.head + excess] ?? now) + this.window - now
      : Number.POSITIVE_INFINITY
    return foreign === 0 ? ours : Math.min(ours, this.foreign.until - now)
  }

  /** Drops what has left the window. */
  private forget(now: number): void {
    while (this.head < this.times.length && (this.times[this.head] ?? now) <= now - this.window) {
      if (this.interactive[this.head] === true) this.interactiveCount -= 1
      this.head += 1
    }
    if (this.head > 1024 && this.head * 2 > this.times.length) {
      this.times = this.times.slice(this.head)
      this.interactive = this.interactive.slice(this.head)
      this.head = 0
    }
  }
}
