/** Why a body is no call, before it is known which request it answered. */
import * as Either from "effect/Either"
import type { ResponseParseReason } from "../../ExotelError.ts"

export interface DecodeIssue {
  readonly reason: ResponseParseReason
  readonly format?: "json" | "xml" | undefined
  readonly path?: string | undefined
  /** Fixed words: never a value out of the body. */
  readonly detail: string
}

export const malformed = (format: DecodeIssue["format"], detail: string): Either.Either<never, DecodeIssue> =>
  Either.left({ reason: "Malformed", format, detail })

export const unexpected = (
  format: DecodeIssue["format"],
  path: string | undefined,
  detail: string
): Either.Either<never, DecodeIssue> => Either.left({ reason: "Unexpected", format, path, detail })
