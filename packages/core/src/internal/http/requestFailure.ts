/** The failures of a request that has no usable response, and the reasons for the error codes of HTTP clients. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { TransportReason } from "../../ExotelError.ts"
import * as Errors from "../../ExotelError.ts"

/** The failure of one request. It becomes an `ExotelError` once the call and the region are added. */
export type RequestFailure =
  | { readonly _tag: "Transport"; readonly reason: TransportReason; readonly code?: string | undefined }
  | { readonly _tag: "TooLarge"; readonly status: number }

export const transportFailure = (reason: TransportReason, code?: string): RequestFailure => ({
  _tag: "Transport",
  reason,
  code
})

export const timedOut: RequestFailure = transportFailure("Timeout")

export const tooLarge = (status: number): RequestFailure => ({ _tag: "TooLarge", status })

const reasons: ReadonlyMap<string, TransportReason> = new Map<string, TransportReason>([
  ["ECONNREFUSED", "Refused"],
  ["ECONNRESET", "Reset"],
  ["EPIPE", "Reset"],
  ["UND_ERR_SOCKET", "Reset"],
  ["UND_ERR_ABORTED", "Reset"],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "Reset"],
  ["ERR_STREAM_PREMATURE_CLOSE", "Reset"],
  ["HPE_INVALID_EOF_STATE", "Reset"],
  ["EPROTO", "Tls"],
  ["ETIMEDOUT", "Timeout"],
  ["UND_ERR_CONNECT_TIMEOUT", "Timeout"],
  ["UND_ERR_HEADERS_TIMEOUT", "Timeout"],
  ["UND_ERR_BODY_TIMEOUT", "Timeout"],
  ["EHOSTUNREACH", "Unreachable"],
  ["ENETUNREACH", "Unreachable"],
  ["ENOTFOUND", "NameNotFound"],
  ["EAI_AGAIN", "NameNotFound"]
])

/** The form of the error codes of Node, undici and OpenSSL. It matches neither a credential nor a phone number. */
const codeForm = /^[A-Z][A-Z_]+[A-Z0-9_]*$/

/**
 * The reason and the code of the innermost cause with a code. Only the code is kept: the errors of HTTP clients hold the
 * request with its `Authorization` header.
 */
const findReason = (error: unknown): { readonly reason: TransportReason; readonly code: string | undefined } => {
  let reason: TransportReason = "Unknown"
  let code: string | undefined
  let cause: unknown = error
  for (let depth = 0; depth < 8 && typeof cause === "object" && cause !== null; depth++) {
    if ("code" in cause && typeof cause.code === "string" && cause.code.length <= 64 && codeForm.test(cause.code)) {
      code = cause.code
      reason = reasons.get(code) ?? (/TLS|SSL|CERT|^UNABLE_TO_/.test(code) ? "Tls" : reason)
    }
    cause = "cause" in cause ? cause.cause : undefined
  }
  return { reason, code }
}

/** Bun replaces undici by a stub, in whose dispatcher the method that sends a request is missing. */
const isUnsupported = ({ _tag, cause }: HttpClientError.HttpClientError): boolean =>
  _tag === "RequestError" && cause instanceof TypeError && cause.message.includes(".request is not a function")

export const fromClientError = (error: HttpClientError.HttpClientError): RequestFailure => {
  if (isUnsupported(error)) return transportFailure("UnsupportedClient")
  const { code, reason } = findReason(error)
  // After the response has begun, a failure without a code means that the connection was closed early.
  return transportFailure(reason === "Unknown" && error._tag === "ResponseError" ? "Reset" : reason, code)
}

/** The value of the metric label `outcome`. */
export const toOutcome = (failure: RequestFailure): string =>
  failure._tag === "Transport" ? failure.reason : failure._tag

export const toError = (
  failure: RequestFailure,
  place: { readonly sid?: string; readonly region?: Errors.TransportError["region"] & string },
  host: string
): Errors.TransportError | Errors.ResponseParseError =>
  failure._tag === "Transport"
    ? new Errors.TransportError({
      ...place,
      host,
      reason: failure.reason,
      ...(failure.code === undefined ? {} : { code: failure.code })
    })
    : new Errors.ResponseParseError({
      ...place,
      status: failure.status,
      reason: "TooLarge",
      detail: "it is larger than `maxBodyBytes` allows"
    })
