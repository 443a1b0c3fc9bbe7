/** The schema of a call's record as Exotel sends it: XML's elements and JSON's fields have the same names. */
import type * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import * as Fields from "./fields.ts"

/** An element or object of the wire: text, numbers, lists and further records by Exotel's own names. */
export type WireRecord = Readonly<Record<string, unknown>>

export const isRecord = (value: unknown): value is WireRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isBlank = (value: unknown): boolean => value === undefined || (typeof value === "string" && value.trim() === "")

/** In XML, text between elements means that a tag was damaged; white space is layout. */
export const hasStrayText = (record: WireRecord): boolean => !isBlank(record["#text"])

const stray = "#text"

/** A record of optional and required fields; an absent field decodes as an undefined one does. */
const record = <Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.Struct({
    ...fields,
    [stray]: Schema.optional(Schema.Unknown.pipe(Schema.filter(isBlank, { message: () => "text between its fields" })))
  }).annotations({ parseOptions: { exact: false }, message: () => "a record of fields is expected" })

const field = Fields.orUnreadable
const text = field(Fields.Text)
const word = field(Fields.Word)
const seconds = field(Fields.Seconds)

const Leg = record({ Id: field(Fields.LegId), OnCallDuration: seconds })

/** JSON lists `{"Leg": {…}}`, XML has `<Leg>` elements below `<Legs>`; a list of bare legs is accepted too. */
const LegList = Fields.decoder<ReadonlyArray<unknown>>(Array.isArray, "a list of legs", (value) => {
  if (Array.isArray(value)) {
    return value.map((entry: unknown) => isRecord(entry) && "Leg" in entry ? entry["Leg"] : entry)
  }
  const list: unknown = isRecord(value) && !hasStrayText(value) ? value["Leg"] : undefined
  return Array.isArray(list) ? list : undefined
})

const Legs = Schema.Union(Fields.Empty, Schema.compose(LegList, Schema.Array(field(Leg))))

const Details = Schema.Union(
  Fields.Empty,
  record({ ConversationDuration: seconds, Leg1Status: word, Leg2Status: word, Legs: field(Legs) })
)

/** A call's record. Only the sid is required; every other field may be empty or unreadable. */
export const WireCall = (timeZone: DateTime.TimeZone) => {
  const time = field(Fields.Time(timeZone))
  return record({
    Sid: Fields.Sid,
    ParentCallSid: text,
    AccountSid: text,
    Status: word,
    Direction: word,
    From: text,
    To: text,
    PhoneNumberSid: text,
    PhoneNumber: text,
    DateCreated: time,
    DateUpdated: time,
    StartTime: time,
    EndTime: time,
    Duration: seconds,
    Price: field(Fields.Decimal),
    AnsweredBy: text,
    ForwardedFrom: text,
    CallerName: text,
    Uri: text,
    RecordingUrl: text,
    PreSignedRecordingUrl: text,
    Details: field(Details)
  })
}

export type WireCall = Schema.Schema.Type<ReturnType<typeof WireCall>>
