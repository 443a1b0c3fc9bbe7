/**
 * The request budget of an account: a rate limiter with priorities that every request of `ExotelCalls` waits for.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import { CurrentPermit } from "./internal/budget/currentPermit.ts"
import * as Internal from "./internal/budget/permit.ts"
import * as PermitQueue from "./internal/budget/permitQueue.ts"
import { SlidingWindow } from "./internal/budget/slidingWindow.ts"

/**
 * The priority of a request when more are waiting than the budget allows. `interactive`: a user waits for the response.
 * `watch`: a watch polls a call. `background`: a request that can wait, such as an export, or the details of a call that
 * has ended. A request that has waited long enough (10 s for `watch`, 60 s for `background`) goes before newer requests
 * of any priority.
 *
 * @since 0.1.0
 * @category models
 */
export type Priority = "interactive" | "watch" | "background"

/**
 * The permission to send one request. Only a budget makes one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Permit {
  readonly [Internal.TypeId]: Internal.TypeId
  readonly priority: Priority
}

/**
 * The rate limit information of a response.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitInfo {
  readonly status: number
  readonly retryAfter: Option.Option<Duration.Duration>
  /** `X-RateLimit-Limit`: requests per minute. */
  readonly limit: Option.Option<number>
  /** `X-RateLimit-Remaining`. */
  readonly remaining: Option.Option<number>
  /** `X-RateLimit-Reset`, as the time left until then. */
  readonly reset: Option.Option<Duration.Duration>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Waits for a permit. If it is interrupted, it leaves the queue. */
  readonly acquire: (priority: Priority) => Effect.Effect<Permit>
  /** Returns a permit for which no request was sent. Does nothing when the permit has been released before. */
  readonly release: (permit: Permit) => Effect.Effect<void>
  /** Adapts the budget to the rate limit information of a response. */
  readonly observe: (info: RateLimitInfo) => Effect.Effect<void>
  /** The time until the pause after a 429 ends; zero when there is none. */
  readonly pausedFor: Effect.Effect<Duration.Duration>
  /**
   * The requests per minute that are available to `watch` and `background` together, based on the use of the last minute.
   * `Infinity` without a limit. Changes with each observation.
   */
  readonly availablePerMinute: Effect.Effect<number>
}

/**
 * @since 0.1.0
 * @category services
 */
export class RequestBudget extends Context.Tag("@effect-exotel/core/RequestBudget")<RequestBudget, Service>() {}

/**
 * The priority with which the requests of a fiber wait. Default: `interactive`.
 *
 * @since 0.1.0
 * @category services
 */
export class RequestPriority extends Context.Reference<RequestPriority>()("@effect-exotel/core/RequestPriority", {
  defaultValue: (): Priority => "interactive"
}) {}

/**
 * Runs an effect whose requests wait with the given priority.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withPriority = <A, E, R>(effect: Effect.Effect<A, E, R>, priority: Priority): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, RequestPriority, priority)

/**
 * Runs an effect whose first request uses the given permit. Further requests acquire their own permits, with the same
 * priority. A permit that no request has used is not released.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withPermit = <A, E, R>(effect: Effect.Effect<A, E, R>, permit: Permit): Effect.Effect<A, E, R> =>
  Effect.suspend(() =>
    Effect.mapInputContext(
      effect,
      (context: Context.Context<R>) =>
        context.pipe(Context.add(RequestPriority, permit.priority), Context.add(CurrentPermit, { permit }))
    )
  )

/**
 * A budget that grants every permit at once and ignores 429s: for tests, and for programs that limit their requests
 * elsewhere. A budget with a limit of `Infinity` still pauses after a 429.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unlimited: Service = {
  acquire: (priority) => Effect.succeed(new Internal.Grant(priority, 0, 0)),
  release: () => Effect.void,
  observe: () => Effect.void,
  pausedFor: Effect.succeed(Duration.zero),
  availablePerMinute: Effect.succeed(Infinity)
}

/**
 * @since 0.1.0
 * @category models
 */
export interface MemoryOptions {
  /**
   * The highest number of requests in any sixty seconds, at least 1; a fraction is rounded down. `Infinity` is no limit.
   * Exotel allows an account 200, all of its programs together (support article on rate limits). Default: 200.
   */
  readonly requestsPerMinute?: number | undefined
}

/**
 * Makes a budget in the memory of this process. It never grants more permits than the limit in any sixty seconds. An
 * `interactive` request can use all of them. `watch` and `background` requests leave a twentieth unused, and are spread
 * evenly over the minute after an initial burst of ten.
 *
 * A 429 pauses all requests for its `Retry-After` (or `X-RateLimit-Reset`), up to 5 minutes; for 5 s without either. It
 * also reduces the limit to nine tenths of the permits granted in the minute before, by half at most and never below a
 * tenth of the configured limit; further 429s within a minute are the same event, and each minute restores a fifth.
 * `X-RateLimit-Limit` can lower the limit but not raise it. `X-RateLimit-Remaining` shows what other programs of the
 * account have used.
 *
 * Changes of the wall clock have no effect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (options: MemoryOptions = {}): Service => {
  const limit = Math.floor(options.requestsPerMinute ?? 200)
  return PermitQueue.make({ window: new SlidingWindow(limit >= 1 ? limit : 1, 60_000) })
}

/**
 * A budget for one of several processes that divide the limit of an account.
 *
 * @since 0.1.0
 * @category models
 */
export interface DividedBudget extends Service {
  /**
   * Sets how many requests per minute this process may send from now on, until `validFor` has passed: then it sends none
   * until the share is set again. So a process that hangs, or loses its coordinator, stops by itself.
   */
  readonly setShare: (requestsPerMinute: number, validFor: Duration.DurationInput) => Effect.Effect<void>
}

/**
 * Makes a budget that grants no permit until a share is set. `requestsPerMinute` is the limit of the account. Requests of
 * every priority are spread evenly over the minute, at 95 % of the share and with a burst of at most a second's worth.
 * So processes whose shares add up to the limit stay within it in any sixty seconds together, also when a share moves
 * from one process to another, as long as there are fewer of them than a fortieth of the limit. A 429 reduces the rate as
 * it does with {@link makeMemory}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeDivided = (options: MemoryOptions = {}): DividedBudget => {
  const limit = Math.floor(options.requestsPerMinute ?? 200)
  const window = new SlidingWindow(limit >= 1 ? limit : 1, 60_000)
  window.setShare(0, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY)
  return PermitQueue.make({ window })
}

/**
 * A budget in the memory of this process as a layer. `ExotelCalls.layer` has one of its own; use this one with
 * `ExotelCalls.layerWithBudget` when several clients of an account share a budget.
 *
 * @example
 * ```ts
 * import { ExotelCalls, RequestBudget } from "@effect-exotel/core"
 * import { NodeHttpClient } from "@effect/platform-node"
 * import { Layer } from "effect"
 *
 * const ExotelLive = ExotelCalls.layerConfigWithBudget().pipe(
 *   Layer.provideMerge(RequestBudget.layerMemory({ requestsPerMinute: 150 })),
 *   Layer.provide(NodeHttpClient.layerUndici)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options?: MemoryOptions): Layer.Layer<RequestBudget> =>
  Layer.sync(RequestBudget, () => makeMemory(options))

/**
 * `unlimited` as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUnlimited: Layer.Layer<RequestBudget> = Layer.succeed(RequestBudget, unlimited)
