/**
 * One watch as a state machine without effects: what an answer, a failure or the passing of time makes of it. It is told
 * the time and never asks for it.
 */
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
import { atLeast } from "./cadence.ts"

/**
 * What comes of a step: the watch waits as its cadence says or until a time, for a read with details that may come as late
 * as others need to be served first, has failed, or is over.
 */
export type NextAction =
  | { readonly _tag: "Wait"; readonly cadence: "cadence" | "settleCadence"; readonly progress: PollState }
  | { readonly _tag: "WaitUntil"; readonly at: number }
  | { readonly _tag: "Details" }
  | { readonly _tag: "Fail"; readonly error: WatchError }
  | { readonly _tag: "Over" }

export interface Transition {
  readonly events: ReadonlyArray<WatchEvent>
  readonly next: NextAction
}

const over: NextAction = { _tag: "Over" }
const details: NextAction = { _tag: "Details" }

/** The parts of a record whose change is told while the call goes on. */
const fingerprintOf = (call: Call.Call): string => {
  const details = Option.getOrUndefined(call.details)
  const leg1 = details === undefined ? "" : Option.getOrElse(details.leg1Status, () => "")
  const leg2 = details === undefined ? "" : Option.getOrElse(details.leg2Status, () => "")
  return `${call.status} ${leg1} ${leg2}`
}

/** A final error in the eyes of a watch: the others may pass. */
type FinalError = Exclude<WatchError, WatchTimeout>

const isFinal = (error: ExotelError): error is FinalError => !error.isRetryable

/** How far from 1970 a date can be. A token may hold any integer, and a policy any duration. */
const FARTHEST_MILLIS = 8.64e15

const utc = (millis: number): DateTime.Utc =>
  DateTime.unsafeMake(Math.max(-FARTHEST_MILLIS, Math.min(millis, FARTHEST_MILLIS)))

/** Longer than an attempt's time-out, as a rule. */
const LONGEST_LAST_LOOK_MILLIS = 60_000

