/**
 * From the wire record, in which JSON and XML meet, to a `Call`: the one set of rules for both.
 *
 * Written by hand in one pass, because a chain of field schemas takes several times as long (see benchmarks); that each
 * result satisfies the `Call` schema is a property test.
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Call from "../../Call.ts"
import * as CallSid from "../../CallSid.ts"
import { forbiddenCharacter } from "./characters.ts"
import type { DecodeIssue } from "./issue.ts"
import { unexpected } from "./issue.ts"
import { parseWallClock } from "./wallClock.ts"

/** An element or object of the wire: text, numbers, lists and further records by Exotel's own names. */
export type WireRecord = Readonly<Record<string, unknown>>

export const isRecord = (value: unknown): value is WireRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isBlank = (value: unknown): boolean => typeof value === "string" && value.trim() === ""

/** In XML, text between elements means that a tag was lost; white space is how they are laid out. */
export const hasStrayText = (record: WireRecord): boolean => record["#text"] !== undefined && !isBlank(record["#text"])

const none = Option.none<never>()
const noLegs: ReadonlyArray<Call.Leg> = Data.array([])

/**
 * What `new` would make of checked fields, without its copies and its search for defaults, which would take longer than
 * all the rest of reading a call.
 */
const instance = <Fields extends object, A extends Fields>(type: new(fields: Fields) => A, fields: Fields): A =>
  Object.setPrototypeOf(fields, type.prototype)

/** What the readers of one call share: the zone of its times, and the first field that is not what it should be. */
interface Context {
  readonly timeZone: DateTime.TimeZone
  fault: { readonly path: string; readonly detail: string } | undefined
}

/** Reads the fields of one record, and notes the first that cannot be read. */
class RecordReader {
  readonly wire: WireRecord
  /** What stands before a field's name in errors, with a dot at its end. */
  readonly path: string
  readonly context: Context

  constructor(wire: WireRecord, path: string, context: Context) {
    this.wire = wire
    this.path = path
    this.context = context
  }

  refuse(name: string, detail: string): Option.Option<never> {
    this.context.fault ??= { path: this.path + name, detail }
    return none
  }

  /** The text of a field, or undefined for every spelling of empty. */
  private scalar(name: string): string | undefined {
    const value = this.wire[name]
    switch (typeof value) {
      case "string": {
        const text = value.trim()
        if (!forbiddenCharacter.test(text)) return text === "" ? undefined : text
        this.refuse(name, "a control character stands in it")
        return undefined
      }
      case "undefined":
        return undefined
      case "number":
        // Digits beyond 2^53 were lost when the JSON was read, and what lies beyond 10^308 has become Infinity.
        if (Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value))) return String(value)
        this.refuse(name, "the number has more digits than can be kept")
        return undefined
      default:
        if (value !== null) this.refuse(name, "text, a number or nothing is expected")
        return undefined
    }
  }

  text(name: string): Option.Option<string> {
    const text = this.scalar(name)
    return text === undefined ? none : Option.some(text)
  }

  seconds(name: string): Option.Option<Duration.Duration> {
    const text = this.scalar(name)
    if (text === undefined) return none
    return /^\d{1,9}$/.test(text)
      ? Option.some(Duration.seconds(Number(text)))
      : this.refuse(name, "a whole number of seconds is expected")
  }

  decimal(name: string): Option.Option<BigDecimal.BigDecimal> {
    const text = this.scalar(name)
    if (text === undefined) return none
    // An exponent comes only from a JSON number below 10^-6; a long one would make a decimal of any size.
    return /^-?\d{1,20}(?:\.\d{1,20})?(?:e-\d{1,2})?$/.test(text)
      ? BigDecimal.fromString(text)
      : this.refuse(name, "a decimal number is expected")
  }

  time(name: string): Option.Option<DateTime.Zoned> {
    const text = this.scalar(name)
    if (text === undefined) return none
    return parseWallClock(text, this.context.timeZone)
      ?? this.refuse(name, "a time like 2026-01-31 23:59:59 is expected")
  }

  /** A record below this one; undefined for every spelling of empty. */
  below(name: string): RecordReader | undefined {
    const value = this.wire[name]
    if (value === undefined || value === null || isBlank(value)) return undefined
    if (isRecord(value)) {
      if (!hasStrayText(value)) return new RecordReader(value, `${this.path}${name}.`, this.context)
      this.refuse(name, "text stands between its fields")
    } else {
      this.refuse(name, "a record of fields is expected")
    }
    return undefined
  }
}

