/**
 * One request budget for several processes, over the `RateLimiter` of `@effect/experimental`, whose store decides who
 * shares: with its Redis store, every process that reaches that Redis. Not part of the package's index, for whoever does
 * not use it need not install `@effect/experimental`.
 *
 * @since 0.1.0
 */
import * as RateLimiter from "@effect/experimental/RateLimiter"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as PermitQueue from "../internal/budget/permitQueue.ts"
import { SlidingWindow } from "../internal/budget/slidingWindow.ts"
import { RequestBudget, type Service } from "../RequestBudget.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Names the account in the store; one store may serve many. */
  readonly key: string
  /** How many requests all processes together may send in any sixty seconds, at least 2. Default: 200. */
  readonly requestsPerMinute?: number | undefined
  /**
   * How many may go at once after a pause; the rest comes evenly, so that no sixty seconds see more than
   * `requestsPerMinute`: a burst of 20 leaves 180 a minute of 200. Default: a tenth of `requestsPerMinute`.
   */
  readonly burst?: number | undefined
  /** The window that the limit is for. Default: a minute. */
  readonly window?: Duration.DurationInput | undefined
}

/** A store that takes longer is down. */
const STORE_TIMEOUT = Duration.seconds(1)

/** So long a store that is down is not asked again, and nothing more is logged of it. */
const REST_MILLIS = 60_000

/**
 * Makes the budget. Priorities, pauses and what is learnt of 429s are each process's own; what they share is how many
 * requests go. While the store does not answer, each process keeps to the limit by itself, says so in one warning a
 * minute, and asks the store again after that.
 *
 * The Redis store is given the clock of whoever asks: the machines need a time server.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, never, RateLimiter.RateLimiter> =>
  Effect.map(RateLimiter.RateLimiter, (limiter) => {
    const window = Duration.decode(options.window ?? "1 minute")
    const windowMillis = Duration.toMillis(window)
    const limit = Math.max(2, Math.floor(options.requestsPerMinute ?? 200))
    const burst = Math.min(limit - 1, Math.max(1, Math.floor(options.burst ?? limit / 10)))
    const consume = limiter.consume({
      algorithm: "token-bucket",
      onExceeded: "fail",
      key: `exotel:${options.key}`,
      limit: burst,
      // The bucket is full again after this, and in a whole window gives `limit - burst` beyond what it held.
      window: Duration.times(window, burst / (limit - burst))
    })
    let restsUntil = Number.NEGATIVE_INFINITY

    const acquireShared: Effect.Effect<number> = Effect.flatMap(Clock.currentTimeMillis, (now) =>
      now < restsUntil
        ? Effect.succeed(0)
        : consume.pipe(
          Effect.timeout(STORE_TIMEOUT),
          Effect.as(0),
          Effect.catchAllCause((cause) => {
            const error = cause._tag === "Fail" ? cause.error : undefined
            if (error?._tag === "RateLimiterError" && error.reason === "Exceeded") {
              // All who were refused were given the same moment, and one of them would always be the first.
              const wait = Duration.toMillis(error.retryAfter)
              return Effect.map(Random.next, (chance) => Math.max(1, Math.ceil(wait * (1 + chance / 2))))
            }
            restsUntil = now + REST_MILLIS
            return Effect.as(
              Effect.logWarning(
                "The store of the shared request budget does not answer; this process counts for itself"
              ),
              0
            )
          })
        ))

    return PermitQueue.make({ window: new SlidingWindow(limit, windowMillis), windowMillis, acquireShared })
  })

/**
 * The budget as a layer, to be provided to `ExotelCalls`.
 *
 * @example
 * ```ts
 * import { ExotelCalls } from "@effect-exotel/core"
 * import * as SharedBudget from "@effect-exotel/core/RequestBudget/Shared"
 * import * as RateLimiter from "@effect/experimental/RateLimiter"
 * import * as RedisStore from "@effect/experimental/RateLimiter/Redis"
 * import { NodeHttpClient } from "@effect/platform-node"
 * import { Layer } from "effect"
 *
 * const Budget = SharedBudget.layer({ key: "acme1m" }).pipe(
 *   Layer.provide(RateLimiter.layer),
 *   Layer.provide(RedisStore.layerStore({ host: "redis.internal" }))
 * )
 *
 * const ExotelLive = ExotelCalls.layerConfigWithBudget().pipe(
 *   Layer.provideMerge(Budget),
 *   Layer.provide(NodeHttpClient.layerUndici)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<RequestBudget, never, RateLimiter.RateLimiter> =>
  Layer.effect(RequestBudget, make(options))
