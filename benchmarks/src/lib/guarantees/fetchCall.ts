/** The request of the pollers without their own client: `fetch`, and an error for a status outside 2xx. */
import { Encoding, Redacted } from "effect"
import type { Subject } from "./Contender.ts"

/** The part of Exotel's record that a poller reads. */
export interface WireCall {
  readonly Status: string
}

export const callUrl = ({ exotel, sid }: Subject): string =>
  `${String(exotel.baseUrl)}/v1/Accounts/${exotel.accountSid}/Calls/${sid}.json`

export const fetchCall = (subject: Subject, signal?: AbortSignal): Promise<Response> => {
  const { apiKey, apiToken } = subject.exotel
  const credentials = Encoding.encodeBase64(`${Redacted.value(apiKey)}:${Redacted.value(apiToken)}`)
  return fetch(callUrl(subject), { headers: { authorization: `Basic ${credentials}` }, signal: signal ?? null })
}

export const callFrom = async (response: Response): Promise<WireCall> => {
  if (!response.ok) throw new Error(`Exotel answered with status ${response.status}`)
  const body = (await response.json()) as { readonly Call: WireCall }
  return body.Call
}
