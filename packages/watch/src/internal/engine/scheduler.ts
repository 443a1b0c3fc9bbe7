/**
 * Which call is looked at next, and whether by a read of its own or by a sweep of many. Has no effects; is told the time.
 *
 * A call sleeps in the queue until it is due, then stands in line: for a look, or for the details of its end, which
 * come second. What stands longest is served first.
 */
import type { CallSid } from "@effect-exotel/core/CallSid"
import type * as Fiber from "effect/Fiber"
import { DueHeap } from "../collections/dueHeap.ts"
import { LinkedList } from "../collections/linkedList.ts"
import { Job, type WatchedCall } from "./watchedCall.ts"

/** The share of the budget up to which calls are read one by one; below the second one they are again. */
const READS_UP_TO = 1
const READS_AGAIN_BELOW = 0.85

/** Of the budget, calls that are watched one by one may take so much before they are swept, too. */
const SINGLES_UP_TO = 0.5
const SINGLES_AGAIN_BELOW = 0.4

/** A line that would take longer than this to be read one by one is swept. */
const LONGEST_LINE_SECONDS = 10

/** So long after its last read, or its beginning, a swept call has a claim to be read itself. */
const UNREAD_MILLIS = 600_000

/** One of so many spare requests goes to a call with that claim, however many details are waited for. */
const UNREAD_TURN = 20

/** How many calls are passed over in one search for one that may be read. */
const LONGEST_SEARCH = 200

/** A way through all calls again and again; whoever joins comes last. */
interface RoundRobin {
  calls: Iterator<WatchedCall>
}

/** Who asks. */
type Worker = Fiber.RuntimeFiber<unknown>

const moreOverdue = (one: WatchedCall | undefined, other: WatchedCall | undefined): WatchedCall | undefined =>
  one === undefined || (other !== undefined && other.pollDueAt < one.pollDueAt) ? other : one

export class PollScheduler {
  readonly calls = new Map<CallSid, WatchedCall>()
  /** Requests a second that the budget leaves to all of them. */
  rate = Number.POSITIVE_INFINITY
  /** Until then no sweep is tried: Exotel refuses them. */
  bulkAllowedFrom = Number.NEGATIVE_INFINITY
  private isBulk = false
  private bulkIncludesIndividual = false
  private readonly queue = new DueHeap<WatchedCall>()
  private readonly due = new LinkedList<WatchedCall>()
  /** The calls among the due that are watched one by one. */
  private readonly individual = new LinkedList<WatchedCall>()
  private readonly details = new LinkedList<WatchedCall>()
  private demand = 0
  private singleDemand = 0
  private readonly roundRobin: RoundRobin = { calls: this.calls.values() }
  private readonly overdueReads: RoundRobin = { calls: this.calls.values() }
  private spares = 0
  private readonly bulkSize: number

  constructor(bulkSize: number) {
    this.bulkSize = bulkSize
  }

  /** When the next call must be woken. */
  get wakeAt(): number {
    return this.queue.peek()?.wakeAt ?? Number.POSITIVE_INFINITY
  }

  get isPollingInBulk(): boolean {
    return this.isBulk
  }

  /** How many ended calls wait for a request to spare for their details. */
  get detailsWaiting(): number {
    return this.details.size
  }

  get pollsWaiting(): number {
    return this.due.size + this.individual.size
  }

  /** Whoever has been due for longest. */
  private get first(): WatchedCall | undefined {
    return moreOverdue(this.due.first, this.individual.first)
  }

  /** How late the first in line is, and how long it wanted to wait since it was last looked at. */
  lateness(now: number): { readonly lag: number; readonly wait: number } {
    const { first } = this
    if (first === undefined) return { lag: 0, wait: 0 }
    const { pollDueAt } = first
    return { lag: Math.max(0, now - pollDueAt), wait: pollDueAt - first.lastPollAt }
  }

  /** The next call whose time has come, taken out of its sleep only by `place`. */
  woken(now: number): WatchedCall | undefined {
    const call = this.queue.peek()
    return call !== undefined && call.wakeAt <= now ? call : undefined
  }

  /** Puts the call where it belongs now, or forgets it when nobody watches it any more. */
  place(call: WatchedCall, now: number): void {
    if (!call.isWatched) return this.remove(call)
    if (call.stage === "asleep" || call.stage === "details") {
      if (call.isPollDue(now)) this.line(call, call.isSingle ? "individual" : "due")
      else if (call.stage === "asleep" && call.wantsDetails(now)) this.line(call, "details")
    }
    this.count(call)
    this.sleep(call)
  }

  private sleep(call: WatchedCall): void {
    call.wakeAt = this.wakeOf(call)
    this.queue.set(call)
  }

  private line(call: WatchedCall, stage: "due" | "individual" | "details"): void {
    if (call.stage === "details") this.details.remove(call)
    call.stage = stage
    this[stage].push(call)
  }

  private wakeOf(call: WatchedCall): number {
    let wakeAt = call.limit
    if (call.stage !== "asleep" && call.stage !== "details") return wakeAt
    for (let watch = call.first; watch !== undefined; watch = watch.next) {
      if (call.stage === "asleep" || !watch.state.awaitsDetails) wakeAt = Math.min(wakeAt, watch.dueAt)
    }
    return wakeAt
  }

