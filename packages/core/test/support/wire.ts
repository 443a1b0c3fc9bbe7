/**
 * A second encoder of the wire, kept as an oracle that is independent of the one in `@effect-exotel/testing`: calls as
 * Exotel would send them, in JSON and XML and in every variant that occurs, and the `Call` that each must decode to.
 */
import { Call } from "@effect-exotel/core"
import { FastCheck as fc, Schema } from "effect"
import { character } from "./unicode.ts"

/** The true values of a call. `undefined` is absent; times are the wall clock in +05:30. */
export interface Truth {
  readonly sid: string
  readonly status: string
  readonly texts: { readonly [K in TextField]: string | undefined }
  readonly times: { readonly [K in TimeField]: string | undefined }
  readonly duration: number | undefined
  readonly price: string | undefined
  readonly details: Details | undefined
}

export interface Details {
  readonly conversationDuration: number | undefined
  readonly leg1Status: string | undefined
  readonly leg2Status: string | undefined
  readonly legs: ReadonlyArray<{ readonly id: number; readonly onCallDuration: number | undefined }>
}

/** Exotel's names, and the fields of `Call` that they are read into. */
const textFields = {
  ParentCallSid: "parentCallSid",
  AccountSid: "accountSid",
  To: "to",
  From: "from",
  PhoneNumberSid: "exoPhone",
  Direction: "direction",
  AnsweredBy: "answeredBy",
  ForwardedFrom: "forwardedFrom",
  CallerName: "callerName",
  Uri: "uri",
  RecordingUrl: "recordingUrl",
  PreSignedRecordingUrl: "preSignedRecordingUrl"
} as const
type TextField = keyof typeof textFields
const textNames = Object.keys(textFields) as ReadonlyArray<TextField>

const timeFields = {
  DateCreated: "dateCreated",
  DateUpdated: "dateUpdated",
  StartTime: "startTime",
  EndTime: "endTime"
} as const
type TimeField = keyof typeof timeFields
const timeNames = Object.keys(timeFields) as ReadonlyArray<TimeField>

const sentinels = ["1970-01-01 05:30:00", "0001-01-01T00:00:00Z", "0000-00-00 00:00:00"]

/** Draws the variant of each value in turn, so that a generated list of numbers decides all of them. */
export class WireVariant {
  private at = 0
  private readonly draws: ReadonlyArray<number>
  constructor(draws: ReadonlyArray<number>) {
    this.draws = draws
  }
  pick<A>(...choices: readonly [A, ...Array<A>]): A {
    const draw = this.draws[this.at++ % this.draws.length] ?? 0
    return choices[draw % choices.length] ?? choices[0]
  }
}

/** The plainest variant. */
export const plain = () => new WireVariant([0])

const absentKey = Symbol("absent")

/** The fields in Exotel's order, each with what it is. `time` may be written as a sentinel when absent, `number` as JSON's. */
type Field =
  | { readonly kind: "text" | "time" | "number"; readonly name: string; readonly value: string | undefined }
  | { readonly kind: "details"; readonly name: "Details"; readonly value: Details | undefined }

const number = (name: string, value: number | string | undefined): Field => ({
  kind: "number",
  name,
  value: value === undefined ? undefined : String(value)
})

const fieldsOf = (truth: Truth, variant: WireVariant): ReadonlyArray<Field> => {
  const text = (name: TextField): Field => ({ kind: "text", name, value: truth.texts[name] })
  const time = (name: TimeField): Field => ({ kind: "time", name, value: truth.times[name] })
  return [
    { kind: "text", name: "Sid", value: truth.sid },
    text("ParentCallSid"),
    time("DateCreated"),
    time("DateUpdated"),
    text("AccountSid"),
    text("To"),
    text("From"),
    // Bulk records say `PhoneNumber`.
    { ...text("PhoneNumberSid"), name: variant.pick("PhoneNumberSid", "PhoneNumber") } as Field,
    { kind: "text", name: "Status", value: truth.status },
    time("StartTime"),
    time("EndTime"),
    number("Duration", truth.duration),
    number("Price", truth.price),
    ...(["Direction", "AnsweredBy", "ForwardedFrom", "CallerName", "Uri", "RecordingUrl"] as const).map(text),
    text("PreSignedRecordingUrl"),
    { kind: "details", name: "Details", value: truth.details }
  ]
}

