/** Statistics of the fleet, from its events; only the true ends come from the fake Exotel. */
import type { FleetEvent } from "@effect-exotel/watch"
import { Clock, Effect } from "effect"
import type { CallCenter } from "./callCenter.ts"

export interface Ending {
  readonly sid: string
  readonly status: string
  /** Seconds from the end of the call to its event. */
  readonly delay: number
}

export interface View {
  readonly active: number
  readonly statuses: ReadonlyMap<string, number>
  readonly requests: number
  readonly bulkReads: number
  readonly perMinute: number
  readonly mode: string
  readonly slowdown: number
  readonly ended: number
  readonly p50: number
  readonly p95: number
  readonly waitingForDetails: number
  readonly failed: number
  readonly last: ReadonlyArray<Ending>
}

export const percentile = (values: ReadonlyArray<number>, p: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)] ?? 0
}

/** Delays are computed from this many of the last ends. */
const REMEMBERED = 2000

export class Board {
  private readonly statuses = new Map<string, string>()
  private readonly endings: Array<Ending> = []
  private ended = 0
  private failed = 0
  private waitingForDetails = 0
  private polling: { readonly mode: string; readonly slowdown: number } = { mode: "individual", slowdown: 1 }
  private readonly callCenter: CallCenter
  private readonly perMinute: number

  private constructor(callCenter: CallCenter, perMinute: number) {
    this.callCenter = callCenter
    this.perMinute = perMinute
  }

  static make(callCenter: CallCenter, perMinute: number): Effect.Effect<Board> {
    return Effect.sync(() => new Board(callCenter, perMinute))
  }

  record(event: FleetEvent.FleetEvent): Effect.Effect<void> {
    return Effect.sync(() => {
      switch (event._tag) {
        case "Added":
          this.statuses.set(event.sid, "not read yet")
          return
        case "Observed":
        case "Changed":
          this.statuses.set(event.sid, event.call.status)
          return
        case "PollingChanged":
          this.polling = event
          return
        case "Ended": {
          const trueEnd = this.callCenter.endsAt.get(event.sid) ?? event.at.epochMillis
          this.ended += 1
          this.endings.push({
            sid: event.sid,
            status: event.call.status,
            delay: (event.at.epochMillis - trueEnd) / 1000
          })
          if (this.endings.length > REMEMBERED) this.endings.shift()
          if (!event.isFinal) this.waitingForDetails += 1
          this.statuses.delete(event.sid)
          return
        }
        case "DetailsLoaded":
        case "DetailsUnavailable":
          this.waitingForDetails -= 1
          return
        case "Failed":
          this.failed += 1
          this.statuses.delete(event.sid)
      }
    })
  }

  readonly view: Effect.Effect<View> = Effect.gen(this, function*() {
    const now = yield* Clock.currentTimeMillis
    const lastMinute = (yield* this.callCenter.requests).filter(({ at }) => at > now - 60_000)
    const delay = this.endings.map(({ delay }) => delay)
    const statuses = new Map<string, number>()
    for (const status of this.statuses.values()) statuses.set(status, (statuses.get(status) ?? 0) + 1)
    return {
      active: this.statuses.size,
      statuses,
      requests: lastMinute.length,
      bulkReads: lastMinute.filter(({ isBulkRead }) => isBulkRead).length,
      perMinute: this.perMinute,
      ...this.polling,
      ended: this.ended,
      p50: percentile(delay, 0.5),
      p95: percentile(delay, 0.95),
      waitingForDetails: this.waitingForDetails,
      failed: this.failed,
      last: this.endings.slice(-6).reverse()
    }
  })

  readonly summary: Effect.Effect<string> = Effect.map(
    this.view,
    ({ ended, failed, p50, p95, perMinute, requests, bulkReads }) =>
      `${ended} calls ended, detected after ${p50.toFixed(1)} s (median) and ${p95.toFixed(1)} s (95th percentile); ` +
      `${failed} watches failed. ${requests} of ${perMinute} requests in the last minute, ${bulkReads} of them bulk reads.`
  )
}
