/**
 * Watches Exotel calls until they end.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as CallWatch from "./CallWatch.ts"
/** @since 0.1.0 */
export * as FleetCheckpoint from "./FleetCheckpoint.ts"
/** @since 0.1.0 */
export * as FleetEvent from "./FleetEvent.ts"
/** @since 0.1.0 */
export * as FleetState from "./FleetState.ts"
/** @since 0.1.0 */
export * as StatusCallbackRoute from "./StatusCallbackRoute.ts"
/** @since 0.1.0 */
export * as WatchError from "./WatchError.ts"
/** @since 0.1.0 */
export * as WatchEvent from "./WatchEvent.ts"
/** @since 0.1.0 */
export * as WatchMetrics from "./WatchMetrics.ts"
/** @since 0.1.0 */
export * as WatchPolicy from "./WatchPolicy.ts"
/** @since 0.1.0 */
export * as WatchToken from "./WatchToken.ts"
