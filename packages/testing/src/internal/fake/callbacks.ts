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
import type { CallRecord, PlacedCall } from "./records.ts"
import { calendar, recordOf } from "./records.ts"
import type { FakeState, Row } from "./state.ts"

type Event = "answered" | "terminal"

/** One post: the end of a call, or the answer of one leg. */
type Occasion = "leg 1 answered" | "leg 2 answered" | "terminal"

const defaultEvents: ReadonlyArray<Event> = ["terminal"]

const occasions: { readonly [E in Event]: ReadonlyArray<Occasion> } = {
  answered: ["leg 1 answered", "leg 2 answered"],
  terminal: ["terminal"]
}

/** Milliseconds after the beginning; infinite for what does not happen. */
const instantOf = (call: PlacedCall, occasion: Occasion): number => {
  if (occasion === "terminal") return Duration.toMillis(Script.duration(call.script))
  let at = 0
  for (const phase of call.script.phases) {
    if (phase.parties >= (occasion === "leg 1 answered" ? 1 : 2)) return at
    at += Duration.toMillis(phase.duration)
  }
  return Infinity
}

type Fields = { readonly [name: string]: string | ReadonlyArray<{ readonly [name: string]: string }> }

/** A leg that was not dialled has an empty status. */
const legStatuses = (occasion: Occasion, record: CallRecord): readonly [string, string] =>
  occasion === "terminal"
    ? [record.details?.leg1Status ?? "", record.details?.leg2Status ?? ""]
    : ["in-progress", occasion === "leg 1 answered" ? "" : "in-progress"]

/** The fields of the documentation; what is not there is left out, and so is `RecordingUrl` of an unanswered call. */
const fieldsOf = (
  call: PlacedCall,
  occasion: Occasion,
  at: number,
  zone: DateTime.TimeZone,
  callback: CallbackPlan
): Fields => {
  const { script } = call
  const settled = new Script.CallScript({ ...script, settles: Duration.zero })
  const ended = occasion === "terminal"
  // A callback carries the settled values, although a read at that moment would not.
  const record = recordOf({ ...call, script: settled }, call.start + at, { details: true, preSigned: false })
  const time = (millis: number) => wallClock(millis, zone)
  const plain = {
    CallSid: call.sid,
    DateUpdated: time(calendar(call.start) + at),
    Status: ended ? record.status : "in-progress",
    ...(record.recordingUrl === undefined ? {} : { RecordingUrl: record.recordingUrl })
  }
  if (callback.fields === "plain") return plain
  return {
    ...plain,
    EventType: ended ? "terminal" : "answered",
    DateCreated: time(calendar(call.start)),
    To: record.to,
    From: record.from,
    PhoneNumberSid: call.numbers.exoPhone,
    StartTime: time(calendar(call.start)),
    ...(ended ? { EndTime: time(calendar(call.start) + at) } : {}),
    ...(ended ? { ConversationDuration: String(record.details?.conversationDuration ?? 0) } : {}),
    Direction: script.direction,
    ...(ended && callback.customField !== undefined ? { CustomField: callback.customField } : {}),
    Legs: legStatuses(occasion, record).map((status, index) => ({
      OnCallDuration: String(record.details?.legs[index]?.onCallDuration ?? 0),
      Status: status,
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
  readonly posted: Set<Occasion>
}

export const make = (
  state: FakeState,
  client: HttpClient.HttpClient | undefined,
  afterwards: (row: Row) => Effect.Effect<void>
): Effect.Effect<Callbacks, never, Scope.Scope> =>
  Effect.map(FiberMap.make<string>(), (fibers) => {
    // Exotel sends no trace headers.
    const untraced = HttpClient.withTracerPropagation(false)
    let sender = client === undefined ? undefined : untraced(client)
    const subscriptions = new Map<string, Subscription>()

    const post = (call: PlacedCall, callback: CallbackPlan, occasion: Occasion, at: number) =>
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
            const fields = fieldsOf(call, occasion, at, state.settings.timeZone, callback)
            row.outcome = yield* Effect.scoped(sender.execute(requestOf(callback, fields))).pipe(
              Effect.match({
                onFailure: () => ({ _tag: "Broken", how: "could not be delivered" } as const),
                onSuccess: ({ status }) => ({ _tag: "Answered", status } as const)
              })
            )
          }
          yield* afterwards(row)
        }
      })

    const watch = (call: PlacedCall, { callback, posted }: Subscription) =>
      Effect.forEach((callback.events ?? defaultEvents).flatMap((event) => occasions[event]), (occasion) =>
        Effect.gen(function*() {
          const at = instantOf(call, occasion)
          if (posted.has(occasion) || !Number.isFinite(at)) {
            return
          }
          const due = call.start + at + Duration.toMillis(callback.delay ?? Duration.zero)
          yield* Effect.sleep(Math.max(0, due - (yield* Clock.currentTimeMillis)))
          posted.add(occasion)
          yield* post(call, callback, occasion, at)
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
