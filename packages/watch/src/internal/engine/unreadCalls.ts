/** Finds bulk-polled calls whose cadence asks for an individual read, each in its turn. */
import type { CallSid } from "@effect-exotel/core/CallSid"
import type { WatchedCall } from "./watchedCall.ts"

/** The maximum number of calls that one search visits. */
const MAX_SEARCH = 200

export class UnreadCalls {
  /** A snapshot: an iterator that is kept would retain every former table of the map of calls. */
  private round: ReadonlyArray<WatchedCall> = []
  private index = 0

  /** The next call that was not read for at least that time. */
  next(calls: ReadonlyMap<CallSid, WatchedCall>, at: number, atLeastMillis: number): WatchedCall | undefined {
    if (this.round.length === 0) this.round = [...calls.values()]
    for (const end = this.index + MAX_SEARCH; this.index < end;) {
      const call = this.round[this.index++]
      if (call === undefined) {
        this.reset()
        return undefined
      }
      const unread = at - call.readAt
      const isUnread = unread >= atLeastMillis && unread >= call.pollDueAt - call.lastPollAt
      if (isUnread && call.job === undefined && call.canPollEarly) return call
    }
    return undefined
  }

  reset(): void {
    this.round = []
    this.index = 0
  }
}
