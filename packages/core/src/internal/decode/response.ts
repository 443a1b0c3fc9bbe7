/** From an answer, status and body, to a call or the error that it means. */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Call from "../../Call.ts"
import { isCallSid } from "../../CallSid.ts"
import type { ExotelConfig } from "../../ExotelConfig.ts"
import * as E from "../../ExotelError.ts"
import type { Region } from "../../Region.ts"
import { mask } from "../redact/masking.ts"
import type { Body } from "./envelope.ts"
import { readBody } from "./envelope.ts"
import type { DecodeIssue } from "./issue.ts"
import { unexpected } from "./issue.ts"
import type { WireRecord } from "./record.ts"
import { emptyDetails, isRecord, readCall } from "./record.ts"

/** What a reader of answers must know beside the answer. */
export interface DecodeContext {
  readonly sid?: string | undefined
  readonly region?: Region | undefined
  /** Every form of the credentials, to be masked wherever Exotel is quoted. */
  readonly secrets: ReadonlyArray<string>
  readonly timeZone: ExotelConfig["timeZone"]
}

export interface RawResponse {
  readonly status: number
  readonly retryAfter: Duration.Duration | undefined
  readonly body: string
}

/** Some thirty years: as good as for ever, and still a number that JSON can hold. */
const LONGEST_RETRY_AFTER = 1_000_000_000

/** The two forms of an HTTP date that are still met. Left to itself, `Date.parse` finds a date in nearly any text. */
const httpDate =
  /^[A-Za-z]{3,9},? (?:\d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d( GMT)|[A-Za-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4})$/

/**
 * `Retry-After` in seconds or as a date; undefined when absent, negative or garbage, zero when the date has passed.
 */
export const parseRetryAfter = (header: string | undefined, now: number): Duration.Duration | undefined => {
  const text = header?.trim() ?? ""
  if (/^\d+(?:\.\d+)?$/.test(text)) return Duration.seconds(Math.min(Number(text), LONGEST_RETRY_AFTER))
  const match = httpDate.exec(text)
  if (match === null) return undefined
  // The older form names no zone and means the same one.
  const date = Date.parse(match[1] === undefined ? `${text} GMT` : text)
  return Number.isNaN(date) ? undefined : Duration.millis(Math.max(0, date - now))
}

/** Leaves out what is undefined, as `exactOptionalPropertyTypes` and a tidy print-out want it. */
const defined = <A extends Record<string, unknown>>(fields: A): { [K in keyof A]: Exclude<A[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof A]: Exclude<A[K], undefined>
  }

export const responseParseError = (
  reading: DecodeContext,
  damage: DecodeIssue,
  status?: number
): E.ResponseParseError =>
  new E.ResponseParseError(defined({ sid: reading.sid, region: reading.region, status, ...damage }))

const integer = (value: unknown): number | undefined => {
  const text = typeof value === "number" || typeof value === "string" ? String(value).trim() : ""
  // Seven digits and more could be a phone number; Exotel's statuses and codes are shorter.
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined
}

/** The error that a status stands for, or undefined when it stands for none. */
const errorFromStatus = (
  status: number,
  reading: DecodeContext,
  retryAfter: Duration.Duration | undefined,
  exception: WireRecord | undefined
): E.ExotelError | undefined => {
  const message = exception?.["Message"]
  const fields = defined({
    sid: reading.sid,
    region: reading.region,
    status,
    code: integer(exception?.["Code"]),
    exotelMessage: typeof message === "string" && message.trim() !== "" ? mask(message, reading.secrets) : undefined
  })
  if (status === 401) return new E.AuthenticationError(fields)
  if (status === 402 || status === 403) return new E.AccessDenied(fields)
  if (status === 404) return new E.CallNotFound(fields)
  if (status === 429) return new E.RateLimited({ ...fields, ...defined({ retryAfter }) })
  if (status >= 500) return new E.ServiceUnavailable({ ...fields, ...defined({ retryAfter }) })
  if (status >= 400) return new E.InvalidRequest(fields)
  return undefined
}

/** Statuses that say more of the credentials and the traffic than a body's 404 could. */
const decisive = new Set([401, 402, 403, 429])

/** What a failed answer means; a success is no concern of this function. */
export const errorFromResponse = (answer: RawResponse, reading: DecodeContext): E.ExotelError => {
  const body = readBody(answer.body)
  const exception = Either.isRight(body) && body.right._tag === "RestException" ? body.right.record : undefined
  // An unknown call has been met as a body's 404 under HTTP 400.
  const status = !decisive.has(answer.status) && integer(exception?.["Status"]) === 404 ? 404 : answer.status
  return errorFromStatus(status, reading, answer.retryAfter, exception)
    ?? responseParseError(reading, { reason: "Unexpected", detail: redirected(answer.status) }, answer.status)
}

