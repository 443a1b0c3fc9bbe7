/** The state machine of one watch, without effects: its transitions on responses, failures and the passing of time. */
import * as Call from "@effect-exotel/core/Call"
import type { CallSid } from "@effect-exotel/core/CallSid"
import type { CallStatus } from "@effect-exotel/core/CallStatus"
import { isTerminal } from "@effect-exotel/core/CallStatus"
import type { ExotelError } from "@effect-exotel/core/ExotelError"
import * as Errors from "@effect-exotel/core/ExotelError"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { WatchError } from "../../WatchError.ts"
import { WatchTimeout } from "../../WatchError.ts"
import { WatchEvent } from "../../WatchEvent.ts"
import type { PollState, WatchPolicy } from "../../WatchPolicy.ts"
import { WatchToken } from "../../WatchToken.ts"
import { clampWait } from "./cadence.ts"

/**
 * The action after a transition: `Wait` for the cadence, `WaitUntil` a time, wait for a background read of the `Details`,
 * `Fail`, or end because the watch is `Over`.
 */
export type NextAction =
  | { readonly _tag: "Wait"; readonly cadence: "cadence" | "settleCadence"; readonly progress: PollState }
  | { readonly _tag: "WaitUntil"; readonly date: number }
  | { readonly _tag: "Details" }
  | { readonly _tag: "Fail"; readonly error: WatchError }
  | { readonly _tag: "Over" }

export interface Transition {
  readonly events: ReadonlyArray<WatchEvent>
  readonly next: NextAction
}

const over: NextAction = { _tag: "Over" }
const details: NextAction = { _tag: "Details" }

/** The parts of a record whose change is an event while the call is ongoing. */
const fingerprintFrom = (call: Call.Call): string => {
  const details = Option.getOrUndefined(call.details)
  const leg1 = details === undefined ? "" : Option.getOrElse(details.leg1Status, () => "")
  const leg2 = details === undefined ? "" : Option.getOrElse(details.leg2Status, () => "")
  return `${call.status} ${leg1} ${leg2}`
}

/** The errors that only the account or the caller can fix. */
type FinalError = Exclude<WatchError, WatchTimeout>

/** The state of the account when a poll fails, as all watches of the layer share it. */
export interface AccountState {
  /** No poll is sent before this time. */
  readonly pausedUntil: number
  /** Whether any response was ever received. */
  readonly isReachable: boolean
  /** Since when every poll is rejected as unauthorized; `now` for the first rejection. */
  readonly unauthorizedSince: number
}

/** The largest distance of a date from 1970. A token may hold any integer, and a policy any duration. */
const MAX_DATE_MILLIS = 8.64e15

const utc = (millis: number): DateTime.Utc =>
  DateTime.unsafeMake(Math.max(-MAX_DATE_MILLIS, Math.min(millis, MAX_DATE_MILLIS)))

/** Usually longer than the timeout of a request. */
const FINAL_CHECK_MILLIS = 60_000

/** The state with which a watch begins or resumes. */
type Start = Pick<WatchToken, "sid" | "startedAt" | "deadlineAt"> & Partial<WatchToken>

export class WatchState {
  readonly sid: CallSid
  readonly policy: WatchPolicy
  private readonly startedAt: number
  private readonly deadlineAt: number
  private readonly resumedAt: number | undefined
  private status: CallStatus | undefined
  private fingerprint: string | undefined
  private changedAt: number
  private polls = 0
  /** Consecutive transient failures, and when the first of them happened. */
  private failures = 0
  private failingSince: number | undefined
  private lastError: ExotelError | undefined
  private endedAt: number | undefined
  /** When `Settled` was emitted; if that was before the watch was resumed, when it was resumed. */
  private settledAt: number | undefined
  private stalled: boolean
  private detailed: boolean
  /** The last record of the ended call, emitted when `settleLimit` passes. */
  private ended: Call.TerminalCall | undefined

