/** The state of the account as all watches of a layer see it: whether it responds, and whether it accepts the credentials. */
import type { ExotelError } from "@effect-exotel/core/ExotelError"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { AccountState, WatchState } from "../watch/watchState.ts"
import { type Now, toDate } from "./now.ts"

/** While the credentials are rejected, polls are sent once in this time, to check whether they are accepted again. */
const UNAUTHORIZED_PAUSE_MILLIS = 5000

/** The first and the longest wait between two warnings of a layer. */
const MIN_WARNING_MILLIS = 60_000
const MAX_WARNING_MILLIS = 3_600_000

export class AccountHealth {
  /** No poll is sent before this monotonic time. */
  pausedUntil = Number.NEGATIVE_INFINITY
  private isReachable = false
  /** Since when every poll is rejected as unauthorized. */
  private unauthorizedSince: number | undefined
  private warnedAt = Number.NEGATIVE_INFINITY
  private warnedOf: ExotelError["_tag"] | undefined
  private warningWait = MIN_WARNING_MILLIS

  onSuccess(): void {
    this.isReachable = true
    this.unauthorizedSince = undefined
    this.pausedUntil = Number.NEGATIVE_INFINITY
    this.warningWait = MIN_WARNING_MILLIS
  }

  /** `states` are those of the watches for which the failed poll was made. */
  onFailure(error: ExotelError, states: ReadonlyArray<WatchState>, { at }: Now): void {
    if (error._tag !== "TransportError") this.isReachable = true
    if (error._tag !== "AuthenticationError") {
      this.unauthorizedSince = undefined
      return
    }
    this.unauthorizedSince ??= at
    const graces = states.map(({ policy }) => Duration.toMillis(policy.authenticationGrace))
    const graceEnd = this.unauthorizedSince + Math.max(0, ...graces)
    this.pausedUntil = Math.min(at + UNAUTHORIZED_PAUSE_MILLIS, Math.ceil(graceEnd))
  }

  /** The state that a watch needs when its poll fails; `budgetPause` is the rest of the budget's pause in milliseconds. */
  state(now: Now, budgetPause: number): AccountState {
    const pause = Math.max(this.pausedUntil - now.at, budgetPause)
    return {
      pausedUntil: now.date + Math.ceil(pause),
      isReachable: this.isReachable,
      unauthorizedSince: toDate(this.unauthorizedSince ?? now.at, now)
    }
  }

  /** Logs that polls keep failing: at growing intervals, which begin again after a success and with another error. */
  warning(error: ExotelError, states: ReadonlyArray<WatchState>, { at }: Now): Effect.Effect<void> {
    const isOtherError = error._tag !== this.warnedOf
    const state = states.find((each) => each.warningDueSince(isOtherError) !== undefined)
    const since = state?.warningDueSince(isOtherError)
    const wait = isOtherError ? MIN_WARNING_MILLIS : this.warningWait
    if (state === undefined || since === undefined || at < this.warnedAt + wait) return Effect.void
    this.warnedAt = at
    this.warnedOf = error._tag
    this.warningWait = isOtherError ? MIN_WARNING_MILLIS : Math.min(2 * wait, MAX_WARNING_MILLIS)
    return Effect.annotateLogs(Effect.logWarning("Polls of an Exotel call keep failing; its watch continues"), {
      "exotel.call.sid": state.sid,
      error: error._tag,
      detail: error.message,
      since: DateTime.formatIso(DateTime.unsafeMake(since))
    })
  }
}
