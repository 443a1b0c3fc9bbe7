/** Passes on to the streams of a call that a callback says it was answered. */
import type { CallSid } from "@effect-exotel/core/CallSid"
import type { StatusCallback } from "@effect-exotel/core/StatusCallback"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { AnsweredBy } from "../../WatchEvent.ts"
import { WatchEvent } from "../../WatchEvent.ts"
import * as Meters from "../engine/metrics.ts"
import type { WatchState } from "./watchState.ts"

interface Receiver {
  readonly state: WatchState
  readonly emit: (event: WatchEvent) => void
  /** The last leg that was passed on; 0 before that. A repeated callback is no event. */
  leg: number
}

/** Exotel's words, in either case, and without those that say nothing: `NA` and any other. */
const answeredBy = new Map<string, AnsweredBy>([["human", "human"], ["machine", "machine"], ["notsure", "unsure"]])

/** Leg 2 is called after leg 1 was answered; until then it has no status. */
const answeredLeg = ({ legs }: StatusCallback): 1 | 2 =>
  legs[1] !== undefined && Option.contains(legs[1].status, "in-progress") ? 2 : 1

export class AnsweredHints {
  private readonly receivers = new Map<CallSid, Set<Receiver>>()

  /** Registers a stream. Returns the function that removes it. */
  add(state: WatchState, emit: (event: WatchEvent) => void): () => void {
    const receiver: Receiver = { state, emit, leg: 0 }
    const receivers = this.receivers.get(state.sid) ?? new Set()
    this.receivers.set(state.sid, receivers.add(receiver))
    return () => {
      receivers.delete(receiver)
      if (receivers.size === 0) this.receivers.delete(state.sid)
    }
  }

  /** Emits at most one event for each leg and stream, whatever a sender repeats. */
  deliver(callback: StatusCallback, now: number): void {
    const receivers = this.receivers.get(callback.sid)
    if (receivers === undefined || !Option.contains(callback.eventType, "answered")) return
    const leg = answeredLeg(callback)
    const event = {
      sid: callback.sid,
      at: DateTime.unsafeMake(now),
      isFinal: false,
      leg,
      answeredBy: Option.flatMap(
        Option.fromNullable(callback.legs[leg - 1]),
        (leg) => Option.flatMapNullable(leg.answeredBy, (word) => answeredBy.get(word.toLowerCase()))
      )
    }
    for (const receiver of receivers) {
      if (receiver.leg >= leg) continue
      receiver.leg = leg
      const hint = WatchEvent.AnsweredHint({ ...event, token: receiver.state.token })
      Meters.emitted(hint, Number.NaN)
      receiver.emit(hint)
    }
  }
}