  private constructor(policy: WatchPolicy, start: Start, resumedAt?: number) {
    this.sid = start.sid
    this.policy = policy
    this.startedAt = start.startedAt
    this.deadlineAt = start.deadlineAt
    this.resumedAt = resumedAt
    this.status = start.seen?.status
    this.fingerprint = start.seen?.fingerprint
    this.changedAt = start.seen?.changedAt ?? start.startedAt
    this.lastError = undefined
    this.endedAt = start.endedAt ?? (this.hasEnded ? this.changedAt : undefined)
    this.stalled = start.stalled === true
    this.settledAt = start.settled === true ? resumedAt : undefined
    this.detailed = start.detailed === true
    this.ended = undefined
  }

  static begin(sid: CallSid, policy: WatchPolicy, now: number): WatchState {
    const deadlineAt = Math.round(Math.min(now + Duration.toMillis(policy.deadline), Number.MAX_SAFE_INTEGER))
    return new WatchState(policy, { sid, startedAt: now, deadlineAt })
  }

  static resume(token: WatchToken, policy: WatchPolicy, now: number): WatchState {
    return new WatchState(policy, token, now)
  }

  private get hasEnded(): boolean {
    return this.status !== undefined && isTerminal(this.status)
  }

  private get awaitsSettling(): boolean {
    return this.policy.until === "settled" && this.settledAt === undefined
  }

  /** Whether the next read is that of the details of an ended or settled call, which has background priority. */
  get awaitsDetails(): boolean {
    return this.policy.details && !this.detailed && this.hasEnded && !this.awaitsSettling
  }

  /** Whether every event has been emitted. */
  get isFinished(): boolean {
    return this.hasEnded && !this.awaitsSettling && !this.awaitsDetails
  }

  /** Whether the watch was resumed after its deadline: its only poll has to be an individual one. */
  get isFinalCheck(): boolean {
    return this.polls === 0 && this.finalCheckUntil !== this.deadlineAt
  }

  /** The limit of the one poll of a watch that was resumed after its deadline: the call may have ended meanwhile. */
  private get finalCheckUntil(): number {
    return this.resumedAt !== undefined && this.resumedAt >= this.deadlineAt
      ? this.resumedAt + FINAL_CHECK_MILLIS
      : this.deadlineAt
  }

  private get detailsBy(): number {
    return (this.settledAt ?? this.endedAt ?? 0) + Duration.toMillis(this.policy.detailsLimit)
  }

  private get settleBy(): number {
    return (this.endedAt ?? 0) + Duration.toMillis(this.policy.settleLimit)
  }

  /** When the watch ends, or stops waiting for the record or the details, without a further response. */
  get limit(): number {
    if (!this.hasEnded) return this.polls === 0 ? this.finalCheckUntil : this.deadlineAt
    const limit = this.awaitsSettling ? this.settleBy : this.awaitsDetails ? this.detailsBy : Infinity
    // A watch that is resumed too late still reads the record once.
    return this.ended === undefined && this.polls === 0 ? Math.max(limit, this.finalCheckUntil) : limit
  }

  /** The response to an individual poll. */
  onCall(call: Call.Call, now: number): Transition {
    this.answered()
    if (this.hasEnded) return this.onRecord(call, now, [])
    const fingerprint = fingerprintFrom(call)
    const first = this.fingerprint === undefined
    const previous = this.status ?? call.status
    const changed = fingerprint !== this.fingerprint
    if (changed) {
      this.status = call.status
      this.fingerprint = fingerprint
      this.changedAt = now
      this.stalled = false
    }
    if (Call.isTerminal(call)) return this.onEnd(call, now)
    if (!changed) return { events: this.stall(now), next: this.wait(now) }
    const common = this.common(now)
    return {
      events: [
        first
          ? WatchEvent.Observed({ ...common, call })
          : WatchEvent.Changed({ ...common, call, previous })
      ],
      next: this.wait(now)
    }
  }

  /** The response to a bulk poll, which contains this call. */
  onBulkRecord(call: Call.Call, now: number): Transition {
    return Call.isTerminal(call) ? this.onCall(call, now) : this.onMissing(now)
  }

  /** The response to a bulk poll, which does not contain this call: it has not ended. */
  onMissing(now: number): Transition {
    this.answered()
    return { events: this.stall(now), next: this.wait(now) }
  }

