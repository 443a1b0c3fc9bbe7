/**
 * The number of attempts of a request and the waits between them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"

/**
 * A retry policy as a value.
 *
 * Reads are retried after transport errors, 429 and 5xx; every read is a `GET`, so a retry is safe. A request that places a
 * call is retried only after a 429, which proves that no call was placed. The wait before retry n is a random time from 0 to
 * `backoff · 2^(n-1)` ("full jitter"), so that many clients do not retry together. Every attempt waits for the request
 * budget, so retries never exceed it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Policy {
  /** The highest number of attempts, the first one included; 1 or more. */
  readonly attempts: number
  /** The upper bound of the first wait after a transport error or a 5xx. */
  readonly backoff: Duration.Duration
  /** The upper bound of the first wait after a 429 or a 503. */
  readonly throttledBackoff: Duration.Duration
  /**
   * The longest `Retry-After`, and the longest pause of the request budget, that a request waits for. Beyond it, the
   * request fails at once with `retryAfter` in its error.
   */
  readonly retryAfterCap: Duration.Duration
}

/**
 * 3 attempts; waits up to 50 ms (1 s after 429 or 503), doubling; `Retry-After` up to 20 s.
 *
 * @since 0.1.0
 * @category constants
 */
export const standard: Policy = {
  attempts: 3,
  backoff: Duration.millis(50),
  throttledBackoff: Duration.seconds(1),
  retryAfterCap: Duration.seconds(20)
}

/**
 * One attempt, no retry.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: Policy = { ...standard, attempts: 1 }

/**
 * The policy in force. It has a default. To change it for a part of a program:
 *
 * @example
 * ```ts
 * import { ExotelCalls, RetryPolicy } from "@effect-exotel/core"
 * import { Effect } from "effect"
 *
 * const readOnce = Effect.gen(function*() {
 *   const calls = yield* ExotelCalls.ExotelCalls
 *   return yield* calls.get("b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f")
 * }).pipe(Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none))
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class RetryPolicy extends Context.Reference<RetryPolicy>()("@effect-exotel/core/RetryPolicy", {
  defaultValue: (): Policy => standard
}) {}
