/**
 * A fake Exotel for tests.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as Arbitraries from "./Arbitraries.ts"
/** @since 0.1.0 */
export * as CallScript from "./CallScript.ts"
/** @since 0.1.0 */
export * as ConnectPlan from "./ConnectPlan.ts"
/** @since 0.1.0 */
export * as FakeExotel from "./FakeExotel.ts"
/** @since 0.1.0 */
export * as FaultPlan from "./FaultPlan.ts"
/** @since 0.1.0 */
export * as Journal from "./Journal.ts"
/** @since 0.1.0 */
export * as Simulation from "./Simulation.ts"
/** @since 0.1.0 */
export * as ScaledClock from "./ScaledClock.ts"
/** @since 0.1.0 */
export * as WireFormat from "./WireFormat.ts"
/** @since 0.1.0 */
export * as CallbackPlan from "./CallbackPlan.ts"
