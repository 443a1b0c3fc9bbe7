/**
 * Runs all watches of a layer: the agenda says which call is looked at next, a few workers ask, and one timer sleeps until
 * the next call is due. A watch that sleeps is a few objects and no fiber.
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
   * Begins a watch. Closing the scope ends it, together with the poll under way if nobody else waits for that; when the
   * scope is closed, nothing of it is left.
   */
  readonly watch: (state: WatchState, listener: Listener) => Effect.Effect<void, never, Scope.Scope>
  /** As `watch`, for as many calls as `join` is called with; false for a call that the listener watches already. */
  readonly fleet: (
    listener: Listener,
    onPace: (pace: PollingMode) => void
  ) => Effect.Effect<(state: WatchState) => boolean, never, Scope.Scope>
  /** Has the call looked at soon. False if nobody watches it. */
  readonly hint: (sid: CallSid) => Effect.Effect<boolean>
}

export interface Options {
  readonly poll: (sid: CallSid) => Effect.Effect<Call, ExotelError>
  readonly bulkPoll: (sids: ReadonlyArray<CallSid>) => Effect.Effect<FindResult, ExotelError>
  /** Runs what is asked with the turns that were taken for it. */
  readonly withPermit: (work: Effect.Effect<void>, permit: RequestBudget.Permit) => Effect.Effect<void>
  readonly budget: RequestBudget.Service
  /** How many requests may be under way at once. */
  readonly concurrency: number
  /** How many calls a sweep asks for at most. */
  readonly bulkSize: number
}

/** However many hints come for a call, it is looked at no more often than this. */
const HINT_INTERVAL_MILLIS = 2000

/** What timers and the clock may differ by without anybody having set the clock. */
const CLOCK_TOLERANCE_MILLIS = 1000

/** How often the budget is asked what it leaves. */
const RATE_MILLIS = 1000

/** While calls are swept, a call that joins may wait so long for its first look. */
const FIRST_SWEEP_MILLIS = 2000

