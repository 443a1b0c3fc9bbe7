/**
 * `@azure/core-lro`, as the clients of Azure's SDK use it: an operation whose location is the call's URL, and a
 * `RestError` for a status outside 2xx. It has no deadline.
 */
import type { OperationResponse, OperationState, RunningOperation } from "@azure/core-lro"
import { createHttpPoller } from "@azure/core-lro"
import { CallStatus } from "@effect-exotel/core"
import type { Contender, Subject } from "../Contender.ts"
import { abortable } from "../Contender.ts"
import type { WireCall } from "../fetchCall.ts"
import { callUrl, fetchCall } from "../fetchCall.ts"

interface State extends OperationState<WireCall> {
  seen?: string
}

class RestError extends Error {
  override readonly name = "RestError"
}

/** The call exists already: there is nothing to submit, only its location to return. */
const operation = (subject: Subject): RunningOperation<WireCall | undefined> => {
  const request = { method: "POST", url: callUrl(subject) }
  return {
    sendInitialRequest: () =>
      Promise.resolve({
        flatResponse: undefined,
        rawResponse: { statusCode: 202, request, headers: { "operation-location": request.url } }
      }),
    sendPollRequest: async (_path, options) => {
      const signal = options?.abortSignal as AbortSignal | undefined
      const response = await fetchCall(subject, signal)
      if (!response.ok) throw new RestError(`Exotel answered with status ${response.status}`)
      const { Call } = (await response.json()) as { readonly Call: WireCall }
      const status = CallStatus.isTerminal(Call.Status) ? "Succeeded" : "Running"
      const headers = Object.fromEntries(response.headers)
      return { flatResponse: Call, rawResponse: { statusCode: response.status, request, headers, body: { status } } }
    }
  }
}

const poller = (subject: Subject, restoreFrom?: string) =>
  createHttpPoller<WireCall, State>(operation(subject), {
    intervalInMs: subject.intervalMillis,
    updateState: (state, { flatResponse }: OperationResponse) => {
      state.seen = (flatResponse as WireCall).Status
    },
    ...(restoreFrom === undefined ? {} : { restoreFrom })
  })

const ended = async (polling: ReturnType<typeof poller>, abortSignal: AbortSignal): Promise<string> =>
  (await polling.pollUntilDone({ abortSignal })).Status

export const coreLro: Contender = {
  name: "core-lro",
  package: "@azure/core-lro",
  awaitEnd: (subject) => abortable((signal) => ended(poller(subject), signal)),
  awaitEndTwice: (subject) =>
    abortable((signal) => {
      const shared = poller(subject)
      return Promise.all([ended(shared, signal), ended(shared, signal)])
    }),
  follow: (subject, consume) =>
    abortable(async (signal) => {
      const polling = poller(subject)
      const consumed: Array<Promise<void>> = []
      polling.onProgress(({ seen }) => consumed.push(consume(seen ?? "")))
      await ended(polling, signal)
      await Promise.all(consumed)
    }),
  resumption: {
    suspend: (subject) =>
      abortable(async (abortSignal) => {
        const polling = poller(subject)
        await polling.poll({ abortSignal })
        return polling.serialize()
      }),
    resume: (subject, token) => abortable(async (signal) => [await ended(poller(subject, token), signal)])
  }
}
