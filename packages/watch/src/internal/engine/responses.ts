/** Applies responses and failures to the watches of the polled calls. */
import type { Call } from "@effect-exotel/core/Call"
import { isTerminal } from "@effect-exotel/core/Call"
import type { FindResult } from "@effect-exotel/core/CallQuery"
import type { ExotelError } from "@effect-exotel/core/ExotelError"
import * as Errors from "@effect-exotel/core/ExotelError"
import type * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { forEachWatch } from "../watch/transitions.ts"
import { AccountHealth } from "./accountHealth.ts"
import * as Meters from "./metrics.ts"
import type { PollScheduler } from "./scheduler.ts"
import type { WatchedCall } from "./watchedCall.ts"

/** The pause after a 429 without `Retry-After`. */
const THROTTLED_MILLIS = 5000

/** The longest pause of the account's polling. */
const LONGEST_PAUSE_MILLIS = 300_000

/** The circuit breaker of bulk polls: opens after this many failures in a row, longer if Exotel rejected them. */
const FAILURE_THRESHOLD = 3
const OPEN_MILLIS = 600_000
const OPEN_BRIEFLY_MILLIS = 60_000

export class ResponseHandler {
  /** No poll is sent before this time. */
  pausedUntil = Number.NEGATIVE_INFINITY
  private failedBulkPolls = 0
  private readonly account = new AccountHealth()
  private readonly scheduler: PollScheduler
  private readonly budget: RequestBudget.Service

  constructor(scheduler: PollScheduler, budget: RequestBudget.Service) {
    this.scheduler = scheduler
    this.budget = budget
  }

  onSeen(call: WatchedCall, seen: Call, now: number): void {
    this.account.onSuccess()
    call.readAt = now
    call.needsRead = false
    if (!isTerminal(seen)) call.lastActiveAt = now
    forEachWatch(call, now, ({ state }) => state.onCall(seen, now))
  }

  onFound(polled: ReadonlyArray<WatchedCall>, found: FindResult, now: number): void {
    this.failedBulkPolls = 0
    this.account.onSuccess()
    Meters.bulkPolled(polled.length)
    // It is unknown whether sids are case-sensitive.
    const ended = new Map(found.calls.map((call) => [call.sid.toLowerCase(), call]))
    const malformed = new Set(found.malformed.map((error) => error.sid?.toLowerCase()))
    for (const call of polled) {
      const sid = call.sid.toLowerCase()
      const record = ended.get(sid)
      // An unreadable record shows that there is one; an individual read follows.
      call.needsRead = record === undefined && malformed.has(sid)
      if (call.needsRead) {
        for (const watch of call.watches) if (!watch.state.awaitsDetails) watch.dueAt = now
        continue
      }
      forEachWatch(call, now, ({ state }) =>
        state.awaitsDetails
          ? undefined
          : record === undefined
          ? state.onMissing(now)
          : state.onBulkRecord(record, now))
      if (record === undefined) call.lastActiveAt = now
    }
  }

  onFailure(polled: ReadonlyArray<WatchedCall>, error: ExotelError, now: number): Effect.Effect<void> {
    if (error._tag === "RateLimited") {
      const rest = Option.match(Errors.retryAfter(error), {
        onNone: () => THROTTLED_MILLIS,
        onSome: Duration.toMillis
      })
      // The limit is that of the account, so all calls wait.
      const caps = polled.flatMap(({ watches }) =>
        watches.map(({ state }) => Duration.toMillis(state.policy.retryAfterCap))
      )
      this.pausedUntil = Math.max(this.pausedUntil, now + Math.min(rest, LONGEST_PAUSE_MILLIS, Math.max(...caps)))
    }
    const states = polled.flatMap(({ watches }) => watches.map(({ state }) => state))
    this.account.onFailure(error, states, now)
    this.pausedUntil = Math.max(this.pausedUntil, this.account.pausedUntil)
    return Effect.flatMap(Effect.zip(Random.next, this.budget.pausedFor), ([chance, pause]) => {
      // The pause of the budget applies to all requests, whatever these policies allow.
      const account = {
        pausedUntil: Math.max(this.pausedUntil, now + Math.ceil(Duration.toMillis(pause))),
        isReachable: this.account.isReachable,
        unauthorizedSince: this.account.unauthorizedSince ?? now
      }
      for (const call of polled) forEachWatch(call, now, ({ state }) => state.onFailure(error, now, chance, account))
      return this.account.warning(error, states, now)
    })
  }

  /** A bulk poll may fail because of one of its calls; individual reads show which. */
  onBulkFailure(polled: ReadonlyArray<WatchedCall>, error: ExotelError, now: number): Effect.Effect<void> {
    // A gateway's 404 for the bulk read does not concern the credentials.
    const unauthorized = error._tag === "AuthenticationError" && error.status === 401
    if (error._tag !== "RateLimited") this.failedBulkPolls += 1
    const isEnough = this.failedBulkPolls > 0 && this.failedBulkPolls % FAILURE_THRESHOLD === 0
    if (error.isRetryable || unauthorized || error._tag === "RegionMismatch") {
      // Individual reads may succeed where bulk reads fail; they are used for a while.
      if (isEnough) this.scheduler.bulkAllowedFrom = now + OPEN_BRIEFLY_MILLIS
      return this.onFailure(polled, error, now)
    }
    for (const call of polled) call.needsRead = true
    if (!isEnough) return Effect.void
    this.scheduler.bulkAllowedFrom = now + OPEN_MILLIS
    return Effect.annotateLogs(
      Effect.logWarning("Exotel refuses bulk reads; calls are polled individually for ten minutes"),
      { error: error._tag }
    )
  }
}