  private remove(call: WatchedCall): void {
    this.queue.remove(call)
    this.leaveLine(call)
    this.count(call)
    // Its poll may end after the call is watched anew.
    if (this.calls.get(call.sid) === call) this.calls.delete(call.sid)
  }

  private leaveLine(call: WatchedCall): void {
    if (call.stage === "running") return
    if (call.stage !== "asleep") this[call.stage].remove(call)
    call.stage = "asleep"
  }

  /** Keeps the sum of what the cadences ask for. */
  private count(call: WatchedCall): void {
    this.demand -= call.demand
    if (call.single) this.singleDemand -= call.demand
    const wait = call.pollDueAt - call.lastPollAt
    if (!call.isWatched) call.demand = 0
    else if (call.stage === "asleep" && wait > 0) call.demand = 1000 / wait
    call.single = call.isSingle
    this.demand += call.demand
    if (call.single) this.singleDemand += call.demand
    // Sums of fractions drift.
    if (this.calls.size === 0) this.demand = this.singleDemand = 0
  }

  /** By reads as long as these fit the budget, by sweeps when they do not; not to and fro. */
  private choose(now: number): void {
    const longest = this.rate * LONGEST_LINE_SECONDS
    const behind = this.pollsWaiting > longest
    const allowed = now >= this.bulkAllowedFrom && this.bulkSize > 1
    const share = this.isBulk ? READS_AGAIN_BELOW : READS_UP_TO
    this.isBulk = allowed && (behind || this.demand > this.rate * share)
    const individual = this.bulkIncludesIndividual ? SINGLES_AGAIN_BELOW : SINGLES_UP_TO
    this.bulkIncludesIndividual = this.isBulk
      && (this.individual.size > longest || this.singleDemand > this.rate * individual)
  }

  private isRead(call: WatchedCall): boolean {
    return !this.isBulk || (call.single && !this.bulkIncludesIndividual) || call.mustBeRead
  }

  private take(by: Job["by"], calls: ReadonlyArray<WatchedCall>, now: number, worker: Worker): Job {
    const job = new Job(by, calls, worker)
    for (const call of calls) {
      this.leaveLine(call)
      call.stage = "running"
      call.job = job
      call.lastPollAt = now
      this.sleep(call)
    }
    return job
  }

  /** The most urgent look; none when nothing is due. */
  nextPoll(now: number, worker: Worker): Job | undefined {
    const { first } = this
    if (first === undefined) return undefined
    this.choose(now)
    if (this.isRead(first)) return this.take("read", [first], now, worker)
    const calls: Array<WatchedCall> = []
    let one = this.due.first
    let other = this.individual.first
    while (calls.length < this.bulkSize) {
      const call = moreOverdue(one, other)
      if (call === undefined) break
      if (call === one) one = one.after
      else other = call.after
      if (!this.isRead(call)) calls.push(call)
    }
    this.topUp(calls)
    return this.take(calls.length > 1 ? "sweep" : "read", calls, now, worker)
  }

  /** What a request asks for besides costs nothing: those that would be due next come along. */
  private topUp(calls: Array<WatchedCall>): void {
    const passed: Array<WatchedCall> = []
    while (calls.length < this.bulkSize && passed.length < this.bulkSize) {
      const call = this.queue.peek()
      if (call === undefined) break
      this.queue.remove(call)
      passed.push(call)
      if (call.stage === "asleep" && call.canPollEarly && !this.isRead(call)) calls.push(call)
    }
    for (const call of passed) this.queue.set(call)
  }

  /** What a request that nobody is in a hurry for serves best: details, oldest first, or a call that was long not read. */
  nextBackground(now: number, worker: Worker): Job | undefined {
    this.spares += 1
    const claim = this.spares % UNREAD_TURN === 0 ? this.nextUnread(now, this.overdueReads, UNREAD_MILLIS) : undefined
    const call = claim ?? this.details.first ?? this.nextUnread(now, this.roundRobin, 0)
    return call === undefined ? undefined : this.take("read", [call], now, worker)
  }

  /** Swept calls in turn, each when its cadence would have it read. */
  private nextUnread(now: number, roundRobin: RoundRobin, atLeast: number): WatchedCall | undefined {
    if (!this.isBulk) return undefined
    for (let passed = 0; passed < LONGEST_SEARCH; passed++) {
      const { done, value: call } = roundRobin.calls.next()
      if (done === true) {
        roundRobin.calls = this.calls.values()
        return undefined
      }
      const unread = now - call.readAt
      if (
        unread >= atLeast && unread >= call.pollDueAt - call.lastPollAt && call.stage !== "running" && call.canPollEarly
      ) {
        return call
      }
    }
    return undefined
  }

  /** Whether a request would be of use that nobody is in a hurry for. */
  get hasBackgroundWork(): boolean {
    return this.details.size > 0 || (this.isBulk && this.calls.size > 0)
  }

  /** Moves everything with a clock that was set back. */
  shift(back: number, now: number): void {
    this.bulkAllowedFrom -= back
    for (const call of this.calls.values()) {
      call.lastPollAt -= back
      call.readAt -= back
      for (let watch = call.first; watch !== undefined; watch = watch.next) watch.dueAt -= back
      this.place(call, now)
    }
  }
}
