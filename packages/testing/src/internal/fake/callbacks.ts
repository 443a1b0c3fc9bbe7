/** Posts callbacks at their time: one fiber for each call that wants them, and none for the others. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import type * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import type * as Scope from "effect/Scope"
import type { CallbackPlan } from "../../CallbackPlan.ts"
import * as Script from "../../CallScript.ts"
import { wallClock } from "../wire/encode.ts"
import type { PlacedCall } from "./records.ts"
import { calendar, recordOf } from "./records.ts"
import type { FakeState } from "./state.ts"

type Event = "answered" | "terminal"

const defaultEvents: ReadonlyArray<Event> = ["terminal"]

/** Milliseconds after the beginning; infinite for what does not happen. */
const instantOf = (call: PlacedCall, event: Event): number => {
  if (event === "terminal") return Duration.toMillis(Script.duration(call.script))
  let at = 0
  for (const phase of call.script.phases) {
    if (phase.parties > 0) return at
    at += Duration.toMillis(phase.duration)
  }
  return Infinity
}

type Fields = { readonly [name: string]: string | ReadonlyArray<{ readonly [name: string]: string }> }

/** The fields of the documentation; what is not there is left out, and so is `RecordingUrl` of an unanswered call. */
const fieldsOf = (
  call: PlacedCall,
  event: Event,
  at: number,
  zone: DateTime.TimeZone,
  customField: string | undefined
): Fields => {
  const { script } = call
  const settled = new Script.CallScript({ ...script, settles: Duration.zero })
  const ended = event === "terminal"
  // A callback carries the settled values, although a read at that moment would not.
  const record = recordOf({ ...call, script: settled }, call.start + at, { details: true, preSigned: false })
  const time = (millis: number) => wallClock(millis, zone)
  return {
    CallSid: call.sid,
    EventType: event,
    DateCreated: time(calendar(call.start)),
    DateUpdated: time(calendar(call.start) + at),
    Status: record.status,
    To: record.to,
    From: record.from,
    PhoneNumberSid: call.numbers.exoPhone,
    StartTime: time(calendar(call.start)),
    ...(ended ? { EndTime: time(calendar(call.start) + at) } : {}),
    ...(ended ? { ConversationDuration: String(record.details?.conversationDuration ?? 0) } : {}),
    Direction: script.direction,
    ...(customField === undefined ? {} : { CustomField: customField }),
    ...(record.recordingUrl === undefined ? {} : { RecordingUrl: record.recordingUrl }),
    Legs: (record.details?.legs ?? []).map((leg) => ({
      OnCallDuration: String(leg.onCallDuration ?? 0),
      Status: (leg.id === 1 ? record.details?.leg1Status : record.details?.leg2Status) ?? "",
      ...(script.answeredBy === undefined ? {} : { AnsweredBy: script.answeredBy })
    }))
  }
}

/** Forms write a list with its indices: `Legs[0][Status]`. */
const flat = (fields: Fields): ReadonlyArray<readonly [string, string]> =>
  Object.entries(fields).flatMap(([name, value]) =>
    typeof value === "string"
      ? [[name, value] as const]
      : value.flatMap((entry, index) =>
        Object.entries(entry).map(([key, text]) => [`${name}[${index}][${key}]`, text] as const)
      )
  )

const BOUNDARY = "----fake-exotel-form-boundary"

/** Written by hand: undici 7.30 fails on a `FormData` that is not its own. */
const multipartPart = ([name, value]: readonly [string, string]): string =>
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`

const requestOf = (callback: CallbackPlan, fields: Fields): HttpClientRequest.HttpClientRequest => {
  const request = HttpClientRequest.post(callback.url)
  switch (callback.contentType ?? "multipart") {
    case "json":
      return HttpClientRequest.bodyUnsafeJson(request, fields)
    case "form":
      return HttpClientRequest.bodyUrlParams(request, flat(fields))
    case "multipart":
      return HttpClientRequest.bodyText(
        request,
        `${flat(fields).map(multipartPart).join("")}--${BOUNDARY}--\r\n`,
        `multipart/form-data; boundary=${BOUNDARY}`
      )
  }
}

/** The address without its path, which may hold an application's secret. */
const shownAddress = (url: string): string => URL.canParse(url) ? `${new URL(url).origin}/…` : "<no URL>"

export interface Callbacks {
  /** Posts all further callbacks with this client. */
  readonly connect: (client: HttpClient.HttpClient) => Effect.Effect<void>
  readonly schedule: (call: PlacedCall, callback: CallbackPlan) => Effect.Effect<void>
  /** The call's script was changed: what was not posted yet comes at another time. */
  readonly reschedule: (call: PlacedCall) => Effect.Effect<void>
}

interface Subscription {
  readonly callback: CallbackPlan
  readonly posted: Set<Event>
}

export const make = (
  state: FakeState,
  client: HttpClient.HttpClient | undefined
): Effect.Effect<Callbacks, never, Scope.Scope> =>
  Effect.map(FiberMap.make<string>(), (fibers) => {
    // Exotel sends no trace headers.
    const untraced = HttpClient.withTracerPropagation(false)
    let sender = client === undefined ? undefined : untraced(client)
    const subscriptions = new Map<string, Subscription>()

    const post = (call: PlacedCall, callback: CallbackPlan, event: Event, at: number) =>
      Effect.gen(function*() {
        const copies = callback.copies ?? 1
        for (let copy = 0; copy < Math.max(1, copies); copy++) {
          const row = state.record({
            at: yield* Clock.currentTimeMillis,
            operation: "callback",
            method: "POST",
            path: shownAddress(callback.url),
            sid: call.sid
          })
          if (copies === 0) {
            row.outcome = { _tag: "Broken", how: "lost, as planned" }
          } else if (sender === undefined) {
            row.outcome = {
              _tag: "Refused",
              why: "there is no callbackClient to post it with; call deliverCallbacks or set callbackClient"
            }
            state.unexpected.push(
              `a callback for call ${call.sid}: there is no callbackClient to post it with; call deliverCallbacks or set callbackClient`
            )
          } else {
            const fields = fieldsOf(call, event, at, state.settings.timeZone, callback.customField)
            row.outcome = yield* Effect.scoped(sender.execute(requestOf(callback, fields))).pipe(
              Effect.match({
                onFailure: () => ({ _tag: "Broken", how: "could not be delivered" } as const),
                onSuccess: ({ status }) => ({ _tag: "Answered", status } as const)
              })
            )
          }
        }
      })

    const watch = (call: PlacedCall, { callback, posted }: Subscription) =>
      Effect.forEach(callback.events ?? defaultEvents, (event) =>
        Effect.gen(function*() {
          const at = instantOf(call, event)
          if (posted.has(event) || !Number.isFinite(at)) return
          const due = call.start + at + Duration.toMillis(callback.delay ?? Duration.zero)
          yield* Effect.sleep(Math.max(0, due - (yield* Clock.currentTimeMillis)))
          posted.add(event)
          yield* post(call, callback, event, at)
        }), { concurrency: "unbounded", discard: true })

    const run = (call: PlacedCall) =>
      Effect.suspend(() => {
        const subscription = subscriptions.get(call.sid)
        return subscription === undefined
          ? Effect.void
          : Effect.asVoid(FiberMap.run(fibers, call.sid, watch(call, subscription)))
      })

    return {
      connect: (client) =>
        Effect.sync(() => {
          sender = untraced(client)
        }),
      schedule: (call, callback) => {
        subscriptions.set(call.sid, { callback, posted: new Set() })
        return run(call)
      },
      reschedule: run
    }
  })
