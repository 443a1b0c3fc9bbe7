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
  private warningFrom = Number.NEGATIVE_INFINITY
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

  /** Logs that polls keep failing, at growing intervals. */
  warning(error: ExotelError, states: ReadonlyArray<WatchState>, { at }: Now): Effect.Effect<void> {
    const state = states.find(({ warningDueSince }) => warningDueSince !== undefined)
    if (state?.warningDueSince === undefined || at < this.warningFrom) return Effect.void
    this.warningFrom = at + this.warningWait
    this.warningWait = Math.min(2 * this.warningWait, MAX_WARNING_MILLIS)
    return Effect.annotateLogs(Effect.logWarning("Polls of an Exotel call keep failing; its watch continues"), {
      "exotel.call.sid": state.sid,
      error: error._tag,
      since: DateTime.formatIso(DateTime.unsafeMake(state.warningDueSince))
    })
  }
}
