/** Who waits for a turn, in their order; and one fiber, only while somebody does, that lets them through. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Metric from "effect/Metric"
import { budgetPerMinute, budgetWait } from "../../ExotelMetrics.ts"
import type { Permit, Priority, Service } from "../../RequestBudget.ts"
import type { SlidingWindow } from "./slidingWindow.ts"

/** Among the waiting comes first whose arrival and patience together are earliest. */
const AGING_MILLIS: { readonly [P in Priority]: number } = { interactive: 0, watch: 10_000, background: 60_000 }

const priorities = ["interactive", "watch", "background"] as const

/** What timers and the clock may differ by without anybody having set the clock. */
const CLOCK_TOLERANCE_MILLIS = 1000

const WINDOW_MILLIS = 60_000

interface Waiter {
  readonly priority: Priority
  arrivedAt: number
  readonly deferred: Deferred.Deferred<Permit>
  permit: Permit | undefined
}

export interface Options {
  readonly window: SlidingWindow
  /** The length of the window that `window` counts in. Default: a minute. */
  readonly windowMillis?: number
  /** Asked before each turn whether others who share the account allow it: 0, or the milliseconds to wait. */
  readonly acquireShared?: Effect.Effect<number>
}

export const make = ({ acquireShared, window, windowMillis = WINDOW_MILLIS }: Options): Service => {
  const waiting: { readonly [P in Priority]: Set<Waiter> } = {
    interactive: new Set(),
    watch: new Set(),
    background: new Set()
  }
  let latest = Number.NEGATIVE_INFINITY
  let dispatcher: { readonly fiber: Fiber.RuntimeFiber<void>; readonly sleepsUntil: number } | "busy" | undefined

  const isEmpty = () => priorities.every((priority) => waiting[priority].size === 0)

  /** The time; what is known moves back with a clock that was set back. */
  const timeOf = (clock: Clock.Clock): number => {
    const now = clock.unsafeCurrentTimeMillis()
    const back = latest - now
    latest = now
    if (back > CLOCK_TOLERANCE_MILLIS) {
      window.shift(back)
      for (const priority of priorities) for (const waiter of waiting[priority]) waiter.arrivedAt -= back
    }
    return now
  }

  const isAged = ({ arrivedAt, priority }: Waiter, now: number) => now - arrivedAt >= AGING_MILLIS[priority]

  /** The first who may go now, or how long it takes until somebody may. */
  const next = (now: number): Waiter | number => {
    let best: Waiter | undefined
    let wait = Number.POSITIVE_INFINITY
    for (const priority of priorities) {
      const [first] = waiting[priority]
      if (first === undefined) continue
      const needed = window.waitOf(priority, now, isAged(first, now))
      // Where only the reserve is left, it opens when patience has come to its end.
      wait = Math.min(wait, needed, isAged(first, now) ? needed : first.arrivedAt + AGING_MILLIS[priority] - now)
      if (needed > 0) continue
      if (best === undefined || rank(first) < rank(best)) best = first
    }
    return best ?? Math.max(1, Math.ceil(wait))
  }

  const rank = ({ arrivedAt, priority }: Waiter): number => arrivedAt + AGING_MILLIS[priority]

  const grant = (waiter: Waiter, now: number): Effect.Effect<void> => {
    const permit = window.grant(waiter.priority, now)
    waiter.permit = permit
    waiting[waiter.priority].delete(waiter)
    return Deferred.succeed(waiter.deferred, permit)
  }

  /** Lets everybody through who may go, and sleeps until the next may. */
  const dispatch: Effect.Effect<void> = Effect.withFiberRuntime((fiber) => {
    const clock = Context.get(fiber.getFiberRef(DefaultServices.currentServices), Clock.Clock)
    const self = fiber as Fiber.RuntimeFiber<void>
    if (isEmpty()) {
      dispatcher = undefined
      return Effect.void
    }
    const first = next(timeOf(clock))
    if (typeof first === "number") return sleep(self, clock, first)
    if (acquireShared === undefined) return Effect.zipRight(grant(first, latest), dispatch)
    return Effect.flatMap(acquireShared, (wait) => {
      if (wait > 0) return sleep(self, clock, wait)
      // Whoever has come meanwhile may be in more of a hurry.
      const first = next(timeOf(clock))
      return Effect.zipRight(typeof first === "number" ? Effect.void : grant(first, latest), dispatch)
    })
  })

  const sleep = (fiber: Fiber.RuntimeFiber<void>, clock: Clock.Clock, millis: number): Effect.Effect<void> => {
    const wait = Math.min(millis, windowMillis)
    const self = { fiber, sleepsUntil: latest + wait }
    dispatcher = self
    return Effect.flatMap(clock.sleep(Duration.millis(wait)), () => {
      // Somebody else may have been sent in the meantime.
      if (dispatcher !== self) return Effect.void
      dispatcher = "busy"
      return dispatch
    })
  }

  /** Has somebody see to those who wait; whoever sees to them already is replaced when he would come too late. */
  const ensureDispatcher: Effect.Effect<void> = Effect.clockWith((clock) =>
    Effect.suspend(() => {
      if (dispatcher === "busy" || isEmpty()) return Effect.void
      const sleeper = dispatcher
      if (sleeper !== undefined) {
        const first = acquireShared === undefined ? next(timeOf(clock)) : Number.POSITIVE_INFINITY
        if (typeof first === "number" && latest + first >= sleeper.sleepsUntil) return Effect.void
      }
      dispatcher = "busy"
      return Effect.zipRight(
        sleeper === undefined ? Effect.void : Fiber.interruptFork(sleeper.fiber),
        Effect.forkDaemon(Effect.interruptible(dispatch))
      )
    })
  )

  const stopDispatcher: Effect.Effect<void> = Effect.suspend(() => {
    if (dispatcher === undefined || dispatcher === "busy" || !isEmpty()) return Effect.void
    const { fiber } = dispatcher
    dispatcher = undefined
    return Fiber.interrupt(fiber)
  })

  const release = (permit: Permit): Effect.Effect<void> =>
    Effect.suspend(() => {
      window.release(permit)
      return ensureDispatcher
    })

  const wait = (waiter: Waiter): Effect.Effect<Permit> =>
    Effect.zipRight(ensureDispatcher, Deferred.await(waiter.deferred)).pipe(
      Effect.onInterrupt(() =>
        Effect.suspend(() => {
          if (waiter.permit !== undefined) return release(waiter.permit)
          waiting[waiter.priority].delete(waiter)
          return stopDispatcher
        })
      ),
      Effect.tap(() =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Metric.update(
            Metric.tagged(budgetWait, "priority", waiter.priority),
            Math.max(0, now - waiter.arrivedAt) / 1000
          ))
      )
    )

  return {
    acquire: (priority) =>
      Effect.clockWith((clock) => {
        const now = timeOf(clock)
        if (acquireShared === undefined && isEmpty() && window.waitOf(priority, now, false) <= 0) {
          return Effect.succeed(window.grant(priority, now))
        }
        const waiter: Waiter = {
          priority,
          arrivedAt: now,
          deferred: Deferred.unsafeMake(FiberId.none),
          permit: undefined
        }
        waiting[priority].add(waiter)
        return wait(waiter)
      }),
    release,
    observe: (info) =>
      Effect.clockWith((clock) => {
        window.observe(info, timeOf(clock))
        return Metric.set(budgetPerMinute, window.allowed(latest) * WINDOW_MILLIS / windowMillis)
      }),
    pausedFor: Effect.clockWith((clock) => Effect.sync(() => Duration.millis(window.pausedFor(timeOf(clock))))),
    availablePerMinute: Effect.clockWith((clock) =>
      Effect.sync(() => window.availablePerWindow(timeOf(clock)) * WINDOW_MILLIS / windowMillis)
    )
  }
}
