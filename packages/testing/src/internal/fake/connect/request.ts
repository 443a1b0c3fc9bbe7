/** Checks the fields of a connect request against the documented names, types and limits. */
import type { CallbackPlan } from "../../../CallbackPlan.ts"
import type { Request } from "../../../ConnectPlan.ts"
import type { Fields } from "./form.ts"

type Event = "answered" | "terminal"

/** The call that the fields ask for; the plan adds the attempt. */
export interface Connect extends Omit<Request, "attempt" | "accountSid"> {
  readonly callback: CallbackPlan | undefined
}

type Test = (value: string) => boolean

const integer = (minimum: number, maximum: number): Test => (value) =>
  /^\d{1,6}$/.test(value) && Number(value) >= minimum && Number(value) <= maximum
const oneOf = (...words: ReadonlyArray<string>): Test => (value) => words.includes(value)
const url: Test = (value) => URL.canParse(value)
const number: Test = (value) => /^\+?[\d ()-]{3,20}$/.test(value)

const tests: Readonly<Record<string, Test>> = {
  From: (value) => number(value) || /^sips?:\S+$/.test(value),
  To: number,
  CallerId: number,
  Url: url,
  CallType: oneOf("trans"),
  TimeLimit: integer(1, 14_400),
  TimeOut: integer(1, 60),
  MaxRetries: integer(0, 100),
  WaitUrl: url,
  Record: oneOf("true", "false"),
  RecordingChannels: oneOf("single", "dual"),
  RecordingFormat: oneOf("mp3", "mp3-hq"),
  StartPlaybackToNew: oneOf("Callee", "Both"),
  StartPlaybackValueNew: url,
  StartPlaybackValue: url,
  CustomField: (value) => value.length <= 128,
  StatusCallback: url,
  StatusCallbackContentType: oneOf("multipart/form-data", "application/json")
}

const eventField = /^StatusCallbackEvents\[\d*\]$/
const isEvent = (value: string): value is Event => value === "answered" || value === "terminal"

/** The reason for which the fake does not support these fields. */
export const unsupportedFields = (fields: Fields): string | undefined => {
  const names = new Set(fields.map(([name]) => name))
  if (names.has("StreamUrl")) return "calls of voice bots (StreamUrl) are not supported"
  if (names.has("To") && names.has("Url")) {
    return "the effect of To together with Url is not documented; send one of them"
  }
  return undefined
}

/** One line for each field that Exotel does not document. A name with a digit may be a number that was misplaced. */
export const undocumentedFields = (fields: Fields): ReadonlyArray<string> =>
  fields.flatMap(([name]) => {
    if (Object.hasOwn(tests, name) || eventField.test(name)) return []
    const shown = /^[A-Za-z_]{1,40}$/.test(name) ? `the field ${name}` : "a field"
    const meant = Object.keys(tests).find((known) => known.toLowerCase() === name.toLowerCase())
    return [`${shown} is not documented${meant === undefined ? "" : `; names are case-sensitive, write ${meant}`}`]
  })

const flowUrl = /^https?:\/\/my\.(?:in\.)?exotel\.(?:com|in)\/(?:[^/]+\/)?exoml\/start(?:_voice)?\/(\w+)$/

const callbackOf = (values: ReadonlyMap<string, string>, events: ReadonlyArray<Event>): CallbackPlan | undefined => {
  const address = values.get("StatusCallback")
  if (address === undefined) return undefined
  return {
    url: address,
    contentType: values.get("StatusCallbackContentType") === "application/json" ? "json" : "multipart",
    events: events.length === 0 ? ["terminal"] : events,
    fields: events.length === 0 || !values.has("To") ? "plain" : "extended",
    customField: values.get("CustomField")
  }
}

/** The request, or the name of the field that is missing or invalid. Empty values count as absent. */
export const readRequest = (fields: Fields): Connect | string => {
  const values = new Map<string, string>()
  const events: Array<Event> = []
  for (const [name, value] of fields) {
    if (value === "") continue
    if (eventField.test(name)) {
      if (!isEvent(value)) return "StatusCallbackEvents"
      events.push(value)
    } else if (Object.hasOwn(tests, name) && tests[name]?.(value) !== true) {
      return name
    } else {
      values.set(name, value)
    }
  }
  const [from, to, callerId, flow] = ["From", "To", "CallerId", "Url"].map((name) => values.get(name))
  if (from === undefined) return "From"
  if (to === undefined && flow === undefined) return "To"
  if (callerId === undefined) return "CallerId"
  const appId = flow === undefined ? undefined : flowUrl.exec(flow)?.[1]
  return {
    from,
    to,
    callerId,
    appId,
    customField: values.get("CustomField"),
    fields: values,
    callback: callbackOf(values, events)
  }
}
