/** Decides what the response to a request for a call proves: the call, that none was placed, or neither. */
import type * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import type { Call } from "../../Call.ts"
import type { ConnectError, OutcomeUnknownReason } from "../../ConnectError.ts"
import { CallOutcomeUnknown, DoNotDisturb } from "../../ConnectError.ts"
import type { CallNotFound, TransportReason } from "../../ExotelError.ts"
import { unknownAccount } from "../bulk/bulk.ts"
import { callFromResponse } from "../decode/callFromResponse.ts"
import { errorFromResponse } from "../decode/errorFromResponse.ts"
import type { DecodeContext, ParsedResponse } from "../decode/response.ts"
import type { RequestFailure } from "../http/requestFailure.ts"
import { toError } from "../http/requestFailure.ts"
import { isSuccess, resent } from "../http/transport.ts"

/** Where a request was sent. */
interface Place {
  readonly region?: Exclude<DecodeContext["region"], undefined>
}

const unknown = (
  reason: OutcomeUnknownReason,
  place: Place,
  sentAt: DateTime.Utc,
  known: { readonly status?: number; readonly failure?: TransportReason } = {}
) => new CallOutcomeUnknown({ reason, sentAt, ...place, ...known })

/** The failures that happen before a request can be sent. All others leave it open. */
const unsent: ReadonlySet<TransportReason> = new Set<TransportReason>(["Refused", "NameNotFound"])

/** The error for a request without a usable response. */
export const errorFromFailure = (
  failure: RequestFailure,
  place: Place,
  host: string,
  sentAt: DateTime.Utc
): ConnectError => {
  const error = toError(failure, place, host)
  if (error._tag === "ResponseParseError") return unknown("UnreadableResponse", place, sentAt, pickStatus(error))
  if (error.code === resent) return unknown("ResendRefused", place, sentAt)
  return unsent.has(error.reason) ? error : unknown("NoResponse", place, sentAt, { failure: error.reason })
}

const pickStatus = ({ status }: { readonly status?: number | undefined }) => status === undefined ? {} : { status }

/** A 4xx proves that no call was placed, except a timeout of a gateway. */
const isRefusal = (status: number): boolean => status >= 400 && status < 500 && status !== 408

/** The call in a response, or the error. A `CallNotFound` is about the account: its sid or its region. */
export const callFromConnect = (
  response: ParsedResponse,
  context: DecodeContext,
  place: Place,
  sentAt: DateTime.Utc
): Either.Either<Call, ConnectError | CallNotFound> => {
  const { status } = response
  if (isSuccess(status)) {
    return Either.mapLeft(
      callFromResponse(response, context),
      () => unknown("UnreadableResponse", place, sentAt, { status })
    )
  }
  const error = errorFromResponse(response, context)
  return Either.left(
    isRefusal(status) && error._tag !== "ResponseParseError"
      ? error
      : unknown("InconclusiveStatus", place, sentAt, { status })
  )
}

/** Exotel's words for the register: `Call to […] … TRAI NDNC …`. The response has no code. */
const doNotDisturb = /\bNDNC\b|\bDND\b|do[ -]not[ -](?:disturb|call)/i

/** The error for a refusal whose region has been checked. */
export const explainRefusal = (error: ConnectError | CallNotFound): ConnectError => {
  if (error._tag === "CallNotFound") return unknownAccount(error)
  return error._tag === "AccessDenied" && error.status === 403 && doNotDisturb.test(error.exotelMessage ?? "")
    ? new DoNotDisturb(error)
    : error
}
