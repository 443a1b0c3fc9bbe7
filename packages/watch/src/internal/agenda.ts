/**
 * Which call is looked at next, and whether by a read of its own or by a sweep of many. Has no effects; is told the time.
 *
 * A call sleeps in the queue until it is due, then stands in line: for a look, or for the details of its end, which
 * come second. What stands longest is served first.
 */
import type { CallSid } from "@effect-exotel/core/CallSid"
import type * as Fiber from "effect/Fiber"
import { Chain } from "./chain.ts"
import { DueQueue } from "./dueQueue.ts"
import { Job, type Watched } from "./watched.ts"

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
interface Rounds {
  calls: Iterator<Watched>
}

/** Who asks. */
type Worker = Fiber.RuntimeFiber<unknown>

const longerDue = (one: Watched | undefined, other: Watched | undefined): Watched | undefined =>
  one === undefined || (other !== undefined && other.lookAt < one.lookAt) ? other : one

export class Agenda {
  readonly calls = new Map<CallSid, Watched>()
  /** Requests a second that the budget leaves to all of them. */
  rate = Number.POSITIVE_INFINITY
  /** Until then no sweep is tried: Exotel refuses them. */
  sweepsFrom = Number.NEGATIVE_INFINITY
  private sweeping = false
  private sweepingSingles = false
  private readonly queue = new DueQueue<Watched>()
  private readonly due = new Chain<Watched>()
  /** The calls among the due that are watched one by one. */
  private readonly singles = new Chain<Watched>()
  private readonly details = new Chain<Watched>()
  private demand = 0
  private singleDemand = 0
  private readonly rounds: Rounds = { calls: this.calls.values() }
  private readonly claims: Rounds = { calls: this.calls.values() }
  private spares = 0
  private readonly sweepSize: number

  constructor(sweepSize: number) {
    this.sweepSize = sweepSize
  }

  /** When the next call must be woken. */
  get wakeAt(): number {
    return this.queue.peek()?.wakeAt ?? Number.POSITIVE_INFINITY
  }

  get isSweeping(): boolean {
    return this.sweeping
  }

  /** How many ended calls wait for a request to spare for their details. */
  get detailsWaiting(): number {
    return this.details.size
  }

  get looksWaiting(): number {
    return this.due.size + this.singles.size
  }

  /** Whoever has been due for longest. */
  private get first(): Watched | undefined {
    return longerDue(this.due.first, this.singles.first)
  }

  /** How late the first in line is, and how long it wanted to wait since it was last looked at. */
  lateness(now: number): { readonly lag: number; readonly wait: number } {
    const { first } = this
    if (first === undefined) return { lag: 0, wait: 0 }
    const { lookAt } = first
    return { lag: Math.max(0, now - lookAt), wait: lookAt - first.lastPollAt }
  }

  /** The next call whose time has come, taken out of its sleep only by `place`. */
  woken(now: number): Watched | undefined {
    const call = this.queue.peek()
    return call !== undefined && call.wakeAt <= now ? call : undefined
  }

  /** Puts the call where it belongs now, or forgets it when nobody watches it any more. */
  place(call: Watched, now: number): void {
    if (!call.isWatched) return this.forget(call)
    if (call.stage === "asleep" || call.stage === "details") {
      if (call.wantsLook(now)) this.line(call, call.isSingle ? "singles" : "due")
      else if (call.stage === "asleep" && call.wantsDetails(now)) this.line(call, "details")
    }
    this.count(call)
    this.sleep(call)
  }

  private sleep(call: Watched): void {
    call.wakeAt = this.wakeOf(call)
    this.queue.set(call)
  }

  private line(call: Watched, stage: "due" | "singles" | "details"): void {
    if (call.stage === "details") this.details.remove(call)
    call.stage = stage
    this[stage].push(call)
  }

  private wakeOf(call: Watched): number {
    let wakeAt = call.limit
    if (call.stage !== "asleep" && call.stage !== "details") return wakeAt
    for (let watch = call.first; watch !== undefined; watch = watch.next) {
      if (call.stage === "asleep" || !watch.state.awaitsDetails) wakeAt = Math.min(wakeAt, watch.dueAt)
    }
    return wakeAt
  }

