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
import type { WatchError } from "../WatchError.ts"
import { WatchTimeout } from "../WatchError.ts"
import { WatchEvent } from "../WatchEvent.ts"
import type { Progress, WatchPolicy } from "../WatchPolicy.ts"
import { WatchToken } from "../WatchToken.ts"
import { atLeast } from "./cadence.ts"

/** What comes of a step: the watch waits as its cadence says or until a time, has failed, or is over. */
export type Next =
  | { readonly _tag: "Wait"; readonly cadence: "cadence" | "settleCadence"; readonly progress: Progress }
  | { readonly _tag: "WaitUntil"; readonly at: number }
  | { readonly _tag: "Fail"; readonly error: WatchError }
  | { readonly _tag: "Over" }

export interface Step {
  readonly events: ReadonlyArray<WatchEvent>
  readonly next: Next
}

const over: Next = { _tag: "Over" }

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

export class WatchState {
  readonly sid: CallSid
  readonly policy: WatchPolicy
  private readonly startedAt: number
  private readonly deadlineAt: number
  private status: CallStatus | undefined
  private fingerprint: string | undefined
  private changedAt: number
  private stalled: boolean
  private polls = 0
  private failures = 0
  private lastError: ExotelError | undefined
  private endedAt: number | undefined
  private settled: boolean
  /** The last record of an ended call, for what is known when the time to settle is up. */
  private ended: Call.TerminalCall | undefined

  /** Resumed after its deadline, a watch has until then for one look: the call may have ended meanwhile. */
  private readonly lookUntil: number

  private constructor(policy: WatchPolicy, token: WatchToken, resumedAt?: number) {
    this.lookUntil = resumedAt !== undefined && resumedAt >= token.deadlineAt
      ? resumedAt + LONGEST_LAST_LOOK_MILLIS
      : token.deadlineAt
    this.sid = token.sid
    this.policy = policy
    this.startedAt = token.startedAt
    this.deadlineAt = token.deadlineAt
    this.status = token.seen?.status
    this.fingerprint = token.seen?.fingerprint
    this.changedAt = token.seen?.changedAt ?? token.startedAt
    this.stalled = token.stalled === true
    this.settled = token.settled === true
    this.endedAt = token.endedAt ?? (this.hasEnded && policy.until === "settled" ? this.changedAt : undefined)
  }

  static begin(sid: CallSid, policy: WatchPolicy, now: number): WatchState {
    return new WatchState(
      policy,
      new WatchToken({
        version: 1,
        sid,
        startedAt: now,
        deadlineAt: Math.round(Math.min(now + Duration.toMillis(policy.deadline), Number.MAX_SAFE_INTEGER))
      }, { disableValidation: true })
    )
  }

  static resume(token: WatchToken, policy: WatchPolicy, now: number): WatchState {
    return new WatchState(policy, token, now)
  }

  private get hasEnded(): boolean {
    return this.status !== undefined && isTerminal(this.status)
  }

  /** Whether everything had been told before the watch was resumed. */
  get isOver(): boolean {
    return this.settled || (this.hasEnded && this.policy.until === "terminal")
  }

  /** When the watch is over without a further answer. */
  get limit(): number {
    if (this.endedAt === undefined) return this.polls === 0 ? this.lookUntil : this.deadlineAt
    const settleBy = this.endedAt + Duration.toMillis(this.policy.settleLimit)
    // Resumed too late, a watch still reads the record once, in what is left of its first time.
    return this.ended === undefined ? Math.max(settleBy, this.deadlineAt) : settleBy
  }

