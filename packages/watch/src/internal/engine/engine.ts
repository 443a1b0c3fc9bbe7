/**
 * Runs all watches of a layer: the scheduler chooses the next poll, a few workers send it, and one timer sleeps until
 * the next call is due. A sleeping watch is a few objects and no fiber.
 */
import type { Call } from "@effect-exotel/core/Call"
import type { FindResult } from "@effect-exotel/core/CallQuery"
import type { CallSid } from "@effect-exotel/core/CallSid"
import type { ExotelError } from "@effect-exotel/core/ExotelError"
import type * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { applyTransition, endAll } from "../watch/transitions.ts"
import type { WatchState } from "../watch/watchState.ts"
import { Lanes } from "./lanes.ts"
import * as Meters from "./metrics.ts"
import type { PollingMode } from "./pollingRate.ts"
import { PollingRate } from "./pollingRate.ts"
import { ResponseHandler } from "./responses.ts"
import { PollScheduler } from "./scheduler.ts"
import { Timer } from "./timer.ts"
import type { Job, Listener } from "./watchedCall.ts"
import { Watch, WatchedCall } from "./watchedCall.ts"

export interface Engine {
  /**
   * Begins a watch. Closing the scope ends it, and interrupts its poll in flight unless another watch shares it. Once the
   * scope is closed, no resource of the watch remains.
   */
  readonly watch: (state: WatchState, listener: Listener) => Effect.Effect<void, never, Scope.Scope>
  /** As `watch`, for each call that the returned function adds; it returns false if the listener watches the call already. */
  readonly fleet: (
    listener: Listener,
    onModeChange: (pace: PollingMode) => void
  ) => Effect.Effect<(state: WatchState) => boolean, never, Scope.Scope>
  /** Schedules an early poll of the call. False if the call is not watched. */
  readonly hint: (sid: CallSid) => Effect.Effect<boolean>
}

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

/** The minimum interval between polls of a call that hints cause. */
const HINT_INTERVAL_MILLIS = 2000

/** The tolerance between timers and the clock; a larger difference means that the clock was set. */
const CLOCK_TOLERANCE_MILLIS = 1000

/** The interval at which the available budget is read. */
const RATE_MILLIS = 1000

/** In bulk mode, the maximum wait of an added call for its first poll. */
const FIRST_BULK_POLL_MILLIS = 2000

