/**
 * The state of a fleet that has to be saved, so that another process can resume it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { FleetEvent } from "./FleetEvent.ts"
import { WatchToken } from "./WatchToken.ts"

/**
 * The tokens of a fleet's calls as of the events that were consumed. Events that still wait in the fleet's buffer are not
 * included: they are emitted again after a crash.
 *
 * @since 0.1.0
 * @category models
 */
export interface FleetState {
  /** Records an event that has been processed. */
  readonly update: (event: FleetEvent) => Effect.Effect<void>
  /** One token for each call whose watch is not over. Pass them to `CallWatch.fleet` to resume. */
  readonly tokens: Effect.Effect<ReadonlyArray<WatchToken>>
}

/**
 * Makes an empty state, or that of the tokens with which a fleet is resumed.
 *
 * @example
 * ```ts
 * import { CallWatch, FleetState } from "@effect-exotel/watch"
 * import { Effect, Schema, Stream } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const watch = yield* CallWatch.CallWatch
 *   const state = yield* FleetState.make()
 *   yield* watch.fleet(["b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f"]).pipe(
 *     Stream.tap((event) => Effect.log(event._tag)),
 *     Stream.runForEach(state.update)
 *   )
 *   return yield* Schema.encode(FleetState.FromJson)(yield* state.tokens)
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (tokens: Iterable<WatchToken> = []): Effect.Effect<FleetState> =>
  Effect.sync(() => {
    const bySid = new Map<string, WatchToken>()
    for (const token of tokens) bySid.set(token.sid, token)
    return {
      update: (event) =>
        Effect.sync(() => {
          if (event._tag === "PollingChanged") return
          if (event.isFinal) bySid.delete(event.sid)
          else bySid.set(event.sid, event.token)
        }),
      tokens: Effect.sync(() => [...bySid.values()])
    }
  })

/**
 * The tokens of a fleet as JSON. A text that was cut off or altered is rejected as a whole; `FleetCheckpoint` writes so
 * that this does not happen.
 *
 * @since 0.1.0
 * @category encoding
 */
export const FromJson: Schema.Schema<ReadonlyArray<WatchToken>, string> = Schema.parseJson(Schema.Array(WatchToken))
