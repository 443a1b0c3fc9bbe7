/**
 * A watch put down, to be taken up again by another process.
 *
 * @since 0.1.0
 */
import { CallSid } from "@effect-exotel/core/CallSid"
import { CallStatus, isTerminal } from "@effect-exotel/core/CallStatus"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { InvalidWatchToken } from "./WatchError.ts"

/**
 * Where a watch stood after one of its events. Holds no phone number and no credential; times are milliseconds since
 * 1970, so that a token says the same on every machine.
 *
 * @since 0.1.0
 * @category models
 */
export class WatchToken extends Schema.Class<WatchToken>("@effect-exotel/watch/WatchToken")({
  /** The version of the token's form. A later version of this library reads tokens of this one. */
  version: Schema.Literal(1),
  sid: CallSid,
  /** When the watch began. */
  startedAt: Schema.Int,
  /** When it is to fail with `WatchTimeout`; resuming does not move it. */
  deadlineAt: Schema.Int,
  /** What the last event showed, so that it is not told again; absent before the first answer. */
  seen: Schema.optional(Schema.Struct({
    status: CallStatus,
    /** Status and leg statuses in one word. */
    fingerprint: Schema.String,
    changedAt: Schema.Int
  })),
  /** Set when `Stalled` was told, and nothing has changed since. */
  stalled: Schema.optional(Schema.Literal(true)),
  /** When the end was seen, if the watch goes on to wait for the record to settle. */
  endedAt: Schema.optional(Schema.Int),
  /** Set when `Settled` was told. */
  settled: Schema.optional(Schema.Literal(true)),
  /** Set when `DetailsLoaded` or `DetailsUnavailable` was told. */
  detailed: Schema.optional(Schema.Literal(true))
}) {}

/** Only of a call that was seen to end can a token say that it ended. */
const isCoherent = ({ detailed, endedAt, seen, settled }: WatchToken): boolean =>
  (endedAt === undefined && settled === undefined && detailed === undefined) ||
  (seen !== undefined && isTerminal(seen.status))

/** The token as one line of text, for a queue or a database. */
const FromText = Schema.parseJson(WatchToken)

/**
 * Writes the token as one line of JSON.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toText: (token: WatchToken) => string = Schema.encodeSync(FromText)

/**
 * Reads a token from the text that {@link toText} wrote, or from the object that its JSON stands for.
 *
 * @since 0.1.0
 * @category encoding
 */
export const fromUnknown = (input: unknown): Effect.Effect<WatchToken, InvalidWatchToken> => {
  if (input instanceof WatchToken) return Effect.succeed(input)
  const decode = typeof input === "string"
    ? Schema.decodeUnknown(FromText)(input)
    : Schema.decodeUnknown(WatchToken)(input)
  return decode.pipe(
    Effect.mapError(({ issue }) => {
      const path = ParseResult.ArrayFormatter.formatIssueSync(issue)[0]?.path.join(".")
      return new InvalidWatchToken(path === undefined || path === "" ? {} : { path })
    }),
    Effect.filterOrFail(isCoherent, () => new InvalidWatchToken({ path: "seen.status" }))
  )
}
