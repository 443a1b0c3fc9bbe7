/** `p-wait-for`. It tells nothing before the end, cannot be shared and cannot be put down. */
import { CallStatus } from "@effect-exotel/core"
import waitFor from "p-wait-for"
import type { Contender, Subject } from "../Contender.ts"
import { abortable } from "../Contender.ts"
import { callOf, fetchCall } from "../fetchCall.ts"

const awaitEnd = (subject: Subject, timeout: number) =>
  abortable((signal) =>
    waitFor(async () => {
      const { Status } = await callOf(await fetchCall(subject))
      return CallStatus.isTerminal(Status) && waitFor.resolveWith<string>(Status)
    }, { interval: subject.intervalMillis, timeout, signal })
  )

export const pWaitFor: Contender = {
  name: "p-wait-for",
  package: "p-wait-for",
  awaitEnd: (subject) => awaitEnd(subject, Number.POSITIVE_INFINITY),
  awaitEndWithin: awaitEnd
}
