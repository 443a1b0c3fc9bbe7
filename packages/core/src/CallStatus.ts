/**
 * The status of a call or of a leg, and the direction of a call. Each union is open: an undocumented word is kept as it
 * is, and is never terminal.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The final statuses of a call. `canceled` is documented for legs; clients have received it on calls too.
 *
 * @since 0.1.0
 * @category models
 */
export const TerminalStatus = Schema.Literal("completed", "failed", "busy", "no-answer", "canceled")
  .annotations({ identifier: "TerminalStatus" })

/**
 * @since 0.1.0
 * @category models
 */
export type TerminalStatus = typeof TerminalStatus.Type

/**
 * The documented statuses of an ongoing call. A call is `in-progress` from the moment it is created, so the word does
 * **not** mean that it was answered (call-details page).
 *
 * @since 0.1.0
 * @category models
 */
export const ActiveStatus = Schema.Literal("queued", "ringing", "in-progress").annotations({
  identifier: "ActiveStatus"
})

/**
 * @since 0.1.0
 * @category models
 */
export type ActiveStatus = typeof ActiveStatus.Type

/** Any other string; editors still complete the known words. */
type OtherWord = string & {}

const openUnion = <Known extends string>(
  identifier: string,
  known: Schema.Schema<Known>
): Schema.Schema<Known | OtherWord> =>
  Schema.Union(known, Schema.NonEmptyTrimmedString as Schema.Schema<OtherWord>).annotations({ identifier })

/**
 * The status of a call: a documented word, another word of Exotel's, or {@link unknown}.
 *
 * @since 0.1.0
 * @category models
 */
export type CallStatus = ActiveStatus | TerminalStatus | OtherWord

/**
 * @since 0.1.0
 * @category models
 */
export const CallStatus: Schema.Schema<CallStatus> = openUnion(
  "CallStatus",
  Schema.Union(ActiveStatus, TerminalStatus)
)

/**
 * The status of one leg; the same words as a call's.
 *
 * @since 0.1.0
 * @category models
 */
export type LegStatus = ActiveStatus | TerminalStatus | OtherWord

/**
 * @since 0.1.0
 * @category models
 */
export const LegStatus: Schema.Schema<LegStatus> = openUnion("LegStatus", Schema.Union(ActiveStatus, TerminalStatus))

/**
 * The origin of the call: `inbound`; `outbound-dial` from an applet; `outbound-api` through the API; or another word.
 *
 * @since 0.1.0
 * @category models
 */
export type Direction = "inbound" | "outbound-dial" | "outbound-api" | OtherWord

/**
 * @since 0.1.0
 * @category models
 */
export const Direction: Schema.Schema<Direction> = openUnion(
  "Direction",
  Schema.Literal("inbound", "outbound-dial", "outbound-api")
)

/**
 * The status of a call whose record has none: the `Status` is missing, null, empty or unreadable, which Exotel's records
 * of some ended calls are for good. The word is this library's, not Exotel's. It is not terminal.
 *
 * @since 0.1.0
 * @category constants
 */
export const unknown = "unknown"

const terminal: ReadonlySet<string> = new Set(TerminalStatus.literals)
const active: ReadonlySet<string> = new Set(ActiveStatus.literals)

/**
 * Returns whether the call has ended. An undocumented word is not terminal: one read too many is better than a false end.
 *
 * @example
 * ```ts
 * import { CallStatus } from "@effect-exotel/core"
 *
 * CallStatus.isTerminal("no-answer") // true
 * CallStatus.isTerminal("in-progress") // false
 * CallStatus.isTerminal("transferring") // false
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const isTerminal = (status: CallStatus): status is TerminalStatus => terminal.has(status)

/**
 * Returns whether the word is one that Exotel documents.
 *
 * @since 0.1.0
 * @category guards
 */
export const isKnown = (status: CallStatus): status is ActiveStatus | TerminalStatus =>
  terminal.has(status) || active.has(status)
