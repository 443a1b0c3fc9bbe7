/** From an event of a fleet to a row of the log. */
import * as Call from "@effect-exotel/core/Call"
import type { FleetEvent } from "@effect-exotel/watch/FleetEvent"
import { WatchToken } from "@effect-exotel/watch/WatchToken"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Facts } from "../LogEntry.ts"

/** `PollFailed` may repeat without limit, `PollingChanged` is not of a call, and the others do not occur in fleets. */
type NotStored = "PollFailed" | "PollingChanged" | "Placed" | "AnsweredHint"

export type StoredEvent = Exclude<FleetEvent, { readonly _tag: NotStored }>

const notStored: ReadonlySet<string> = new Set<NotStored>(["PollFailed", "PollingChanged", "Placed", "AnsweredHint"])

export const isStored = (event: FleetEvent): event is StoredEvent => !notStored.has(event._tag)

export interface EventRow {
  readonly sid: string
  readonly tag: string
  readonly at: number
  readonly isFinal: boolean
  /** Absent in the last event of a call. */
  readonly token: string | null
  readonly payload: string
}

const encodeToken = Schema.encodeSync(Schema.parseJson(WatchToken))
const encodeFacts = Schema.encodeSync(Schema.parseJson(Facts))

/** Leaves out what is absent. */
const present = <K extends string, A>(key: K, value: Option.Option<A>): { readonly [P in K]?: A } =>
  (Option.isSome(value) ? { [key]: value.value } : {}) as { readonly [P in K]?: A }

const factsOf = (call: Call.Call, storeCalls: boolean): typeof Facts.Type => ({
  status: call.status,
  ...present("startTime", Option.map(call.startTime, DateTime.toUtc)),
  ...present("endTime", Option.map(call.endTime, DateTime.toUtc)),
  ...present("duration", call.duration),
  ...present("talkTime", Call.talkTime(call)),
  ...present("price", call.price),
  ...(storeCalls ? { call } : {})
})

const facts = (event: StoredEvent, storeCalls: boolean): typeof Facts.Type => {
  switch (event._tag) {
    case "Added":
    case "DetailsUnavailable":
      return {}
    case "Stalled":
      return present("status", event.status)
    case "Failed":
      return { error: { tag: event.error._tag, message: event.error.message } }
    case "Settled":
      return { ...factsOf(event.call, storeCalls), missing: event.missing }
    default:
      return factsOf(event.call, storeCalls)
  }
}

export const eventRow = (event: StoredEvent, storeCalls: boolean): EventRow => ({
  sid: event.sid,
  tag: event._tag,
  at: event.at.epochMillis,
  isFinal: event.isFinal,
  token: event.isFinal ? null : encodeToken(event.token),
  payload: encodeFacts(facts(event, storeCalls))
})
