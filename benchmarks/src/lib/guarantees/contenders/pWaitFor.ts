/** `p-wait-for`. It reports nothing before the end, cannot be shared and cannot be resumed. */
import { CallStatus } from "@effect-exotel/core"
import waitFor from "p-wait-for"
import type { Contender, Subject } from "../Contender.ts"
import { abortable } from "../Contender.ts"
import { callFrom, fetchCall } from "../fetchCall.ts"

const awaitEnd = (subject: Subject, timeout: number) =>
  abortable((signal) =>
    waitFor(async () => {
      const { Status } = await callFrom(await fetchCall(subject))
      return CallStatus.isTerminal(Status) && waitFor.resolveWith<string>(Status)
    }, { interval: subject.intervalMillis, timeout, signal })
  )

export const pWaitFor: Contender = {
  name: "p-wait-for",
  package: "p-wait-for",
  awaitEnd: (subject) => awaitEnd(subject, Number.POSITIVE_INFINITY),
  awaitEndWithin: awaitEnd
}