const redirected = (status: number) =>
  status >= 300 && status < 400
    ? "a redirect, which is not followed so that credentials go nowhere else; check the base URL"
    : "a status that Exotel does not document"

const exceptionError = (
  body: Extract<Body, { _tag: "RestException" }>,
  answer: RawResponse,
  reading: DecodeContext
): E.ExotelError =>
  errorFromStatus(integer(body.record["Status"]) ?? 0, reading, answer.retryAfter, body.record)
    ?? responseParseError(reading, {
      reason: "Unexpected",
      format: body.format,
      path: "RestException.Status",
      detail: "an error without an error's status"
    }, answer.status)

const noDetails = Option.some(emptyDetails) as Option.Some<Call.CallDetails>

const withEmptyDetails = (call: Call.Call): Call.CallWithDetails =>
  Object.assign(new Call.Call({ ...call, details: noDetails }, { disableValidation: true }), { details: noDetails })

type Expected<Tag extends Body["_tag"]> = Extract<Body, { readonly _tag: Tag }>

/** The body of an answer with a status of success, if it holds what is expected. */
const bodyFromResponse = <Tag extends "Call" | "Page">(
  expected: Tag,
  answer: RawResponse,
  reading: DecodeContext
): Either.Either<Expected<Tag>, E.ExotelError> => {
  const body = readBody(answer.body)
  if (Either.isLeft(body)) return Either.left(responseParseError(reading, body.left, answer.status))
  if (body.right._tag === "RestException") return Either.left(exceptionError(body.right, answer, reading))
  return isExpected(expected, body.right) ? Either.right(body.right) : Either.left(
    responseParseError(
      reading,
      {
        reason: "Unexpected",
        format: body.right.format,
        path: expected === "Call" ? "Call" : "Calls",
        detail: expected === "Call" ? "a page of calls is there instead" : "a single call is there instead"
      },
      answer.status
    )
  )
}

const isExpected = <Tag extends Body["_tag"]>(expected: Tag, body: Body): body is Expected<Tag> =>
  body._tag === expected

/** What an answer to a read of one call with a status of success holds. */
export const callFromResponse = (
  answer: RawResponse,
  reading: DecodeContext
): Either.Either<Call.Call, E.ExotelError> => {
  const body = bodyFromResponse("Call", answer, reading)
  if (Either.isLeft(body)) return Either.left(body.left)
  const { format, record } = body.right
  const call = readCall(record, { timeZone: reading.timeZone, format, path: "Call." })
  if (Either.isLeft(call)) return Either.left(responseParseError(reading, call.left, answer.status))
  // Whether Exotel minds the case of a sid is unknown; another call's record it must not be.
  if (reading.sid !== undefined && call.right.sid.toLowerCase() !== reading.sid.toLowerCase()) {
    return Either.left(
      responseParseError(
        reading,
        { reason: "Unexpected", format, path: "Call.Sid", detail: "it is another call's" },
        answer.status
      )
    )
  }
  return Either.right(call.right)
}

/** The same of a read with details; Exotel may leave them out, of a call that has just begun say. */
export const callWithDetailsFromResponse = (
  answer: RawResponse,
  reading: DecodeContext
): Either.Either<Call.CallWithDetails, E.ExotelError> =>
  Either.map(callFromResponse(answer, reading), (call) => Call.hasDetails(call) ? call : withEmptyDetails(call))

/** One page of the bulk read. A record that cannot be read does not take the others along. */
export interface Page {
  readonly calls: ReadonlyArray<Either.Either<Call.Call, E.ResponseParseError>>
  readonly next: string | undefined
}

const sidOf = (record: unknown): string | undefined => {
  const sid = isRecord(record) ? record["Sid"] : undefined
  return isCallSid(sid) ? sid : undefined
}

/** What an answer to a bulk read with a status of success holds. */
export const pageFromResponse = (answer: RawResponse, reading: DecodeContext): Either.Either<Page, E.ExotelError> => {
  const body = bodyFromResponse("Page", answer, reading)
  if (Either.isLeft(body)) return Either.left(body.left)
  const { format, next, records } = body.right
  const calls = records.map((record, i) => {
    const call = isRecord(record)
      ? readCall(record, { timeZone: reading.timeZone, format, path: `Calls[${i}].` })
      : unexpected(format, `Calls[${i}]`, "a record of fields is expected")
    return Either.mapLeft(
      call,
      (damage) => responseParseError({ ...reading, sid: sidOf(record) }, damage, answer.status)
    )
  })
  return Either.right({ calls, next })
}