  private answered(): void {
    this.polls += 1
    this.failures = 0
    this.failingSince = undefined
    this.lastError = undefined
  }

  private onEnd(call: Call.TerminalCall, now: number): Transition {
    this.endedAt = now
    return this.onRecord(call, now, [WatchEvent.Ended({ ...this.common(now), call })])
  }

  /** A record read after the end. If it shows an ongoing call, the end stands and the record does not count as settled. */
  private onRecord(call: Call.Call, now: number, emitted: ReadonlyArray<WatchEvent>): Transition {
    if (!Call.isTerminal(call)) return { events: emitted, next: this.wait(now) }
    this.ended = call
    const events = [...emitted]
    if (this.awaitsSettling && this.missing(call).length === 0) events.push(this.settle(call, now))
    if (this.awaitsDetails && Call.hasDetails(call)) {
      this.detailed = true
      events.push(WatchEvent.DetailsLoaded({ ...this.common(now), call }))
    }
    return { events, next: this.isFinished ? over : this.awaitsDetails ? details : this.wait(now) }
  }

  private settle(call: Call.TerminalCall, now: number): WatchEvent {
    const missing = this.missing(call)
    this.settledAt = now
    return WatchEvent.Settled({ ...this.common(now), call, missing })
  }

  private skipDetails(now: number): WatchEvent {
    this.detailed = true
    return WatchEvent.DetailsUnavailable({ ...this.common(now), lastError: Option.fromNullable(this.lastError) })
  }

  /** `chance` is drawn from [0, 1). */
  onFailure(error: ExotelError, now: number, chance: number, account: AccountState): Transition {
    this.polls += 1
    this.lastError = error
    if (this.isFinal(error, now, account)) {
      // The end stands without its details.
      return this.awaitsDetails
        ? { events: [this.skipDetails(now)], next: over }
        : { events: [], next: { _tag: "Fail", error } }
    }
    this.failures += 1
    this.failingSince ??= now
    // The last attempt before a grace period ends comes exactly at its end.
    const graceEnd = Math.ceil(this.graceEnd(error, account))
    if (now >= graceEnd) return { events: [], next: { _tag: "Fail", error: this.timeout("NoAnswer", now) } }
    const retryAfter = Option.map(
      Errors.retryAfter(error),
      (wait) => Math.ceil(Math.min(Duration.toMillis(wait), Duration.toMillis(this.policy.retryAfterCap)))
    )
    const wait = Math.max(this.backoff(chance), Option.getOrElse(retryAfter, () => 0))
    const nextPollAt = Math.max(Math.min(now + wait, graceEnd), account.pausedUntil)
    if (Option.isSome(retryAfter) && now + retryAfter.value >= this.limit) {
      if (!this.hasEnded) return { events: [], next: { _tag: "Fail", error: this.timeout("RetryAfter", now) } }
      const { events, next } = this.onLimit(now)
      return {
        events,
        next: next._tag === "Over" || next._tag === "Fail" ? next : { _tag: "WaitUntil", date: nextPollAt }
      }
    }
    return {
      events: [
        WatchEvent.PollFailed({ ...this.common(now), error, nextPollAt: utc(nextPollAt) }),
        ...this.stall(now)
      ],
      next: { _tag: "WaitUntil", date: nextPollAt }
    }
  }

  /**
   * Since when polls have failed, at the fourth consecutive failure, the eighth and so on; backoff makes these rarer. For an
   * error of another kind than the last warning's at every failure from the fourth on.
   */
  warningDueSince(isOtherError: boolean): number | undefined {
    const isDue = this.failures >= 4 && (isOtherError || Number.isInteger(Math.log2(this.failures)))
    return isDue ? this.failingSince : undefined
  }

  /** `limit` has passed. */
  onLimit(now: number): Transition {
    if (!this.hasEnded) return { events: [], next: { _tag: "Fail", error: this.timeout("Deadline", now) } }
    return this.awaitsDetails ? { events: [this.skipDetails(now)], next: over } : this.giveUpSettling(now)
  }

  onScheduleEnd(now: number): Transition {
    if (!this.hasEnded) return { events: [], next: { _tag: "Fail", error: this.timeout("ScheduleEnded", now) } }
    return this.awaitsDetails ? { events: [this.skipDetails(now)], next: over } : this.giveUpSettling(now)
  }

