/** What answers mean to everybody who watches the calls that were asked for. */
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
import type { Continuation } from "../watch/transitions.ts"
import { forEachWatch } from "../watch/transitions.ts"
import { AccountHealth } from "./accountHealth.ts"
import * as Meters from "./metrics.ts"
import type { PollScheduler } from "./scheduler.ts"
import type { WatchedCall } from "./watchedCall.ts"

/** After a 429 that names no time, no poll of the account is sent for so long. */
const THROTTLED_MILLIS = 5000

/** The longest rest of the whole account, whatever a policy grants to the watches that it was given for. */
const LONGEST_PAUSE_MILLIS = 300_000

/** After so many failed sweeps in a row none is tried for a while, which is longer when they were refused. */
const FAILURE_THRESHOLD = 3
const OPEN_MILLIS = 600_000
const OPEN_BRIEFLY_MILLIS = 60_000

const all = (rests: ReadonlyArray<Continuation>): Continuation => {
  const effects = rests.filter((rest) => rest !== undefined)
  return effects.length === 0 ? undefined : Effect.all(effects, { discard: true })
}

export class ResponseHandler {
  /** Until then Exotel wants to be left alone. */
  pausedUntil = Number.NEGATIVE_INFINITY
  private failedBulkPolls = 0
  private readonly account = new AccountHealth()
  private readonly agenda: PollScheduler
  private readonly budget: RequestBudget.Service

  constructor(agenda: PollScheduler, budget: RequestBudget.Service) {
    this.agenda = agenda
    this.budget = budget
  }

  onSeen(call: WatchedCall, seen: Call, now: number): Continuation {
    this.account.onSuccess()
    call.readAt = now
    call.needsRead = false
    if (!isTerminal(seen)) call.lastActiveAt = now
    return forEachWatch(call, now, ({ state }) => state.onCall(seen, now))
  }

  onFound(asked: ReadonlyArray<WatchedCall>, found: FindResult, now: number): Continuation {
    this.failedBulkPolls = 0
    this.account.onSuccess()
    Meters.swept(asked.length)
    // Whether Exotel minds the case of a sid is unknown.
    const ended = new Map(found.calls.map((call) => [call.sid.toLowerCase(), call]))
    const damaged = new Set(found.malformed.map((error) => error.sid?.toLowerCase()))
    return all(asked.map((call) => {
      const sid = call.sid.toLowerCase()
      const record = ended.get(sid)
      // A record that cannot be read says that there is one: the call itself will tell.
      call.needsRead = record === undefined && damaged.has(sid)
      if (call.needsRead) {
        for (const watch of call.watches) if (!watch.state.awaitsDetails) watch.dueAt = now
        return undefined
      }
      const rest = forEachWatch(call, now, ({ state }) =>
        state.awaitsDetails
          ? undefined
          : record === undefined
          ? state.onMissing(now)
          : state.onBulkRecord(record, now))
      if (record === undefined) call.lastActiveAt = now
      return rest
    }))
  }

  onFailure(asked: ReadonlyArray<WatchedCall>, error: ExotelError, now: number): Effect.Effect<void> {
    if (error._tag === "RateLimited") {
      const rest = Option.match(Errors.retryAfter(error), {
        onNone: () => THROTTLED_MILLIS,
        onSome: Duration.toMillis
      })
      // The limit is the account's: whichever call met it, all of them wait.
      const caps = asked.flatMap(({ watches }) =>
        watches.map(({ state }) => Duration.toMillis(state.policy.retryAfterCap))
      )
      this.pausedUntil = Math.max(this.pausedUntil, now + Math.min(rest, LONGEST_PAUSE_MILLIS, Math.max(...caps)))
    }
    const states = asked.flatMap(({ watches }) => watches.map(({ state }) => state))
    this.account.onFailure(error, states, now)
    this.pausedUntil = Math.max(this.pausedUntil, this.account.pausedUntil)
    return Effect.flatMap(Effect.zip(Random.next, this.budget.pausedFor), ([chance, pause]) => {
      // The budget rests for everybody's sake, whatever these policies grant.
      const account = {
        pausedUntil: Math.max(this.pausedUntil, now + Math.ceil(Duration.toMillis(pause))),
        isReachable: this.account.isReachable,
        unauthorizedSince: this.account.unauthorizedSince ?? now
      }
      const rest = all(
        asked.map((call) => forEachWatch(call, now, ({ state }) => state.onFailure(error, now, chance, account)))
      )
      const warning = this.account.warning(error, states, now)
      return rest === undefined ? warning : Effect.zipRight(rest, warning)
    })
  }

  /** What a sweep fails with need not be the fault of each of its calls; a read of each tells whose it is. */
  onBulkFailure(asked: ReadonlyArray<WatchedCall>, error: ExotelError, now: number): Effect.Effect<void> {
    // Where the bulk read is not found, calls may be: a gateway's 404 says nothing of credentials.
    const unauthorized = error._tag === "AuthenticationError" && error.status === 401
    if (error._tag !== "RateLimited") this.failedBulkPolls += 1
    const isEnough = this.failedBulkPolls > 0 && this.failedBulkPolls % FAILURE_THRESHOLD === 0
    if (error.isRetryable || unauthorized || error._tag === "RegionMismatch") {
      // What passes for reads need not pass for sweeps; reads are tried for a while.
      if (isEnough) this.agenda.bulkAllowedFrom = now + OPEN_BRIEFLY_MILLIS
      return this.onFailure(asked, error, now)
    }
    for (const call of asked) call.needsRead = true
    if (!isEnough) return Effect.void
    this.agenda.bulkAllowedFrom = now + OPEN_MILLIS
    return Effect.annotateLogs(
      Effect.logWarning("Exotel refuses bulk reads; calls are read one by one for ten minutes"),
      { error: error._tag }
    )
  }
}
