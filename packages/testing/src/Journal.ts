/**
 * What a pretended Exotel was asked, request by request. It holds no phone number and no credential: paths are those of
 * the API, and of a query only what is harmless.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"

/**
 * What came of a request.
 *
 * - `Pending`: the answer is on its way
 * - `Answered`: a whole answer with this status
 * - `Broken`: the connection broke, as planned
 * - `Aborted`: the client gave up
 * - `Refused`: the world does not know such a request, and why
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome =
  | { readonly _tag: "Pending" }
  | { readonly _tag: "Answered"; readonly status: number }
  | { readonly _tag: "Broken"; readonly how: string }
  | { readonly _tag: "Aborted" }
  | { readonly _tag: "Refused"; readonly why: string }

/**
 * @since 0.1.0
 * @category models
 */
export interface JournalEntry {
  /** Counted from 1. */
  readonly index: number
  readonly at: DateTime.Utc
  /** How long the world had been there. */
  readonly elapsed: Duration.Duration
  /** `read`: one call. `list`: the bulk read. `account`: the account resource. `callback`: a push to the application. */
  readonly operation: "read" | "list" | "account" | "callback" | "unknown"
  readonly method: string
  /** Path and query, without phone numbers. */
  readonly path: string
  /** The call that was asked for, if it was one. */
  readonly sid: string | undefined
  readonly outcome: Outcome
  /** The planned fault that struck. */
  readonly fault: string | undefined
}

/**
 * The requests about one call.
 *
 * @since 0.1.0
 * @category filtering
 */
export const forCall = (sid: string) => (journal: ReadonlyArray<JournalEntry>): ReadonlyArray<JournalEntry> =>
  journal.filter((entry) => entry.sid === sid)

/**
 * The requests later than so long after the world began.
 *
 * @since 0.1.0
 * @category filtering
 */
export const after =
  (elapsed: Duration.DurationInput) => (journal: ReadonlyArray<JournalEntry>): ReadonlyArray<JournalEntry> =>
    journal.filter((entry) => Duration.greaterThan(entry.elapsed, elapsed))

const words = (outcome: Outcome): string => {
  switch (outcome._tag) {
    case "Pending":
      return "…"
    case "Answered":
      return String(outcome.status)
    case "Broken":
      return outcome.how
    case "Aborted":
      return "given up by the client"
    case "Refused":
      return `refused: ${outcome.why}`
  }
}

/**
 * One line: `#3 +12s GET /v1/Accounts/acme1m/Calls/….json 503 (fault: status 503)`.
 *
 * @since 0.1.0
 * @category rendering
 */
export const renderEntry = (entry: JournalEntry): string => {
  const fault = entry.fault === undefined ? "" : ` (fault: ${entry.fault})`
  const elapsed = Duration.toMillis(entry.elapsed) / 1000
  return `#${entry.index} +${elapsed}s ${entry.method} ${entry.path} ${words(entry.outcome)}${fault}`
}

/**
 * A line for each request.
 *
 * @since 0.1.0
 * @category rendering
 */
export const render = (journal: ReadonlyArray<JournalEntry>): string =>
  journal.length === 0 ? "(no request)" : journal.map(renderEntry).join("\n")
