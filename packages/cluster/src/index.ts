/**
 * Durable fleets of Exotel calls, over one machine or several.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as DurableFleet from "./DurableFleet.ts"
/** @since 0.1.0 */
export * as Fleet from "./Fleet.ts"
/** @since 0.1.0 */
export * as FleetBudget from "./FleetBudget.ts"
/** @since 0.1.0 */
export * as FleetError from "./FleetError.ts"
/** @since 0.1.0 */
export * as FleetLog from "./FleetLog.ts"
/** @since 0.1.0 */
export * as FleetMetrics from "./FleetMetrics.ts"
/** @since 0.1.0 */
export * as FleetMigrations from "./FleetMigrations.ts"
/** @since 0.1.0 */
export * as FleetRunner from "./FleetRunner.ts"
/** @since 0.1.0 */
export * as FleetSignals from "./FleetSignals.ts"
/** @since 0.1.0 */
export * as LogEntry from "./LogEntry.ts"
/** @since 0.1.0 */
export * as PolicyBook from "./PolicyBook.ts"
