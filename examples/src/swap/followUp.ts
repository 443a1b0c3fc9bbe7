/** The application: when a reminder call has ended, it decides whether to call the customer again. */
import { Call } from "@effect-exotel/core"
import { CallWatch } from "@effect-exotel/watch"
import { Data, Duration, Effect, Option } from "effect"

/** The next step for a customer. */
export type Verdict = Data.TaggedEnum<{
  /** The customer heard the reminder to its end. */
  Reminded: { readonly talked: Duration.Duration }
  /** The customer did not hear it, or not all of it. */
  CallAgain: { readonly in: Duration.Duration }
  /** The number cannot be reached and should be checked. */
  CheckNumber: { readonly status: string }
}>
export const Verdict = Data.taggedEnum<Verdict>()

/** The duration of the reminder. */
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
      return Verdict.CheckNumber({ status: call.status })
  }
}

/** Waits until the call's record is complete, since only then the talk time is known. */
export const followUp = (sid: string) =>
  Effect.gen(function*() {
    const watch = yield* CallWatch.CallWatch
    const { call } = yield* watch.awaitSettled(sid, { deadline: "2 hours" })
    return verdictOf(call)
  })
