/** Applies responses and failures to the watches of the polled calls. */
import type { Call } from "@effect-exotel/core/Call"
import { isTerminal } from "@effect-exotel/core/Call"
import type { FindResult } from "@effect-exotel/core/CallQuery"
import type { ExotelError } from "@effect-exotel/core/ExotelError"
import type * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { forEachWatch } from "../watch/transitions.ts"
import { AccountHealth } from "./accountHealth.ts"
import * as Meters from "./metrics.ts"
import type { Now } from "./now.ts"
import type { PollScheduler } from "./scheduler.ts"
import type { Job, WatchedCall } from "./watchedCall.ts"

/** The circuit breaker of bulk polls: opens after this many failures in a row, longer if Exotel rejected them. */
const FAILURE_THRESHOLD = 3
const OPEN_MILLIS = 600_000
const OPEN_BRIEFLY_MILLIS = 60_000

export class ResponseHandler {
  readonly account = new AccountHealth()
  private failedBulkPolls = 0
  private readonly scheduler: PollScheduler
  private readonly budget: RequestBudget.Service

  constructor(scheduler: PollScheduler, budget: RequestBudget.Service) {
    this.scheduler = scheduler
    this.budget = budget
  }

  onSeen(call: WatchedCall, seen: Call, now: Now): void {
    this.account.onSuccess()
    call.readAt = now.at
    call.needsRead = false
    if (!isTerminal(seen)) call.lastActiveAt = now.at
    forEachWatch(call, now, ({ state }) => state.onCall(seen, now.date))
  }

  onFound(polled: ReadonlyArray<WatchedCall>, found: FindResult, now: Now): void {
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
        for (const watch of call.watches) if (!watch.state.awaitsDetails) watch.dueAt = now.at
        continue
      }
      forEachWatch(call, now, ({ state }) =>
        state.awaitsDetails
          ? undefined
          : record === undefined
          ? state.onMissing(now.date)
          : state.onBulkRecord(record, now.date))
      if (record === undefined) call.lastActiveAt = now.at
    }
  }

  /** A bulk poll may fail because of one of its calls; individual reads show which. */
  onFailure(job: Job, error: ExotelError, now: Now): Effect.Effect<void> {
    if (job.by === "individual") return this.onFailedPoll(job, error, now)
    // A gateway's 404 for the bulk read does not concern the credentials.
    const unauthorized = error._tag === "AuthenticationError" && error.status === 401
    if (error._tag !== "RateLimited") this.failedBulkPolls += 1
    const isEnough = this.failedBulkPolls > 0 && this.failedBulkPolls % FAILURE_THRESHOLD === 0
    if (error.isRetryable || unauthorized || error._tag === "RegionMismatch") {
      // Individual reads may succeed where bulk reads fail; they are used for a while.
      if (isEnough) this.scheduler.demand.bulkAllowedFrom = now.at + OPEN_BRIEFLY_MILLIS
      return this.onFailedPoll(job, error, now)
    }
    for (const call of job.calls) call.needsRead = true
    if (!isEnough) return Effect.void
    this.scheduler.demand.bulkAllowedFrom = now.at + OPEN_MILLIS
    return Effect.annotateLogs(
      Effect.logWarning("Exotel refuses bulk reads; calls are polled individually for ten minutes"),
      { error: error._tag }
    )
  }

  private onFailedPoll({ calls }: Job, error: ExotelError, now: Now): Effect.Effect<void> {
    const states = calls.flatMap(({ watches }) => watches.map(({ state }) => state))
    this.account.onFailure(error, states, now)
    return Effect.flatMap(Effect.zip(Random.next, this.budget.pausedFor), ([chance, pause]) => {
      const account = this.account.state(now, Duration.toMillis(pause))
      for (const call of calls) {
        forEachWatch(call, now, ({ state }) => state.onFailure(error, now.date, chance, account))
      }
      return this.account.warning(error, states, now)
    })
  }
}
