/** Applies transitions of watches: emits their events and sets when each is due again. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { WatchError } from "../../WatchError.ts"
import * as Meters from "../engine/metrics.ts"
import type { Watch, WatchedCall } from "../engine/watchedCall.ts"
import { isSchedule, scheduleStepper, waitFromCadence } from "./cadence.ts"
import type { NextAction, Transition } from "./watchState.ts"

/** The effectful rest of a transition; only schedules need one. */
export type Continuation = Effect.Effect<void> | undefined

export const finish = (call: WatchedCall, watch: Watch, exit: Exit.Exit<void, WatchError>): void => {
  if (!call.delete(watch)) return
  Meters.completed(exit)
  watch.listener.onFinished(watch.state, exit)
}

export const applyTransition = (
  call: WatchedCall,
  watch: Watch,
  { events, next }: Transition,
  now: number
): Continuation => {
  watch.backingOff = next._tag === "WaitUntil"
  for (const event of events) {
    Meters.emitted(event, call.lastActiveAt)
    watch.listener.onEvent(event)
  }
  switch (next._tag) {
    case "Over":
      finish(call, watch, Exit.void)
      return undefined
    case "Fail":
      finish(call, watch, Exit.fail(next.error))
      return undefined
    case "WaitUntil":
      watch.dueAt = next.at
      return undefined
    case "Details":
      watch.dueAt = now
      return undefined
    case "Wait":
      return wait(call, watch, next, now)
  }
}

const wait = (
  call: WatchedCall,
  watch: Watch,
  next: Extract<NextAction, { readonly _tag: "Wait" }>,
  now: number
): Continuation => {
  const cadence = watch.state.policy[next.cadence]
  if (!isSchedule(cadence)) {
    watch.dueAt = now + waitFromCadence(cadence, next.progress)
    return undefined
  }
  const pace = watch[next.cadence] ??= scheduleStepper(cadence)
  // A poll that another watch caused is not a step of this watch's schedule.
  if (pace === watch.pacedBy && watch.dueAt > call.lastPollAt) return undefined
  watch.pacedBy = pace
  return Effect.flatMap(pace.next(next.progress, now), (wait) => {
    if (Option.isNone(wait)) return applyTransition(call, watch, watch.state.onScheduleEnd(now), now) ?? Effect.void
    watch.dueAt = now + wait.value
    return Effect.void
  })
}

/** One transition of one watch. A defect of its policy's function ends this watch only. */
const stepOne = (
  call: WatchedCall,
  watch: Watch,
  now: number,
  step: (watch: Watch) => Transition | undefined
): Continuation => {
  try {
    const made = step(watch)
    const rest = made === undefined ? undefined : applyTransition(call, watch, made, now)
    return rest === undefined
      ? undefined
      : Effect.catchAllCause(rest, (cause) => Effect.sync(() => finish(call, watch, Exit.failCause(cause))))
  } catch (defect) {
    finish(call, watch, Exit.failCause(Cause.die(defect)))
    return undefined
  }
}

/** Applies a transition to every watch of the call that has one. */
export const forEachWatch = (
  call: WatchedCall,
  now: number,
  step: (watch: Watch) => Transition | undefined
): Continuation => {
  const only = call.first
  if (only !== undefined && only.next === undefined) return stepOne(call, only, now, step)
  let all: Continuation
  for (const watch of call.watches) {
    const rest = stepOne(call, watch, now, step)
    if (rest !== undefined) all = all === undefined ? rest : Effect.zipRight(all, rest)
  }
  return all
}

/** Ends every watch of the calls. */
export const endAll = (calls: Iterable<WatchedCall>, cause: Cause.Cause<never>): void => {
  for (const call of calls) for (const watch of call.watches) finish(call, watch, Exit.failCause(cause))
}
