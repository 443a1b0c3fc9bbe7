/** Retries a request as the retry policy says. Each attempt waits for the request budget, which limits what an outage costs. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { ExotelError } from "../../ExotelError.ts"
import * as Errors from "../../ExotelError.ts"
import type { Policy } from "../../RetryPolicy.ts"
import { RetryPolicy } from "../../RetryPolicy.ts"

/** Transport errors, 429 and 5xx. A malformed body is not requested again at once. */
const isRetried = (error: ExotelError): boolean => error.isRetryable && error._tag !== "ResponseParseError"

const isThrottled = (error: ExotelError): boolean =>
  error._tag === "RateLimited" || (error._tag === "ServiceUnavailable" && error.status === 503)

/**
 * The wait before retry `n` (from 1); none when the error is final, the attempts are used up, or `Retry-After` exceeds the
 * policy's cap. `chance` is in [0, 1). The `Retry-After` of a 429 is not part of the wait: the request budget pauses for it.
 */
export const delayBefore = (
  policy: Policy,
  error: ExotelError,
  n: number,
  chance: number
): Option.Option<Duration.Duration> => {
  if (!isRetried(error) || !(n < policy.attempts)) return Option.none()
  const backoff = chance * Duration.toMillis(isThrottled(error) ? policy.throttledBackoff : policy.backoff)
  const retryAfter = Errors.retryAfter(error)
  if (Option.isNone(retryAfter)) return Option.some(Duration.millis(backoff * 2 ** (n - 1)))
  if (Duration.greaterThan(retryAfter.value, policy.retryAfterCap)) return Option.none()
  // All clients were given the same time; the jitter comes after it.
  const wait = error._tag === "RateLimited" ? Duration.zero : retryAfter.value
  return Option.some(Duration.sum(wait, Duration.millis(backoff)))
}

export const withRetries = <A, E extends ExotelError>(
  /** One attempt under the policy. */
  once: (policy: Policy) => Effect.Effect<A, E>,
  /** Called before each retry. */
  log: (attempt: number, error: E, delay: Duration.Duration) => Effect.Effect<void>
): Effect.Effect<A, E> =>
  Effect.flatMap(RetryPolicy, (policy) => {
    const attempt = (n: number): Effect.Effect<A, E> =>
      Effect.catchAll(once(policy), (error) =>
        Effect.flatMap(Random.next, (chance) =>
          Option.match(delayBefore(policy, error, n, chance), {
            onNone: () =>
              Effect.fail(error),
            onSome: (delay) => Effect.zipRight(log(n, error, delay), Effect.delay(attempt(n + 1), delay))
          })))
    return attempt(1)
  })
