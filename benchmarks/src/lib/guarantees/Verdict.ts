/** Whether a guarantee held in a run, and the observation if it did not. */
import { Cause, Exit, Option } from "effect"
import type { Outcome } from "./Stage.ts"

export type Verdict =
  | { readonly _tag: "Holds" }
  | { readonly _tag: "Breaks"; readonly seen: string }
  | { readonly _tag: "NotSupported" }

const holds: Verdict = { _tag: "Holds" }
export const notSupported: Verdict = { _tag: "NotSupported" }

/** Breaks if there is at least one unwanted observation. */
export const unless = (...observed: ReadonlyArray<string | false>): Verdict => {
  const wrong = observed.filter((observation) => observation !== false)
  return wrong.length === 0 ? holds : { _tag: "Breaks", seen: wrong.join("; ") }
}

export const requests = (count: number): string => `${count} request${count === 1 ? "" : "s"}`

const MOST_CHARACTERS = 80

/** A short description of an error. Sids are replaced, since they differ between runs, and long messages are cut. */
export const describeError = (cause: Cause.Cause<unknown>): string => {
  const failure = Cause.squash(cause)
  const error = Cause.isUnknownException(failure) ? failure.error : failure
  const { message, name } = error instanceof Error ? error : { message: String(error), name: "Error" }
  const line = message.replace(/\b[0-9a-z]{32}\b/g, "…").replace(/\s+/g, " ")
  return `${name}: ${line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}…` : line}`
}

/** Returns false if it ended with that result, otherwise a description of how it ended. */
export const didNotEndWith = <A>(outcome: Outcome<A>, is: (result: A) => boolean): string | false =>
  Option.match(outcome.exit, {
    onNone: () => `had not ended after ${(outcome.millis / 1000).toFixed(1)} s`,
    onSome: Exit.match({
      onFailure: (cause) => `ended with ${describeError(cause)}`,
      onSuccess: (result) => !is(result) && `ended with the result ${JSON.stringify(result)}`
    })
  })

/** Returns false if it failed, otherwise a description of what it did. */
export const didNotFail = (outcome: Outcome<unknown>): string | false =>
  Option.match(outcome.exit, {
    onNone: () => `had not ended after ${(outcome.millis / 1000).toFixed(1)} s`,
    onSome: (exit) => Exit.isSuccess(exit) && `ended with the result ${JSON.stringify(exit.value)}`
  })

/** Returns false if it was still running when it was aborted. */
export const endedBeforeAbort = ({ exit }: Outcome<unknown>): string | false =>
  Option.isSome(exit) && "had ended before the abort"

export const requestedAfterEnd = ({ later }: Outcome<unknown>): string | false =>
  later.length > 0 && `sent ${requests(later.length)} after its end`
