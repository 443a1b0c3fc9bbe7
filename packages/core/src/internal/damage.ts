/** Why a body is no call, before it is known which request it answered. */
import * as Either from "effect/Either"
import type { ParseReason } from "../ExotelError.ts"

export interface Damage {
  readonly reason: ParseReason
  readonly format?: "json" | "xml" | undefined
  readonly path?: string | undefined
  /** Fixed words: never a value out of the body. */
  readonly detail: string
}

export const malformed = (format: Damage["format"], detail: string): Either.Either<never, Damage> =>
  Either.left({ reason: "Malformed", format, detail })

export const unexpected = (
  format: Damage["format"],
  path: string | undefined,
  detail: string
): Either.Either<never, Damage> => Either.left({ reason: "Unexpected", format, path, detail })
