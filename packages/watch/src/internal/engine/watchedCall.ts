/** What the engine keeps of a call that is watched: as little as will do, for there may be a hundred thousand. */
import type { CallSid } from "@effect-exotel/core/CallSid"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { WatchError } from "../../WatchError.ts"
import type { WatchEvent } from "../../WatchEvent.ts"
import type { Due } from "../collections/dueHeap.ts"
import type { Link } from "../collections/linkedList.ts"
import type { ScheduleStepper } from "../watch/cadence.ts"
import type { WatchState } from "../watch/watchState.ts"

/** Where watches tell what they see. Called synchronously; must not throw. */
export interface Listener {
  /** Whether its watches are of single calls, whose every change somebody wants to see, and not of a fleet. */
  readonly single: boolean
  readonly onEvent: (event: WatchEvent) => void
  /** Called once for a watch, last; not after an interruption. */
  readonly onFinished: (state: WatchState, exit: Exit.Exit<void, WatchError>) => void
}

/** One listener's watch of a call. */
export class Watch {
  readonly state: WatchState
  readonly listener: Listener
  dueAt: number
  /** After an error Exotel is given the rest that the policy or `Retry-After` says, whatever hints come. */
  backingOff = false
  /** Only schedules have a state of their own. */
  cadence: ScheduleStepper | undefined = undefined
  settleCadence: ScheduleStepper | undefined = undefined
  /** The one that laid down `dueAt`. */
  pacedBy: ScheduleStepper | undefined = undefined
  /** The next watch of the same call: most calls have one. */
  next: Watch | undefined = undefined

  constructor(state: WatchState, listener: Listener, dueAt: number) {
    this.state = state
    this.listener = listener
    this.dueAt = dueAt
  }
}

/** What is asked, of one call or of many, and by whom. */
export class Job {
  readonly by: "read" | "sweep"
  readonly calls: ReadonlyArray<WatchedCall>
  readonly worker: Fiber.RuntimeFiber<unknown>
  /** How many of its calls are still watched. */
  wanted: number

  constructor(by: "read" | "sweep", calls: ReadonlyArray<WatchedCall>, worker: Fiber.RuntimeFiber<unknown>) {
    this.by = by
    this.calls = calls
    this.worker = worker
    this.wanted = calls.length
  }
}

/** A call and everybody who watches it: they share its polls. */
export class WatchedCall implements Due, Link {
  readonly sid: CallSid
  first: Watch | undefined = undefined
  wakeAt = Number.POSITIVE_INFINITY
  position = -1
  /** Waiting for its time, for a turn to be looked at, for a turn to have its details read, or for an answer. */
  stage: "asleep" | "due" | "individual" | "details" | "running" = "asleep"
  before: this | undefined = undefined
  after: this | undefined = undefined
  job: Job | undefined = undefined
  lastPollAt = Number.NEGATIVE_INFINITY
  /** When the call itself was last read, not only swept; before that, when it was first watched. */
  readAt: number
  /** When an answer last showed the call going on; no number before that. */
  lastActiveAt = Number.NaN
  /** A hint came while a poll was under way, which may have left before what the hint tells of. */
  hinted = false
  /** Whether a sweep could not tell of it, so that it has to be read. */
  needsRead = false
  /** Reads a second that its cadence asks for, as the agenda counts it. */
  demand = 0
  /** Whether the agenda counts it among the calls that are watched one by one. */
  single = false

  constructor(sid: CallSid, now: number) {
    this.sid = sid
    this.readAt = now
  }

  get isWatched(): boolean {
    return this.first !== undefined
  }

  /** A copy, for watches may leave while it is gone through. */
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

  /** False when the watch had left already. */
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

  /** Whether somebody is due who looks for changes or for the end, and not only for details. */
  isPollDue(now: number): boolean {
    return this.pollDueAt <= now
  }

  wantsDetails(now: number): boolean {
    for (let watch = this.first; watch !== undefined; watch = watch.next) {
      if (watch.dueAt <= now && watch.state.awaitsDetails) return true
    }
    return false
  }

  /** Whether a look before its time does anybody good, and breaks nobody's rest. */
  get canPollEarly(): boolean {
    let looks = false
    for (let watch = this.first; watch !== undefined; watch = watch.next) {
      if (watch.backingOff) return false
      if (!watch.state.awaitsDetails) looks = true
    }
    return looks
  }

  get isSingle(): boolean {
    for (let watch = this.first; watch !== undefined; watch = watch.next) if (watch.listener.single) return true
    return false
  }

  /** Whether only a read of the call itself will do. */
  get mustBeRead(): boolean {
    if (this.needsRead) return true
    for (let watch = this.first; watch !== undefined; watch = watch.next) if (watch.state.isFinalCheck) return true
    return false
  }

  /** The earliest time at which somebody wants to see changes or the end, and not only details. */
  get pollDueAt(): number {
    let pollDueAt = Number.POSITIVE_INFINITY
    for (let watch = this.first; watch !== undefined; watch = watch.next) {
      if (!watch.state.awaitsDetails) pollDueAt = Math.min(pollDueAt, watch.dueAt)
    }
    return pollDueAt
  }

  /** The earliest time at which a watch is over, or gives something up, without an answer. */
  get limit(): number {
    let limit = Number.POSITIVE_INFINITY
    for (let watch = this.first; watch !== undefined; watch = watch.next) limit = Math.min(limit, watch.state.limit)
    return limit
  }
}
