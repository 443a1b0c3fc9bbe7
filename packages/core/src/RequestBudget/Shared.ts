/**
 * A request budget that several processes share, over the `RateLimiter` of `@effect/experimental`. The store of the
 * rate limiter decides which processes share: with its Redis store, all that reach that Redis. The index of this package
 * does not export it, so that `@effect/experimental` stays optional.
 *
 * @since 0.1.0
 */
import * as RateLimiter from "@effect/experimental/RateLimiter"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as PermitQueue from "../internal/budget/permitQueue.ts"
import { SlidingWindow } from "../internal/budget/slidingWindow.ts"
import { currentTimeMillis } from "../MonotonicClock.ts"
import { RequestBudget, type Service } from "../RequestBudget.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The name of the account in the store; one store can serve many accounts. */
  readonly key: string
  /** The highest number of requests of all processes together in any sixty seconds, at least 3. Default: 200. */
  readonly requestsPerMinute?: number | undefined
  /**
   * The number of requests that can go at once. The others follow at an even rate, so that no window has more than
   * `requestsPerMinute`: a burst of 10 leaves 180 a minute of 200. One process may take a whole burst, so a large one is
   * shared unevenly. Default: a twentieth of `requestsPerMinute`.
   */
  readonly burst?: number | undefined
  /** The length of the window of the limit. Default: 1 minute. */
  readonly window?: Duration.DurationInput | undefined
  /**
   * The share of the limit that this process uses by itself while the store is unavailable, and for one window after
   * that, above 0 and up to 1: one divided by the number of processes. Default: 0.5.
   */
  readonly shareWhenUnavailable?: number | undefined
}

/** A store that takes longer is unavailable. */
const STORE_TIMEOUT = Duration.seconds(1)

/** The waits before an unavailable store is used again: doubling from the first to the last. */
const FIRST_RETRY_MILLIS = 1000
const LAST_RETRY_MILLIS = 60_000

const WARNING_MILLIS = 60_000

/**
 * Makes the budget. The processes share the number of requests; priorities, pauses and the reaction to 429s are those of
 * each process. While the store is unavailable, a process uses `shareWhenUnavailable` of the limit, uses the store again
 * after 1 s and then after growing waits of up to a minute, and logs a warning once a minute.
 *
 * Only the clock of the store counts, so the clocks of the processes may differ.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, never, RateLimiter.RateLimiter> =>
  Effect.map(RateLimiter.RateLimiter, (limiter) => {
    const windowMillis = Duration.toMillis(options.window ?? "1 minute")
    const limit = Math.max(3, Math.floor(options.requestsPerMinute ?? 200))
    const burst = Math.min(Math.ceil(limit / 2) - 1, Math.max(1, Math.floor(options.burst ?? limit / 20)))
    const share = options.shareWhenUnavailable ?? 0.5
    const window = new SlidingWindow(limit, windowMillis)
    // The store counts up to `burst` requests for `refill` milliseconds each, then begins again. A window can hold the end
    // of one count and the beginning of another beside the even rate. Redis takes whole milliseconds only.
    const refill = Math.ceil(windowMillis / (limit - 2 * burst))
    const consume = limiter.consume({
      // The Redis store runs a token bucket by the clock of the caller, and a fixed window by its own.
      algorithm: "fixed-window",
      onExceeded: "fail",
      key: `exotel:${options.key}`,
      limit: burst,
      window: Duration.millis(refill * burst)
    })
    let failures = 0
    let retryAt = Number.NEGATIVE_INFINITY
    let warnedAt = Number.NEGATIVE_INFINITY

    const onUnavailable = Effect.flatMap(currentTimeMillis, (now) => {
      const wait = Math.min(LAST_RETRY_MILLIS, FIRST_RETRY_MILLIS * 2 ** failures)
      failures += 1
      retryAt = now + wait
      window.restrict(share, retryAt)
      if (now < warnedAt + WARNING_MILLIS) return Effect.void
      warnedAt = now
      return Effect.logWarning(
        `The store of the shared request budget is unavailable; this process uses ${share} of the limit by itself`
      )
    })

    const acquireShared: Effect.Effect<number> = Effect.flatMap(currentTimeMillis, (now) =>
      now < retryAt
        ? Effect.succeed(0)
        : consume.pipe(
          Effect.timeout(STORE_TIMEOUT),
          Effect.map(() => {
            failures = 0
            return 0
          }),
          Effect.catchAllCause((cause) => {
            const error = cause._tag === "Fail" ? cause.error : undefined
            if (error?._tag !== "RateLimiterError" || error.reason !== "Exceeded") return Effect.as(onUnavailable, 0)
            failures = 0
            // All refused processes are given the same time. Without jitter, the same one could always be first.
            const wait = Duration.toMillis(error.retryAfter)
            return Effect.map(Random.next, (chance) => Math.max(1, Math.ceil(wait + chance * refill / 2)))
          })
        ))

    return PermitQueue.make({ window, acquireShared })
  })

/**
 * The budget as a layer, for `ExotelCalls.layerWithBudget` or `layerConfigWithBudget`.
 *
 * @example
 * ```ts
 * import { ExotelCalls } from "@effect-exotel/core"
 * import * as Shared from "@effect-exotel/core/RequestBudget/Shared"
 * import * as RateLimiter from "@effect/experimental/RateLimiter"
 * import * as RedisStore from "@effect/experimental/RateLimiter/Redis"
 * import { NodeHttpClient } from "@effect/platform-node"
 * import { Layer } from "effect"
 *
 * const Budget = Shared.layer({ key: "acme1m" }).pipe(
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
