/** Formats a call's events as lines of text, without phone numbers, since a terminal is a log too. */
import { Call } from "@effect-exotel/core"
import type { WatchEvent } from "@effect-exotel/watch"
import { BigDecimal, DateTime, Duration, Option } from "effect"

type Event = WatchEvent.WatchEvent

const column = (label: string) => label.padEnd(12)

const orUnknown = <A>(value: Option.Option<A>, show: (value: A) => string): string =>
  Option.match(value, { onNone: () => "unknown", onSome: show })

const clock = (time: DateTime.Zoned) => DateTime.formatIsoOffset(time).slice(11, 19)

/** The statuses of the legs: "in-progress" alone does not mean that the call was answered. */
const legStatuses = (call: Call.Call): string =>
  Option.match(call.details, {
    onNone: () => "",
    onSome: ({ leg1Status, leg2Status }) =>
      [leg1Status, leg2Status]
        .flatMap((status, i) => Option.isSome(status) ? [`leg ${i + 1} ${status.value}`] : [])
        .join(", ")
  })

const describe = (event: Exclude<Event, { _tag: "Settled" }>): string => {
  switch (event._tag) {
    case "Placed":
    case "Observed":
    case "Changed":
      return `${column(event.call.status)} ${legStatuses(event.call)}`
    case "Ended":
      return `${column(event.call.status)} ${legStatuses(event.call)} (ended, not settled yet)`
    case "DetailsLoaded":
      return `${column(event.call.status)} ${legStatuses(event.call)}`
    case "DetailsUnavailable":
      return `${column("…")} no details could be read`
    case "PollFailed":
      return `${column("…")} ${event.error.message}`
    case "AnsweredHint":
      return `${column("…")} leg ${event.leg} was answered, says a callback`
    case "Stalled":
      return `${column("…")} nothing has changed for a long time`
  }
}

/** The time since the watch began, and the event. */
export const line = (event: Exclude<Event, { _tag: "Settled" }>, startedAt: number): string => {
  const since = (DateTime.toEpochMillis(event.at) - startedAt) / 1000
  return `  ${`+${since.toFixed(1)} s`.padStart(8)}   ${describe(event)}`.trimEnd()
}

/** The complete record of a call that has ended. */
export const summary = ({ call, missing }: Extract<Event, { _tag: "Settled" }>): string =>
  [
    `  ${column("Status")} ${call.status}`,
    `  ${column("Time")} ${orUnknown(call.startTime, clock)} to ${orUnknown(call.endTime, clock)}`,
    `  ${column("Duration")} ${orUnknown(call.duration, Duration.format)}, ringing included`,
    `  ${column("Talk time")} ${orUnknown(Call.talkTime(call), Duration.format)}`,
    ...Call.legs(call).map((leg) => `  ${column(`Leg ${leg.id}`)} ${orUnknown(leg.onCallDuration, Duration.format)}`),
    `  ${column("Price")} ${orUnknown(call.price, BigDecimal.format)} in the account's currency`,
    ...(missing.length === 0 ? [] : [`  ${column("Missing")} ${missing.join(", ")}`])
  ].join("\n")
