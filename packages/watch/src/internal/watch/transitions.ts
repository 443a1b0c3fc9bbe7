/** Applies transitions of watches: emits their events and sets when each is due again. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { WatchError } from "../../WatchError.ts"
import * as Meters from "../engine/metrics.ts"
import { fromDate, type Now } from "../engine/now.ts"
import type { Watch, WatchedCall } from "../engine/watchedCall.ts"
import { isSchedule, scheduleStepper, waitFromCadence } from "./cadence.ts"
import type { NextAction, Transition } from "./watchState.ts"

/** Removes the watch from its call. False if that has been done before. */
export const removeWatch = (call: WatchedCall, watch: Watch): boolean => {
  if (!call.delete(watch)) return false
  watch.schedule?.step?.unsafeInterruptAsFork(FiberId.none)
  watch.schedule = undefined
  return true
}

const finish = (call: WatchedCall, watch: Watch, exit: Exit.Exit<void, WatchError>): void => {
  if (!removeWatch(call, watch)) return
  Meters.completed(exit)
  watch.listener.onFinished(watch.state, exit)
}

const applyTransition = (call: WatchedCall, watch: Watch, { events, next }: Transition, now: Now): void => {
  watch.backingOff = next._tag === "WaitUntil"
  for (const event of events) {
    Meters.emitted(event, now.at - call.lastActiveAt)
    watch.listener.onEvent(event)
  }
  switch (next._tag) {
    case "Over":
      return finish(call, watch, Exit.void)
    case "Fail":
      return finish(call, watch, Exit.fail(next.error))
    case "WaitUntil":
      watch.dueAt = fromDate(next.date, now)
      return
    case "Details":
      watch.dueAt = now.at
      return
    case "Wait":
      return wait(call, watch, next, now)
  }
}

const wait = (
  call: WatchedCall,
  watch: Watch,
  next: Extract<NextAction, { readonly _tag: "Wait" }>,
  now: Now
): void => {
  const cadence = watch.state.policy[next.cadence]
  if (!isSchedule(cadence)) {
    watch.dueAt = now.at + waitFromCadence(cadence, next.progress)
    return
  }
  const continues = watch.schedule?.cadence === next.cadence
  // A poll that another watch caused is not a step of this watch's schedule.
  if (continues && watch.dueAt > call.lastPollAt) return
  // A step may take any time. Meanwhile only the limits of the watch and hints apply.
  watch.dueAt = Number.POSITIVE_INFINITY
  if (continues && watch.schedule?.step !== undefined) return
  watch.schedule?.step?.unsafeInterruptAsFork(FiberId.none)
  const schedule = continues && watch.schedule !== undefined
    ? watch.schedule
    : { cadence: next.cadence, stepper: scheduleStepper(cadence), step: undefined }
  watch.schedule = schedule
  schedule.step = call.runStep(
    call,
    schedule.stepper.next(next.progress, now.date).pipe(
      Effect.map((wait) => {
        if (watch.schedule !== schedule) return
        schedule.step = undefined
        if (Option.isSome(wait)) watch.dueAt = now.at + wait.value
        else applyTransition(call, watch, watch.state.onScheduleEnd(now.date), now)
      }),
      Effect.catchAllCause((cause) =>
        Effect.sync(() => watch.schedule === schedule && finish(call, watch, Exit.failCause(cause)))
      )
    )
  )
}

/** Applies a transition to every watch of the call that has one. A defect of a policy's function ends its watch only. */
export const forEachWatch = (
  call: WatchedCall,
  now: Now,
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
