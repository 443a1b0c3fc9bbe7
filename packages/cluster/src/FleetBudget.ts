/**
 * The request budget of a fleet that runs on several machines: each runner uses the share of its partitions.
 *
 * @since 0.1.0
 */
import * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The limit of the account that all runners of the fleet share. */
  readonly requestsPerMinute: number
  readonly budget: RequestBudget.DividedBudget
}

/**
 * @since 0.1.0
 * @category services
 */
export class FleetBudget extends Context.Tag("@effect-exotel/cluster/FleetBudget")<FleetBudget, Service>() {}

/**
 * The budget of this runner, for `ExotelCalls.layerWithBudget` and for `FleetRunner`, which sets the share. All runners of
 * a fleet must be given the same `requestsPerMinute`: Exotel's limit for the account, less what programs outside of the
 * fleet use. Default: 200. While this process owns no partition, its requests wait.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: RequestBudget.MemoryOptions = {}
): Layer.Layer<FleetBudget | RequestBudget.RequestBudget> =>
  Layer.suspend(() => {
    const budget = RequestBudget.makeDivided(options)
    return Layer.succeedContext(
      Context.make(FleetBudget, { requestsPerMinute: options.requestsPerMinute ?? 200, budget }).pipe(
        Context.add(RequestBudget.RequestBudget, budget)
      )
    )
  })
