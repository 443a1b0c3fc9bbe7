/** Tries a read again as a retry policy says, within what an outage leaves to spend. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { ExotelError } from "../../ExotelError.ts"
import * as Errors from "../../ExotelError.ts"
import type { Policy } from "../../RetryPolicy.ts"
import { RetryPolicy } from "../../RetryPolicy.ts"

/** A read is tried again after no answer, 429 and 5xx. A body that did arrive is not asked for twice in a row. */
const isTriedAgain = (error: ExotelError): boolean => error.isRetryable && error._tag !== "ResponseParseError"

const isThrottled = (error: ExotelError): boolean =>
  error._tag === "RateLimited" || (error._tag === "ServiceUnavailable" && error.status === 503)

/**
 * How long to wait before retry `n` (from 1), or none when the error is final, the attempts are used up, or Exotel asks
 * for a longer rest than the policy grants. `chance` is drawn from [0, 1).
 */
export const delayBefore = (
  policy: Policy,
  error: ExotelError,
  n: number,
  chance: number
): Option.Option<Duration.Duration> => {
  if (!isTriedAgain(error) || !(n < policy.attempts)) return Option.none()
  const backoff = Duration.toMillis(isThrottled(error) ? policy.throttledBackoff : policy.backoff)
  const asked = Errors.retryAfter(error)
  if (Option.isNone(asked)) return Option.some(Duration.millis(chance * backoff * 2 ** (n - 1)))
  return Duration.greaterThan(asked.value, policy.retryAfterCap)
    ? Option.none()
    // All clients were given the same moment: the jitter comes after it.
    : Option.some(Duration.sum(asked.value, Duration.millis(chance * backoff)))
}

/** Retries on credit. Shared by all reads of one client. */
export interface RetryBudget {
  readonly earn: (policy: Policy) => void
  readonly spend: (policy: Policy, now: number) => boolean
}

export const makeBudget = (): RetryBudget => {
  let spent = 0
  let spentAt = 0
  return {
    earn: (policy) => {
      spent = Math.max(0, spent - policy.budget.perSuccess)
    },
    spend: (policy, now) => {
      // A program that reads seldom would otherwise go without retries for days after an outage.
      spent = Math.max(0, spent - Math.max(0, now - spentAt) / 60_000 * policy.budget.perMinute)
      spentAt = now
      // Ten times a tenth is not exactly one.
      if (spent + 1 > policy.budget.burst + 1e-6) return false
      spent += 1
      return true
    }
  }
}

export const withRetries = <A>(
  read: Effect.Effect<A, ExotelError>,
  budget: RetryBudget,
  /** Told of each retry, and of one that the budget does not allow, then without a delay. */
  log: (attempt: number, error: ExotelError, delay: Option.Option<Duration.Duration>) => Effect.Effect<void>
): Effect.Effect<A, ExotelError> =>
  Effect.flatMap(RetryPolicy, (policy) => {
    const attempt = (n: number): Effect.Effect<A, ExotelError> =>
      Effect.matchEffect(read, {
        onSuccess: (value) => {
          budget.earn(policy)
          return Effect.succeed(value)
        },
        onFailure: (error) =>
          Effect.flatMap(Effect.zip(Random.next, Clock.currentTimeMillis), ([chance, now]) => {
            const delay = delayBefore(policy, error, n, chance)
            if (Option.isNone(delay)) return Effect.fail(error)
            return budget.spend(policy, now)
              ? Effect.zipRight(log(n, error, delay), Effect.delay(attempt(n + 1), delay.value))
              : Effect.zipRight(log(n, error, Option.none()), Effect.fail(error))
          })
      })
    return attempt(1)
  })
