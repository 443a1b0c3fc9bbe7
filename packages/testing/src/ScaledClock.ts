/**
 * A clock that runs faster than the one beneath it: a call of minutes passes in seconds, over real sockets.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"

/**
 * A clock whose speed can be changed while it runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Adjustable {
  readonly clock: Clock.Clock
  readonly factor: Effect.Effect<number>
  /** Changes the speed from now on, for sleeps in progress as well; 0 pauses the clock. Dies of a negative number. */
  readonly setFactor: (factor: number) => Effect.Effect<void>
}

/**
 * A clock that starts at the present time of the clock in force and runs `factor` times as fast, until `setFactor`
 * changes it. Sleeps and time-outs are as much shorter, while sockets take the time that they take: with a large factor,
 * time-outs of a few seconds may expire.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeAdjustable = (initial: number): Effect.Effect<Adjustable> =>
  Effect.map(Effect.zip(Effect.clock, checked(initial)), ([base]) => {
    let factor = initial
    /** Completed when the factor changes. */
    let changed = Deferred.unsafeMake<void>(FiberId.none)
    let baseNanos = base.unsafeCurrentTimeNanos()
    let startNanos = BigInt(base.unsafeCurrentTimeMillis()) * NANOS_PER_MILLI
    const nanos = () => startNanos + BigInt(Math.floor(Number(base.unsafeCurrentTimeNanos() - baseNanos) * factor))
    const millis = () => Number(nanos() / NANOS_PER_MILLI)

    const sleepUntil = (at: bigint): Effect.Effect<void> =>
      Effect.suspend(() => {
        const left = Number(at - nanos())
        if (left <= 0) return Effect.void
        const change = Deferred.await(changed)
        return factor === 0
          ? Effect.zipRight(change, sleepUntil(at))
          : Effect.raceFirst(
            Effect.as(base.sleep(Duration.millis(Math.ceil(left / factor / 1e6))), false),
            Effect.as(change, true)
          ).pipe(Effect.flatMap((isChanged) => isChanged ? sleepUntil(at) : Effect.void))
      })

    return {
      clock: {
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        unsafeCurrentTimeMillis: millis,
        unsafeCurrentTimeNanos: nanos,
        currentTimeMillis: Effect.sync(millis),
        currentTimeNanos: Effect.sync(nanos),
        sleep: (duration) =>
          Effect.suspend(() =>
            Duration.isFinite(duration)
              ? sleepUntil(nanos() + BigInt(Math.ceil(Duration.toMillis(duration) * 1e6)))
              : Effect.never
          )
      },
      factor: Effect.sync(() => factor),
      setFactor: (next) =>
        Effect.flatMap(checked(next), () => {
          startNanos = nanos()
          baseNanos = base.unsafeCurrentTimeNanos()
          factor = next
          const before = changed
          changed = Deferred.unsafeMake<void>(FiberId.none)
          return Effect.asVoid(Deferred.succeed(before, undefined))
        })
    }
  })

const NANOS_PER_MILLI = 1_000_000n

const checked = (factor: number): Effect.Effect<number> =>
  factor >= 0 && Number.isFinite(factor)
    ? Effect.succeed(factor)
    : Effect.dieMessage("The factor of a ScaledClock must be a finite number, not below zero")

/**
 * A clock that runs at one speed; `factor` is greater than zero.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (factor: number): Effect.Effect<Clock.Clock> =>
  factor > 0
    ? Effect.map(makeAdjustable(factor), ({ clock }) => clock)
    : Effect.dieMessage("The factor of a ScaledClock must be a finite number greater than zero")

/**
 * Makes everything that it is provided to live on such a clock.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (factor: number): Layer.Layer<never> =>
  Layer.unwrapEffect(Effect.map(make(factor), Layer.setClock))
