/** Routes a request at an instant to a response plan and an entry of the journal. */
import type { Region } from "@effect-exotel/core/Region"
import { nameOf } from "../../FaultPlan.ts"
import type { Format } from "../wire/encode.ts"
import { encodeAccount, encodeCall, encodeError } from "../wire/encode.ts"
import type { ResponsePlan, WholeResponse } from "../wire/plan.ts"
import { contentTypes, intact, withFault } from "../wire/plan.ts"
import { listCalls } from "./bulk.ts"
import type { Connected } from "./connect/connect.ts"
import { connectCall } from "./connect/connect.ts"
import type { Body, Fields } from "./connect/form.ts"
import { readForm } from "./connect/form.ts"
import { undocumentedFields, unsupportedFields } from "./connect/request.ts"
import type { Failure } from "./failure.ts"
import { failed } from "./failure.ts"
import { placesCall } from "./faults.ts"
import { recordOf } from "./records.ts"
import type { AccountState, FakeState, Row } from "./state.ts"
import { openFakes } from "./state.ts"
import { suggestSid } from "./suggestSid.ts"

export interface WireRequest {
  readonly method: string
  readonly region: Region
  readonly path: string
  readonly query: URLSearchParams
  readonly authorization: string | undefined
  readonly body: Body | undefined
}

export interface Exchange {
  readonly row: Row
  /** The call that the request placed. */
  readonly connected?: Connected | undefined
  /** For a request that the fake does not support, whose row has the outcome `Refused`, it is a 501. */
  readonly plan: ResponsePlan
}

interface Route {
  readonly operation: "read" | "list" | "account" | "connect"
  readonly accountSid: string
  readonly sid: string | undefined
  readonly format: Format
}

const route = /^\/v1\/Accounts\/([^/]+?)(\/Calls(?:\/([^/]+?))?)?(\.json)?$/

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

const parseRoute = ({ method, path }: WireRequest): Route | undefined => {
  const match = route.exec(path)
  const accountSid = match?.[1]
  if (match === null || accountSid === undefined) return undefined
  const sid = match[3]
  const format = match[4] === undefined ? "xml" : "json"
  if (sid === "connect" && method === "POST") {
    return { operation: "connect", accountSid: decoded(accountSid), sid: undefined, format }
  }
  return {
    operation: match[2] === undefined ? "account" : sid === undefined ? "list" : "read",
    accountSid: decoded(accountSid),
    sid: sid === undefined ? undefined : decoded(sid),
    format
  }
}

const parameters: { readonly [O in Route["operation"]]: ReadonlySet<string> } = {
  account: new Set(),
  // Has no effect, but some clients send it.
  connect: new Set(["details"]),
  read: new Set(["details", "RecordingUrlValidity"]),
  list: new Set([
    "Sid",
    "DateCreated",
    "To",
    "From",
    "PhoneNumber",
    "Status",
    "Direction",
    "Duration",
    "Price",
    "PageSize",
    "SortBy",
    "Before",
    "After",
    "RecordingUrlValidity",
    "details"
  ])
}

const personal: ReadonlySet<string> = new Set(["To", "From", "PhoneNumber"])

/** The query as a journal may show it; a hundred sids are a number. */
const shownQuery = (query: URLSearchParams): string => {
  const parts: Array<string> = []
  for (const [name, value] of query) {
    const shown = personal.has(name)
      ? "<redacted>"
      : name === "Sid"
      ? `<${value.split(",").length} sids>`
      : parameters.list.has(name)
      ? value
      : "<unknown>"
    parts.push(`${name}=${shown}`)
  }
  return parts.length === 0 ? "" : `?${parts.join("&")}`
}

export const refuse = (state: FakeState, row: Row, why: string, format: Format): Exchange => {
  row.outcome = { _tag: "Refused", why }
  state.unexpected.push(`${row.method} ${row.path}: ${why}`)
  const body = encodeError({ status: 501, message: why, code: undefined }, format, state.settings.wireFormat)
  return { row, plan: intact({ status: 501, headers: { "content-type": contentTypes[format] }, body }) }
}

/**
 * The reason for which a request is refused; undefined for a supported one. Supported is only what Exotel documents, so
 * that a client does not come to rely on anything else.
 */
const unsupported = (
  request: WireRequest,
  where: Route | undefined,
  form: Fields | undefined
): string | undefined => {
  if (/.\/$/.test(request.path)) return "a path with a trailing slash is not documented; remove the slash"
  if (request.path.endsWith(".xml")) return "the suffix .xml is not documented; a path without a suffix returns XML"
  if (where === undefined) return "the fake Exotel has no such resource"
  if (where.operation === "connect") {
    if (form === undefined) return "a body of this content type is not documented; send a form, urlencoded or multipart"
    const reason = unsupportedFields(form)
    if (reason !== undefined) return reason
  } else if (request.method !== "GET") return `the fake Exotel does not support ${request.method} here; use GET`
  for (const name of request.query.keys()) {
    if (!parameters[where.operation].has(name)) return `the fake Exotel does not know the parameter ${name}`
  }
  return undefined
}

