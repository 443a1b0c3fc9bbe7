/**
 * `@smithy/util-waiter`, as the waiters that AWS generates use it: a failed request is retried.
 * It reports nothing before the end, cannot be shared and cannot be resumed.
 */
import { CallStatus } from "@effect-exotel/core"
import { checkExceptions, createWaiter, WaiterState } from "@smithy/util-waiter"
import type { Contender, Subject } from "../Contender.ts"
import { abortable } from "../Contender.ts"
import type { WireCall } from "../fetchCall.ts"
import { callFrom, fetchCall } from "../fetchCall.ts"

const fetchSubject = (subject: Subject): Promise<WireCall> => fetchCall(subject).then(callFrom)

const checkState = async (read: typeof fetchSubject, subject: Subject) => {
  try {
    const call = await read(subject)
    return { state: CallStatus.isTerminal(call.Status) ? WaiterState.SUCCESS : WaiterState.RETRY, reason: call }
  } catch (reason) {
    return { state: WaiterState.RETRY, reason }
  }
}

const awaitEnd = (subject: Subject, maxWaitTime: number) =>
  abortable(async (abortSignal) => {
    const delay = subject.intervalMillis / 1000
    const options = { client: fetchSubject, minDelay: delay, maxDelay: delay, maxWaitTime, abortSignal }
    const result = checkExceptions(await createWaiter(options, subject, checkState))
    return (result.reason as WireCall).Status
  })

export const utilWaiter: Contender = {
  name: "util-waiter",
  package: "@smithy/util-waiter",
  // The option is required.
  awaitEnd: (subject) => awaitEnd(subject, 3600),
  awaitEndWithin: (subject, deadlineMillis) => awaitEnd(subject, deadlineMillis / 1000)
}
