/**
 * Ends attempts that exceed the timeout. One fiber watches all attempts in flight: a timer for each would cost as much as
 * the fiber of the attempt.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { unsafeCurrentTimeMillis } from "../../MonotonicClock.ts"

interface Attempt {
  readonly deadline: number
  readonly interrupt: () => void
  hasTimedOut: boolean
}

/**
 * Makes the function that runs an effect in a fiber of its own and fails with `onTimeout` when it exceeds `millis`. At last
 * it runs `complete`, uninterruptibly, with the exit of the effect.
 */
export const make = <E>(millis: number, onTimeout: E) => {
  /** In the order of the deadlines, because the timeout is the same for all. */
  const inFlight = new Set<Attempt>()
  let watchdog: Fiber.RuntimeFiber<void> | undefined

  const watch: Effect.Effect<void> = Effect.clockWith((clock) => {
    const now = unsafeCurrentTimeMillis(clock)
    for (const attempt of inFlight) {
      // A sleep may end a fraction of a millisecond early, and so short a sleep may take no time at all.
      if (attempt.deadline - now >= 1) return Effect.zipRight(Effect.sleep(attempt.deadline - now), watch)
      inFlight.delete(attempt)
      attempt.hasTimedOut = true
      attempt.interrupt()
    }
    watchdog = undefined
    return Effect.void
  })

  const ensureWatchdog = Effect.suspend(() =>
    watchdog !== undefined
      ? Effect.void
      : Effect.map(Effect.forkDaemon(Effect.interruptible(watch)), (fiber) => void (watchdog = fiber))
  )

  /** The last attempt stops the watchdog, whose sleep would otherwise keep the process alive. */
  const leave = (attempt: Attempt): void => {
    inFlight.delete(attempt)
    if (inFlight.size > 0) return
    watchdog?.unsafeInterruptAsFork(FiberId.none)
    watchdog = undefined
  }

  /** Waits for the fiber of an attempt, and ends it if the wait is interrupted. */
  const supervise = <A, B>(
    fiber: Fiber.RuntimeFiber<A, E>,
    restore: <C, F>(effect: Effect.Effect<C, F>) => Effect.Effect<C, F>,
    complete: (exit: Exit.Exit<A, E>) => Effect.Effect<B, E>
  ) =>
    Effect.clockWith((clock) => {
      const attempt: Attempt = {
        deadline: unsafeCurrentTimeMillis(clock) + millis,
        interrupt: () => fiber.unsafeInterruptAsFork(FiberId.none),
        hasTimedOut: false
      }
      inFlight.add(attempt)
      const exit = Effect.async<Exit.Exit<A, E>>((resume) => fiber.addObserver((exit) => resume(Effect.succeed(exit))))
      return Effect.matchCauseEffect(Effect.zipRight(ensureWatchdog, restore(exit)), {
        onFailure: (cause) => {
          leave(attempt)
          return Effect.zipRight(Fiber.interrupt(fiber), complete(Exit.failCause(cause)))
        },
        onSuccess: (exit) => {
          leave(attempt)
          return complete(attempt.hasTimedOut && Exit.isInterrupted(exit) ? Exit.fail(onTimeout) : exit)
        }
      })
    })

  return <A, B>(
    effect: Effect.Effect<A, E>,
    complete: (exit: Exit.Exit<A, E>) => Effect.Effect<B, E>
  ): Effect.Effect<B, E> =>
    Effect.uninterruptibleMask((restore) =>
      // The timeout holds in an uninterruptible region, too.
      Effect.flatMap(Effect.forkDaemon(Effect.interruptible(effect)), (fiber) => supervise(fiber, restore, complete))
    )
}
