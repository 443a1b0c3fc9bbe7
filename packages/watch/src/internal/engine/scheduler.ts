/**
 * Chooses the next poll: an individual read, or a bulk poll of many calls. Pure; the time is a parameter.
 *
 * A call sleeps in the heap until it is due, and is then queued: for a poll, or for a read of the details of its end,
 * which has background priority. The most overdue call is polled first.
 */
import type { CallSid } from "@effect-exotel/core/CallSid"
import type * as Fiber from "effect/Fiber"
import { DueHeap } from "../collections/dueHeap.ts"
import { LinkedList } from "../collections/linkedList.ts"
import { Job, type WatchedCall } from "./watchedCall.ts"

/** Shares of the budget: above the first, polling becomes bulk; below the second, individual again. */
const INDIVIDUAL_UP_TO = 1
const INDIVIDUAL_AGAIN_BELOW = 0.85

/** The same for calls of single watches, which are polled individually longer. */
const SINGLE_WATCHES_UP_TO = 0.5
const SINGLE_WATCHES_AGAIN_BELOW = 0.4

/** A queue that would take longer than this to read individually is polled in bulk. */
const MAX_QUEUE_SECONDS = 10

/** The time after its last individual read at which a bulk-polled call is overdue for one. */
const UNREAD_MILLIS = 600_000

/** One in this number of background requests reads an overdue call, even while details wait. */
const OVERDUE_READ_EVERY = 20

/** With more details waiting than can be read in this time, the newest are read first. */
const DETAILS_BACKLOG_SECONDS = 20

/** The maximum number of calls that one search for a background read visits. */
const MAX_SEARCH = 200

/**
 * Visits all calls in rounds. Each round visits a snapshot: an iterator that is kept would retain every former table of
 * the map of calls.
 */
class RoundRobin {
  private round: ReadonlyArray<WatchedCall> = []
  private index = 0

  /** The next call of the round; undefined at its end. The call may not be watched any more. */
  next(calls: ReadonlyMap<CallSid, WatchedCall>): WatchedCall | undefined {
    if (this.round.length === 0) this.round = [...calls.values()]
    const call = this.round[this.index]
    this.index += 1
    if (call === undefined) this.reset()
    return call
  }

  reset(): void {
    this.round = []
    this.index = 0
  }
}

/** The fiber that sends the request. */
type Worker = Fiber.RuntimeFiber<unknown>

const moreOverdue = (one: WatchedCall | undefined, other: WatchedCall | undefined): WatchedCall | undefined =>
  one === undefined || (other !== undefined && other.pollDueAt < one.pollDueAt) ? other : one

export class PollScheduler {
  readonly calls = new Map<CallSid, WatchedCall>()
  /** The requests per second that the budget has available for watches. */
  rate = Number.POSITIVE_INFINITY
  /** No bulk poll is sent before this time, because bulk reads fail. */
  bulkAllowedFrom = Number.NEGATIVE_INFINITY
  private isBulk = false
  private bulkIncludesIndividual = false
  private readonly queue = new DueHeap<WatchedCall>()
  private readonly due = new LinkedList<WatchedCall>()
  /** The due calls of single watches. */
  private readonly individual = new LinkedList<WatchedCall>()
  private readonly details = new LinkedList<WatchedCall>()
  private demand = 0
  private singleDemand = 0
  private readonly roundRobin = new RoundRobin()
  private readonly overdueReads = new RoundRobin()
  private backgroundReads = 0
  private readonly bulkSize: number

  constructor(bulkSize: number) {
    this.bulkSize = bulkSize
  }

  /** The time at which the next sleeping call is due. */
  get wakeAt(): number {
    return this.queue.peek()?.wakeAt ?? Number.POSITIVE_INFINITY
  }

  get isPollingInBulk(): boolean {
    return this.isBulk
  }

  /** The number of ended calls that wait for a background read of their details. */
  get detailsWaiting(): number {
    return this.details.size
  }

  get pollsWaiting(): number {
    return this.due.size + this.individual.size
  }

  /** The most overdue call. */
  private get first(): WatchedCall | undefined {
    return moreOverdue(this.due.first, this.individual.first)
  }

  /** The delay of the most overdue call, and the wait that its cadence asked for. */
  lateness(now: number): { readonly lag: number; readonly wait: number } {
    const { first } = this
    if (first === undefined) return { lag: 0, wait: 0 }
    const { pollDueAt } = first
    return { lag: Math.max(0, now - pollDueAt), wait: pollDueAt - first.lastPollAt }
  }

  /** The next call that is due; it stays in the heap until `place` moves it. */
  woken(now: number): WatchedCall | undefined {
    const call = this.queue.peek()
    return call !== undefined && call.wakeAt <= now ? call : undefined
  }

  /** Queues the call or lets it sleep, or removes it if it is not watched any more. */
  place(call: WatchedCall, now: number): void {
    if (!call.isWatched) return this.remove(call)
    if (call.stage === "asleep" || call.stage === "details") {
      if (call.isPollDue(now)) this.enqueue(call, call.isSingle ? "individual" : "due")
      else if (call.stage === "asleep" && call.isDetailsReadDue(now)) this.enqueue(call, "details")
    }
    this.count(call)
    this.sleep(call)
  }

