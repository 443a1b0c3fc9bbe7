/** Encodes a record as a JSON or XML body, in any wire format that occurs. Fields are in Exotel's order. */
import { isTerminal } from "@effect-exotel/core/CallStatus"
import * as DateTime from "effect/DateTime"
import type { WireFormat } from "../../WireFormat.ts"
import type { CallRecord, DetailsRecord } from "../fake/records.ts"

export type Format = "json" | "xml"

const offsetAt = (zone: DateTime.TimeZone, millis: number): number =>
  zone._tag === "Offset" ? zone.offset : DateTime.zonedOffset(DateTime.unsafeMakeZoned(millis, { timeZone: zone }))

/** `YYYY-MM-DD HH:mm:ss` on the zone's wall clock, without the zone. */
export const wallClock = (millis: number, zone: DateTime.TimeZone): string =>
  new Date(millis + offsetAt(zone, millis)).toISOString().slice(0, 19).replace("T", " ")

/** A number that may be written as text. */
type Numeric = { readonly digits: string }
/** A field's name and value; undefined is empty, a list is what stands inside. */
type Field = readonly [name: string, value: string | Numeric | undefined | ReadonlyArray<Field>]

const numeric = (value: number | string | undefined): Numeric | undefined =>
  value === undefined ? undefined : { digits: String(value) }

/** The `Call` without its details, which the two formats write differently. */
const flatFields = (record: CallRecord, wireFormat: WireFormat, zone: DateTime.TimeZone): Array<Field> => {
  const time = (millis: number | undefined): string | undefined =>
    millis !== undefined ? wallClock(millis, zone) : wireFormat.unsetTime === "empty" ? undefined : wireFormat.unsetTime
  const fields: Array<Field> = [
    ["Sid", record.sid],
    ["ParentCallSid", record.parentCallSid],
    ["DateCreated", time(record.dateCreated)],
    ["DateUpdated", time(record.dateUpdated)],
    ["AccountSid", record.accountSid],
    ["To", record.to],
    ["From", record.from],
    ["PhoneNumberSid", record.phoneNumberSid],
    ["Status", wireFormat.endedStatus === "empty" && isTerminal(record.status) ? undefined : record.status],
    ["StartTime", time(record.startTime)],
    ["EndTime", time(record.endTime)],
    ["Duration", numeric(record.duration)],
    ["Price", numeric(record.price)],
    ["Direction", record.direction],
    ["AnsweredBy", record.answeredBy],
    ["ForwardedFrom", record.forwardedFrom],
    ["CallerName", record.callerName],
    ["Uri", record.uri],
    ["RecordingUrl", record.recordingUrl]
  ]
  if (record.preSignedRecordingUrl !== undefined) {
    fields.push(["PreSignedRecordingUrl", record.preSignedRecordingUrl])
  }
  return fields
}

const jsonEmptyTexts: { readonly [E in WireFormat["jsonEmpty"]]: string | undefined } = {
  null: "null",
  "empty string": "\"\"",
  absent: undefined,
  "null text": "\"null\""
}

const xmlEmptyElement = (name: string, wireFormat: WireFormat): string | undefined => {
  switch (wireFormat.xmlEmpty) {
    case "self-closing":
      return `<${name}/>`
    case "pair":
      return `<${name}></${name}>`
    case "null text":
      return `<${name}>null</${name}>`
    case "absent":
      return undefined
  }
}

const jsonValue = (value: string | Numeric | undefined, wireFormat: WireFormat): string | undefined => {
  if (value === undefined) {
    return jsonEmptyTexts[wireFormat.jsonEmpty]
  }
  if (typeof value === "string") return JSON.stringify(value)
  return wireFormat.numbers === "number" ? value.digits : `"${value.digits}"`
}

const isList = (value: Field[1]): value is ReadonlyArray<Field> => Array.isArray(value)

const jsonObject = (fields: ReadonlyArray<Field>, wireFormat: WireFormat): string => {
  const parts: Array<string> = []
  for (const [name, value] of fields) {
    const text = isList(value) ? jsonObject(value, wireFormat) : jsonValue(value, wireFormat)
    if (text !== undefined) parts.push(`"${name}":${text}`)
  }
  return `{${parts.join(",")}}`
}

const jsonDetails = (details: DetailsRecord, wireFormat: WireFormat): string => {
  const object = jsonObject([
    ["ConversationDuration", numeric(details.conversationDuration)],
    ["Leg1Status", details.leg1Status],
    ["Leg2Status", details.leg2Status]
  ], wireFormat)
  const legs = details.legs.map((leg) =>
    `{"Leg":${jsonObject([["Id", numeric(leg.id)], ["OnCallDuration", numeric(leg.onCallDuration)]], wireFormat)}}`
  )
  const list = details.legs.length === 0 ? jsonValue(undefined, wireFormat) : `[${legs.join(",")}]`
  if (list === undefined) return object
  return object === "{}" ? `{"Legs":${list}}` : `${object.slice(0, -1)},"Legs":${list}}`
}

const jsonRecord = (record: CallRecord, wireFormat: WireFormat, zone: DateTime.TimeZone): string => {
  const flat = jsonObject(flatFields(record, wireFormat, zone), wireFormat)
  return record.details === undefined
    ? flat
    : `${flat.slice(0, -1)},"Details":${jsonDetails(record.details, wireFormat)}}`
}