  private giveUpSettling(now: number): Transition {
    // The record was not read again since the watch was resumed, so there is none to emit.
    return this.ended === undefined
      ? { events: [], next: { _tag: "Fail", error: this.timeout("Deadline", now) } }
      : { events: [this.settle(this.ended, now)], next: this.isFinished ? over : details }
  }

  private missing(call: Call.TerminalCall): ReadonlyArray<Call.SettlingField> {
    return Call.unsettled(call, { expectRecording: this.policy.expectRecording })
  }

  /** When the watch fails unless a poll succeeds before. */
  private graceEnd(error: ExotelError, account: AccountState): number {
    if (error._tag === "AuthenticationError") {
      return account.unauthorizedSince + Duration.toMillis(this.policy.authenticationGrace)
    }
    return this.status === undefined && !account.isReachable
      ? (this.failingSince ?? Infinity) + (error.isRetryable ? Duration.toMillis(this.policy.firstAnswerWithin) : 0)
      : Infinity
  }

  /** All errors are transient until the deadline, except those that only the account or the caller can fix. */
  private isFinal(error: ExotelError, now: number, account: AccountState): error is FinalError {
    switch (error._tag) {
      case "AccessDenied":
      case "RegionMismatch":
      case "InvalidRequest":
        return true
      case "AuthenticationError":
        return now >= this.graceEnd(error, account)
      case "CallNotFound":
        // A call that was created a moment ago may not be readable yet; one that was seen before exists.
        return this.status === undefined && now - this.startedAt >= Duration.toMillis(this.policy.notFoundGrace)
      default:
        return false
    }
  }

  /** Exponential backoff with jitter: half of the wait is fixed, half is random. */
  private backoff(chance: number): number {
    const longest = Math.min(
      Duration.toMillis(this.policy.maxErrorBackoff),
      Duration.toMillis(this.policy.errorBackoff) * 2 ** Math.min(this.failures - 1, 30)
    )
    return clampWait(longest / 2 + longest / 2 * chance)
  }

  private wait(now: number): NextAction {
    return {
      _tag: "Wait",
      cadence: this.hasEnded ? "settleCadence" : "cadence",
      progress: {
        status: Option.fromNullable(this.status),
        age: Duration.millis(now - (this.endedAt ?? this.startedAt)),
        sinceChange: Duration.millis(now - this.changedAt),
        polls: this.polls
      }
    }
  }

  private stall(now: number): ReadonlyArray<WatchEvent> {
    if (this.stalled || this.hasEnded || now - this.changedAt < Duration.toMillis(this.policy.stallAfter)) return []
    this.stalled = true
    return [
      WatchEvent.Stalled({
        ...this.common(now),
        status: Option.fromNullable(this.status),
        since: utc(this.changedAt)
      })
    ]
  }

  private timeout(reason: WatchTimeout["reason"], now: number): WatchTimeout {
    return new WatchTimeout({
      sid: this.sid,
      reason,
      polls: this.polls,
      elapsed: Duration.millis(Math.max(0, now - this.startedAt)),
      ...(this.status === undefined ? {} : { lastStatus: this.status }),
      ...(this.lastError === undefined ? {} : { lastError: this.lastError })
    })
  }

  private common(now: number) {
    return { sid: this.sid, at: utc(now), token: this.token, isFinal: this.isFinished }
  }

  get token(): WatchToken {
    return new WatchToken({
      version: 1,
      sid: this.sid,
      startedAt: this.startedAt,
      deadlineAt: this.deadlineAt,
      ...(this.status === undefined || this.fingerprint === undefined ? {} : {
        seen: { status: this.status, fingerprint: this.fingerprint, changedAt: this.changedAt }
      }),
      ...(this.stalled ? { stalled: true as const } : {}),
      ...(this.endedAt === undefined ? {} : { endedAt: this.endedAt }),
      ...(this.settledAt !== undefined ? { settled: true as const } : {}),
      ...(this.detailed ? { detailed: true as const } : {})
    }, { disableValidation: true })
  }
}
