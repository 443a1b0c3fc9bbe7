/** The reason why a body holds no call; becomes a `ResponseParseError` once the request is known. */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import type { ResponseParseReason } from "../../ExotelError.ts"

export interface DecodeIssue {
  readonly reason: ResponseParseReason
  readonly format?: "json" | "xml" | undefined
  readonly path?: string | undefined
  /** Fixed words: never a value of the body. */
  readonly detail: string
}

export const malformed = (format: DecodeIssue["format"], detail: string): Either.Either<never, DecodeIssue> =>
  Either.left({ reason: "Malformed", format, detail })

export const unexpected = (
  format: DecodeIssue["format"],
  path: string | undefined,
  detail: string
): Either.Either<never, DecodeIssue> => Either.left({ reason: "Unexpected", format, path, detail })

/** The issue for a record at `path` that its schema refused. The schemas' messages hold no value. */
export const issueFromParseError =
  (format: DecodeIssue["format"], path: string) => ({ issue }: ParseResult.ParseError): DecodeIssue => {
    const [first] = ParseResult.ArrayFormatter.formatIssueSync(issue)
    // Text between the fields is a fault of the record.
    const field = first?.path.find((key) => key !== "#text")
    return {
      reason: "Unexpected",
      format,
      path: field === undefined ? path : `${path}.${String(field)}`,
      detail: first?.message ?? "a call is expected"
    }
  }
