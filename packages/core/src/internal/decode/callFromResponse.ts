/** Decodes a successful response to a call or to a page of calls. */
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Call from "../../Call.ts"
import { FromWire } from "../../CallDecoder.ts"
import { isCallSid } from "../../CallSid.ts"
import type * as E from "../../ExotelError.ts"
import type { Body } from "./body.ts"
import { errorFromException, responseParseError } from "./errorFromResponse.ts"
import { type DecodeIssue, issueFromParseError } from "./issue.ts"
import type { DecodeContext, ParsedResponse, RecordDecoder } from "./response.ts"

/** Makes the decoder of one account; compiling its schema takes longer than a read. */
export const makeRecordDecoder = (timeZone: DateTime.TimeZone): RecordDecoder => {
  const decode = Schema.decodeUnknownEither(FromWire({ timeZone }))
  return (record, format, path) => Either.mapLeft(decode(record), issueFromParseError(format, path))
}

const none = Option.none()
const noDetails = Option.some(
  new Call.CallDetails({ conversationDuration: none, leg1Status: none, leg2Status: none, legs: Data.array([]) })
) as Option.Some<Call.CallDetails>

const withEmptyDetails = (call: Call.Call): Call.CallWithDetails =>
  Object.assign(new Call.Call({ ...call, details: noDetails }, { disableValidation: true }), { details: noDetails })

type Expected<Tag extends Body["_tag"]> = Extract<Body, { readonly _tag: Tag }>

const isExpected = <Tag extends Body["_tag"]>(expected: Tag, body: Body): body is Expected<Tag> =>
  body._tag === expected

/** The body of a successful response, if it holds what the request asked for. */
const expectBody = <Tag extends "Call" | "Page">(
  expected: Tag,
  response: ParsedResponse,
  context: DecodeContext
): Either.Either<Expected<Tag>, E.ExotelError> => {
  const { body } = response
  if (Either.isLeft(body)) return Either.left(responseParseError(context, body.left, response.status))
  if (body.right._tag === "RestException") return Either.left(errorFromException(body.right, response, context))
  return isExpected(expected, body.right) ? Either.right(body.right) : Either.left(
    responseParseError(
      context,
      {
        reason: "Unexpected",
        format: body.right.format,
        path: expected === "Call" ? "Call" : "Calls",
        detail: expected === "Call" ? "it is a page of calls" : "it is a single call"
      },
      response.status
    )
  )
}

/** The call in a response to a read of one call. */
export const callFromResponse = (
  response: ParsedResponse,
  context: DecodeContext
): Either.Either<Call.Call, E.ExotelError> =>
  Either.flatMap(expectBody("Call", response, context), ({ format, record }) => {
    const refuse = (issue: DecodeIssue) => responseParseError(context, issue, response.status)
    const call = Either.mapLeft(context.decodeRecord(record, format, "Call"), refuse)
    // It is unknown whether Exotel ignores the case of a sid.
    const { sid } = context
    return sid === undefined
      ? call
      : Either.filterOrLeft(
        call,
        (call) => call.sid.toLowerCase() === sid.toLowerCase(),
        () => refuse({ reason: "Unexpected", format, path: "Call.Sid", detail: "it is the sid of another call" })
      )
  })

/** The same for a read with details, which Exotel may omit, for example on a call that has just begun. */
export const callWithDetailsFromResponse = (
  response: ParsedResponse,
  context: DecodeContext
): Either.Either<Call.CallWithDetails, E.ExotelError> =>
  Either.map(callFromResponse(response, context), (call) => Call.hasDetails(call) ? call : withEmptyDetails(call))

/** One page of the bulk read. A record that cannot be decoded does not affect the others. */
export interface Page {
  readonly calls: ReadonlyArray<Either.Either<Call.Call, E.ResponseParseError>>
  readonly next: string | undefined
}

const sidFrom = (record: unknown): string | undefined => {
  const sid = Predicate.isReadonlyRecord(record) ? record["Sid"] : undefined
  return isCallSid(sid) ? sid : undefined
}

/** The largest page that can be requested (bulk call-details page); decoding it takes some milliseconds. */
const MAX_PAGE_RECORDS = 100

/** The page in a response to a bulk read. */
export const pageFromResponse = (
  response: ParsedResponse,
  context: DecodeContext
): Either.Either<Page, E.ExotelError> =>
  Either.flatMap(expectBody("Page", response, context), ({ format, next, records }) => {
    if (records.length > MAX_PAGE_RECORDS) {
      const detail = `more than ${MAX_PAGE_RECORDS} calls, the largest page that can be requested`
      return Either.left(
        responseParseError(context, { reason: "Unexpected", format, path: "Calls", detail }, response.status)
      )
    }
    const calls = records.map((record, i) =>
      Either.mapLeft(
        context.decodeRecord(record, format, `Calls[${i}]`),
        (issue) => responseParseError({ ...context, sid: sidFrom(record) }, issue, response.status)
      )
    )
    return Either.right({ next, calls })
  })
