/**
 * Chooses the next poll: an individual read, or a bulk poll of many calls. Pure; the time is a parameter.
 *
 * A call sleeps in the heap until it is due, and is then queued: for a poll, or for a read of the details of its end,
 * which has background priority. The most overdue call is polled first.
 */
import type { CallSid } from "@effect-exotel/core/CallSid"
import { DueHeap } from "../collections/dueHeap.ts"
import { LinkedList } from "../collections/linkedList.ts"
import { Demand } from "./demand.ts"
import { fromDate, type Now } from "./now.ts"
import { UnreadCalls } from "./unreadCalls.ts"
import type { Job, WatchedCall } from "./watchedCall.ts"

/** The time after its last individual read at which a bulk-polled call is overdue for one. */
const UNREAD_MILLIS = 600_000

/** One in this number of background requests reads an overdue call, even while details wait. */
const OVERDUE_READ_EVERY = 20

/** With more details waiting than can be read in this time, the newest are read first. */
const DETAILS_BACKLOG_SECONDS = 20

export class PollScheduler {
  readonly calls = new Map<CallSid, WatchedCall>()
  readonly demand = new Demand()
  /** The requests per second that the budget has available for watches. */
  rate = Number.POSITIVE_INFINITY
  private readonly sleeping = new DueHeap<WatchedCall>()
  private readonly due = new LinkedList<WatchedCall>()
  /** The number of due calls of single watches. */
  private dueSingles = 0
  private readonly details = new LinkedList<WatchedCall>()
  private readonly unread = new UnreadCalls()
  private readonly overdueReads = new UnreadCalls()
  private backgroundReads = 0
  private readonly bulkSize: number

  constructor(bulkSize: number) {
    this.bulkSize = bulkSize
    if (bulkSize === 1) this.demand.bulkAllowedFrom = Number.POSITIVE_INFINITY
  }

  /** The time at which the next sleeping call is due. */
  get wakeAt(): number {
    return this.sleeping.peek()?.wakeAt ?? Number.POSITIVE_INFINITY
  }

  /** The number of ended calls that wait for a background read of their details. */
  get detailsWaiting(): number {
    return this.details.size
  }

  /** Whether a call waits for a poll. */
  get hasPollWork(): boolean {
    return this.due.size > 0
  }

  /** Whether a background request may have a use. */
  get hasBackgroundWork(): boolean {
    return this.details.size > 0 || (this.demand.isBulk && this.calls.size > 0)
  }

  /** The next call that is due; it stays in the heap until `place` moves it. */
  woken(now: Now): WatchedCall | undefined {
    const call = this.sleeping.peek()
    return call !== undefined && call.wakeAt <= now.at ? call : undefined
  }

  /** Queues the call or lets it sleep, or removes it if it is not watched any more. */
  place(call: WatchedCall, now: Now): void {
    if (!call.isWatched) return this.remove(call)
    // A call whose limit has passed wakes at once, and is not polled.
    if (call.job === undefined && call.queue !== this.due && call.limit > now.date) {
      if (call.pollDueAt <= now.at) this.enqueue(call, this.due)
      else if (call.queue === undefined && call.detailsDueAt <= now.at) this.enqueue(call, this.details)
    }
    this.count(call)
    this.sleep(call, now)
  }

  private sleep(call: WatchedCall, now: Now): void {
    call.wakeAt = fromDate(call.limit, now)
    if (call.job === undefined && call.queue !== this.due) {
      call.wakeAt = Math.min(call.wakeAt, call.pollDueAt, call.queue === undefined ? call.detailsDueAt : Infinity)
    }
    this.sleeping.set(call)
  }

  private remove(call: WatchedCall): void {
    this.sleeping.remove(call)
    this.dequeue(call)
    this.demand.set(call, 0)
    // Its poll may end after a new watch of the call has begun.
    if (this.calls.get(call.sid) === call) this.calls.delete(call.sid)
    if (this.calls.size > 0) return
    this.demand.reset()
    this.unread.reset()
    this.overdueReads.reset()
  }

