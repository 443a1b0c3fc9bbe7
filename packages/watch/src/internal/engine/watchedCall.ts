/** The engine's state of a watched call. Kept small, because there may be a hundred thousand. */
import type { CallSid } from "@effect-exotel/core/CallSid"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { WatchError } from "../../WatchError.ts"
import type { WatchEvent } from "../../WatchEvent.ts"
import type { Due } from "../collections/dueHeap.ts"
import type { Link, LinkedList } from "../collections/linkedList.ts"
import type { ScheduleStepper } from "../watch/cadence.ts"
import type { WatchState } from "../watch/watchState.ts"

/** The minimum interval between polls of a call that hints cause. */
const HINT_INTERVAL_MILLIS = 2000

/** Receives the events of watches. Called synchronously; must not throw. */
export interface Listener {
  /** Whether it watches a single call, of which every change is wanted, and not a fleet. */
  readonly single: boolean
  readonly onEvent: (event: WatchEvent) => void
  /** Called once, after the last event of a watch; not after an interruption. */
  readonly onFinished: (state: WatchState, exit: Exit.Exit<void, WatchError>) => void
}

/** The schedule that paces a watch, and the step that is being computed. */
export interface ActiveSchedule {
  readonly cadence: "cadence" | "settleCadence"
  readonly stepper: ScheduleStepper
  step: Fiber.RuntimeFiber<void> | undefined
}

/** One listener's watch of a call. */
export class Watch {
  readonly state: WatchState
  readonly listener: Listener
  dueAt: number
  /** After an error the backoff or `Retry-After` applies, even if hints arrive. */
  backingOff = false
  schedule: ActiveSchedule | undefined = undefined

  constructor(state: WatchState, listener: Listener, dueAt: number) {
    this.state = state
    this.listener = listener
    this.dueAt = dueAt
  }
}

/** A poll, and the fiber that sends it. */
export interface Job {
  readonly by: "individual" | "bulk"
  readonly calls: ReadonlyArray<WatchedCall>
  fiber: Fiber.RuntimeFiber<void> | undefined
}

/** Runs a step of a schedule, and places the call again when it is done. */
export type RunStep = (call: WatchedCall, step: Effect.Effect<void>) => Fiber.RuntimeFiber<void>

const none: ReadonlyArray<Watch> = []

/** A call and its watches, which share its polls. All times are monotonic. */
export class WatchedCall implements Due, Link {
  readonly sid: CallSid
  /** Never modified in place, because watches may end during an iteration. */
  watches: ReadonlyArray<Watch> = none
  wakeAt = Number.POSITIVE_INFINITY
  position = -1
  /** The queue that holds it: for a poll, or for a read of its details. */
  queue: LinkedList<WatchedCall> | undefined = undefined
  before: this | undefined = undefined
  after: this | undefined = undefined
  /** The poll in flight. */
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
  readonly runStep: RunStep

  constructor(sid: CallSid, at: number, runStep: RunStep) {
    this.sid = sid
    this.readAt = at
    this.runStep = runStep
  }

  get isWatched(): boolean {
    return this.watches.length > 0
  }

  add(watch: Watch): void {
    this.watches = [...this.watches, watch]
  }

  /** False if the watch was removed already. */
  delete(watch: Watch): boolean {
    if (!this.watches.includes(watch)) return false
    this.watches = this.watches.length === 1 ? none : this.watches.filter((each) => each !== watch)
    return true
  }

  watchOf(listener: Listener): Watch | undefined {
    return this.watches.find((watch) => watch.listener === listener)
  }

  /** Makes it due soon, or after the poll in flight. */
  hint(at: number): void {
    this.hinted = this.job !== undefined
    if (this.hinted) return
    const soon = Math.max(at, this.lastPollAt + HINT_INTERVAL_MILLIS)
    for (const watch of this.watches) {
      if (!watch.backingOff && !watch.state.awaitsDetails) watch.dueAt = Math.min(watch.dueAt, soon)
    }
  }

  /** The earliest due time of a watch that waits for changes or the end, and not only for details. */
  get pollDueAt(): number {
    let dueAt = Number.POSITIVE_INFINITY
    for (const watch of this.watches) if (!watch.state.awaitsDetails) dueAt = Math.min(dueAt, watch.dueAt)
    return dueAt
  }

  /** The earliest due time of a watch that waits only for details. */
  get detailsDueAt(): number {
    let dueAt = Number.POSITIVE_INFINITY
    for (const watch of this.watches) if (watch.state.awaitsDetails) dueAt = Math.min(dueAt, watch.dueAt)
    return dueAt
  }

  /** The earliest date on which a watch ends, or stops waiting, without a response. */
  get limit(): number {
    let limit = Number.POSITIVE_INFINITY
    for (const watch of this.watches) limit = Math.min(limit, watch.state.limit)
    return limit
  }

  /** Whether a watch of it asks for the details of the ended call. */
  get wantsDetails(): boolean {
    return this.watches.some(({ state }) => state.policy.details)
  }

  /** Whether an early poll is useful and no watch is backing off. */
  get canPollEarly(): boolean {
    return this.watches.some(({ state }) => !state.awaitsDetails) && !this.watches.some(({ backingOff }) => backingOff)
  }

  get isSingle(): boolean {
    return this.watches.some(({ listener }) => listener.single)
  }

  /** Whether an individual read is required. */
  get mustBeRead(): boolean {
    return this.needsRead || this.watches.some(({ state }) => state.isFinalCheck)
  }
}
