/** Counts the concurrent calls of an account, of which a call between two numbers takes two. */
import * as Duration from "effect/Duration"
import { duration } from "../../../CallScript.ts"
import type { PlacedCall } from "../records.ts"

interface Taken {
  readonly call: PlacedCall
  readonly slots: number
  readonly from: number
}

const endOf = ({ call }: Taken): number => call.start + Duration.toMillis(duration(call.script))

export class Slots {
  private taken: ReadonlyArray<Taken> = []

  take(call: PlacedCall, slots: number, from: number): void {
    this.taken = [...this.taken, { call, slots, from }]
  }

  /**
   * The milliseconds until so many slots are free, behind the calls that wait already; infinite when the end of those
   * calls is not known.
   */
  waitFor(accountSid: string, slots: number, limit: number, now: number): number {
    this.taken = this.taken.filter((taken) => endOf(taken) > now)
    const mine = this.taken.filter(({ call }) => call.accountSid === accountSid)
    const earliest = Math.max(now, ...mine.map(({ from }) => from))
    const instants = [earliest, ...mine.map(endOf).filter((end) => end > earliest)].sort((a, b) => a - b)
    const usedAt = (instant: number) =>
      mine.reduce((sum, taken) => taken.from <= instant && endOf(taken) > instant ? sum + taken.slots : sum, 0)
    return (instants.find((instant) => usedAt(instant) + slots <= limit) ?? Infinity) - now
  }
}