  onCall(call: Call.Call, now: number): Step {
    this.polls += 1
    this.failures = 0
    this.lastError = undefined
    if (this.endedAt !== undefined) return this.onRecord(call, now)
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

  private onEnd(call: Call.TerminalCall, now: number): Step {
    if (this.policy.until === "terminal") {
      return { events: [WatchEvent.Ended({ ...this.common(now), call })], next: over }
    }
    this.endedAt = now
    const ended = WatchEvent.Ended({ ...this.common(now), call })
    const record = this.onRecord(call, now)
    return { events: [ended, ...record.events], next: record.next }
  }

  /** An answer after the end. Should it deny the end, the end stands, and the record is not taken for settled. */
  private onRecord(call: Call.Call, now: number): Step {
    if (!Call.isTerminal(call)) return { events: [], next: this.wait(now) }
    this.ended = call
    const missing = this.missing(call)
    return missing.length > 0 ? { events: [], next: this.wait(now) } : this.settle(call, missing, now)
  }

  private settle(call: Call.TerminalCall, missing: ReadonlyArray<Call.SettlingField>, now: number): Step {
    this.settled = true
    return { events: [WatchEvent.Settled({ ...this.common(now), call, missing })], next: over }
  }

  /** `chance` is drawn from [0, 1). No poll is sent before `pausedUntil`, whatever this watch would like. */
  onFailure(error: ExotelError, now: number, chance: number, pausedUntil: number): Step {
    this.polls += 1
    if (isFinal(error) && !(error._tag === "CallNotFound" && this.mayAppear(now))) {
      return { events: [], next: { _tag: "Fail", error } }
    }
    this.failures += 1
    this.lastError = error
    const asked = Option.map(
      Errors.retryAfter(error),
      (wait) => Math.ceil(Math.min(Duration.toMillis(wait), Duration.toMillis(this.policy.retryAfterCap)))
    )
    if (Option.isSome(asked) && now + asked.value >= this.limit) {
      return this.endedAt === undefined
        ? { events: [], next: { _tag: "Fail", error: this.timeout("RetryAfter", now) } }
        : this.onLimit(now)
    }
    const nextPollAt = Math.max(now + Math.max(this.backoff(chance), Option.getOrElse(asked, () => 0)), pausedUntil)
    return {
      events: [
        WatchEvent.PollFailed({ ...this.common(now), error, nextPollAt: utc(nextPollAt) }),
        ...this.stall(now)
      ],
      next: { _tag: "WaitUntil", at: nextPollAt }
    }
  }

  /** The time is up. */
  onLimit(now: number): Step {
    // An ended call whose record was not read again since the watch was resumed: there is nothing to show.
    return this.ended === undefined
      ? { events: [], next: { _tag: "Fail", error: this.timeout("Deadline", now) } }
      : this.settle(this.ended, this.missing(this.ended), now)
  }

  onScheduleEnd(now: number): Step {
    return this.endedAt === undefined
      ? { events: [], next: { _tag: "Fail", error: this.timeout("ScheduleEnded", now) } }
      : this.onLimit(now)
  }

  private missing(call: Call.TerminalCall): ReadonlyArray<Call.SettlingField> {
    return Call.unsettled(call, { recording: this.policy.expectRecording })
  }

  /** A call that was created a moment ago may not be readable yet. */
  private mayAppear(now: number): boolean {
    return this.endedAt === undefined && now - this.startedAt < Duration.toMillis(this.policy.notFoundGrace)
  }

  /** Half of it certain, half by chance; the longest grows with each failure in a row, and never beyond its maximum. */
  private backoff(chance: number): number {
    const longest = Math.min(
      Duration.toMillis(this.policy.maxErrorBackoff),
      Duration.toMillis(this.policy.errorBackoff) * 2 ** Math.min(this.failures - 1, 30)
    )
    return atLeast(longest / 2 + longest / 2 * chance)
  }

  private wait(now: number): Next {
    return {
      _tag: "Wait",
      cadence: this.endedAt === undefined ? "cadence" : "settleCadence",
      progress: {
        status: Option.fromNullable(this.status),
        age: Duration.millis(now - (this.endedAt ?? this.startedAt)),
        sinceChange: Duration.millis(now - this.changedAt),
        polls: this.polls
      }
    }
  }

  private stall(now: number): ReadonlyArray<WatchEvent> {
    if (
      this.stalled || this.endedAt !== undefined || now - this.changedAt < Duration.toMillis(this.policy.stallAfter)
    ) {
      return []
    }
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
    return { sid: this.sid, at: utc(now), token: this.token }
  }

  private get token(): WatchToken {
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
      ...(this.settled ? { settled: true as const } : {})
    }, { disableValidation: true })
  }
}
