/**
 * The requests that a fake Exotel received. It holds no phone number and no credential: paths are those of
 * the API, and of a query only what is harmless.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"

/**
 * The outcome of a request.
 *
 * - `Pending`: the answer is on its way
 * - `Answered`: a whole answer with this status
 * - `Broken`: the connection broke, as planned
 * - `Aborted`: the client gave up
 * - `Refused`: the fake does not know such a request, and why
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
  /** How long the fake had been there. */
  readonly elapsed: Duration.Duration
  /**
   * `read`: one call. `list`: the bulk read. `account`: the account resource. `connect`: a request to place a call.
   * `callback`: a push to the application.
   */
  readonly operation: "read" | "list" | "account" | "connect" | "callback" | "unknown"
  readonly method: string
  /** Path and query, without phone numbers. */
  readonly path: string
  /** The call that was read or placed, if there was one. `FakeExotel.placed` has its numbers. */
  readonly sid: string | undefined
  readonly outcome: Outcome
  /** The planned fault that fired. */
  readonly fault: string | undefined
}

type Journal = ReadonlyArray<JournalEntry>

/** Fails with the difference between the expected journal and this one. */
type Check = (journal: Journal) => Effect.Effect<void, JournalMismatch>

/**
 * The requests about one call.
 *
 * @since 0.1.0
 * @category filtering
 */
export const forCall = (sid: string) => (journal: Journal): Journal => journal.filter((entry) => entry.sid === sid)

/**
 * The requests later than so long after the fake began.
 *
 * @since 0.1.0
 * @category filtering
 */
export const after = (elapsed: Duration.DurationInput) => (journal: Journal): Journal =>
  journal.filter((entry) => Duration.greaterThan(entry.elapsed, elapsed))

/**
 * The text of an outcome in a rendered journal, such as `200` or `connection reset`.
 *
 * @since 0.1.0
 * @category rendering
 */
export const outcomeText = (outcome: Outcome): string => {
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

/** The sid where the path does not have it. */
const aboutCall = ({ operation, sid }: JournalEntry): string => {
  if (sid === undefined) return ""
  return operation === "connect" ? ` placed ${sid}` : operation === "callback" ? ` (callback for ${sid})` : ""
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
  const outcome = outcomeText(entry.outcome)
  return `#${entry.index} +${elapsed}s ${entry.method} ${entry.path} ${outcome}${aboutCall(entry)}${fault}`
}

/**
 * A line for each request.
 *
 * @since 0.1.0
 * @category rendering
 */
export const render = (journal: Journal): string =>
  journal.length === 0 ? "(no request)" : journal.map(renderEntry).join("\n")

/**
 * The difference between the journal that a test expected and the actual one.
 *
 * @since 0.1.0
 * @category errors
 */
export class JournalMismatch extends Schema.TaggedError<JournalMismatch>("@effect-exotel/testing/JournalMismatch")(
  "JournalMismatch",
  {
    expected: Schema.String,
    actual: Schema.String,
    /** The journal, rendered. */
    journal: Schema.String
  }
) {
  override get message(): string {
    return `Expected ${this.expected}, but there ${this.actual}:\n${this.journal}`
  }
}

const counted = (count: number, what: string): string =>
  `${count === 1 ? "was" : "were"} ${count} ${what}${count === 1 ? "" : "s"}`

const check = (
  holds: boolean,
  expected: string,
  actual: string,
  shown: Journal
): Effect.Effect<void, JournalMismatch> =>
  holds ? Effect.void : new JournalMismatch({ expected, actual, journal: render(shown) })

/**
 * The call was read so many times.
 *
 * @example
 * ```ts
 * import { FakeExotel, Journal } from "@effect-exotel/testing"
 * import { Effect } from "effect"
 *
 * const check = (sid: string) =>
 *   Effect.gen(function*() {
 *     const fake = yield* FakeExotel.FakeExotel
 *     yield* Effect.flatMap(fake.journal, Journal.expectPolled(sid, 7))
 *   })
 * ```
 *
 * @since 0.1.0
 * @category assertions
 */
export const expectPolled: {
  (sid: string, times: number): Check
  (journal: Journal, sid: string, times: number): Effect.Effect<void, JournalMismatch>
} = dual(3, (journal: Journal, sid: string, times: number) => {
  const reads = forCall(sid)(journal).filter((entry) => entry.operation === "read")
  return check(
    reads.length === times,
    `call ${sid} to be read ${times === 1 ? "once" : `${times} times`}`,
    counted(reads.length, "read"),
    reads
  )
})

/**
 * Fails if a request was sent later than so long after the fake began.
 *
 * @since 0.1.0
 * @category assertions
 */
export const expectNoRequestAfter: {
  (elapsed: Duration.DurationInput): Check
  (journal: Journal, elapsed: Duration.DurationInput): Effect.Effect<void, JournalMismatch>
} = dual(2, (journal: Journal, elapsed: Duration.DurationInput) => {
  const late = after(elapsed)(journal)
  return check(
    late.length === 0,
    `no request after ${Duration.format(elapsed)}`,
    counted(late.length, "request"),
    late
  )
})

/**
 * Fails if more requests than this began in any period of that length, callbacks excluded; for example, the limit of an account.
 *
 * @since 0.1.0
 * @category assertions
 */
export const expectAtMost: {
  (
    limit: number,
    within: Duration.DurationInput
  ): Check
  (
    journal: Journal,
    limit: number,
    within: Duration.DurationInput
  ): Effect.Effect<void, JournalMismatch>
} = dual(3, (journal: Journal, limit: number, within: Duration.DurationInput) => {
  const requests = journal.filter((entry) => entry.operation !== "callback")
  const width = Duration.toMillis(within)
  const at = (index: number) => Duration.toMillis(requests[index]?.elapsed ?? Duration.zero)
  let first = 0
  for (let last = 0; last < requests.length; last++) {
    while (at(last) - at(first) >= width) first++
    if (last - first + 1 > limit) {
      const shown = requests.slice(first, last + 1)
      return check(
        false,
        `at most ${limit} requests in any ${Duration.format(within)}`,
        counted(shown.length, "request"),
        shown
      )
    }
  }
  return Effect.void
})
