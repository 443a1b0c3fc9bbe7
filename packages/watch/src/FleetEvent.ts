/**
 * What a fleet tells beyond the events of its watches.
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
 * An event of a fleet: any {@link WatchEvent} of one of its calls, or one of these.
 *
 * - `Added`: a call was taken in. From its `token` another process can go on before anything else was told of the call.
 * - `Failed`: the watch of one call is over by an error; the others go on. `sid` is what the source gave, which for an
 *   `InvalidRequest` is no sid.
 * - `PollingChanged`: how the engine looks for endings, told when it becomes another: by `reads` of each call, or by `sweeps` that
 *   ask for up to a hundred at once because reads of each would not fit the request budget. `stretch` is how much longer
 *   than the policy's cadence the calls wait for their turn: 1 when all is well, 2 when each waits twice as long.
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
