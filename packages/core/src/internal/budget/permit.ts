/** A permit, which is also the record of its own grant. */
import type { Priority } from "../../RequestBudget.ts"

export const TypeId: unique symbol = Symbol.for("@effect-exotel/core/RequestBudget/Permit")

export type TypeId = typeof TypeId

export class Grant {
  readonly [TypeId]: TypeId = TypeId
  readonly priority: Priority
  /** When it was granted, in milliseconds. */
  readonly at: number
  /** By how many milliseconds it has moved the pace on. */
  readonly interval: number

  constructor(priority: Priority, at: number, interval: number) {
    this.priority = priority
    this.at = at
    this.interval = interval
  }
}