  private enqueue(call: WatchedCall, queue: LinkedList<WatchedCall>): void {
    this.dequeue(call)
    call.queue = queue
    queue.push(call)
    if (queue === this.due && call.single) this.dueSingles += 1
  }

  private dequeue(call: WatchedCall): void {
    if (call.queue === this.due && call.single) this.dueSingles -= 1
    call.queue?.remove(call)
    call.queue = undefined
  }

  /** Counts the polls per second that the cadence asks for; those of a queued call are counted already. */
  private count(call: WatchedCall): void {
    const wait = call.pollDueAt - call.lastPollAt
    const wasSingle = call.single
    this.demand.set(call, call.job === undefined && call.queue === undefined && wait > 0 ? 1000 / wait : undefined)
    if (call.queue === this.due) this.dueSingles += Number(call.single) - Number(wasSingle)
  }

  private take(by: Job["by"], calls: ReadonlyArray<WatchedCall>, now: Now): Job {
    const job: Job = { by, calls, fiber: undefined }
    for (const call of calls) {
      this.dequeue(call)
      call.job = job
      call.lastPollAt = now.at
      this.sleep(call, now)
    }
    return job
  }

  /** The delay of the most overdue call, and the wait that its cadence asked for. */
  lateness(now: Now): { readonly lag: number; readonly wait: number } {
    const { first } = this.due
    if (first === undefined) return { lag: 0, wait: 0 }
    const { pollDueAt } = first
    return { lag: Math.max(0, now.at - pollDueAt), wait: pollDueAt - first.lastPollAt }
  }

  /** The most urgent poll, if a call is due. */
  nextPoll(now: Now): Job | undefined {
    const { first } = this.due
    if (first === undefined) return undefined
    this.demand.choose(now.at, this.rate, this.due.size, this.dueSingles)
    if (this.demand.isIndividual(first)) return this.take("individual", [first], now)
    const calls: Array<WatchedCall> = []
    for (
      let call: WatchedCall | undefined = first;
      call !== undefined && calls.length < this.bulkSize;
      call = call.after
    ) {
      if (!this.demand.isIndividual(call)) calls.push(call)
    }
    this.topUp(calls)
    return this.take(calls.length > 1 ? "bulk" : "individual", calls, now)
  }

  /** Fills a bulk poll with the calls that would be due next, at no further cost. */
  private topUp(calls: Array<WatchedCall>): void {
    const passed: Array<WatchedCall> = []
    while (calls.length < this.bulkSize && passed.length < this.bulkSize) {
      const call = this.sleeping.peek()
      if (call === undefined) break
      this.sleeping.remove(call)
      passed.push(call)
      const isAsleep = call.job === undefined && call.queue === undefined
      if (isAsleep && call.canPollEarly && !this.demand.isIndividual(call)) calls.push(call)
    }
    for (const call of passed) this.sleeping.set(call)
  }

  /** The best use of a background request: details, or an individual read of a bulk-polled call. */
  nextBackground(now: Now): Job | undefined {
    this.backgroundReads += 1
    const overdue = this.backgroundReads % OVERDUE_READ_EVERY === 0
      ? this.nextUnread(this.overdueReads, now, UNREAD_MILLIS)
      : undefined
    const call = overdue ?? this.nextDetails ?? this.nextUnread(this.unread, now, 0)
    return call === undefined ? undefined : this.take("individual", [call], now)
  }

  /**
   * The call whose details are read next: the oldest, or the newest when more wait than can be read soon. Then the oldest
   * would all be given up just before they were read, and every call would wait that long.
   */
  private get nextDetails(): WatchedCall | undefined {
    return this.details.size > this.rate * DETAILS_BACKLOG_SECONDS ? this.details.last : this.details.first
  }

  private nextUnread(calls: UnreadCalls, now: Now, atLeastMillis: number): WatchedCall | undefined {
    return this.demand.isBulk ? calls.next(this.calls, now.at, atLeastMillis) : undefined
  }
}