export const make = (options: Options): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { budget, concurrency } = options
    const clock = yield* Effect.clock
    // A fiber that starts uninterruptible reaches its finalizer even if it is interrupted before its first step.
    const runFork = yield* Effect.uninterruptible(FiberSet.makeRuntime())
    const fork = (effect: Effect.Effect<void>): Fiber.RuntimeFiber<void> => runFork(effect, { immediate: false })
    const scheduler = new PollScheduler(options.bulkSize)
    const { calls } = scheduler
    const responses = new ResponseHandler(scheduler, budget)
    const pollingRate = new PollingRate()
    let latest = clock.unsafeCurrentTimeMillis()
    let rateReadAt = Number.NEGATIVE_INFINITY
    let isTickScheduled = false
    /** The number of calls that wait for their details, as last reported to the metric. */
    let backlog = 0
    /** The reason why the engine has stopped: the end of the layer, or a defect of the engine. */
    let stopped: Cause.Cause<never> | undefined

    /** The current time. If the clock was set back, all due times are moved back by the same amount. */
    const time = (): number => {
      const now = clock.unsafeCurrentTimeMillis()
      const back = latest - now
      latest = now
      if (back > CLOCK_TOLERANCE_MILLIS) {
        rateReadAt -= back
        responses.pausedUntil -= back
        workers.shift(back)
        pollingRate.shift(back)
        scheduler.shift(back, now)
      }
      return now
    }

    const workers = new Lanes({
      budget,
      fork,
      time,
      latest: () => latest,
      lanes: [
        {
          priority: "watch",
          concurrency,
          hasWork: () => scheduler.pollsWaiting > 0,
          next: (now, worker) => {
            const { lag, wait } = scheduler.lateness(now)
            const job = scheduler.nextPoll(now, worker)
            if (job !== undefined) {
              pollingRate.served(wait, scheduler.isPollingInBulk, lag, now)
              Meters.pollBegan(lag)
            }
            return job
          }
        },
        {
          priority: "background",
          // One slot is reserved for urgent polls.
          concurrency: Math.max(1, concurrency - 1),
          hasWork: () => scheduler.hasBackgroundWork,
          next: (now, worker) => scheduler.nextBackground(now, worker)
        }
      ],
      readyAt: () => stopped === undefined ? responses.pausedUntil : Number.POSITIVE_INFINITY,
      send: (job) => send(job),
      withPermit: options.withPermit,
      onIdle: () => (wakeAt() <= latest ? scheduleTick() : arm(latest)),
      onDefect: (cause) => Effect.sync(() => stop(cause))
    })

    const timer = new Timer(fork, (since, slept) => {
      // The timer has measured this time, even if the clock was set meanwhile.
      latest = Math.max(latest, since + slept)
      safeTick()
    })

    const send = (job: Job): Effect.Effect<void> => {
      const { calls } = job
      const call = calls[0]
      if (call === undefined) return Effect.void
      return job.by === "individual"
        ? request(
          job,
          options.poll(call.sid),
          (seen, now) => responses.onSeen(call, seen, now),
          (error, now) => responses.onFailure(calls, error, now)
        )
        : request(
          job,
          options.bulkPoll(calls.map(({ sid }) => sid), calls.some((call) => call.wantsDetails)),
          (found, now) => responses.onFound(calls, found, now),
          (error, now) => responses.onBulkFailure(calls, error, now)
        )
    }

    const request = <A>(
      job: Job,
      request: Effect.Effect<A, ExotelError>,
      onSuccess: (value: A, now: number) => void,
      onFailure: (error: ExotelError, now: number) => Effect.Effect<void>
    ): Effect.Effect<void> => {
      const finish = Effect.sync(() => putBack(job))
      return Effect.flatMap(Effect.exit(Effect.interruptible(request)), (exit) => {
        if (Exit.isSuccess(exit)) {
          onSuccess(exit.value, time())
          return finish
        }
        const failure = Cause.failureOrCause(exit.cause)
        return Effect.ensuring(
          Either.isLeft(failure) ? onFailure(failure.left, time()) : onDefect(job, failure.right),
          finish
        )
      })
    }

    /**
     * A defect, for example of a client, ends the watches of the job's calls. The engine interrupts a job only when none of
     * its calls is watched; a call that is watched again meanwhile is scheduled again.
     */
    const onDefect = ({ calls }: Job, cause: Cause.Cause<never>): Effect.Effect<void> =>
      Effect.map(FiberRef.get(FiberRef.interruptedCause), (own) => {
        if (Cause.isEmpty(own)) endAll(calls, cause)
      })

    const putBack = (job: Job): void => {
      const now = latest
      for (const call of job.calls) {
        call.job = undefined
        call.stage = "asleep"
        if (call.hinted) pollSoon(call, now)
        call.hinted = false
        scheduler.place(call, now)
      }
      arm(now)
    }

    /** Handles a call that is due: ends watches whose limit has passed, and queues the call for a poll. */
    const wake = (call: WatchedCall, now: number): void => {
      if (call.limit <= now) {
        for (const watch of call.watches) {
          if (watch.state.limit <= now) applyTransition(call, watch, watch.state.onLimit(now), now)
        }
      }
      scheduler.place(call, now)
      abandon(call)
    }

    /** Interrupts the request in flight if none of its calls is watched any more. */
    const abandon = (call: WatchedCall): Fiber.RuntimeFiber<unknown> | undefined => {
      const { job } = call
      if (job === undefined || call.isWatched) return undefined
      call.job = undefined
      job.wanted -= 1
      if (job.wanted > 0) return undefined
      job.worker.unsafeInterruptAsFork(FiberId.none)
      return job.worker
    }

    const tick = (): void => {
      const now = time()
      for (let call = scheduler.woken(now); call !== undefined; call = scheduler.woken(now)) wake(call, now)
      workers.dispatch(now)
      arm(now)
      updateRate(now)
    }

    const arm = (now: number): void => {
      if (backlog !== scheduler.detailsWaiting) {
        backlog = scheduler.detailsWaiting
        Meters.backlog(backlog)
      }
      timer.set(wakeAt(), now)
    }

    const wakeAt = (): number =>
      stopped === undefined ? Math.min(scheduler.wakeAt, workers.wakeAt) : Number.POSITIVE_INFINITY

    /** Reads the available budget, which depends on the use by other requests. */
    const updateRate = (now: number): void => {
      if (now - rateReadAt < RATE_MILLIS || calls.size === 0) return
      rateReadAt = now
      fork(Effect.map(budget.availablePerMinute, (perMinute) => {
        scheduler.rate = perMinute / 60
      }))
    }

    /** A defect of the engine ends all watches, so that none waits for ever. */
    const safeTick = (): void => {
      try {
        tick()
      } catch (defect) {
        stop(Cause.die(defect))
      }
    }

    /** Schedules one tick, however many changes there are. */
    const scheduleTick = (): void => {
      if (isTickScheduled || stopped !== undefined) return
      isTickScheduled = true
      fork(Effect.sync(() => {
        isTickScheduled = false
        safeTick()
      }))
    }

    const stop = (cause: Cause.Cause<never>): void => {
      stopped = cause
      endAll([...calls.values()], cause)
      calls.clear()
    }

    yield* Effect.addFinalizer(() => Effect.sync(() => stop(Cause.interrupt(FiberId.none))))
    scheduler.rate = (yield* budget.availablePerMinute) / 60

    const add = (state: WatchState, listener: Listener): { readonly call: WatchedCall; readonly watch: Watch } => {
      const now = time()
      let call = calls.get(state.sid)
      if (call === undefined) {
        call = new WatchedCall(state.sid, now, runStep)
        calls.set(state.sid, call)
      }
      // In bulk mode the next bulk poll includes the call, so that none is sent for this call alone.
      const watch = new Watch(
        state,
        listener,
        scheduler.isPollingInBulk && !listener.single ? now + FIRST_BULK_POLL_MILLIS : now
      )
      call.add(watch)
      Meters.started()
      scheduler.place(call, now)
      scheduleTick()
      return { call, watch }
    }

    const runStep = (call: WatchedCall, step: Effect.Effect<void>): Fiber.RuntimeFiber<void> =>
      fork(Effect.ensuring(
        step,
        Effect.sync(() => {
          scheduler.place(call, latest)
          arm(latest)
        })
      ))

    /** Removes a watch. Returns the worker of a request that no watch waits for any more. */
    const remove = (call: WatchedCall, watch: Watch): Fiber.RuntimeFiber<unknown> | undefined => {
      if (!call.delete(watch)) return undefined
      watch.step?.unsafeInterruptAsFork(FiberId.none)
      Meters.stopped()
      scheduler.place(call, latest)
      return abandon(call)
    }

    /** Waits until abandoned requests, and workers whose permit would not be used, are interrupted. */
    const cleanUp = (abandoned: Iterable<Fiber.RuntimeFiber<unknown>>): Effect.Effect<void> =>
      Effect.suspend(() => {
        // Without calls the engine keeps no timer.
        if (calls.size === 0) arm(latest)
        return Fiber.interruptAll(new Set([...abandoned, ...workers.surplus]))
      })

    const pollSoon = (call: WatchedCall, now: number): void => {
      const at = Math.max(now, call.lastPollAt + HINT_INTERVAL_MILLIS)
      for (const watch of call.watches) {
        if (!watch.backingOff && !watch.state.awaitsDetails) watch.dueAt = Math.min(watch.dueAt, at)
      }
    }

    /** Ends a new watch at once if the engine has stopped. */
    const endIfStopped = (state: WatchState, listener: Listener): boolean => {
      if (stopped !== undefined) listener.onFinished(state, Exit.failCause(stopped))
      return stopped !== undefined
    }

    return {
      watch: (state, listener) =>
        Effect.suspend(() =>
          endIfStopped(state, listener)
            ? Effect.void
            : Effect.asVoid(Effect.acquireRelease(
              Effect.sync(() => add(state, listener)),
              ({ call, watch }) =>
                Effect.suspend(() => {
                  const abandoned = remove(call, watch)
                  return cleanUp(abandoned === undefined ? [] : [abandoned])
                })
            ))
        ),
      fleet: (listener, onModeChange) =>
        Effect.gen(function*() {
          const removeAll = Effect.suspend(() => {
            const abandoned = new Set<Fiber.RuntimeFiber<unknown>>()
            for (const call of [...calls.values()]) {
              const watch = call.watchOf(listener)
              const fiber = watch === undefined ? undefined : remove(call, watch)
              if (fiber !== undefined) abandoned.add(fiber)
            }
            return cleanUp(abandoned)
          })
          yield* Effect.acquireRelease(
            Effect.sync(() => pollingRate.listen(onModeChange)),
            (stopListening) => Effect.zipRight(Effect.sync(stopListening), removeAll)
          )
          return (state) => {
            if (endIfStopped(state, listener)) return true
            if (calls.get(state.sid)?.watchOf(listener) !== undefined) return false
            add(state, listener)
            return true
          }
        }),
      hint: (sid) =>
        Effect.sync(() => {
          const call = calls.get(sid)
          if (call === undefined) return false
          const now = time()
          call.hinted = call.stage === "running"
          if (!call.hinted) pollSoon(call, now)
          scheduler.place(call, now)
          scheduleTick()
          return true
        })
    }
  })
