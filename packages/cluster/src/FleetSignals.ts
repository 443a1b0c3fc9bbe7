/**
 * Messages between the programs of a fleet that make it react sooner: a new call, a hint. They may be lost.
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/**
 * `Added`: calls were added to the fleet. `Hint`: poll this call soon.
 *
 * @since 0.1.0
 * @category models
 */
export type Signal =
  | { readonly _tag: "Added"; readonly fleet: string }
  | { readonly _tag: "Hint"; readonly fleet: string; readonly sid: string }

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Sends a signal; over a database, when the current transaction commits. */
  readonly publish: (signal: Signal) => Effect.Effect<void, SqlError>
  /** The signals from now on. Does not end. */
  readonly signals: Stream.Stream<Signal>
}

/**
 * @since 0.1.0
 * @category services
 */
export class FleetSignals extends Context.Tag("@effect-exotel/cluster/FleetSignals")<FleetSignals, Service>() {}

/**
 * Signals within one process, for a fleet on an embedded database. For Postgres see `FleetSignals/Postgres`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<FleetSignals> = Layer.effect(
  FleetSignals,
  Effect.map(PubSub.sliding<Signal>(1000), (pubsub) => ({
    publish: (signal) => PubSub.publish(pubsub, signal),
    signals: Stream.fromPubSub(pubsub)
  }))
)
