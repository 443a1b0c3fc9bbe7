/** The schema of a call's record as Exotel sends it: XML's elements and JSON's fields have the same names. */
import type * as DateTime from "effect/DateTime"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Fields from "./fields.ts"

/** An element or object of the wire: Fields.Text, numbers, lists and further records by Exotel's own names. */
export type WireRecord = Readonly<Record<string, unknown>>

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

const Leg = record({ Id: Fields.Integer, OnCallDuration: Fields.Seconds })

/** JSON lists `{"Leg": {…}}`, XML has `<Leg>` elements below `<Legs>`; a list of bare legs is accepted too. */
const LegList = Fields.decoder<ReadonlyArray<unknown>>("a list of legs", (value) => {
  if (Array.isArray(value)) {
    return value.map((entry: unknown) => Predicate.isReadonlyRecord(entry) && "Leg" in entry ? entry["Leg"] : entry)
  }
  const list: unknown = Predicate.isReadonlyRecord(value) && !hasStrayText(value) ? value["Leg"] : undefined
  return Array.isArray(list) ? list : undefined
})

const Legs = Schema.Union(Schema.compose(LegList, Schema.Array(Fields.orUnreadable(Leg))), Fields.Empty)

const Details = Schema.Union(
  record({
    ConversationDuration: Fields.Seconds,
    Leg1Status: Fields.Word,
    Leg2Status: Fields.Word,
    Legs: Fields.orUnreadable(Legs)
  }),
  Fields.Empty
)

/** A call's record. Only the sid is required; every other field may be empty or unreadable. */
export const WireCall = (timeZone: DateTime.TimeZone) => {
  const Time = Fields.Time(timeZone)
  return record({
    Sid: Fields.Sid,
    ParentCallSid: Fields.Text,
    AccountSid: Fields.Text,
    Status: Fields.Word,
    Direction: Fields.Word,
    From: Fields.Text,
    To: Fields.Text,
    PhoneNumberSid: Fields.Text,
    PhoneNumber: Fields.Text,
    DateCreated: Time,
    DateUpdated: Time,
    StartTime: Time,
    EndTime: Time,
    Duration: Fields.Seconds,
    Price: Fields.Decimal,
    AnsweredBy: Fields.Text,
    ForwardedFrom: Fields.Text,
    CallerName: Fields.Text,
    Uri: Fields.Text,
    RecordingUrl: Fields.Text,
    PreSignedRecordingUrl: Fields.Text,
    Details: Fields.orUnreadable(Details)
  })
}

export type WireCall = Schema.Schema.Type<ReturnType<typeof WireCall>>
