/**
 * How often, how soon and at what price a failed read is tried again within one `get`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"

/**
 * A retry policy as a value.
 *
 * Tried again are transport errors, 429 and 5xx; every read is a `GET`, so trying again is safe. The wait before retry n
 * is drawn evenly from 0 to `backoff · 2^(n-1)` ("full jitter"), so that many clients do not come back together.
 *
 * @since 0.1.0
 * @category models
 */
export interface Policy {
  /** How often a read is tried at most, the first time included; 1 or more. */
  readonly attempts: number
  /** The longest first wait after a transport error or a 5xx. */
  readonly backoff: Duration.Duration
  /** The longest first wait after a 429 or a 503. */
  readonly throttledBackoff: Duration.Duration
  /** The longest `Retry-After` that is waited for. Beyond it, the read fails at once with `retryAfter` in its error. */
  readonly retryAfterCap: Duration.Duration
  /**
   * What keeps an outage from being multiplied by its retries: each client may retry `burst` times on credit, and earns
   * `perSuccess` of a retry with each read that succeeds and `perMinute` retries with each minute, up to `burst` again.
   */
  readonly budget: { readonly burst: number; readonly perSuccess: number; readonly perMinute: number }
}

/**
 * 3 attempts; waits up to 50 ms (1 s after 429 or 503), doubling; `Retry-After` up to 20 s; a budget of 50 retries,
 * refilled by one for every 10 reads that succeed and by 6 a minute.
 *
 * @since 0.1.0
 * @category constants
 */
export const standard: Policy = {
  attempts: 3,
  backoff: Duration.millis(50),
  throttledBackoff: Duration.seconds(1),
  retryAfterCap: Duration.seconds(20),
  budget: { burst: 50, perSuccess: 0.1, perMinute: 6 }
}

/**
 * One attempt, no retry.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: Policy = { ...standard, attempts: 1 }

/**
 * The policy in force. It has a default, so nothing needs to be provided; to change it for a part of a program:
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