const readLeg = (leg: RecordReader): Call.Leg | undefined => {
  const id = leg.text("Id")
  const onCallDuration = leg.seconds("OnCallDuration")
  if (Option.isSome(id) && /^\d{1,9}$/.test(id.value)) {
    return instance(Call.Leg, { id: Number(id.value), onCallDuration })
  }
  leg.refuse("Id", "the number of the leg is expected")
  return undefined
}

/** JSON lists `{"Leg": {…}}`; XML puts the `<Leg>` elements, always as a list, into `<Legs>`. */
const readLegs = (details: RecordReader): ReadonlyArray<Call.Leg> => {
  const value = details.wire["Legs"]
  if (value === undefined || value === null || isBlank(value)) return noLegs
  const wrapped = Array.isArray(value)
  const list: unknown = wrapped ? value : isRecord(value) && !hasStrayText(value) ? value["Leg"] : undefined
  if (!Array.isArray(list)) {
    details.refuse("Legs", "a list of legs is expected")
    return noLegs
  }
  const legs: Array<Call.Leg> = []
  for (let i = 0; i < list.length; i++) {
    const entry: unknown = list[i]
    const leg: unknown = wrapped && isRecord(entry) ? entry["Leg"] : entry
    const name = `Legs[${i}]`
    if (!isRecord(leg)) {
      details.refuse(name, "a leg is expected")
      return noLegs
    }
    const read = readLeg(new RecordReader(leg, `${details.path}${name}.`, details.context))
    if (read === undefined) return noLegs
    legs.push(read)
  }
  return Data.array(legs)
}

const readDetails = (call: RecordReader): Option.Option<Call.CallDetails> => {
  const details = call.below("Details")
  if (details === undefined) return none
  return Option.some(
    instance(Call.CallDetails, {
      conversationDuration: details.seconds("ConversationDuration"),
      leg1Status: details.text("Leg1Status"),
      leg2Status: details.text("Leg2Status"),
      legs: readLegs(details) as Call.CallDetails["legs"]
    })
  )
}

/** Details of which nothing is known: what an answer without `Details` says of a call that was asked for with them. */
export const emptyDetails = new Call.CallDetails({
  conversationDuration: none,
  leg1Status: none,
  leg2Status: none,
  legs: Data.array([])
})

/**
 * Reads one record. `path` names it in errors, with a dot at its end: `Call.`, or `Calls[3].` in a page.
 */
export const readCall = (
  wire: WireRecord,
  options: {
    readonly timeZone: DateTime.TimeZone
    readonly format: "json" | "xml"
    readonly path: string
  }
): Either.Either<Call.Call, DecodeIssue> => {
  const { format, path } = options
  const context: Context = { timeZone: options.timeZone, fault: undefined }
  const fields = new RecordReader(wire, path, context)
  if (hasStrayText(wire)) context.fault = { path: path.slice(0, -1), detail: "text stands between its fields" }
  const sid = fields.text("Sid")
  const status = fields.text("Status")
  if (Option.isNone(sid) || !CallSid.isCallSid(sid.value)) {
    fields.refuse("Sid", "a call's sid is expected")
    return unexpected(format, context.fault?.path, context.fault?.detail ?? "")
  }
  if (Option.isNone(status)) {
    fields.refuse("Status", "a call's status is expected")
    return unexpected(format, context.fault?.path, context.fault?.detail ?? "")
  }
  const exoPhone = fields.text("PhoneNumberSid")
  const call = instance(Call.Call, {
    sid: sid.value,
    parentCallSid: fields.text("ParentCallSid"),
    accountSid: fields.text("AccountSid"),
    status: status.value,
    direction: fields.text("Direction"),
    from: fields.text("From"),
    to: fields.text("To"),
    exoPhone: Option.isSome(exoPhone) ? exoPhone : fields.text("PhoneNumber"),
    dateCreated: fields.time("DateCreated"),
    dateUpdated: fields.time("DateUpdated"),
    startTime: fields.time("StartTime"),
    endTime: fields.time("EndTime"),
    duration: fields.seconds("Duration"),
    price: fields.decimal("Price"),
    answeredBy: fields.text("AnsweredBy"),
    forwardedFrom: fields.text("ForwardedFrom"),
    callerName: fields.text("CallerName"),
    uri: fields.text("Uri"),
    recordingUrl: fields.text("RecordingUrl"),
    preSignedRecordingUrl: fields.text("PreSignedRecordingUrl"),
    details: readDetails(fields)
  })
  return context.fault === undefined ? Either.right(call) : unexpected(format, context.fault.path, context.fault.detail)
}
