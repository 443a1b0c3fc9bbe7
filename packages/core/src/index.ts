/**
 * Typed call details from Exotel.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as AccountSid from "./AccountSid.ts"
/** @since 0.1.0 */
export * as Call from "./Call.ts"
/** @since 0.1.0 */
export * as CallDecoder from "./CallDecoder.ts"
/** @since 0.1.0 */
export * as CallQuery from "./CallQuery.ts"
/** @since 0.1.0 */
export * as CallSid from "./CallSid.ts"
/** @since 0.1.0 */
export * as CallStatus from "./CallStatus.ts"
/** @since 0.1.0 */
export * as ConnectError from "./ConnectError.ts"
/** @since 0.1.0 */
export * as ConnectRequest from "./ConnectRequest.ts"
/** @since 0.1.0 */
export * as ExotelCalls from "./ExotelCalls.ts"
/** @since 0.1.0 */
export * as ExotelConfig from "./ExotelConfig.ts"
/** @since 0.1.0 */
export * as ExotelError from "./ExotelError.ts"
/** @since 0.1.0 */
export * as ExotelMetrics from "./ExotelMetrics.ts"
/** @since 0.1.0 */
export * as MonotonicClock from "./MonotonicClock.ts"
/** @since 0.1.0 */
export * as Region from "./Region.ts"
/** @since 0.1.0 */
export * as RequestBudget from "./RequestBudget.ts"
/** @since 0.1.0 */
export * as RetryPolicy from "./RetryPolicy.ts"
/** @since 0.1.0 */
export * as StatusCallback from "./StatusCallback.ts"
