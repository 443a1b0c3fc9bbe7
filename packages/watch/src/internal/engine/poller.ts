/**
 * Sends the polls of an engine. A dispatcher for each priority waits until there is work, acquires a permit of the request
 * budget, and only then chooses the poll. Each poll is a fiber of its own. One timer sleeps until the next call is due.
 */
import type { Call } from "@effect-exotel/core/Call"
import type { FindResult } from "@effect-exotel/core/CallQuery"
import type { CallSid } from "@effect-exotel/core/CallSid"
import type { ExotelError } from "@effect-exotel/core/ExotelError"
import type * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { endAll, forEachWatch } from "../watch/transitions.ts"
import * as Meters from "./metrics.ts"
import * as Now from "./now.ts"
import type { PollingRate } from "./pollingRate.ts"
import { ResponseHandler } from "./responses.ts"
import type { PollScheduler } from "./scheduler.ts"
import type { Job, RunStep, WatchedCall } from "./watchedCall.ts"

export interface Options {
  readonly poll: (sid: CallSid) => Effect.Effect<Call, ExotelError>
  readonly bulkPoll: (sids: ReadonlyArray<CallSid>, details: boolean) => Effect.Effect<FindResult, ExotelError>
  /** Runs a request with the permit that was acquired for it. */
  readonly withPermit: (work: Effect.Effect<void>, permit: RequestBudget.Permit) => Effect.Effect<void>
  readonly budget: RequestBudget.Service
  /** The maximum number of requests in flight. */
  readonly concurrency: number
  /** The maximum number of calls in a bulk poll. */
  readonly bulkSize: number
}

export interface Poller {
  /** Must be called after each change of the scheduler. */
  readonly update: (now: Now.Now) => void
  /** The fiber of the poll in flight if none of its calls is watched any more. */
  readonly abandoned: (call: WatchedCall) => Fiber.RuntimeFiber<void> | undefined
  /** Interrupts polls, and waits for permits that no call needs any more. Returns when they have ended. */
  readonly interrupt: (polls: ReadonlyArray<Fiber.RuntimeFiber<void> | undefined>) => Effect.Effect<void>
  readonly runStep: RunStep
}

/** The longest single sleep: a longer one would not notice that the wall clock was set beyond a deadline. */
const LONGEST_SLEEP_MILLIS = 3_600_000

/** The wait after a permit for which there was no poll, while the lane still has work. */
const IDLE_MILLIS = 1000

/** The polls of one priority. */
interface Lane {
  readonly priority: RequestBudget.Priority
  /** The number of requests in flight, over both lanes, at which the lane sends no more. */
  readonly concurrency: number
  readonly hasWork: () => boolean
  readonly next: (now: Now.Now) => Job | undefined
  /** Open while the lane can send a poll. */
  readonly ready: Effect.Latch
  dispatcher: Fiber.RuntimeFiber<void> | undefined
  /** Whether the dispatcher has passed the latch. */
  isDispatching: boolean
}

