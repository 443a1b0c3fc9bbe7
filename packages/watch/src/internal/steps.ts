/** Makes the steps of watches: tells their events, and lays down when each is due again. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { WatchError } from "../WatchError.ts"
import { isSchedule, paceOf, waitOf } from "./cadence.ts"
import * as Meters from "./meters.ts"
import type { Watch, Watched } from "./watched.ts"
import type { Next, Step } from "./watchState.ts"

/** What a step leaves to be done that may take its time, as only schedules do. */
export type Rest = Effect.Effect<void> | undefined

export const over = (call: Watched, watch: Watch, exit: Exit.Exit<void, WatchError>): void => {
  if (!call.delete(watch)) return
  Meters.over(exit)
  watch.listener.onOver(watch.state, exit)
}

export const follow = (call: Watched, watch: Watch, { events, next }: Step, now: number): Rest => {
  watch.resting = next._tag === "WaitUntil"
  for (const event of events) {
    Meters.told(event, call.lastActiveAt)
    watch.listener.onEvent(event)
  }
  switch (next._tag) {
    case "Over":
      over(call, watch, Exit.void)
      return undefined
    case "Fail":
      over(call, watch, Exit.fail(next.error))
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

const wait = (call: Watched, watch: Watch, next: Extract<Next, { readonly _tag: "Wait" }>, now: number): Rest => {
  const cadence = watch.state.policy[next.cadence]
  if (!isSchedule(cadence)) {
    watch.dueAt = now + waitOf(cadence, next.progress)
    return undefined
  }
  const pace = watch[next.cadence] ??= paceOf(cadence)
  // A poll for another watch's sake is no step of this one's schedule.
  if (pace === watch.pacedBy && watch.dueAt > call.lastPollAt) return undefined
  watch.pacedBy = pace
  return Effect.flatMap(pace.next(next.progress, now), (wait) => {
    if (Option.isNone(wait)) return follow(call, watch, watch.state.onScheduleEnd(now), now) ?? Effect.void
    watch.dueAt = now + wait.value
    return Effect.void
  })
}

/** A step of one watch. A defect of its policy's function ends it, and is no concern of the others who watch the call. */
const stepOne = (call: Watched, watch: Watch, now: number, step: (watch: Watch) => Step | undefined): Rest => {
  try {
    const made = step(watch)
    const rest = made === undefined ? undefined : follow(call, watch, made, now)
    return rest === undefined
      ? undefined
      : Effect.catchAllCause(rest, (cause) => Effect.sync(() => over(call, watch, Exit.failCause(cause))))
  } catch (defect) {
    over(call, watch, Exit.failCause(Cause.die(defect)))
    return undefined
  }
}

/** A step of every watch of the call that has one to make. */
export const forEachWatch = (call: Watched, now: number, step: (watch: Watch) => Step | undefined): Rest => {
  const only = call.first
  if (only !== undefined && only.next === undefined) return stepOne(call, only, now, step)
  let all: Rest
  for (const watch of call.watches) {
    const rest = stepOne(call, watch, now, step)
    if (rest !== undefined) all = all === undefined ? rest : Effect.zipRight(all, rest)
  }
  return all
}

/** Ends every watch of the calls. */
export const endAll = (calls: Iterable<Watched>, cause: Cause.Cause<never>): void => {
  for (const call of calls) for (const watch of call.watches) over(call, watch, Exit.failCause(cause))
}