export const make = (options: Options): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { budget, concurrency } = options
    const clock = yield* Effect.clock
    // Begun uninterruptible, a fiber gets to its finalizer even when it is interrupted before its first step.
    const runFork = yield* Effect.uninterruptible(FiberSet.makeRuntime())
    const fork = (effect: Effect.Effect<void>): Fiber.RuntimeFiber<void> => runFork(effect, { immediate: false })
    const agenda = new PollScheduler(options.bulkSize)
    const { calls } = agenda
    const answers = new ResponseHandler(agenda, budget)
    const pacing = new PollingRate()
    let latest = clock.unsafeCurrentTimeMillis()
    let rateAskedAt = Number.NEGATIVE_INFINITY
    let isTickScheduled = false
    /** How many calls wait for their details, as it was last told. */
    let backlog = 0
    /** Why no poll will come any more: the end of the layer, or a defect of ours. */
    let stopped: Cause.Cause<never> | undefined

    /** The time; should the machine's clock have been set back, everything due is moved back with it. */
    const time = (): number => {
      const now = clock.unsafeCurrentTimeMillis()
      const back = latest - now
      latest = now
      if (back > CLOCK_TOLERANCE_MILLIS) {
        rateAskedAt -= back
        answers.pausedUntil -= back
        workers.shift(back)
        pacing.shift(back)
        agenda.shift(back, now)
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
          hasWork: () => agenda.pollsWaiting > 0,
          next: (now, worker) => {
            const { lag, wait } = agenda.lateness(now)
            const job = agenda.nextPoll(now, worker)
            if (job !== undefined) {
              pacing.served(wait, agenda.isPollingInBulk, lag, now)
              Meters.began(lag)
            }
            return job
          }
        },
        {
          priority: "background",
          // One is kept free for whoever is in a hurry.
          concurrency: Math.max(1, concurrency - 1),
          hasWork: () => agenda.hasBackgroundWork,
          next: (now, worker) => agenda.nextBackground(now, worker)
        }
      ],
      readyAt: () => stopped === undefined ? answers.pausedUntil : Number.POSITIVE_INFINITY,
      ask: (job) => ask(job),
      withPermit: options.withPermit,
      onIdle: () => (wakeAt() <= latest ? scheduleTick() : arm(latest)),
      onDefect: (cause) => Effect.sync(() => stop(cause))
    })

    const timer = new Timer(fork, (since, slept) => {
      // So long has passed, whatever the clock will say.
      latest = Math.max(latest, since + slept)
      safeTick()
    })

    const ask = (job: Job): Effect.Effect<void> => {
      const { calls } = job
      const call = calls[0]
      if (call === undefined) return Effect.void
      return job.by === "read"
        ? asked(
          job,
          options.poll(call.sid),
          (seen, now) => answers.onSeen(call, seen, now),
          (error, now) => answers.onFailure(calls, error, now)
        )
        : asked(
          job,
          options.bulkPoll(calls.map(({ sid }) => sid)),
          (found, now) => answers.onFound(calls, found, now),
          (error, now) => answers.onBulkFailure(calls, error, now)
        )
    }

    const asked = <A>(
      job: Job,
      request: Effect.Effect<A, ExotelError>,
      onSuccess: (value: A, now: number) => Effect.Effect<void> | undefined,
      onFailure: (error: ExotelError, now: number) => Effect.Effect<void>
    ): Effect.Effect<void> => {
      const finish = Effect.sync(() => putBack(job))
      return Effect.flatMap(Effect.exit(Effect.interruptible(request)), (exit) => {
        if (Exit.isSuccess(exit)) {
          const rest = onSuccess(exit.value, time())
          return rest === undefined ? finish : Effect.ensuring(rest, finish)
        }
        const failure = Cause.failureOrCause(exit.cause)
        return Effect.ensuring(
          Either.isLeft(failure) ? onFailure(failure.left, time()) : onDefect(job, failure.right),
          finish
        )
      })
    }

    /**
     * A defect, of a client say, must not leave anybody waiting. Our own interruption comes when nobody waits any more;
     * should somebody have joined meanwhile, the call is in line again.
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
        agenda.place(call, now)
      }
      arm(now)
    }

    /** What a call whose time has come needs: its watches' ends, or its place in line. */
    const wake = (call: WatchedCall, now: number): void => {
      if (call.limit <= now) {
        for (const watch of call.watches) {
          if (watch.state.limit <= now) applyTransition(call, watch, watch.state.onLimit(now), now)
        }
      }
      agenda.place(call, now)
      abandon(call)
    }

    /** Ends the request under way if nobody waits for any of its calls any more. */
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
      for (let call = agenda.woken(now); call !== undefined; call = agenda.woken(now)) wake(call, now)
      workers.dispatch(now)
      arm(now)
      askRate(now)
    }

    const arm = (now: number): void => {
      if (backlog !== agenda.detailsWaiting) {
        backlog = agenda.detailsWaiting
        Meters.backlog(backlog)
      }
      timer.set(wakeAt(), now)
    }

    const wakeAt = (): number =>
      stopped === undefined ? Math.min(agenda.wakeAt, workers.wakeAt) : Number.POSITIVE_INFINITY

    /** What the budget leaves changes with what others use of it. */
    const askRate = (now: number): void => {
      if (now - rateAskedAt < RATE_MILLIS || calls.size === 0) return
      rateAskedAt = now
      fork(Effect.map(budget.availablePerMinute, (perMinute) => {
        agenda.rate = perMinute / 60
      }))
    }

    /** A defect of ours must not leave anybody waiting. */
    const safeTick = (): void => {
      try {
        tick()
      } catch (defect) {
        stop(Cause.die(defect))
      }
    }

    /** Has what is due looked after, once, however much is new. */
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
    agenda.rate = (yield* budget.availablePerMinute) / 60

    const add = (state: WatchState, listener: Listener): { readonly call: WatchedCall; readonly watch: Watch } => {
      const now = time()
      let call = calls.get(state.sid)
      if (call === undefined) {
        call = new WatchedCall(state.sid, now)
        calls.set(state.sid, call)
      }
      // A sweep that would be sent for its sake alone is one too many; the next one takes it along.
      const watch = new Watch(
        state,
        listener,
        agenda.isPollingInBulk && !listener.single ? now + FIRST_SWEEP_MILLIS : now
      )
      call.add(watch)
      Meters.joined()
      agenda.place(call, now)
      scheduleTick()
      return { call, watch }
    }

    /** The request that was left with nobody to wait for it, if there is one. */
    const remove = (call: WatchedCall, watch: Watch): Fiber.RuntimeFiber<unknown> | undefined => {
      if (!call.delete(watch)) return undefined
      Meters.left()
      agenda.place(call, latest)
      return abandon(call)
    }

    /** Waits for abandoned requests to be given up, and for those who wait for a turn that nobody will use. */
    const cleanUp = (abandoned: Iterable<Fiber.RuntimeFiber<unknown>>): Effect.Effect<void> =>
      Effect.suspend(() => {
        // With nothing left to wait for, the engine puts its timer away.
        if (calls.size === 0) arm(latest)
        return Fiber.interruptAll(new Set([...abandoned, ...workers.surplus]))
      })

    const pollSoon = (call: WatchedCall, now: number): void => {
      const at = Math.max(now, call.lastPollAt + HINT_INTERVAL_MILLIS)
      for (const watch of call.watches) {
        if (!watch.backingOff && !watch.state.awaitsDetails) watch.dueAt = Math.min(watch.dueAt, at)
      }
    }

    /** The listener is told at once when there will be no poll any more. */
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
      fleet: (listener, onPace) =>
        Effect.gen(function*() {
          const leaveAll = Effect.suspend(() => {
            const abandoned = new Set<Fiber.RuntimeFiber<unknown>>()
            for (const call of [...calls.values()]) {
              const watch = call.watchOf(listener)
              const fiber = watch === undefined ? undefined : remove(call, watch)
              if (fiber !== undefined) abandoned.add(fiber)
            }
            return cleanUp(abandoned)
          })
          yield* Effect.acquireRelease(
            Effect.sync(() => pacing.listen(onPace)),
            (stopListening) => Effect.zipRight(Effect.sync(stopListening), leaveAll)
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
          agenda.place(call, now)
          scheduleTick()
          return true
        })
    }
  })