export const make = (
  scheduler: PollScheduler,
  pollingRate: PollingRate,
  options: Options,
  stopped: { cause: Cause.Cause<never> | undefined },
  onDefect: (cause: Cause.Cause<never>) => void
): Effect.Effect<Poller, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { budget, concurrency } = options
    const clock = yield* Effect.clock
    const responses = new ResponseHandler(scheduler, budget)
    // A fiber that starts uninterruptible reaches its finalizer even if it is interrupted before its first step.
    const runFork = yield* Effect.uninterruptible(FiberSet.makeRuntime())
    let inFlight = 0
    let timer: Fiber.RuntimeFiber<void> | undefined
    /** The time to which the timer is set. */
    let timerAt = Number.POSITIVE_INFINITY
    /** The number of calls that wait for their details, as last reported to the metric. */
    let backlog = 0

    /** `atEnd` runs however the effect ends; its own defects stop the engine, too. `immediate` runs the first steps before it returns. */
    const fork = (
      effect: Effect.Effect<void>,
      atEnd: () => void = () => undefined,
      immediate = false
    ): Fiber.RuntimeFiber<void> =>
      runFork(
        Effect.catchAllCause(
          Effect.ensuring(effect, Effect.sync(atEnd)),
          (cause) => Cause.isInterruptedOnly(cause) ? Effect.void : Effect.sync(() => onDefect(cause))
        ),
        { immediate }
      )

    const lane = (given: Pick<Lane, "priority" | "concurrency" | "hasWork" | "next">): Lane => ({
      ...given,
      ready: Effect.unsafeMakeLatch(),
      dispatcher: undefined,
      isDispatching: false
    })
    const lanes = [
      lane({
        priority: "watch",
        concurrency,
        hasWork: () => scheduler.hasPollWork,
        next: (now) => {
          const { lag, wait } = scheduler.lateness(now)
          const job = scheduler.nextPoll(now)
          if (job !== undefined) {
            pollingRate.served(wait, scheduler.demand.isBulk ? "bulk" : "individual", lag, now.at)
            Meters.pollBegan(lag)
          }
          return job
        }
      }),
      lane({
        priority: "background",
        // One slot is reserved for urgent polls.
        concurrency: Math.max(1, concurrency - 1),
        hasWork: () => scheduler.hasBackgroundWork,
        next: (now) => scheduler.nextBackground(now)
      })
    ]

    const canSend = (lane: Lane, { at }: Now.Now): boolean =>
      stopped.cause === undefined && inFlight < lane.concurrency && at >= responses.account.pausedUntil &&
      lane.hasWork()

    const update = (now: Now.Now): void => {
      for (const lane of lanes) {
        if (canSend(lane, now)) lane.ready.unsafeOpen()
        else lane.ready.unsafeClose()
      }
      if (backlog !== scheduler.detailsWaiting) {
        backlog = scheduler.detailsWaiting
        Meters.backlog(backlog)
      }
      const at = wakeAt(now)
      if (at >= timerAt && at !== Number.POSITIVE_INFINITY) return
      timer?.unsafeInterruptAsFork(FiberId.none)
      timer = undefined
      timerAt = at
      if (at === Number.POSITIVE_INFINITY) return
      timer = fork(Effect.interruptible(runTimer))
      // The timer will read the earliest time when it starts.
      timerAt = Number.NEGATIVE_INFINITY
    }

    /** Infinite when the engine has no calls. */
    const wakeAt = ({ at }: Now.Now): number => {
      if (stopped.cause !== undefined) return Number.POSITIVE_INFINITY
      const { pausedUntil } = responses.account
      return pausedUntil > at && scheduler.calls.size > 0 ? Math.min(pausedUntil, scheduler.wakeAt) : scheduler.wakeAt
    }

    /** Handles the calls that are due, sleeps until the next one is, and so on. */
    const runTimer: Effect.Effect<void> = Effect.suspend(() => {
      const now = Now.read(clock)
      timerAt = Number.NEGATIVE_INFINITY
      for (let call = scheduler.woken(now); call !== undefined; call = scheduler.woken(now)) wake(call, now)
      update(now)
      timerAt = wakeAt(now)
      const wait = Math.max(1, Math.ceil(timerAt - now.at))
      return timerAt === Number.POSITIVE_INFINITY
        ? Effect.void
        : Effect.zipRight(Effect.sleep(Math.min(wait, LONGEST_SLEEP_MILLIS)), runTimer)
    })

    /** Ends watches whose limit has passed, and queues the call for a poll. */
    const wake = (call: WatchedCall, now: Now.Now): void => {
      if (call.limit <= now.date) {
        forEachWatch(call, now, ({ state }) => state.limit <= now.date ? state.onLimit(now.date) : undefined)
      }
      scheduler.place(call, now)
      abandoned(call)?.unsafeInterruptAsFork(FiberId.none)
    }

    const dispatch = (lane: Lane): Effect.Effect<void> => {
      const acquire = Effect.interruptible(Effect.suspend(() => {
        lane.isDispatching = true
        return budget.acquire(lane.priority)
      }))
      const waitForWork = Effect.interruptible(lane.ready.await)
      const dispatchOne = Effect.flatMap(acquire, (permit) =>
        Effect.flatMap(budget.availablePerMinute, (perMinute) => {
          scheduler.rate = perMinute / 60
          const now = Now.read(clock)
          const job = canSend(lane, now) ? lane.next(now) : undefined
          if (job !== undefined) {
            inFlight += 1
            const fiber = fork(options.withPermit(send(job), permit), () => putBack(job), true)
            // A finished fiber is not kept: the job may be in the old generation of the heap and would promote it.
            if (job.calls[0]?.job === job) job.fiber = fiber
            update(now)
            return Effect.void
          }
          const rest = canSend(lane, now) ? Effect.interruptible(Effect.sleep(IDLE_MILLIS)) : Effect.void
          return Effect.zipRight(budget.release(permit), rest)
        }))
      return Effect.whileLoop({
        while: () => true,
        body: () => {
          lane.isDispatching = false
          return canSend(lane, Now.read(clock)) ? dispatchOne : waitForWork
        },
        step: () => undefined
      })
    }

    const start = (lane: Lane): void => {
      lane.isDispatching = false
      lane.dispatcher = fork(dispatch(lane))
    }

    const send = (job: Job): Effect.Effect<void> => {
      const { by, calls } = job
      const [call] = calls
      if (call === undefined) return Effect.void
      return by === "individual"
        ? respond(job, options.poll(call.sid), (seen, now) => responses.onSeen(call, seen, now))
        : respond(
          job,
          options.bulkPoll(calls.map(({ sid }) => sid), calls.some(({ wantsDetails }) => wantsDetails)),
          (found, now) => responses.onFound(calls, found, now)
        )
    }

    /** A defect, for example of a client, ends the watches of the job's calls; a job that is interrupted has none. */
    const respond = <A>(
      job: Job,
      request: Effect.Effect<A, ExotelError>,
      onSuccess: (value: A, now: Now.Now) => void
    ): Effect.Effect<void> =>
      Effect.matchCauseEffect(Effect.interruptible(request), {
        onFailure: (cause) => {
          const failure = Cause.failureOrCause(cause)
          return Either.isLeft(failure)
            ? responses.onFailure(job, failure.left, Now.read(clock))
            : Effect.sync(() => endAll(job.calls, failure.right))
        },
        onSuccess: (value) => Effect.sync(() => onSuccess(value, Now.read(clock)))
      })

    const putBack = (job: Job): void => {
      const now = Now.read(clock)
      inFlight -= 1
      for (const call of job.calls) {
        call.job = undefined
        if (call.hinted) call.hint(now.at)
        scheduler.place(call, now)
      }
      update(now)
    }

    const abandoned: Poller["abandoned"] = ({ job }) =>
      job?.calls.some(({ isWatched }) => isWatched) === false ? job.fiber : undefined

    lanes.forEach(start)

    return {
      update,
      abandoned,
      interrupt: (polls) =>
        Effect.suspend(() => {
          const surplus = lanes.filter((lane) => lane.isDispatching && !lane.hasWork())
          const fibers = [...polls, ...surplus.map(({ dispatcher }) => dispatcher)]
          surplus.forEach(start)
          return Fiber.interruptAll(new Set(fibers.filter((fiber) => fiber !== undefined)))
        }),
      runStep: (call, step) =>
        fork(step, () => {
          const now = Now.read(clock)
          scheduler.place(call, now)
          update(now)
        })
    }
  })
