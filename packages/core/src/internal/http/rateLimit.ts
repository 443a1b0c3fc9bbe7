/** Acquires the permit of a request, and parses the rate limit headers of its response. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import type { RateLimitInfo, Service } from "../../RequestBudget.ts"
import { RequestPriority } from "../../RequestBudget.ts"
import { CurrentPermit } from "../budget/currentPermit.ts"
import { parseRetryAfter } from "./headers.ts"

/** Waits for a permit, unless `withPermit` provides one that is unused; records the wait in the span, by default the current one. */
export const acquirePermit = (budget: Service, span?: Tracer.Span): Effect.Effect<void> =>
  Effect.contextWithEffect((context: Context.Context<never>) => {
    const current = Option.getOrUndefined(Context.getOption(context, CurrentPermit))
    if (current?.permit !== undefined) {
      current.permit = undefined
      return Effect.void
    }
    return Effect.clockWith((clock) => {
      const before = clock.unsafeCurrentTimeMillis()
      return Effect.flatMap(budget.acquire(Context.get(context, RequestPriority)), () => {
        const waited = clock.unsafeCurrentTimeMillis() - before
        if (waited <= 0) return Effect.void
        return span === undefined
          ? Effect.annotateCurrentSpan("exotel.budget.wait_ms", waited)
          : Effect.sync(() => span.attribute("exotel.budget.wait_ms", waited))
      })
    })
  })

/** Parses a whole number of at most six digits. */
const count = (header = ""): Option.Option<number> =>
  /^\s*\d{1,6}\s*$/.test(header) ? Option.some(Number(header)) : Option.none()

/** The threshold between the two forms of a reset: larger values are seconds since 1970. */
const UNIX_SECONDS = 1_000_000_000

/** Parses the seconds until a reset, or the seconds since 1970. Both forms are in use. */
const parseReset = (header = "", now: number): Option.Option<Duration.Duration> => {
  if (!/^\s*\d{1,10}(\.\d+)?\s*$/.test(header)) return Option.none()
  const value = Number(header)
  return Option.some(Duration.millis(value < UNIX_SECONDS ? value * 1000 : Math.max(0, value * 1000 - now)))
}

/** Returns none for a response without rate limit information. Whether Exotel sends any of these headers is unconfirmed. */
export const rateLimitInfo = (
  status: number,
  headers: Readonly<Record<string, string | undefined>>,
  now: number
): Option.Option<RateLimitInfo> => {
  const limit = count(headers["x-ratelimit-limit"])
  const remaining = count(headers["x-ratelimit-remaining"])
  if (status !== 429 && Option.isNone(limit) && Option.isNone(remaining)) return Option.none()
  return Option.some({
    status,
    retryAfter: Option.fromNullable(parseRetryAfter(headers["retry-after"], now)),
    limit,
    remaining,
    reset: parseReset(headers["x-ratelimit-reset"], now)
  })
}
