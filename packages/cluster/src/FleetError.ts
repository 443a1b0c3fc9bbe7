/**
 * Errors of a durable fleet's definition. Errors of the database are those of `@effect/sql`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The definition of a fleet, or a setting of its runner, is invalid. `reason` names the field and says how to fix it.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidFleet extends Schema.TaggedError<InvalidFleet>("@effect-exotel/cluster/InvalidFleet")(
  "InvalidFleet",
  { fleet: Schema.String, reason: Schema.String }
) {
  override get message(): string {
    return `The fleet ${this.fleet} is invalid: ${this.reason}.`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The number of partitions differs from the one in the database while calls are open: a call would be looked for in a
 * partition that it is not in.
 *
 * @since 0.1.0
 * @category errors
 */
export class PartitionMismatch extends Schema.TaggedError<PartitionMismatch>(
  "@effect-exotel/cluster/PartitionMismatch"
)("PartitionMismatch", { fleet: Schema.String, stored: Schema.Int, given: Schema.Int }) {
  override get message(): string {
    return `The fleet ${this.fleet} has open calls in ${this.stored} partitions, and this program is set to ${this.given}. `
      + `Use ${this.stored}, or stop all runners and wait until no call is open.`
  }
  get isRetryable(): boolean {
    return false
  }
}
