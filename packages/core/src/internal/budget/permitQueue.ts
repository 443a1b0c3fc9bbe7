/** The queue of requests that wait for a permit. One fiber grants them in order, and runs only while a request waits. */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Metric from "effect/Metric"
import { budgetPerMinute, budgetWait } from "../../ExotelMetrics.ts"
import { currentTimeMillis } from "../../MonotonicClock.ts"
import type { DividedBudget, Permit, Priority } from "../../RequestBudget.ts"
import type { SlidingWindow } from "./slidingWindow.ts"

/** The request with the earliest sum of arrival and aging time goes first. */
const AGING_MILLIS: { readonly [P in Priority]: number } = { interactive: 0, watch: 10_000, background: 60_000 }

const priorities = ["interactive", "watch", "background"] as const

const waitMetrics = {
  interactive: Metric.tagged(budgetWait, "priority", "interactive"),
  watch: Metric.tagged(budgetWait, "priority", "watch"),
  background: Metric.tagged(budgetWait, "priority", "background")
}

interface Waiter {
  readonly priority: Priority
  readonly arrivedAt: number
  readonly granted: Deferred.Deferred<Permit>
  permit?: Permit
}

const rank = ({ arrivedAt, priority }: Waiter): number => arrivedAt + AGING_MILLIS[priority]

export interface Options {
  readonly window: SlidingWindow
  /** Asks for one permit of a budget that processes share: 0 when it is granted, else the milliseconds to wait. */
  readonly acquireShared?: Effect.Effect<number>
}

export const make = ({ acquireShared, window }: Options): DividedBudget => {
  const waiting: { readonly [P in Priority]: Set<Waiter> } = {
    interactive: new Set(),
    watch: new Set(),
    background: new Set()
  }
  /** Open when the dispatcher has to reconsider how long it sleeps. */
  const changed = Effect.unsafeMakeLatch()
  let isDispatching = false
  let sharedReadyAt = Number.NEGATIVE_INFINITY

  /** The waiter to grant a permit now, or the milliseconds until one can be granted, or nothing when none waits. */
  const next = (now: number): Waiter | number | undefined => {
    let best: Waiter | undefined
    let wait: number | undefined
    for (const priority of priorities) {
      const [first] = waiting[priority]
      if (first === undefined) continue
      const untilAged = rank(first) - now
      const needed = window.waitOf(priority, now, untilAged <= 0)
      if (needed <= 0 && (best === undefined || rank(first) < rank(best))) best = first
      // An aged request can use the reserve.
      wait = Math.min(wait ?? Infinity, needed, untilAged > 0 ? untilAged : needed)
    }
    if (now < sharedReadyAt && wait !== undefined) return Math.max(wait, sharedReadyAt - now)
    return best ?? wait
  }

  const grant = (waiter: Waiter, now: number): Effect.Effect<boolean> => {
    waiting[waiter.priority].delete(waiter)
    waiter.permit = window.grant(waiter.priority, now)
    return Deferred.succeed(waiter.granted, waiter.permit)
  }

  /** Grants one permit, or sleeps until one can be granted. Returns false when no request waits. */
  const step = Effect.gen(function*() {
    changed.unsafeClose()
    const first = next(yield* currentTimeMillis)
    isDispatching = first !== undefined
    if (first === undefined) return false
    if (typeof first === "number") {
      yield* Effect.timeoutOption(changed.await, Duration.millis(Math.max(1, Math.ceil(first))))
      return true
    }
    const sharedWait = acquireShared === undefined ? 0 : yield* acquireShared
    const now = yield* currentTimeMillis
    if (sharedWait > 0) {
      sharedReadyAt = now + sharedWait
      return true
    }
    // The queue or the limit may have changed while the store responded.
    const chosen = acquireShared === undefined ? first : next(now)
    if (typeof chosen === "object") yield* grant(chosen, now)
    return true
  })

  const ensureDispatcher = Effect.suspend(() => {
    if (isDispatching) return Effect.void
    isDispatching = true
    return Effect.forkDaemon(Effect.interruptible(Effect.repeat(step, { while: (goesOn) => goesOn })))
  })

  const release = (permit: Permit): Effect.Effect<void> =>
    Effect.sync(() => {
      window.release(permit)
      changed.unsafeOpen()
    })

  const wait = (priority: Priority, arrivedAt: number): Effect.Effect<Permit> => {
    const waiter: Waiter = { priority, arrivedAt, granted: Deferred.unsafeMake(FiberId.none) }
    waiting[priority].add(waiter)
    if (waiting[priority].size === 1) changed.unsafeOpen()
    return Effect.zipRight(ensureDispatcher, Deferred.await(waiter.granted)).pipe(
      Effect.onInterrupt(() =>
        Effect.suspend(() => {
          if (waiter.permit !== undefined) return release(waiter.permit)
          waiting[priority].delete(waiter)
          changed.unsafeOpen()
          return Effect.void
        })
      ),
      Effect.tap(() =>
        Effect.flatMap(currentTimeMillis, (now) => Metric.update(waitMetrics[priority], (now - arrivedAt) / 1000))
      )
    )
  }

  return {
    acquire: (priority) =>
      Effect.flatMap(
        currentTimeMillis,
        (now) =>
          acquireShared === undefined && next(now) === undefined && window.waitOf(priority, now, false) <= 0
            ? Effect.succeed(window.grant(priority, now))
            : wait(priority, now)
      ),
    release,
    observe: (info) =>
      Effect.flatMap(currentTimeMillis, (now) => {
        window.observe(info, now)
        changed.unsafeOpen()
        return Metric.set(budgetPerMinute, window.perMinute(window.allowed(now)))
      }),
    setShare: (perMinute, validFor) =>
      Effect.map(currentTimeMillis, (now) => {
        window.setShare(Math.max(0, perMinute), now, now + Duration.toMillis(validFor))
        changed.unsafeOpen()
      }),
    pausedFor: Effect.map(currentTimeMillis, (now) => Duration.millis(window.pausedFor(now))),
    availablePerMinute: Effect.map(currentTimeMillis, (now) => window.perMinute(window.available(now)))
  }
}
