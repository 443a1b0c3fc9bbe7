/** Maps a failed response to its error: by HTTP status, by the status in a `RestException`, or by the decode issue. */
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as E from "../../ExotelError.ts"
import { mask } from "../redact/masking.ts"
import type { Body } from "./body.ts"
import type { DecodeIssue } from "./issue.ts"
import type { DecodeContext, ParsedResponse } from "./response.ts"
import type { WireRecord } from "./wireCall.ts"

/** Omits undefined fields, as `exactOptionalPropertyTypes` requires. */
const defined = <A extends Record<string, unknown>>(fields: A): { [K in keyof A]: Exclude<A[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof A]: Exclude<A[K], undefined>
  }

export const responseParseError = (
  context: Pick<DecodeContext, "sid" | "region">,
  issue: DecodeIssue,
  status?: number
): E.ResponseParseError =>
  new E.ResponseParseError(defined({ sid: context.sid, region: context.region, status, ...issue }))

const integer = (value: unknown): number | undefined => {
  const text = typeof value === "number" || typeof value === "string" ? String(value).trim() : ""
  // Seven digits or more could be a phone number; Exotel's statuses and codes are shorter.
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined
}

/** Statuses of gateways that say nothing about the request: proxy authentication, timeout, misdirected, too early. */
const transient = new Set([407, 408, 421, 425])

/** The error for a status, or undefined when the status is no error. */
const errorFromStatus = (
  status: number,
  context: DecodeContext,
  retryAfter: Duration.Duration | undefined,
  exception: WireRecord | undefined
): E.ExotelError | undefined => {
  const message = exception?.["Message"]
  const fields = defined({
    sid: context.sid,
    region: context.region,
    status,
    code: integer(exception?.["Code"]),
    exotelMessage: typeof message === "string" && message.trim() !== "" ? mask(message, context.secrets) : undefined
  })
  if (status === 401) return new E.AuthenticationError(fields)
  if (status === 402 || status === 403) return new E.AccessDenied(fields)
  if (status === 404) return new E.CallNotFound(fields)
  if (status === 429) return new E.RateLimited({ ...fields, ...defined({ retryAfter }) })
  if (status >= 500 || transient.has(status)) return new E.ServiceUnavailable({ ...fields, ...defined({ retryAfter }) })
  if (status >= 400) return new E.InvalidRequest(fields)
  return undefined
}

/** Statuses that a 404 in the body does not override. */
const decisive = new Set([401, 402, 403, 429])

/** The error for a response whose status is not a success. */
export const errorFromResponse = (response: ParsedResponse, context: DecodeContext): E.ExotelError => {
  const { body } = response
  const exception = Either.isRight(body) && body.right._tag === "RestException" ? body.right.record : undefined
  // An unknown call was captured as a body's 404 under HTTP 400.
  const status = !decisive.has(response.status) && integer(exception?.["Status"]) === 404 ? 404 : response.status
  return errorFromStatus(status, context, response.retryAfter, exception)
    ?? responseParseError(context, { reason: "Unexpected", detail: unexpectedStatus(response.status) }, response.status)
}

const unexpectedStatus = (status: number) =>
  status >= 300 && status < 400
    ? "a redirect, which is not followed so that credentials stay with the configured host; check the base URL"
    : "a status that Exotel does not document"

/** The error for a `RestException` under a status of success. */
export const errorFromException = (
  exception: Extract<Body, { _tag: "RestException" }>,
  response: ParsedResponse,
  context: DecodeContext
): E.ExotelError =>
  errorFromStatus(integer(exception.record["Status"]) ?? 0, context, response.retryAfter, exception.record)
    ?? responseParseError(context, {
      reason: "Unexpected",
      format: exception.format,
      path: "RestException.Status",
      detail: "an error status is expected"
    }, response.status)
