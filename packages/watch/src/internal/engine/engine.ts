/** Runs all watches of a layer. A sleeping watch is a few objects and no fiber. */
import type { CallSid } from "@effect-exotel/core/CallSid"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import { endAll, removeWatch } from "../watch/transitions.ts"
import type { WatchState } from "../watch/watchState.ts"
import * as Meters from "./metrics.ts"
import * as Now from "./now.ts"
import * as Poller from "./poller.ts"
import type { PollingMode } from "./pollingRate.ts"
import { PollingRate } from "./pollingRate.ts"
import { PollScheduler } from "./scheduler.ts"
import type { Listener } from "./watchedCall.ts"
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
    onModeChange: (mode: PollingMode) => void
  ) => Effect.Effect<(state: WatchState) => boolean, never, Scope.Scope>
  /** Schedules an early poll of the call. False if the call is not watched. */
  readonly hint: (sid: CallSid) => Effect.Effect<boolean>
}

/** In bulk mode, the maximum wait of an added call for its first poll. */
const FIRST_BULK_POLL_MILLIS = 2000

export const make = (options: Poller.Options): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const scheduler = new PollScheduler(options.bulkSize)
    const { calls } = scheduler
    const pollingRate = new PollingRate()
    /** The reason why the engine has stopped: the end of the layer, or a defect of the engine. */
    const stopped: { cause: Cause.Cause<never> | undefined } = { cause: undefined }

    /** Ends all watches, so that none waits for ever. */
    const stop = (cause: Cause.Cause<never>): void => {
      stopped.cause = cause
      endAll([...calls.values()], cause)
      calls.clear()
    }

    const poller = yield* Poller.make(scheduler, pollingRate, options, stopped, stop)
    yield* Effect.addFinalizer(() => Effect.sync(() => stop(Cause.interrupt(FiberId.none))))

    const add = (state: WatchState, listener: Listener): readonly [WatchedCall, Watch] => {
      const now = Now.read(clock)
      const call = calls.get(state.sid) ?? new WatchedCall(state.sid, now.at, poller.runStep)
      calls.set(state.sid, call)
      // In bulk mode the next bulk poll includes the call, so that none is sent for this call alone.
      const delay = scheduler.demand.isBulk && !listener.single ? FIRST_BULK_POLL_MILLIS : 0
      const watch = new Watch(state, listener, now.at + delay)
      call.add(watch)
      Meters.started()
      scheduler.place(call, now)
      poller.update(now)
      return [call, watch]
    }

    /** Removes the watches that have not ended, and waits until no resource of them remains. */
    const removeAll = (watches: Iterable<readonly [WatchedCall, Watch]>): Effect.Effect<void> =>
      Effect.suspend(() => {
        const now = Now.read(clock)
        const abandoned = Array.from(watches, ([call, watch]) => {
          if (!removeWatch(call, watch)) return undefined
          Meters.stopped()
          scheduler.place(call, now)
          return poller.abandoned(call)
        })
        poller.update(now)
        return poller.interrupt(abandoned)
      })

    const watchesOf = (listener: Listener): ReadonlyArray<readonly [WatchedCall, Watch]> =>
      [...calls.values()].flatMap((call) => {
        const watch = call.watchOf(listener)
        return watch === undefined ? [] : [[call, watch] as const]
      })

    /** Ends a new watch at once if the engine has stopped. */
    const endIfStopped = (state: WatchState, listener: Listener): boolean => {
      if (stopped.cause === undefined) return false
      listener.onFinished(state, Exit.failCause(stopped.cause))
      return true
    }

    return {
      watch: (state, listener) =>
        Effect.suspend(() =>
          endIfStopped(state, listener)
            ? Effect.void
            : Effect.asVoid(Effect.acquireRelease(
              Effect.sync(() => add(state, listener)),
              (watch) => removeAll([watch])
            ))
        ),
      fleet: (listener, onModeChange) =>
        Effect.as(
          Effect.acquireRelease(
            Effect.sync(() => pollingRate.listen(onModeChange)),
            (stopListening) =>
              Effect.suspend(() => {
                stopListening()
                return removeAll(watchesOf(listener))
              })
          ),
          (state) => {
            if (endIfStopped(state, listener)) return true
            if (calls.get(state.sid)?.watchOf(listener) !== undefined) return false
            add(state, listener)
            return true
          }
        ),
      hint: (sid) =>
        Effect.sync(() => {
          const call = calls.get(sid)
          if (call === undefined) return false
          const now = Now.read(clock)
          call.hint(now.at)
          scheduler.place(call, now)
          poller.update(now)
          return true
        })
    }
  })