const checkAccount = (state: FakeState, request: WireRequest, where: Route, now: number): AccountState | Failure => {
  const account = state.accounts.get(where.accountSid)
  if (account === undefined || account.authorization !== request.authorization) {
    const unexpected = () =>
      account === undefined
        ? `no account ${where.accountSid}; known: ${[...state.accounts.keys()].join(", ")}`
        : request.authorization === undefined
        ? "there are no credentials on it"
        : `its API key or token is not that of ${where.accountSid}`
    return { status: 401, message: "Authentication failed", unexpected }
  }
  if (account.region !== request.region) {
    const { wrongRegion } = state.settings
    return {
      status: wrongRegion,
      message: wrongRegion === 401 ? "Authentication failed" : "No matching results",
      unexpected: () => `${account.accountSid} lives in ${account.region}, and ${request.region} received the request`
    }
  }
  const wait = account.limiter.admit(now)
  return wait === 0 ? account : { status: 429, message: "Too many requests", retryAfterMillis: wait }
}

/** `RecordingUrlValidity` is 5 to 60 minutes (call-details page). */
const validity = (query: URLSearchParams): "absent" | "good" | "bad" => {
  const text = query.get("RecordingUrlValidity")
  if (text === null) return "absent"
  const minutes = Number(text)
  return Number.isInteger(minutes) && minutes >= 5 && minutes <= 60 ? "good" : "bad"
}

/** Exotel's message, with a hint when another fake of this process has the call: the layer was probably built twice. */
const elsewhere = (state: FakeState, sid: string): string =>
  [...openFakes].some((other) => other !== state && other.calls.has(sid))
    ? "No matching results. Another FakeExotel in this process has this call; provide one FakeExotel layer, once"
    : "No matching results"

const resource = (
  state: FakeState,
  request: WireRequest,
  where: Route,
  form: Fields,
  now: number
): { readonly body: string; readonly connected?: Connected } | Failure => {
  const { wireFormat, timeZone, unknownCall } = state.settings
  const { accountSid, format, operation, sid } = where
  if (operation === "connect") {
    const connected = connectCall(state, accountSid, form, now)
    if ("status" in connected) return connected
    const record = recordOf(connected.call, now, { details: false, preSigned: false })
    return { body: encodeCall(record, format, wireFormat, timeZone), connected }
  }
  if (operation === "account") return { body: encodeAccount(accountSid, format, wireFormat) }
  const signed = validity(request.query)
  if (signed === "bad") return { status: 400, message: "RecordingUrlValidity must be between 5 and 60" }
  const reading = { details: request.query.get("details") === "true", preSigned: signed === "good" }
  if (operation === "list") return listCalls(state, where, request.query, reading, now)
  const call = state.calls.get(sid ?? "")
  if (call === undefined || call.accountSid !== accountSid || now < call.readableAt) {
    return {
      status: unknownCall,
      bodyStatus: 404,
      message: elsewhere(state, sid ?? ""),
      unexpected: () => suggestSid(sid ?? "", state.calls.keys(), state.calls.size)
    }
  }
  return { body: encodeCall(recordOf(call, now, reading), format, wireFormat, timeZone) }
}

const answer = (
  state: FakeState,
  request: WireRequest,
  where: Route,
  form: Fields,
  row: Row,
  now: number
): { readonly response: WholeResponse; readonly connected?: Connected | undefined } => {
  const account = checkAccount(state, request, where, now)
  const found = "status" in account ? account : resource(state, request, where, form, now)
  if (!("status" in found)) {
    const { body, connected } = found
    return { response: { status: 200, headers: { "content-type": contentTypes[where.format] }, body }, connected }
  }
  if (state.settings.strict && found.unexpected !== undefined) {
    state.unexpected.push(`${row.method} ${row.path}: ${found.unexpected()}`)
  }
  return { response: failed(state, found, where.format, now) }
}

/** Answers a request at an instant of the clock. */
export const exchange = (state: FakeState, request: WireRequest, now: number): Exchange => {
  const where = parseRoute(request)
  const form = where?.operation === "connect" && request.body !== undefined ? readForm(request.body) : []
  const row = state.record({
    at: now,
    operation: where?.operation ?? "unknown",
    method: request.method,
    // A path that is not the API's may hold anything.
    path: where === undefined ? "<unknown path>" : request.path + shownQuery(request.query),
    sid: where?.sid
  })
  const reason = unsupported(request, where, form)
  if (where === undefined || form === undefined || reason !== undefined) {
    const format = where?.format ?? (request.path.includes(".json") ? "json" : "xml")
    return refuse(state, row, reason ?? "the fake Exotel has no such resource", format)
  }
  if (state.settings.strict) {
    state.unexpected.push(...undocumentedFields(form).map((problem) => `${row.method} ${row.path}: ${problem}`))
  }
  const fault = state.faults.select(where.operation, where.sid, now)
  const { connected, response } = where.operation === "connect" && fault !== undefined && !placesCall(fault)
    ? { response: failed(state, { status: 500, message: "The call could not be originated" }, where.format, now) }
    : answer(state, request, where, form, row, now)
  row.sid ??= connected?.call.sid
  if (fault === undefined) return { row, plan: intact(response), connected }
  row.fault = nameOf(fault)
  return { row, plan: withFault(response, fault, where.format, state.settings.wireFormat), connected }
}