  private forget(call: Watched): void {
    this.queue.remove(call)
    this.leaveLine(call)
    this.count(call)
    // Its poll may end after the call is watched anew.
    if (this.calls.get(call.sid) === call) this.calls.delete(call.sid)
  }

  private leaveLine(call: Watched): void {
    if (call.stage === "running") return
    if (call.stage !== "asleep") this[call.stage].remove(call)
    call.stage = "asleep"
  }

  /** Keeps the sum of what the cadences ask for. */
  private count(call: Watched): void {
    this.demand -= call.demand
    if (call.single) this.singleDemand -= call.demand
    const wait = call.lookAt - call.lastPollAt
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
    const behind = this.looksWaiting > longest
    const allowed = now >= this.sweepsFrom && this.sweepSize > 1
    const share = this.sweeping ? READS_AGAIN_BELOW : READS_UP_TO
    this.sweeping = allowed && (behind || this.demand > this.rate * share)
    const singles = this.sweepingSingles ? SINGLES_AGAIN_BELOW : SINGLES_UP_TO
    this.sweepingSingles = this.sweeping
      && (this.singles.size > longest || this.singleDemand > this.rate * singles)
  }

  private isRead(call: Watched): boolean {
    return !this.sweeping || (call.single && !this.sweepingSingles) || call.mustBeRead
  }

  private take(by: Job["by"], calls: ReadonlyArray<Watched>, now: number, worker: Worker): Job {
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
  nextLook(now: number, worker: Worker): Job | undefined {
    const { first } = this
    if (first === undefined) return undefined
    this.choose(now)
    if (this.isRead(first)) return this.take("read", [first], now, worker)
    const calls: Array<Watched> = []
    let one = this.due.first
    let other = this.singles.first
    while (calls.length < this.sweepSize) {
      const call = longerDue(one, other)
      if (call === undefined) break
      if (call === one) one = one.after
      else other = call.after
      if (!this.isRead(call)) calls.push(call)
    }
    this.fill(calls)
    return this.take(calls.length > 1 ? "sweep" : "read", calls, now, worker)
  }

  /** What a request asks for besides costs nothing: those that would be due next come along. */
  private fill(calls: Array<Watched>): void {
    const passed: Array<Watched> = []
    while (calls.length < this.sweepSize && passed.length < this.sweepSize) {
      const call = this.queue.peek()
      if (call === undefined) break
      this.queue.remove(call)
      passed.push(call)
      if (call.stage === "asleep" && call.mayBeLookedAt && !this.isRead(call)) calls.push(call)
    }
    for (const call of passed) this.queue.set(call)
  }

  /** What a request that nobody is in a hurry for serves best: details, oldest first, or a call that was long not read. */
  nextSpare(now: number, worker: Worker): Job | undefined {
    this.spares += 1
    const claim = this.spares % UNREAD_TURN === 0 ? this.nextUnread(now, this.claims, UNREAD_MILLIS) : undefined
    const call = claim ?? this.details.first ?? this.nextUnread(now, this.rounds, 0)
    return call === undefined ? undefined : this.take("read", [call], now, worker)
  }

  /** Swept calls in turn, each when its cadence would have it read. */
  private nextUnread(now: number, rounds: Rounds, atLeast: number): Watched | undefined {
    if (!this.sweeping) return undefined
    for (let passed = 0; passed < LONGEST_SEARCH; passed++) {
      const { done, value: call } = rounds.calls.next()
      if (done === true) {
        rounds.calls = this.calls.values()
        return undefined
      }
      const unread = now - call.readAt
      if (
        unread >= atLeast && unread >= call.lookAt - call.lastPollAt && call.stage !== "running" && call.mayBeLookedAt
      ) {
        return call
      }
    }
    return undefined
  }

  /** Whether a request would be of use that nobody is in a hurry for. */
  get hasSpare(): boolean {
    return this.details.size > 0 || (this.sweeping && this.calls.size > 0)
  }

  /** Moves everything with a clock that was set back. */
  shift(back: number, now: number): void {
    this.sweepsFrom -= back
    for (const call of this.calls.values()) {
      call.lastPollAt -= back
      call.readAt -= back
      for (let watch = call.first; watch !== undefined; watch = watch.next) watch.dueAt -= back
      this.place(call, now)
    }
  }
}
