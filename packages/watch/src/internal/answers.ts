/** What answers mean to everybody who watches the calls that were asked for. */
import type { Call } from "@effect-exotel/core/Call"
import { isTerminal } from "@effect-exotel/core/Call"
import type { Found } from "@effect-exotel/core/CallQuery"
import type { ExotelError } from "@effect-exotel/core/ExotelError"
import * as Errors from "@effect-exotel/core/ExotelError"
import type * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { Agenda } from "./agenda.ts"
import * as Meters from "./meters.ts"
import type { Rest } from "./steps.ts"
import { forEachWatch } from "./steps.ts"
import type { Watched } from "./watched.ts"

/** After a 429 that names no time, no poll of the account is sent for so long. */
const THROTTLED_MILLIS = 5000

/** The longest rest of the whole account, whatever a policy grants to the watches that it was given for. */
const LONGEST_PAUSE_MILLIS = 300_000

/** After so many failed sweeps in a row none is tried for a while, which is longer when they were refused. */
const FAILED_SWEEPS = 3
const SWEEPLESS_MILLIS = 600_000
const SWEEPLESS_SHORTLY_MILLIS = 60_000

const all = (rests: ReadonlyArray<Rest>): Rest => {
  const effects = rests.filter((rest) => rest !== undefined)
  return effects.length === 0 ? undefined : Effect.all(effects, { discard: true })
}

export class Answers {
  /** Until then Exotel wants to be left alone. */
  pausedUntil = Number.NEGATIVE_INFINITY
  private failedSweeps = 0
  private readonly agenda: Agenda
  private readonly budget: RequestBudget.Service

  constructor(agenda: Agenda, budget: RequestBudget.Service) {
    this.agenda = agenda
    this.budget = budget
  }

  onSeen(call: Watched, seen: Call, now: number): Rest {
    call.readAt = now
    call.alone = false
    if (!isTerminal(seen)) call.lastActiveAt = now
    return forEachWatch(call, now, ({ state }) => state.onCall(seen, now))
  }

  onFound(asked: ReadonlyArray<Watched>, found: Found, now: number): Rest {
    this.failedSweeps = 0
    Meters.swept(asked.length)
    // Whether Exotel minds the case of a sid is unknown.
    const ended = new Map(found.calls.map((call) => [call.sid.toLowerCase(), call]))
    const damaged = new Set(found.damaged.map((error) => error.sid?.toLowerCase()))
    return all(asked.map((call) => {
      const sid = call.sid.toLowerCase()
      const record = ended.get(sid)
      // A record that cannot be read says that there is one: the call itself will tell.
      call.alone = record === undefined && damaged.has(sid)
      if (call.alone) {
        for (const watch of call.watches) if (!watch.state.awaitsDetails) watch.dueAt = now
        return undefined
      }
      const rest = forEachWatch(call, now, ({ state }) =>
        state.awaitsDetails
          ? undefined
          : record === undefined
          ? state.onMissing(now)
          : state.onSwept(record, now))
      if (record === undefined) call.lastActiveAt = now
      return rest
    }))
  }

  onFailure(asked: ReadonlyArray<Watched>, error: ExotelError, now: number): Effect.Effect<void> {
    if (error._tag === "RateLimited") {
      const rest = Option.match(Errors.retryAfter(error), {
        onNone: () => THROTTLED_MILLIS,
        onSome: Duration.toMillis
      })
      // The limit is the account's: whichever call met it, all of them wait.
      const caps = asked.flatMap(({ watches }) =>
        watches.map(({ state }) => Duration.toMillis(state.policy.retryAfterCap))
      )
      this.pausedUntil = Math.max(this.pausedUntil, now + Math.min(rest, LONGEST_PAUSE_MILLIS, Math.max(...caps)))
    }
    return Effect.flatMap(Effect.zip(Random.next, this.budget.pausedFor), ([chance, pause]) => {
      // The budget rests for everybody's sake, whatever these policies grant.
      const resumesAt = Math.max(this.pausedUntil, now + Math.ceil(Duration.toMillis(pause)))
      return all(
        asked.map((call) => forEachWatch(call, now, ({ state }) => state.onFailure(error, now, chance, resumesAt)))
      ) ?? Effect.void
    })
  }

  /** What a sweep fails with need not be the fault of each of its calls; a read of each tells whose it is. */
  onSweepFailure(asked: ReadonlyArray<Watched>, error: ExotelError, now: number): Effect.Effect<void> {
    // Where the bulk read is not found, calls may be: a gateway's 404 says nothing of credentials.
    const unauthorized = error._tag === "AuthenticationError" && error.status === 401
    if (error._tag !== "RateLimited") this.failedSweeps += 1
    const isEnough = this.failedSweeps > 0 && this.failedSweeps % FAILED_SWEEPS === 0
    if (error.isRetryable || unauthorized || error._tag === "RegionMismatch") {
      // What passes for reads need not pass for sweeps; reads are tried for a while.
      if (isEnough) this.agenda.sweepsFrom = now + SWEEPLESS_SHORTLY_MILLIS
      return this.onFailure(asked, error, now)
    }
    for (const call of asked) call.alone = true
    if (!isEnough) return Effect.void
    this.agenda.sweepsFrom = now + SWEEPLESS_MILLIS
    return Effect.annotateLogs(
      Effect.logWarning("Exotel refuses bulk reads; calls are read one by one for ten minutes"),
      { error: error._tag }
    )
  }
}
