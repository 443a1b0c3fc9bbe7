/**
 * One budget for all requests of an account: who is let through next, and when.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as TurnQueue from "./internal/turnQueue.ts"
import { Turns } from "./internal/turns.ts"

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
export class Turn {
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
  defaultValue: (): Priority | Turn => "interactive"
}) {}

/**
 * What an answer says of the limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Signal {
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
  readonly take: (priority: Priority) => Effect.Effect<Turn>
  /** Gives a turn back for which nothing was sent. */
  readonly giveBack: (turn: Turn) => Effect.Effect<void>
  /** Learns from an answer. */
  readonly heed: (signal: Signal) => Effect.Effect<void>
  /** How long nobody is let through, because Exotel has asked for a rest. */
  readonly pausedFor: Effect.Effect<Duration.Duration>
  /**
   * How many requests a minute are left for `watch` and `background` together, going by what the others needed in the
   * last minute; `Infinity` without a limit. Changes with what is learnt.
   */
  readonly sparePerMinute: Effect.Effect<number>
}

/**
 * @since 0.1.0
 * @category services
 */
export class RequestBudget extends Context.Tag("@effect-exotel/core/RequestBudget")<RequestBudget, Service>() {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How many requests may go in any sixty seconds; at least 1, a fraction counts down. `Infinity` is no limit. Exotel
   * allows an account 200 (support article on rate limits), all of its programs together. Default: 200.
   */
  readonly requestsPerMinute?: number | undefined
}

/**
 * A budget in this process's memory. In no sixty seconds are more turns granted than the limit; an `interactive` request
 * may use all of them, `watch` and `background` leave a twentieth, and are spread evenly over the minute but for ten that
 * may go at once.
 *
 * A 429 lowers what is granted to nine tenths of what the minute before it saw, at least a tenth of the limit; a tenth
 * comes back with each minute without another. Its `Retry-After` (or `X-RateLimit-Reset`), up to 5 minutes, is a pause
 * for all. `X-RateLimit-Limit` lowers the limit and never raises it; what `X-RateLimit-Remaining` lacks of what is known
 * here, others have used.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Service => {
  const limit = Math.floor(options.requestsPerMinute ?? 200)
  return limit === Infinity ? unlimited : TurnQueue.make({ turns: new Turns(limit >= 1 ? limit : 1, 60_000) })
}

/**
 * One budget for every `ExotelCalls` that is built with this layer below it: for several of one account in a program.
 * Without it, each has a budget of its own, of its `requestsPerMinute`.
 *
 * @example
 * ```ts
 * import { ExotelCalls, RequestBudget } from "@effect-exotel/core"
 * import { NodeHttpClient } from "@effect/platform-node"
 * import { Layer } from "effect"
 *
 * const ExotelLive = ExotelCalls.layerConfig().pipe(
 *   Layer.provide(RequestBudget.layer({ requestsPerMinute: 150 })),
 *   Layer.provide(NodeHttpClient.layerUndici)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<RequestBudget> => Layer.sync(RequestBudget, () => make(options))

/**
 * No limit: every turn is granted at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unlimited: Service = {
  take: (priority) => Effect.sync(() => new Turn(priority)),
  giveBack: () => Effect.void,
  heed: () => Effect.void,
  pausedFor: Effect.succeed(Duration.zero),
  sparePerMinute: Effect.succeed(Infinity)
}