const detailFields = (details: Details): ReadonlyArray<Field> => [
  number("ConversationDuration", details.conversationDuration),
  { kind: "text", name: "Leg1Status", value: details.leg1Status },
  { kind: "text", name: "Leg2Status", value: details.leg2Status }
]

const legFields = (leg: Details["legs"][number]): ReadonlyArray<Field> => [
  number("Id", leg.id),
  number("OnCallDuration", leg.onCallDuration)
]

/** A JSON number can say this text without losing a digit of it. */
const fitsNumber = (text: string) => String(Number(text)) === text

const jsonRecord = (fields: ReadonlyArray<Field>, variant: WireVariant): Record<string, unknown> => {
  const entries: Array<[string, unknown]> = []
  for (const field of fields) {
    const value = jsonValue(field, variant)
    if (value !== absentKey) entries.push([field.name, value])
  }
  return Object.fromEntries(entries)
}

const jsonValue = (field: Field, variant: WireVariant): unknown => {
  if (field.kind === "details") {
    if (field.value === undefined) return variant.pick<unknown>(null, "", absentKey)
    const legs = field.value.legs.map((leg) => {
      const record = jsonRecord(legFields(leg), variant)
      return variant.pick<unknown>({ Leg: record }, record)
    })
    const record = jsonRecord(detailFields(field.value), variant)
    const written = legs.length > 0 ? legs : variant.pick<unknown>(legs, null, "", absentKey)
    return written === absentKey ? record : { ...record, Legs: written }
  }
  if (field.value === undefined) {
    return field.kind === "time"
      ? variant.pick<unknown>(null, "", absentKey, "null", ...sentinels)
      : variant.pick<unknown>(null, "", absentKey, "  ", "null")
  }
  return field.kind === "number" && fitsNumber(field.value)
    ? variant.pick<unknown>(Number(field.value), field.value)
    : field.value
}

export const toJson = (truth: Truth, variant: WireVariant): string => {
  const body = { Call: jsonRecord(fieldsOf(truth, variant), variant) }
  const text = variant.pick(JSON.stringify(body), JSON.stringify(body, null, 2))
  return variant.pick(
    text,
    text.replaceAll("/", "\\/"),
    text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
  )
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&apos;"
}

