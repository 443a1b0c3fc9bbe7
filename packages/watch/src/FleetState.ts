/**
 * What of a fleet has to be saved, so that another process can go on where this one stopped.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { FleetEvent } from "./FleetEvent.ts"
import type { InvalidWatchToken } from "./WatchError.ts"
import type { WatchToken } from "./WatchToken.ts"
import { fromUnknown, toText as tokenToText } from "./WatchToken.ts"

/**
 * The tokens of a fleet's calls as of the events that were consumed, and not of those that still wait to be: what was not
 * consumed before a crash is told again after it.
 *
 * @since 0.1.0
 * @category models
 */
export interface FleetState {
  /** Takes note of an event that has been dealt with. */
  readonly update: (event: FleetEvent) => Effect.Effect<void>
  /** One token for each call whose watch is not over, to be given to `CallWatch.fleet` again. */
  readonly tokens: Effect.Effect<ReadonlyArray<WatchToken>>
}

/**
 * An empty state, or that of the tokens with which a fleet goes on.
 *
 * @example
 * ```ts
 * import { CallWatch, FleetState } from "@effect-exotel/watch"
 * import { Effect, Stream } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const watch = yield* CallWatch.CallWatch
 *   const state = yield* FleetState.make()
 *   yield* watch.fleet(["b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f"]).pipe(
 *     Stream.tap((event) => Effect.log(event._tag)),
 *     Stream.runForEach(state.update)
 *   )
 *   return FleetState.toText(yield* state.tokens)
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
 * Writes the tokens as text, one to a line.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toText = (tokens: Iterable<WatchToken>): string =>
  Array.from(tokens, (token) => `${tokenToText(token)}\n`).join("")

/**
 * Reads the text that {@link toText} wrote: the tokens, and an error for each line that is none, such as the last one of
 * a file that was cut off. One bad line loses one call and no more.
 *
 * @since 0.1.0
 * @category encoding
 */
export const fromText = (
  text: string
): Effect.Effect<readonly [damaged: ReadonlyArray<InvalidWatchToken>, tokens: ReadonlyArray<WatchToken>]> =>
  Effect.partition(text.split("\n").filter((line) => line.trim() !== ""), fromUnknown)
