/** The application: when a reminder call has ended, decide whether the customer must be called again. */
import { Call } from "@effect-exotel/core"
import { CallWatch } from "@effect-exotel/watch"
import { Data, Duration, Effect, Option } from "effect"

/** What to do about a customer. */
export type Verdict = Data.TaggedEnum<{
  /** The customer heard the reminder to its end. */
  Reminded: { readonly talked: Duration.Duration }
  /** Nobody heard it, or not enough of it. */
  CallAgain: { readonly in: Duration.Duration }
  /** The number cannot be reached: somebody should look. */
  LookAt: { readonly status: string }
}>
export const Verdict = Data.taggedEnum<Verdict>()

/** As long as the reminder takes to say. */
const REMINDER = Duration.seconds(15)

export const verdictOf = (call: Call.TerminalCall): Verdict => {
  switch (call.status) {
    case "completed": {
      const talked = Option.getOrElse(Call.talkTime(call), () => Duration.zero)
      return Duration.greaterThanOrEqualTo(talked, REMINDER)
        ? Verdict.Reminded({ talked })
        : Verdict.CallAgain({ in: Duration.minutes(1) })
    }
    case "busy":
      return Verdict.CallAgain({ in: Duration.minutes(5) })
    case "no-answer":
      return Verdict.CallAgain({ in: Duration.hours(1) })
    case "failed":
    case "canceled":
      return Verdict.LookAt({ status: call.status })
  }
}

/** Waits for the call's record to be complete, since the talk time is known only then. */
export const followUp = (sid: string) =>
  Effect.gen(function*() {
    const watch = yield* CallWatch.CallWatch
    const { call } = yield* watch.awaitSettled(sid, { deadline: "2 hours" })
    return verdictOf(call)
  })
