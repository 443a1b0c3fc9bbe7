/** What a poller must and may be able to do to be held against the laws. */
import type { CallSid, ExotelConfig } from "@effect-exotel/core"
import { Effect } from "effect"

/** A call to be watched, and how. */
export interface Subject {
  readonly sid: CallSid.CallSid
  /** Credentials, and the base URL of the pretended Exotel. */
  readonly exotel: ExotelConfig.Options
  readonly intervalMillis: number
}

/**
 * A poller behind its adapter. Statuses are Exotel's words. Interrupting an effect is the poller's own way to abort.
 *
 * A method that is left out says that the poller's API has no means to do it.
 */
export interface Contender {
  readonly name: string
  /** The npm package that is measured; none for code written by hand. */
  readonly package?: string
  /** Waits for the end of the call, without any limit that could be left out; gives the status with which it ended. */
  readonly awaitEnd: (subject: Subject) => Effect.Effect<string, unknown>
  /** The same with a deadline. */
  readonly awaitEndWithin?: (subject: Subject, deadlineMillis: number) => Effect.Effect<string, unknown>
  /** Two parts of a program wait for the end of one call. */
  readonly awaitEndTwice?: (subject: Subject) => Effect.Effect<readonly [string, string], unknown>
  /** Hands what it sees to a consumer that may be slow. Over when the consumer has got everything. */
  readonly follow?: (subject: Subject, consume: (status: string) => Promise<void>) => Effect.Effect<void, unknown>
  /** Putting a watch down as text after the first sight of the call, and taking it up again from that text alone. */
  readonly resumption?: {
    readonly putDown: (subject: Subject) => Effect.Effect<string, unknown>
    /** Gives every status that it tells, the last one that of the end. */
    readonly takeUp: (subject: Subject, token: string) => Effect.Effect<ReadonlyArray<string>, unknown>
  }
}

/** A promise that an `AbortSignal` can end. */
export const abortable = <A>(run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, unknown> =>
  Effect.tryPromise(run)