/** Where a watch begins, or goes on. */
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
  private failures = 0
  private lastError: ExotelError | undefined
  private endedAt: number | undefined
  /** When `Settled` was told; if that was before the watch was resumed, when it was resumed. */
  private settledAt: number | undefined
  private stalled: boolean
  private detailed: boolean
  /** The last record of an ended call, for what is known when the time to settle is up. */
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

  /** Whether what is wanted next is a read of the details, of an ended or settled call, which is never urgent. */
  get awaitsDetails(): boolean {
    return this.policy.details && !this.detailed && this.hasEnded && !this.awaitsSettling
  }

  /** Whether everything has been told. */
  get isFinished(): boolean {
    return this.hasEnded && !this.awaitsSettling && !this.awaitsDetails
  }

  /** Whether only a read of the call itself will do: what is looked at once more must not be missed. */
  get isFinalCheck(): boolean {
    return this.polls === 0 && this.lookUntil !== this.deadlineAt
  }

  /** Resumed after its deadline, a watch has until then for one look: the call may have ended meanwhile. */
  private get lookUntil(): number {
    return this.resumedAt !== undefined && this.resumedAt >= this.deadlineAt
      ? this.resumedAt + LONGEST_LAST_LOOK_MILLIS
      : this.deadlineAt
  }

  private get detailsBy(): number {
    return (this.settledAt ?? this.endedAt ?? 0) + Duration.toMillis(this.policy.detailsLimit)
  }

  private get settleBy(): number {
    return (this.endedAt ?? 0) + Duration.toMillis(this.policy.settleLimit)
  }

  /** When the watch is over, or gives something up, without a further answer. */
  get limit(): number {
    if (!this.hasEnded) return this.polls === 0 ? this.lookUntil : this.deadlineAt
    const limit = this.awaitsSettling ? this.settleBy : this.awaitsDetails ? this.detailsBy : Infinity
    // Resumed too late, a watch still reads the record once, in what is left of its first time.
    return this.ended === undefined && this.polls === 0 ? Math.max(limit, this.lookUntil) : limit
  }

  /** An answer that shows the call itself. */
  onCall(call: Call.Call, now: number): Transition {
    this.answered()
    if (this.hasEnded) return this.onRecord(call, now, [])
    const fingerprint = fingerprintOf(call)
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

  /** An answer that names those of many calls that have ended, and this one: the record has no details. */
  onBulkRecord(call: Call.Call, now: number): Transition {
    return Call.isTerminal(call) ? this.onCall(call, now) : this.onMissing(now)
  }

  /** An answer that names those of many calls that have ended, and not this one. */
  onMissing(now: number): Transition {
    this.answered()
    return { events: this.stall(now), next: this.wait(now) }
  }

  private answered(): void {
    this.polls += 1
    this.failures = 0
    this.lastError = undefined
  }

  private onEnd(call: Call.TerminalCall, now: number): Transition {
    this.endedAt = now
    return this.onRecord(call, now, [WatchEvent.Ended({ ...this.common(now), call })])
  }

  /** An answer after the end. Should it deny the end, the end stands, and the record is not taken for settled. */
  private onRecord(call: Call.Call, now: number, told: ReadonlyArray<WatchEvent>): Transition {
    if (!Call.isTerminal(call)) return { events: told, next: this.wait(now) }
    this.ended = call
    const events = [...told]
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

  /** `chance` is drawn from [0, 1). No poll is sent before `pausedUntil`, whatever this watch would like. */
  onFailure(error: ExotelError, now: number, chance: number, pausedUntil: number): Transition {
    this.polls += 1
    this.lastError = error
    if (isFinal(error) && !(error._tag === "CallNotFound" && this.mayAppear(now))) {
      // What is known of the end stands without its details.
      return this.awaitsDetails
        ? { events: [this.skipDetails(now)], next: over }
        : { events: [], next: { _tag: "Fail", error } }
    }
    this.failures += 1
    const asked = Option.map(
      Errors.retryAfter(error),
      (wait) => Math.ceil(Math.min(Duration.toMillis(wait), Duration.toMillis(this.policy.retryAfterCap)))
    )
    const nextPollAt = Math.max(now + Math.max(this.backoff(chance), Option.getOrElse(asked, () => 0)), pausedUntil)
    if (Option.isSome(asked) && now + asked.value >= this.limit) {
      if (!this.hasEnded) return { events: [], next: { _tag: "Fail", error: this.timeout("RetryAfter", now) } }
      const { events, next } = this.onLimit(now)
      return {
        events,
        next: next._tag === "Over" || next._tag === "Fail" ? next : { _tag: "WaitUntil", at: nextPollAt }
      }
    }
    return {
      events: [
        WatchEvent.PollFailed({ ...this.common(now), error, nextPollAt: utc(nextPollAt) }),
        ...this.stall(now)
      ],
      next: { _tag: "WaitUntil", at: nextPollAt }
    }
  }

  /** The time is up, for the details of an ended call or for all of it. */
  onLimit(now: number): Transition {
    if (!this.hasEnded) return { events: [], next: { _tag: "Fail", error: this.timeout("Deadline", now) } }
    return this.awaitsDetails ? { events: [this.skipDetails(now)], next: over } : this.giveUpSettling(now)
  }

  onScheduleEnd(now: number): Transition {
    if (!this.hasEnded) return { events: [], next: { _tag: "Fail", error: this.timeout("ScheduleEnded", now) } }
    return this.awaitsDetails ? { events: [this.skipDetails(now)], next: over } : this.giveUpSettling(now)
  }

  private giveUpSettling(now: number): Transition {
    // An ended call whose record was not read again since the watch was resumed: there is nothing to show.
    return this.ended === undefined
      ? { events: [], next: { _tag: "Fail", error: this.timeout("Deadline", now) } }
      : { events: [this.settle(this.ended, now)], next: this.isFinished ? over : details }
  }

  private missing(call: Call.TerminalCall): ReadonlyArray<Call.SettlingField> {
    return Call.unsettled(call, { expectRecording: this.policy.expectRecording })
  }

  /** A call that was created a moment ago may not be readable yet. */
  private mayAppear(now: number): boolean {
    return !this.hasEnded && now - this.startedAt < Duration.toMillis(this.policy.notFoundGrace)
  }

  /** Half of it certain, half by chance; the longest grows with each failure in a row, and never beyond its maximum. */
  private backoff(chance: number): number {
    const longest = Math.min(
      Duration.toMillis(this.policy.maxErrorBackoff),
      Duration.toMillis(this.policy.errorBackoff) * 2 ** Math.min(this.failures - 1, 30)
    )
    return atLeast(longest / 2 + longest / 2 * chance)
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