  private sleep(call: WatchedCall): void {
    call.wakeAt = this.wakeOf(call)
    this.queue.set(call)
  }

  private enqueue(call: WatchedCall, stage: "due" | "individual" | "details"): void {
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
    this.dequeue(call)
    this.count(call)
    // Its poll may end after a new watch of the call has begun.
    if (this.calls.get(call.sid) === call) this.calls.delete(call.sid)
  }

  private dequeue(call: WatchedCall): void {
    if (call.stage === "running") return
    if (call.stage !== "asleep") this[call.stage].remove(call)
    call.stage = "asleep"
  }

  /** Keeps the sum of the polls per second that the cadences ask for. */
  private count(call: WatchedCall): void {
    this.demand -= call.demand
    if (call.single) this.singleDemand -= call.demand
    const wait = call.pollDueAt - call.lastPollAt
    if (!call.isWatched) call.demand = 0
    else if (call.stage === "asleep" && wait > 0) call.demand = 1000 / wait
    call.single = call.isSingle
    this.demand += call.demand
    if (call.single) this.singleDemand += call.demand
    if (this.calls.size > 0) return
    // Sums of fractions accumulate rounding errors.
    this.demand = this.singleDemand = 0
    this.roundRobin.reset()
    this.overdueReads.reset()
  }

  /** Chooses individual polling while it fits the budget, otherwise bulk polling, with hysteresis. */
  private choose(now: number): void {
    const longest = this.rate * MAX_QUEUE_SECONDS
    const behind = this.pollsWaiting > longest
    const allowed = now >= this.bulkAllowedFrom && this.bulkSize > 1
    const share = this.isBulk ? INDIVIDUAL_AGAIN_BELOW : INDIVIDUAL_UP_TO
    this.isBulk = allowed && (behind || this.demand > this.rate * share)
    const individual = this.bulkIncludesIndividual ? SINGLE_WATCHES_AGAIN_BELOW : SINGLE_WATCHES_UP_TO
    this.bulkIncludesIndividual = this.isBulk
      && (this.individual.size > longest || this.singleDemand > this.rate * individual)
  }

  private isRead(call: WatchedCall): boolean {
    return !this.isBulk || (call.single && !this.bulkIncludesIndividual) || call.mustBeRead
  }

  private take(by: Job["by"], calls: ReadonlyArray<WatchedCall>, now: number, worker: Worker): Job {
    const job = new Job(by, calls, worker)
    for (const call of calls) {
      this.dequeue(call)
      call.stage = "running"
      call.job = job
      call.lastPollAt = now
      this.sleep(call)
    }
    return job
  }

  /** The most urgent poll, if a call is due. */
  nextPoll(now: number, worker: Worker): Job | undefined {
    const { first } = this
    if (first === undefined) return undefined
    this.choose(now)
    if (this.isRead(first)) return this.take("individual", [first], now, worker)
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
    return this.take(calls.length > 1 ? "bulk" : "individual", calls, now, worker)
  }

  /** Fills a bulk poll with the calls that would be due next, at no further cost. */
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

  /** The best use of a background request: details, or an individual read of a bulk-polled call. */
  nextBackground(now: number, worker: Worker): Job | undefined {
    this.backgroundReads += 1
    const overdue = this.backgroundReads % OVERDUE_READ_EVERY === 0
      ? this.nextUnread(now, this.overdueReads, UNREAD_MILLIS)
      : undefined
    const call = overdue ?? this.nextDetails ?? this.nextUnread(now, this.roundRobin, 0)
    return call === undefined ? undefined : this.take("individual", [call], now, worker)
  }

  /**
   * The call whose details are read next: the oldest, or the newest when more wait than can be read soon. Then the oldest
   * would all be given up just before they were read, and every call would wait that long.
   */
  private get nextDetails(): WatchedCall | undefined {
    return this.details.size > this.rate * DETAILS_BACKLOG_SECONDS ? this.details.last : this.details.first
  }

  /** Visits bulk-polled calls in turn and returns one whose cadence asks for an individual read. */
  private nextUnread(now: number, roundRobin: RoundRobin, atLeast: number): WatchedCall | undefined {
    if (!this.isBulk) return undefined
    for (let passed = 0; passed < MAX_SEARCH; passed++) {
      const call = roundRobin.next(this.calls)
      if (call === undefined) return undefined
      if (!call.isWatched) continue
      const unread = now - call.readAt
      if (
        unread >= atLeast && unread >= call.pollDueAt - call.lastPollAt && call.stage !== "running" && call.canPollEarly
      ) {
        return call
      }
    }
    return undefined
  }

  /** Whether a background request has a use. */
  get hasBackgroundWork(): boolean {
    return this.details.size > 0 || (this.isBulk && this.calls.size > 0)
  }

  /** Moves all times by the amount by which the clock was set back. */
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
