/** The data of a script: its phases, its ending, and the values of the settled record. */
import type * as CallStatus from "@effect-exotel/core/CallStatus"
import type * as Duration from "effect/Duration"
import * as Pipeable from "effect/Pipeable"

/**
 * A part of a call during which nothing about it changes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Phase {
  /** The status during the phase; any word, documented or not. */
  readonly status: CallStatus.CallStatus
  /** How long it lasts. `Duration.infinity` holds the call here until it is stepped (`FakeExotel.step`). */
  readonly duration: Duration.Duration
  readonly leg1Status?: CallStatus.LegStatus | undefined
  readonly leg2Status?: CallStatus.LegStatus | undefined
  /** How many parties are on the line: 0 while it rings, 2 while they talk. */
  readonly parties: 0 | 1 | 2
}

/**
 * How a call ends.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ending {
  readonly status: CallStatus.CallStatus
  readonly leg1Status?: CallStatus.LegStatus | undefined
  readonly leg2Status?: CallStatus.LegStatus | undefined
}

interface Fields {
  readonly phases: ReadonlyArray<Phase>
  readonly ending: Ending
  /** The time from the end until duration, end time, price and recording appear. */
  readonly settles: Duration.Duration
  /** A decimal such as `"1.500"`, or undefined for a price that never appears. */
  readonly price: string | undefined
  readonly recording: boolean
  readonly direction: CallStatus.Direction
  readonly answeredBy: string | undefined
}

/**
 * A timeline. Made by the constructors of this module and changed by its combinators, each of which returns a new one.
 *
 * @since 0.1.0
 * @category models
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the constructor assigns every field
export class CallScript extends Pipeable.Class() {
  /** @internal */
  constructor(fields: Fields) {
    super()
    Object.assign(this, fields)
  }
}

/**
 * @since 0.1.0
 * @category models
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- see the class
export interface CallScript extends Fields {}
