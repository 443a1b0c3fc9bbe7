/** The interface through which the benchmark runs a poller. */
import type { CallSid, ExotelConfig } from "@effect-exotel/core"
import { Effect } from "effect"

/** A call to watch, with credentials and interval. */
export interface Subject {
  readonly sid: CallSid.CallSid
  /** Credentials, and the base URL of the fake Exotel. */
  readonly exotel: ExotelConfig.Options
  readonly intervalMillis: number
}

/**
 * A poller behind an adapter. Statuses are those of Exotel. Interrupting an effect aborts by the poller's own means.
 *
 * A method is absent if the poller's API does not support it.
 */
export interface Contender {
  readonly name: string
  /** The npm package; absent for code written by hand. */
  readonly package?: string
  /** Waits for the end of the call without a time limit, where the API allows that; returns the final status. */
  readonly awaitEnd: (subject: Subject) => Effect.Effect<string, unknown>
  /** The same with a deadline. */
  readonly awaitEndWithin?: (subject: Subject, deadlineMillis: number) => Effect.Effect<string, unknown>
  /** Two parts of a program wait for the end of one call. */
  readonly awaitEndTwice?: (subject: Subject) => Effect.Effect<readonly [string, string], unknown>
  /** Passes each status to a consumer that may be slow. Ends when the consumer has processed all of them. */
  readonly follow?: (subject: Subject, consume: (status: string) => Promise<void>) => Effect.Effect<void, unknown>
  /** Suspends a watch as text after the first read of the call, and resumes it from that text alone. */
  readonly resumption?: {
    readonly suspend: (subject: Subject) => Effect.Effect<string, unknown>
    /** Returns every emitted status; the final status comes last. */
    readonly resume: (subject: Subject, token: string) => Effect.Effect<ReadonlyArray<string>, unknown>
  }
}

/** A promise that an `AbortSignal` can end. */
export const abortable = <A>(run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, unknown> =>
  Effect.tryPromise(run)
