/** The paths of the API. */
import type { AccountSid } from "../../AccountSid.ts"
import type { CallSid } from "../../CallSid.ts"

const accountPath = (baseUrl: string, account: AccountSid) => `${baseUrl}/v1/Accounts/${encodeURIComponent(account)}`

/** Its body holds an auth token; only its status is of use. */
export const accountUrl = (baseUrl: string, account: AccountSid): string => `${accountPath(baseUrl, account)}.json`

const suffixes = { json: ".json", xml: "" }

/** The bulk read. The query is one of ours, or that of a page's link to the next one. */
export const callsUrl = (
  baseUrl: string,
  account: AccountSid,
  format: "json" | "xml",
  query: URLSearchParams
): string => `${accountPath(baseUrl, account)}/Calls${suffixes[format]}?${query}`

/** Places a call. */
export const connectUrl = (baseUrl: string, account: AccountSid, format: "json" | "xml"): string =>
  `${accountPath(baseUrl, account)}/Calls/connect${suffixes[format]}`

export const callUrl = (
  baseUrl: string,
  account: AccountSid,
  sid: CallSid,
  options: {
    readonly format: "json" | "xml"
    readonly details: boolean
    readonly recordingUrlValidity: number | undefined
  }
): string => {
  const { details, recordingUrlValidity } = options
  const query = [
    ...(details ? ["details=true"] : []),
    ...(recordingUrlValidity === undefined ? [] : [`RecordingUrlValidity=${recordingUrlValidity}`])
  ]
  const search = query.length === 0 ? "" : `?${query.join("&")}`
  return `${accountPath(baseUrl, account)}/Calls/${encodeURIComponent(sid)}${suffixes[options.format]}${search}`
}
