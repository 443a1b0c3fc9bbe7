/** Validates the policy of a watch. */
import { InvalidRequest } from "@effect-exotel/core/ExotelError"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as WatchPolicy from "../../WatchPolicy.ts"

const decodePolicy = Schema.decodeUnknownEither(WatchPolicy.WatchPolicy, { onExcessProperty: "error" })

/** Rejects what types cannot: a NaN or negative duration, and the mistakes of a policy that was read from JSON. */
export const checkPolicy = (options: WatchPolicy.Options): Either.Either<WatchPolicy.WatchPolicy, InvalidRequest> =>
  Either.mapLeft(decodePolicy(options), (error) => {
    const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
    const field = issue?.path.join(".") ?? ""
    return new InvalidRequest({
      reason: field === ""
        ? "the watch policy is not an object; use fields of WatchPolicy"
        : issue?._tag === "Unexpected"
        ? `the watch policy has an unknown field "${field}"; remove it or correct its name`
        : `the watch policy has an invalid "${field}"; ${issue?.message ?? "correct it"}`
    })
  })