/** A carriage return survives in XML only as a reference. */
const escaped = (text: string) => text.replace(/[&<>"']/g, (c) => escapes[c] ?? c).replaceAll("\r", "&#13;")
const references = (text: string, radix: 10 | 16) =>
  Array.from(text, (c) => `&#${radix === 16 ? "x" : ""}${(c.codePointAt(0) ?? 0).toString(radix)};`).join("")
const cdata = (text: string) => text.includes("]]>") || text.includes("\r") ? escaped(text) : `<![CDATA[${text}]]>`

const xmlElement = (name: string, content: string, variant: WireVariant) =>
  variant.pick(`<${name}>${content}</${name}>`, `<${name} note="a &gt; b">\n  ${content}\n</${name} >`)

const xmlEmpty = (name: string, variant: WireVariant) =>
  variant.pick(`<${name}/>`, `<${name}></${name}>`, "", `<${name} />`, `<${name}>null</${name}>`)

const xmlField = (field: Field, variant: WireVariant): string => {
  if (field.kind === "details") {
    if (field.value === undefined) return xmlEmpty("Details", variant)
    const legs = field.value.legs.map((leg) => xmlElement("Leg", xmlFields(legFields(leg), variant), variant)).join(
      ""
    )
    const written = legs === "" ? xmlEmpty("Legs", variant) : xmlElement("Legs", legs, variant)
    // An element without any child would be one more variant of "absent".
    return xmlElement("Details", `<Unknown/>${xmlFields(detailFields(field.value), variant)}${written}`, variant)
  }
  if (field.value === undefined) {
    return field.kind === "time" && variant.pick(false, true)
      ? xmlElement(field.name, variant.pick("1970-01-01 05:30:00", ...sentinels), variant)
      : xmlEmpty(field.name, variant)
  }
  const { value } = field
  const written = variant.pick(
    () => escaped(value),
    () => references(value, 10),
    () => references(value, 16),
    () => cdata(value),
    () => Array.from(value).slice(0, 1).map(escaped).join("") + cdata(Array.from(value).slice(1).join(""))
  )
  return xmlElement(field.name, written(), variant)
}

const xmlFields = (fields: ReadonlyArray<Field>, variant: WireVariant) =>
  fields.map((field) => xmlField(field, variant)).join(variant.pick("", "\n    "))

export const toXml = (truth: Truth, variant: WireVariant): string =>
  variant.pick(`<?xml version="1.0" encoding="UTF-8"?>\n`, "", `<?xml version='1.0'?>`)
  + xmlElement("TwilioResponse", xmlElement("Call", xmlFields(fieldsOf(truth, variant), variant), variant), variant)

/** The call that the truth is, built through the public schema and not through the decoder under test. */
export const toCall = (truth: Truth): Call.Call => {
  const zoned = (wall: string | undefined) => wall === undefined ? null : `${wall.replace(" ", "T")}.000+05:30`
  const millis = (seconds: number | undefined) => seconds === undefined ? null : seconds * 1000
  const rename = <K extends string>(
    names: ReadonlyArray<K>,
    fields: Readonly<Record<K, string>>,
    value: (name: K) => string | null
  ) => Object.fromEntries(names.map((name) => [fields[name], value(name)]))
  return Schema.decodeUnknownSync(Call.Call)({
    sid: truth.sid,
    status: truth.status,
    ...rename(textNames, textFields, (name) => truth.texts[name] ?? null),
    ...rename(timeNames, timeFields, (name) => zoned(truth.times[name])),
    duration: millis(truth.duration),
    price: truth.price ?? null,
    details: truth.details === undefined ? null : {
      conversationDuration: millis(truth.details.conversationDuration),
      leg1Status: truth.details.leg1Status ?? null,
      leg2Status: truth.details.leg2Status ?? null,
      legs: truth.details.legs.map((leg) => ({ id: leg.id, onCallDuration: millis(leg.onCallDuration) }))
    }
  })
}

const absent = <A>(arb: fc.Arbitrary<A>): fc.Arbitrary<A | undefined> => fc.option(arb, { nil: undefined })

/** Any text that XML can say, trimmed as every value is. */
const anyText: fc.Arbitrary<string> = fc.string({ unit: character, minLength: 1, maxLength: 20 })
  // eslint-disable-next-line no-control-regex -- what XML cannot say
  .map((text) => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/gu, "").trim())
  .filter((text) => text !== "" && text !== "null")

const markup = fc.constantFrom(
  "Tom & Jerry's <\"bar\">",
  "a ]]> b",
  "&amp;lt;",
  "\u{1f4de} नमस्ते",
  "x\ry\n z",
  "//\\/"
)
const text = fc.oneof(anyText, markup)
const phone = fc.constantFrom("08012345678", "+918012345678", "sip:agent.1@example.invalid", "0", "007")
const seconds = fc.oneof(fc.constantFrom(0, 1, 17, 999_999_999), fc.nat({ max: 999_999_999 }))
const price = fc.oneof(
  fc.constantFrom("0", "0.75", "1.500", "-1.25", "0.0000001", "12345678901234567890.12345678901234567890"),
  fc.tuple(fc.nat({ max: 10_000 }), fc.nat({ max: 999 })).map(([whole, part]) => `${whole}.${part}`)
)
const known = ["queued", "ringing", "in-progress", "completed", "failed", "busy", "no-answer", "canceled"] as const
const status = fc.oneof(fc.constantFrom(...known), fc.constantFrom("transferring", "Completed", "in progress"), anyText)
const two = (n: number) => String(n).padStart(2, "0")
const time = fc.date({
  min: new Date(Date.UTC(1971, 0, 1)),
  max: new Date(Date.UTC(9999, 11, 31)),
  noInvalidDate: true
})
  .map((d) =>
    `${String(d.getUTCFullYear()).padStart(4, "0")}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())} `
    + `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`
  )

const leg = fc.record({ id: fc.nat({ max: 9 }), onCallDuration: absent(seconds) })

const details: fc.Arbitrary<Details> = fc.record({
  conversationDuration: absent(seconds),
  leg1Status: absent(status),
  leg2Status: absent(status),
  legs: fc.array(leg, { maxLength: 3 })
})

export const truth: fc.Arbitrary<Truth> = fc.record({
  sid: fc.stringMatching(/^[0-9A-Za-z]{1,40}$/),
  status,
  texts: fc.record({
    ParentCallSid: absent(text),
    AccountSid: absent(fc.constant("acme1m")),
    To: absent(phone),
    From: absent(phone),
    PhoneNumberSid: absent(phone),
    Direction: absent(fc.constantFrom("inbound", "outbound-dial", "outbound-api", "incoming")),
    AnsweredBy: absent(fc.constantFrom("human", "machine")),
    ForwardedFrom: absent(phone),
    CallerName: absent(text),
    Uri: absent(fc.constantFrom("/v1/Accounts/acme1m/Calls/abc", "/v1/Accounts/acme1m/Calls/abc.json")),
    RecordingUrl: absent(fc.constant("https://recordings.example.invalid/acme1m/abc.mp3")),
    PreSignedRecordingUrl: absent(fc.constant("https://s3.example.invalid/abc.mp3?X=1&Y=%2F&Z='<>"))
  }),
  times: fc.record({
    DateCreated: absent(time),
    DateUpdated: absent(time),
    StartTime: absent(time),
    EndTime: absent(time)
  }),
  duration: absent(seconds),
  price: absent(price),
  details: absent(details)
})

export const variant: fc.Arbitrary<WireVariant> = fc.array(fc.nat({ max: 719 }), { minLength: 1, maxLength: 60 })
  .map((draws) => new WireVariant(draws))

/** An answered call with two legs. */
export const answered: Truth = {
  sid: "b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f",
  status: "completed",
  texts: {
    ParentCallSid: undefined,
    AccountSid: "acme1m",
    To: "08012345678",
    From: "+918087654321",
    PhoneNumberSid: "02248000000",
    Direction: "outbound-api",
    AnsweredBy: "human",
    ForwardedFrom: undefined,
    CallerName: "Tom & Jerry's",
    Uri: "/v1/Accounts/acme1m/Calls/b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f",
    RecordingUrl: "https://recordings.example.invalid/acme1m/b6aa.mp3?a=1&b=2",
    PreSignedRecordingUrl: undefined
  },
  times: {
    DateCreated: "2026-11-02 10:00:00",
    DateUpdated: "2026-11-02 10:01:10",
    StartTime: "2026-11-02 10:00:01",
    EndTime: "2026-11-02 10:00:49"
  },
  duration: 48,
  price: "1.500",
  details: {
    conversationDuration: 40,
    leg1Status: "completed",
    leg2Status: "completed",
    legs: [{ id: 1, onCallDuration: 47 }, { id: 2, onCallDuration: 40 }]
  }
}

/** A call that has just been placed: nearly everything is still to come. */
export const fresh: Truth = {
  ...answered,
  status: "in-progress",
  times: { ...answered.times, EndTime: undefined },
  duration: undefined,
  price: undefined,
  texts: { ...answered.texts, AnsweredBy: undefined, RecordingUrl: undefined },
  details: undefined
}

/** An unanswered call: one leg, and no second leg. */
export const unanswered: Truth = {
  ...answered,
  status: "no-answer",
  price: "0",
  duration: 30,
  details: {
    conversationDuration: 0,
    leg1Status: "no-answer",
    leg2Status: undefined,
    legs: [{ id: 1, onCallDuration: 0 }]
  }
}
