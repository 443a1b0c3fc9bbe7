/** A call's events as lines that a person enjoys reading. Phone numbers are left out: a terminal is a log, too. */
import { Call } from "@effect-exotel/core"
import type { WatchEvent } from "@effect-exotel/watch"
import { BigDecimal, DateTime, Duration, Option } from "effect"

type Event = WatchEvent.WatchEvent

const column = (label: string) => label.padEnd(12)

const orNotYet = <A>(value: Option.Option<A>, show: (value: A) => string): string =>
  Option.match(value, { onNone: () => "not known", onSome: show })

const clock = (time: DateTime.Zoned) => DateTime.formatIsoOffset(time).slice(11, 19)

/** What the legs say: "in-progress" alone does not tell that anybody picked up. */
const legStatuses = (call: Call.Call): string =>
  Option.match(call.details, {
    onNone: () => "",
    onSome: ({ leg1Status, leg2Status }) =>
      [leg1Status, leg2Status]
        .flatMap((status, i) => Option.isSome(status) ? [`leg ${i + 1} ${status.value}`] : [])
        .join(", ")
  })

const told = (event: Exclude<Event, { _tag: "Settled" }>): string => {
  switch (event._tag) {
    case "Observed":
    case "Changed":
      return `${column(event.call.status)} ${legStatuses(event.call)}`
    case "Ended":
      return `${column(event.call.status)} ${legStatuses(event.call)} (ended; the record settles)`
    case "DetailsLoaded":
      return `${column(event.call.status)} ${legStatuses(event.call)}`
    case "DetailsUnavailable":
      return `${column("…")} no details could be read`
    case "PollFailed":
      return `${column("…")} ${event.error.message}`
    case "Stalled":
      return `${column("…")} nothing has changed for a long time`
  }
}

/** The time since the watch began, and what was seen. */
export const line = (event: Exclude<Event, { _tag: "Settled" }>, startedAt: number): string => {
  const since = (DateTime.toEpochMillis(event.at) - startedAt) / 1000
  return `  ${`+${since.toFixed(1)} s`.padStart(8)}   ${told(event)}`.trimEnd()
}

/** The complete record of a call that has ended. */
export const summary = ({ call, missing }: Extract<Event, { _tag: "Settled" }>): string =>
  [
    `  ${column("Status")} ${call.status}`,
    `  ${column("Time")} ${orNotYet(call.startTime, clock)} to ${orNotYet(call.endTime, clock)}`,
    `  ${column("Duration")} ${orNotYet(call.duration, Duration.format)}, ringing included`,
    `  ${column("Talk time")} ${orNotYet(Call.talkTime(call), Duration.format)}`,
    ...Call.legs(call).map((leg) => `  ${column(`Leg ${leg.id}`)} ${orNotYet(leg.onCallDuration, Duration.format)}`),
    `  ${column("Price")} ${orNotYet(call.price, BigDecimal.format)} in the account's currency`,
    ...(missing.length === 0 ? [] : [`  ${column("Missing")} ${missing.join(", ")}`])
  ].join("\n")
