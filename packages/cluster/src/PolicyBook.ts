/**
 * The watch policies of a fleet by name. A policy holds functions, so the database keeps its name only.
 *
 * @since 0.1.0
 */
import type * as WatchPolicy from "@effect-exotel/watch/WatchPolicy"

/**
 * Policies by name. `default` is used for calls that name no policy, and for names that the book does not have: such a
 * call is watched with `default`, and a warning is logged. A changed policy applies to the calls that are open when a
 * runner starts, except for `deadline`, which a call keeps from when it was first watched.
 *
 * @since 0.1.0
 * @category models
 */
export interface PolicyBook {
  readonly default: WatchPolicy.Options
  readonly [name: string]: WatchPolicy.Options
}

/**
 * A book with the standard policy only.
 *
 * @since 0.1.0
 * @category presets
 */
export const standard: PolicyBook = { default: {} }
