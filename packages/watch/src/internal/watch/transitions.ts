/** Applies transitions of watches: emits their events and sets when each is due again. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { WatchError } from "../../WatchError.ts"
import * as Meters from "../engine/metrics.ts"
import type { Watch, WatchedCall } from "../engine/watchedCall.ts"
import { isSchedule, scheduleStepper, waitFromCadence } from "./cadence.ts"
import type { NextAction, Transition } from "./watchState.ts"

export const finish = (call: WatchedCall, watch: Watch, exit: Exit.Exit<void, WatchError>): void => {
  if (!call.delete(watch)) return
  watch.step?.unsafeInterruptAsFork(FiberId.none)
  Meters.completed(exit)
  watch.listener.onFinished(watch.state, exit)
}

export const applyTransition = (
  call: WatchedCall,
  watch: Watch,
  { events, next }: Transition,
  now: number
): void => {
  watch.backingOff = next._tag === "WaitUntil"
  for (const event of events) {
    Meters.emitted(event, call.lastActiveAt)
    watch.listener.onEvent(event)
  }
  switch (next._tag) {
    case "Over":
      return finish(call, watch, Exit.void)
    case "Fail":
      return finish(call, watch, Exit.fail(next.error))
    case "WaitUntil":
      watch.dueAt = next.at
      return
    case "Details":
      watch.dueAt = now
      return
    case "Wait":
      return wait(call, watch, next, now)
  }
}

const wait = (
  call: WatchedCall,
  watch: Watch,
  next: Extract<NextAction, { readonly _tag: "Wait" }>,
  now: number
): void => {
  const cadence = watch.state.policy[next.cadence]
  if (!isSchedule(cadence)) {
    watch.dueAt = now + waitFromCadence(cadence, next.progress)
    return
  }
  const stepper = watch[next.cadence] ??= scheduleStepper(cadence)
  // A poll that another watch caused is not a step of this watch's schedule.
  if (stepper === watch.pacedBy && watch.dueAt > call.lastPollAt) return
  // A step may take any time. Meanwhile only the limits of the watch and hints apply.
  watch.dueAt = Number.POSITIVE_INFINITY
  if (stepper === watch.pacedBy && watch.step !== undefined) return
  watch.step?.unsafeInterruptAsFork(FiberId.none)
  watch.pacedBy = stepper
  const fiber = call.runStep(
    stepper.next(next.progress, now).pipe(
      Effect.map((wait) => {
        if (watch.step !== fiber) return
        watch.step = undefined
        if (Option.isSome(wait)) watch.dueAt = now + wait.value
        else applyTransition(call, watch, watch.state.onScheduleEnd(now), now)
      }),
      Effect.catchAllCause((cause) =>
        Effect.sync(() => watch.step === fiber && finish(call, watch, Exit.failCause(cause)))
      )
    )
  )
  watch.step = fiber
}

/** Applies a transition to every watch of the call that has one. A defect of a policy's function ends its watch only. */
export const forEachWatch = (
  call: WatchedCall,
  now: number,
  transition: (watch: Watch) => Transition | undefined
): void => {
  for (const watch of call.watches) {
    try {
      const made = transition(watch)
      if (made !== undefined) applyTransition(call, watch, made, now)
    } catch (defect) {
      finish(call, watch, Exit.failCause(Cause.die(defect)))
    }
  }
}

/** Ends every watch of the calls. */
export const endAll = (calls: Iterable<WatchedCall>, cause: Cause.Cause<never>): void => {
  for (const call of calls) for (const watch of call.watches) finish(call, watch, Exit.failCause(cause))
}
