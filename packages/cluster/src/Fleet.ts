/**
 * The definition of a durable fleet, shared by the programs that add calls and those that watch them.
 *
 * @since 0.1.0
 */
import * as WatchPolicy from "@effect-exotel/watch/WatchPolicy"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { InvalidFleet } from "./FleetError.ts"
import type { PolicyBook } from "./PolicyBook.ts"
import { standard } from "./PolicyBook.ts"

/**
 * A durable fleet. Several fleets, for example one for each Exotel account, can share a database: each has its own name.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fleet {
  readonly name: string
  readonly partitions: number
  readonly policies: PolicyBook
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Letters, digits, `-` and `_`, at most 64. Default: `default`. */
  readonly name?: string | undefined
  /**
   * The number of parts into which the calls are divided, 1 to 1,024. A hash assigns whole partitions to runners, so there
   * should be at least eight for each runner: with fewer, a runner without any becomes likely. The number is stored; it can
   * change only while no call is open. Default: 16, enough for two runners.
   */
  readonly partitions?: number | undefined
  /** Default: the standard policy only. */
  readonly policies?: PolicyBook | undefined
}

const decodePolicy = Schema.decodeUnknownEither(WatchPolicy.WatchPolicy, { onExcessProperty: "error" })

/**
 * Makes a definition. Fails with an `InvalidFleet` that names the field.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Either.Either<Fleet, InvalidFleet> => {
  const { name = "default", partitions = 16, policies = standard } = options
  const invalid = (reason: string) => Either.left(new InvalidFleet({ fleet: name, reason }))
  if (!/^[\w-]{1,64}$/.test(name)) return invalid("the name must be 1 to 64 letters, digits, - or _")
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 1024) {
    return invalid("partitions must be a whole number from 1 to 1,024")
  }
  for (const [policy, value] of Object.entries(policies)) {
    const decoded = decodePolicy(value)
    if (Either.isLeft(decoded)) {
      const [issue] = ParseResult.ArrayFormatter.formatErrorSync(decoded.left)
      return invalid(`policy ${policy}, field ${issue?.path.join(".") ?? "?"}: ${issue?.message ?? "invalid"}`)
    }
  }
  return Either.right({ name, partitions, policies })
}
