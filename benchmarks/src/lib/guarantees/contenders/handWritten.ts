/** A typical loop written by hand. It can be aborted and has a deadline. */
import { CallStatus } from "@effect-exotel/core"
import { setTimeout as sleep } from "node:timers/promises"
import type { Contender, Subject } from "../Contender.ts"
import { abortable } from "../Contender.ts"
import { callFrom, fetchCall } from "../fetchCall.ts"

const awaitEnd = (subject: Subject, deadlineMillis: number) =>
  abortable(async (signal) => {
    const until = Date.now() + deadlineMillis
    while (Date.now() < until) {
      try {
        const { Status } = await callFrom(await fetchCall(subject, signal))
        if (CallStatus.isTerminal(Status)) return Status
      } catch {
        // Every error is treated as transient.
      }
      await sleep(subject.intervalMillis, undefined, { signal })
    }
    throw new Error(`Call ${subject.sid} has not ended in ${deadlineMillis} ms`)
  })

export const handWritten: Contender = {
  name: "loop",
  awaitEnd: (subject) => awaitEnd(subject, Number.POSITIVE_INFINITY),
  awaitEndWithin: awaitEnd
}
