/**
 * A clock that runs faster than the one beneath it: a call of minutes passes in seconds, over real sockets.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * A clock that starts at the present time of the clock in force and runs `factor` times as fast; greater than zero.
 * Sleeps and time-outs are as much shorter, while sockets take the time that they take: with a large factor, time-outs of
 * a few seconds may expire.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (factor: number): Effect.Effect<Clock.Clock> =>
  factor > 0 && Number.isFinite(factor)
    ? Effect.map(Effect.clock, (base) => {
      const startMillis = base.unsafeCurrentTimeMillis()
      const startNanos = base.unsafeCurrentTimeNanos()
      const millis = () => startMillis + Math.floor((base.unsafeCurrentTimeMillis() - startMillis) * factor)
      const nanos = () => startNanos + BigInt(Math.floor(Number(base.unsafeCurrentTimeNanos() - startNanos) * factor))
      return {
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        unsafeCurrentTimeMillis: millis,
        unsafeCurrentTimeNanos: nanos,
        currentTimeMillis: Effect.sync(millis),
        currentTimeNanos: Effect.sync(nanos),
        sleep: (duration) => base.sleep(Duration.times(duration, 1 / factor))
      }
    })
    : Effect.dieMessage("The factor of a ScaledClock is a finite number greater than zero")

/**
 * Makes everything that it is provided to live on such a clock.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (factor: number): Layer.Layer<never> =>
  Layer.unwrapEffect(Effect.map(make(factor), Layer.setClock))
