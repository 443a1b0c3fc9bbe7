/**
 * A clock reading that never goes back, for waits, windows and deadlines that must not depend on the wall clock.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * Milliseconds on the monotonic reading of a clock. Only differences have a meaning. A `TestClock` and a `ScaledClock`
 * advance this reading together with their time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsafeCurrentTimeMillis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6

/**
 * Milliseconds on the monotonic reading of the clock in the context.
 *
 * @since 0.1.0
 * @category constructors
 */
export const currentTimeMillis: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.sync(() => unsafeCurrentTimeMillis(clock))
)
