/** Whether a contender held a law in a run, and what was seen if it did not. */
import { Cause, Exit, Option } from "effect"
import type { Outcome } from "./Stage.ts"

export type Verdict =
  | { readonly _tag: "Holds" }
  | { readonly _tag: "Breaks"; readonly seen: string }
  | { readonly _tag: "NoSuchThing" }

const holds: Verdict = { _tag: "Holds" }
export const noSuchThing: Verdict = { _tag: "NoSuchThing" }

/** Broken when anything was seen that should not have been. */
export const unless = (...seen: ReadonlyArray<string | false>): Verdict => {
  const wrong = seen.filter((words) => words !== false)
  return wrong.length === 0 ? holds : { _tag: "Breaks", seen: wrong.join("; ") }
}

export const requests = (count: number): string => `${count} request${count === 1 ? "" : "s"}`

const MOST_CHARACTERS = 80

/** An error in a few words. Sids differ from run to run, and a message may be a whole document. */
export const shortly = (cause: Cause.Cause<unknown>): string => {
  const failure = Cause.squash(cause)
  const error = Cause.isUnknownException(failure) ? failure.error : failure
  const { message, name } = error instanceof Error ? error : { message: String(error), name: "Error" }
  const line = message.replace(/\b[0-9a-z]{32}\b/g, "…").replace(/\s+/g, " ")
  return `${name}: ${line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}…` : line}`
}

/** False when it ended with that result; otherwise how it did end. */
export const didNotEndWith = <A>(outcome: Outcome<A>, is: (result: A) => boolean): string | false =>
  Option.match(outcome.exit, {
    onNone: () => `not over after ${(outcome.millis / 1000).toFixed(1)} s`,
    onSome: Exit.match({
      onFailure: (cause) => `ended with ${shortly(cause)}`,
      onSuccess: (result) => !is(result) && `ended with the result ${JSON.stringify(result)}`
    })
  })

/** False when it failed; otherwise what it did instead. */
export const didNotFail = (outcome: Outcome<unknown>): string | false =>
  Option.match(outcome.exit, {
    onNone: () => `not over after ${(outcome.millis / 1000).toFixed(1)} s`,
    onSome: (exit) => Exit.isSuccess(exit) && `ended with the result ${JSON.stringify(exit.value)}`
  })

/** False when there was something left to abort. */
export const wasOverBefore = ({ exit }: Outcome<unknown>): string | false =>
  Option.isSome(exit) && "was over before the abort"

export const askedLater = ({ later }: Outcome<unknown>): string | false =>
  later.length > 0 && `sent ${requests(later.length)} after its end`