const xmlText = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const xmlElements = (fields: ReadonlyArray<Field>, wireFormat: WireFormat, indent: string): string => {
  const [line, deeper] = wireFormat.prettyXml ? [`\n${indent}`, `${indent} `] : ["", ""]
  let out = ""
  for (const [name, value] of fields) {
    if (value === undefined) {
      const empty = xmlEmptyElement(name, wireFormat)
      if (empty !== undefined) out += line + empty
    } else if (isList(value)) {
      out += `${line}<${name}>${xmlElements(value, wireFormat, deeper)}${line}</${name}>`
    } else {
      const text = typeof value === "string" ? xmlText(value) : value.digits
      out += `${line}<${name}>${text}</${name}>`
    }
  }
  return out
}

const xmlDetails = (details: DetailsRecord): Field => ["Details", [
  ["ConversationDuration", numeric(details.conversationDuration)],
  ["Leg1Status", details.leg1Status],
  ["Leg2Status", details.leg2Status],
  [
    "Legs",
    details.legs.length === 0 ? undefined : details.legs.map((leg): Field => ["Leg", [
      ["Id", numeric(leg.id)],
      ["OnCallDuration", numeric(leg.onCallDuration)]
    ]])
  ]
]]

const xmlRecord = (record: CallRecord, wireFormat: WireFormat, zone: DateTime.TimeZone): Field => {
  const flat = flatFields(record, wireFormat, zone)
  return ["Call", record.details === undefined ? flat : [...flat, xmlDetails(record.details)]]
}

const xmlDocument = (fields: ReadonlyArray<Field>, wireFormat: WireFormat): string =>
  `${wireFormat.prettyXml ? "<?xml version=\"1.0\" encoding=\"UTF-8\"?>" : ""}${xmlElements(fields, wireFormat, "")}`

const finishJson = (text: string, wireFormat: WireFormat): string =>
  wireFormat.escapedSlashes ? text.replaceAll("/", "\\/") : text

/** `{"Call":{…}}` or `<TwilioResponse><Call>…`. */
export const encodeCall = (
  record: CallRecord,
  format: Format,
  wireFormat: WireFormat,
  zone: DateTime.TimeZone
): string =>
  format === "json"
    ? finishJson(`{"Call":${jsonRecord(record, wireFormat, zone)}}`, wireFormat)
    : xmlDocument([["TwilioResponse", [xmlRecord(record, wireFormat, zone)]]], wireFormat)

/** The page of a bulk read: JSON entries are flat, without a `Call` wrapper. The shape in XML is not documented. */
export const encodePage = (
  page: {
    readonly records: ReadonlyArray<CallRecord>
    readonly total: number
    readonly pageSize: number
    readonly firstPageUri: string | undefined
    readonly prevPageUri: string | undefined
    readonly nextPageUri: string | undefined
  },
  format: Format,
  wireFormat: WireFormat,
  zone: DateTime.TimeZone
): string => {
  const metadata: ReadonlyArray<Field> = [
    ["Total", numeric(page.total)],
    ["PageSize", numeric(page.pageSize)],
    ["FirstPageUri", page.firstPageUri],
    ["PrevPageUri", page.prevPageUri],
    ["NextPageUri", page.nextPageUri]
  ]
  if (format === "xml") {
    const calls = page.records.map((record) => xmlRecord(record, wireFormat, zone))
    return xmlDocument([["TwilioResponse", [["Metadata", metadata], ["Calls", calls]]]], wireFormat)
  }
  const calls = page.records.map((record) => jsonRecord(record, wireFormat, zone))
  return finishJson(
    `{"Metadata":${jsonObject(metadata, { ...wireFormat, numbers: "number" })},"Calls":[${calls.join(",")}]}`,
    wireFormat
  )
}

/** A `RestException`. */
export const encodeError = (
  error: { readonly status: number; readonly message: string; readonly code: number | string | undefined },
  format: Format,
  wireFormat: WireFormat
): string => {
  const fields: Array<Field> = [["Status", numeric(error.status)], ["Message", error.message]]
  if (error.code !== undefined && wireFormat.errorCode !== "absent") {
    fields.push([
      "Code",
      typeof error.code === "number" && wireFormat.errorCode === "number" ? numeric(error.code) : String(error.code)
    ])
  }
  // The status is a number whatever the format of durations and prices.
  if (format === "json") {
    return finishJson(`{"RestException":${jsonObject(fields, { ...wireFormat, numbers: "number" })}}`, wireFormat)
  }
  const exception: Field = ["RestException", fields]
  return xmlDocument(
    [wireFormat.xmlErrorRoot === "TwilioResponse" ? ["TwilioResponse", [exception]] : exception],
    wireFormat
  )
}

/** The account resource. Like the real one it holds an auth token, which no client may keep. */
export const encodeAccount = (accountSid: string, format: Format, wireFormat: WireFormat): string => {
  const fields: ReadonlyArray<Field> = [
    ["Sid", accountSid],
    ["FriendlyName", "A fake account"],
    ["Type", "Full"],
    ["Status", "active"],
    ["AuthToken", "fake-auth-token-that-must-not-be-kept"],
    ["Uri", `/v1/Accounts/${accountSid}`]
  ]
  return format === "json"
    ? finishJson(`{"Account":${jsonObject(fields, wireFormat)}}`, wireFormat)
    : xmlDocument([["TwilioResponse", [["Account", fields]]]], wireFormat)
}
