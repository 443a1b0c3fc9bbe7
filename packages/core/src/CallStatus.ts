/**
 * The words with which Exotel tells where a call or a leg stands. Each union is open: a word that nobody documented is
 * kept as it came, and is never taken for an ending.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The words after which a call changes its status no more. `canceled` is documented for legs; clients have met it on
 * calls too.
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
 * The documented words for a call under way. `in-progress` is answered from the moment the call is created: it does
 * **not** say that somebody picked up (call-details page).
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

/** A string that completes to the known words in an editor and still admits any other. */
type OtherWord = string & {}

const openUnion = <Known extends string>(
  identifier: string,
  known: Schema.Schema<Known>
): Schema.Schema<Known | OtherWord> =>
  Schema.Union(known, Schema.NonEmptyTrimmedString as Schema.Schema<OtherWord>).annotations({ identifier })

/**
 * The status of a call: a documented word, or whatever else Exotel said.
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
 * Who placed the call: `inbound`; `outbound-dial` from an applet; `outbound-api` through the API; or another word.
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

const terminal: ReadonlySet<string> = new Set(TerminalStatus.literals)
const active: ReadonlySet<string> = new Set(ActiveStatus.literals)

/**
 * Whether the call has ended. An unknown word is not terminal: better one read too many than an ending that never was.
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
 * Whether the word is one that Exotel documents.
 *
 * @since 0.1.0
 * @category guards
 */
export const isKnown = (status: CallStatus): status is ActiveStatus | TerminalStatus =>
  terminal.has(status) || active.has(status)
