/** The engine's state of a watched call. Kept small, because there may be a hundred thousand. */
import type { CallSid } from "@effect-exotel/core/CallSid"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { WatchError } from "../../WatchError.ts"
import type { WatchEvent } from "../../WatchEvent.ts"
import type { Due } from "../collections/dueHeap.ts"
import type { Link } from "../collections/linkedList.ts"
import type { ScheduleStepper } from "../watch/cadence.ts"
import type { WatchState } from "../watch/watchState.ts"

/** Receives the events of watches. Called synchronously; must not throw. */
export interface Listener {
  /** Whether it watches a single call, of which every change is wanted, and not a fleet. */
  readonly single: boolean
  readonly onEvent: (event: WatchEvent) => void
  /** Called once, after the last event of a watch; not after an interruption. */
  readonly onFinished: (state: WatchState, exit: Exit.Exit<void, WatchError>) => void
}

/** One listener's watch of a call. */
export class Watch {
  readonly state: WatchState
  readonly listener: Listener
  dueAt: number
  /** After an error the backoff or `Retry-After` applies, even if hints arrive. */
  backingOff = false
  /** Only schedules have state. */
  cadence: ScheduleStepper | undefined = undefined
  settleCadence: ScheduleStepper | undefined = undefined
  /** The step of a schedule that is being computed. */
  step: Fiber.RuntimeFiber<void> | undefined = undefined
  /** The stepper that determined `dueAt`. */
  pacedBy: ScheduleStepper | undefined = undefined
  /** The next watch of the same call; most calls have one watch. */
  next: Watch | undefined = undefined

  constructor(state: WatchState, listener: Listener, dueAt: number) {
    this.state = state
    this.listener = listener
    this.dueAt = dueAt
  }
}

/** A poll in flight: its calls and its worker. */
export class Job {
  readonly by: "individual" | "bulk"
  readonly calls: ReadonlyArray<WatchedCall>
  readonly worker: Fiber.RuntimeFiber<unknown>
  /** The number of its calls that are still watched. */
  wanted: number

  constructor(by: "individual" | "bulk", calls: ReadonlyArray<WatchedCall>, worker: Fiber.RuntimeFiber<unknown>) {
    this.by = by
    this.calls = calls
    this.worker = worker
    this.wanted = calls.length
  }
}

/** A call and its watches, which share its polls. */
export class WatchedCall implements Due, Link {
  readonly sid: CallSid
  first: Watch | undefined = undefined
  wakeAt = Number.POSITIVE_INFINITY
  position = -1
  /** Asleep until due, queued for a poll, queued for a read of its details, or polled now. */
  stage: "asleep" | "due" | "individual" | "details" | "running" = "asleep"
  before: this | undefined = undefined
  after: this | undefined = undefined
  job: Job | undefined = undefined
  lastPollAt = Number.NEGATIVE_INFINITY
  /** The time of the last individual read; before that, of the first watch. */
  readAt: number
  /** The time of the last response that showed the call active; NaN before that. */
  lastActiveAt = Number.NaN
  /** A hint arrived during a poll, which may have been sent before the event. */
  hinted = false
  /** Whether a bulk poll failed for it, so that an individual read is needed. */
  needsRead = false
  /** The polls per second that its cadence asks for, as counted by the scheduler. */
  demand = 0
  /** Whether the scheduler counts it among the calls of single watches. */
  single = false

  /** Runs a step of a schedule, and schedules the call again when it is done. */
  readonly runStep: (step: Effect.Effect<void>) => Fiber.RuntimeFiber<void>

  constructor(
    sid: CallSid,
    now: number,
    runStep: (call: WatchedCall, step: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  ) {
    this.sid = sid
    this.runStep = (step) => runStep(this, step)
    this.readAt = now
  }

  get isWatched(): boolean {
    return this.first !== undefined
  }

  /** A copy, because watches may end during the iteration. */
  get watches(): ReadonlyArray<Watch> {
    if (this.first === undefined) return []
    if (this.first.next === undefined) return [this.first]
    const all: Array<Watch> = []
    for (let watch: Watch | undefined = this.first; watch !== undefined; watch = watch.next) all.push(watch)
    return all
  }

  add(watch: Watch): void {
    let last = this.first
    while (last?.next !== undefined) last = last.next
    if (last === undefined) this.first = watch
    else last.next = watch
  }

  /** False if the watch was removed already. */
  delete(watch: Watch): boolean {
    let before: Watch | undefined
    for (let each = this.first; each !== undefined; each = each.next) {
      if (each === watch) {
        if (before === undefined) this.first = watch.next
        else before.next = watch.next
        return true
      }
      before = each
    }
    return false
  }

  watchOf(listener: Listener): Watch | undefined {
    for (let watch = this.first; watch !== undefined; watch = watch.next) if (watch.listener === listener) return watch
    return undefined
  }

  /** Whether a watch that waits for changes or the end, and not only for details, is due. */
  isPollDue(now: number): boolean {
    return this.pollDueAt <= now
  }

  isDetailsReadDue(now: number): boolean {
    for (let watch = this.first; watch !== undefined; watch = watch.next) {
      if (watch.dueAt <= now && watch.state.awaitsDetails) return true
    }
    return false
  }

  /** Whether a watch of it asks for the details of the ended call. */
  get wantsDetails(): boolean {
    for (let watch = this.first; watch !== undefined; watch = watch.next) if (watch.state.policy.details) return true
    return false
  }

  /** Whether an early poll is useful and no watch is backing off. */
  get canPollEarly(): boolean {
    let isPolled = false
    for (let watch = this.first; watch !== undefined; watch = watch.next) {
      if (watch.backingOff) return false
      if (!watch.state.awaitsDetails) isPolled = true
    }
    return isPolled
  }

  get isSingle(): boolean {
    for (let watch = this.first; watch !== undefined; watch = watch.next) if (watch.listener.single) return true
    return false
  }

  /** Whether an individual read is required. */
  get mustBeRead(): boolean {
    if (this.needsRead) return true
    for (let watch = this.first; watch !== undefined; watch = watch.next) if (watch.state.isFinalCheck) return true
    return false
  }

  /** The earliest due time of a watch that waits for changes or the end, and not only for details. */
  get pollDueAt(): number {
    let pollDueAt = Number.POSITIVE_INFINITY
    for (let watch = this.first; watch !== undefined; watch = watch.next) {
      if (!watch.state.awaitsDetails) pollDueAt = Math.min(pollDueAt, watch.dueAt)
    }
    return pollDueAt
  }

  /** The earliest time at which a watch ends, or stops waiting, without a response. */
  get limit(): number {
    let limit = Number.POSITIVE_INFINITY
    for (let watch = this.first; watch !== undefined; watch = watch.next) limit = Math.min(limit, watch.state.limit)
    return limit
  }
}
