/**
 * The events of a fleet, beyond those of its watches.
 *
 * @since 0.1.0
 */
import type { CallSid } from "@effect-exotel/core/CallSid"
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import type { WatchDefect, WatchError } from "./WatchError.ts"
import type { WatchEvent } from "./WatchEvent.ts"
import type { WatchToken } from "./WatchToken.ts"

/**
 * An event of a fleet: a {@link WatchEvent} of one of its calls, or one of these.
 *
 * - `Added`: a call was added. Its `token` resumes the call before any other event of it.
 * - `Failed`: the watch of one call has ended with an error; the others continue. `sid` is the entry of the source, which
 *   for an `InvalidRequest` is not a sid.
 * - `PollingChanged`: the engine polls calls individually, or in bulk requests of up to 100 because individual polls would
 *   not fit the request budget. `slowdown` is the factor by which the waits exceed the policy's cadence: 1 if the budget
 *   suffices, 2 if each call waits twice as long.
 *
 * @since 0.1.0
 * @category models
 */
export type FleetEvent =
  | WatchEvent
  | Data.TaggedEnum<{
    Added: { readonly sid: CallSid; readonly at: DateTime.Utc; readonly token: WatchToken; readonly isFinal: false }
    Failed: {
      readonly sid: string
      readonly at: DateTime.Utc
      readonly error: WatchError | WatchDefect
      readonly isFinal: true
    }
    PollingChanged: {
      readonly at: DateTime.Utc
      readonly mode: "individual" | "bulk"
      readonly slowdown: number
      readonly isFinal: false
    }
  }>

/**
 * Constructors, `$is` and `$match` of {@link FleetEvent}.
 *
 * @since 0.1.0
 * @category models
 */
export const FleetEvent = Data.taggedEnum<FleetEvent>()
