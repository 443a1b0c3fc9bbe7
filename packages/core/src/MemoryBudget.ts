/**
 * One request budget for a process, in its memory.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import * as TurnQueue from "./internal/budget/permitQueue.ts"
import { SlidingWindow } from "./internal/budget/slidingWindow.ts"
import { RequestBudget, type Service, unlimited } from "./RequestBudget.ts"

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
  return limit === Infinity ? unlimited : TurnQueue.make({ turns: new SlidingWindow(limit >= 1 ? limit : 1, 60_000) })
}

/**
 * One budget for every `ExotelCalls` that is built with this layer below it: for several of one account in a program.
 * Without it, each has a budget of its own, of its `requestsPerMinute`.
 *
 * @example
 * ```ts
 * import { ExotelCalls, MemoryBudget } from "@effect-exotel/core"
 * import { NodeHttpClient } from "@effect/platform-node"
 * import { Layer } from "effect"
 *
 * const ExotelLive = ExotelCalls.layerConfig().pipe(
 *   Layer.provide(MemoryBudget.layer({ requestsPerMinute: 150 })),
 *   Layer.provide(NodeHttpClient.layerUndici)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<RequestBudget> => Layer.sync(RequestBudget, () => make(options))
