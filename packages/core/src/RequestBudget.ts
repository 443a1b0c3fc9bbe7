/**
 * One budget for all requests of an account: who is let through next, and when.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"

/**
 * Who is let through first when more is asked than the budget allows. `interactive`: somebody waits for the answer.
 * `watch`: a watch that looks for endings. `background`: whatever may wait, such as an export, or the details of a call
 * that has ended. Nobody starves: who has waited long enough goes first, whatever the priority.
 *
 * @since 0.1.0
 * @category models
 */
export type Priority = "interactive" | "watch" | "background"

/**
 * A turn that was taken before the request it is for was chosen. Good for one request; a further one takes its own turn
 * with the same priority.
 *
 * @since 0.1.0
 * @category models
 */
export class Permit {
  readonly priority: Priority
  private used = false

  constructor(priority: Priority) {
    this.priority = priority
  }

  /** Whether the turn was still good; it is not any more. */
  use(): boolean {
    const good = !this.used
    this.used = true
    return good
  }

  /** Makes it good for one more request, for which a turn has been taken. */
  renew(): void {
    this.used = false
  }
}

/**
 * With which priority the requests of a part of a program wait, or with which turn the next one goes at once.
 *
 * @since 0.1.0
 * @category services
 */
export class RequestPriority extends Context.Reference<RequestPriority>()("@effect-exotel/core/RequestPriority", {
  defaultValue: (): Priority | Permit => "interactive"
}) {}

/**
 * What an answer says of the limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitInfo {
  readonly status: number
  readonly retryAfter: Option.Option<Duration.Duration>
  /** `X-RateLimit-Limit`: requests a minute. */
  readonly limit: Option.Option<number>
  /** `X-RateLimit-Remaining`. */
  readonly remaining: Option.Option<number>
  /** `X-RateLimit-Reset`, as the time that is left until then. */
  readonly reset: Option.Option<Duration.Duration>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Waits for a turn. Interrupted, it gives up its place. */
  readonly acquire: (priority: Priority) => Effect.Effect<Permit>
  /** Gives a turn back for which nothing was sent. */
  readonly release: (turn: Permit) => Effect.Effect<void>
  /** Learns from an answer. */
  readonly observe: (signal: RateLimitInfo) => Effect.Effect<void>
  /** How long nobody is let through, because Exotel has asked for a rest. */
  readonly pausedFor: Effect.Effect<Duration.Duration>
  /**
   * How many requests a minute are left for `watch` and `background` together, going by what the others needed in the
   * last minute; `Infinity` without a limit. Changes with what is learnt.
   */
  readonly availablePerMinute: Effect.Effect<number>
}

/**
 * @since 0.1.0
 * @category services
 */
export class RequestBudget extends Context.Tag("@effect-exotel/core/RequestBudget")<RequestBudget, Service>() {}

/**
 * No limit: every turn is granted at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unlimited: Service = {
  acquire: (priority) => Effect.sync(() => new Permit(priority)),
  release: () => Effect.void,
  observe: () => Effect.void,
  pausedFor: Effect.succeed(Duration.zero),
  availablePerMinute: Effect.succeed(Infinity)
}
