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
import * as Call from "../Call.ts"
import * as CallSid from "../CallSid.ts"
import { forbiddenCharacter } from "./characters.ts"
import type { Damage } from "./damage.ts"
import { unexpected } from "./damage.ts"
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
const skipValidation = { disableValidation: true }

/** Reads fields and remembers the first that is not what it should be. */
class FieldReader {
  fault: { readonly path: string; readonly detail: string } | undefined
  readonly timeZone: DateTime.TimeZone

  constructor(timeZone: DateTime.TimeZone) {
    this.timeZone = timeZone
  }

  refuse(path: string, detail: string): Option.Option<never> {
    this.fault ??= { path, detail }
    return none
  }

  /** The text of a field, or undefined for every spelling of empty. */
  private scalar(record: WireRecord, name: string, path: string): string | undefined {
    const value = record[name]
    switch (typeof value) {
      case "string": {
        const text = value.trim()
        if (!forbiddenCharacter.test(text)) return text === "" ? undefined : text
        this.refuse(path + name, "a control character stands in it")
        return undefined
      }
      case "undefined":
        return undefined
      case "number":
        // Digits beyond 2^53 were lost when the JSON was read, and what lies beyond 10^308 has become Infinity.
        if (Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value))) return String(value)
        this.refuse(path + name, "the number has more digits than can be kept")
        return undefined
      default:
        if (value !== null) this.refuse(path + name, "text, a number or nothing is expected")
        return undefined
    }
  }

  text(record: WireRecord, name: string, path: string): Option.Option<string> {
    const text = this.scalar(record, name, path)
    return text === undefined ? none : Option.some(text)
  }

  seconds(record: WireRecord, name: string, path: string): Option.Option<Duration.Duration> {
    const text = this.scalar(record, name, path)
    if (text === undefined) return none
    return /^\d{1,9}$/.test(text)
      ? Option.some(Duration.seconds(Number(text)))
      : this.refuse(path + name, "a whole number of seconds is expected")
  }

  decimal(record: WireRecord, name: string, path: string): Option.Option<BigDecimal.BigDecimal> {
    const text = this.scalar(record, name, path)
    if (text === undefined) return none
    // An exponent comes only from a JSON number below 10^-6; a long one would make a decimal of any size.
    return /^-?\d{1,20}(?:\.\d{1,20})?(?:e-\d{1,2})?$/.test(text)
      ? BigDecimal.fromString(text)
      : this.refuse(path + name, "a decimal number is expected")
  }

  time(record: WireRecord, name: string, path: string): Option.Option<DateTime.Zoned> {
    const text = this.scalar(record, name, path)
    if (text === undefined) return none
    return parseWallClock(text, this.timeZone)
      ?? this.refuse(path + name, "a time like 2026-01-31 23:59:59 is expected")
  }

  /** A record below this one; undefined for every spelling of empty. */
  record(parent: WireRecord, name: string, path: string): WireRecord | undefined {
    const value = parent[name]
    if (value === undefined || value === null || isBlank(value)) return undefined
    if (isRecord(value)) {
      if (!hasStrayText(value)) return value
      this.refuse(path + name, "text stands between its fields")
    } else {
      this.refuse(path + name, "a record of fields is expected")
    }
    return undefined
  }
}

const readLeg = (reader: FieldReader, leg: WireRecord, path: string): Call.Leg | undefined => {
  const id = reader.text(leg, "Id", path)
  const onCallDuration = reader.seconds(leg, "OnCallDuration", path)
  if (Option.isSome(id) && /^\d{1,9}$/.test(id.value)) {
    return new Call.Leg({ id: Number(id.value), onCallDuration }, skipValidation)
  }
  reader.refuse(`${path}Id`, "the number of the leg is expected")
  return undefined
}

/** JSON lists `{"Leg": {…}}`; XML puts the `<Leg>` elements, always as a list, into `<Legs>`. */
const readLegs = (reader: FieldReader, details: WireRecord, path: string): ReadonlyArray<Call.Leg> => {
  const value = details["Legs"]
  if (value === undefined || value === null || isBlank(value)) return noLegs
  const wrapped = Array.isArray(value)
  const list: unknown = wrapped ? value : isRecord(value) && !hasStrayText(value) ? value["Leg"] : undefined
  if (!Array.isArray(list)) {
    reader.refuse(`${path}Legs`, "a list of legs is expected")
    return noLegs
  }
  const legs: Array<Call.Leg> = []
  for (let i = 0; i < list.length; i++) {
    const entry: unknown = list[i]
    const leg: unknown = wrapped && isRecord(entry) ? entry["Leg"] : entry
    const at = `${path}Legs[${i}]`
    if (!isRecord(leg)) {
      reader.refuse(at, "a leg is expected")
      return noLegs
    }
    const read = readLeg(reader, leg, `${at}.`)
    if (read === undefined) return noLegs
    legs.push(read)
  }
  return Data.array(legs)
}

const readDetails = (reader: FieldReader, call: WireRecord, path: string): Option.Option<Call.CallDetails> => {
  const details = reader.record(call, "Details", path)
  if (details === undefined) return none
  const below = `${path}Details.`
  return Option.some(
    new Call.CallDetails({
      conversationDuration: reader.seconds(details, "ConversationDuration", below),
      leg1Status: reader.text(details, "Leg1Status", below),
      leg2Status: reader.text(details, "Leg2Status", below),
      legs: readLegs(reader, details, below) as typeof Call.CallDetails.Type["legs"]
    }, skipValidation)
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
): Either.Either<Call.Call, Damage> => {
  const { path } = options
  const reader = new FieldReader(options.timeZone)
  const text = (name: string) => reader.text(wire, name, path)
  const time = (name: string) => reader.time(wire, name, path)
  if (hasStrayText(wire)) reader.refuse(path.slice(0, -1), "text stands between its fields")
  const sid = text("Sid")
  const status = text("Status")
  if (Option.isNone(sid) || !CallSid.isCallSid(sid.value)) {
    reader.refuse(`${path}Sid`, "a call's sid is expected")
    return unexpected(options.format, reader.fault?.path, reader.fault?.detail ?? "")
  }
  if (Option.isNone(status)) {
    reader.refuse(`${path}Status`, "a call's status is expected")
    return unexpected(options.format, reader.fault?.path, reader.fault?.detail ?? "")
  }
  const call = new Call.Call({
    sid: sid.value,
    parentCallSid: text("ParentCallSid"),
    accountSid: text("AccountSid"),
    status: status.value,
    direction: text("Direction"),
    from: text("From"),
    to: text("To"),
    exoPhone: Option.orElse(text("PhoneNumberSid"), () => text("PhoneNumber")),
    dateCreated: time("DateCreated"),
    dateUpdated: time("DateUpdated"),
    startTime: time("StartTime"),
    endTime: time("EndTime"),
    duration: reader.seconds(wire, "Duration", path),
    price: reader.decimal(wire, "Price", path),
    answeredBy: text("AnsweredBy"),
    forwardedFrom: text("ForwardedFrom"),
    callerName: text("CallerName"),
    uri: text("Uri"),
    recordingUrl: text("RecordingUrl"),
    preSignedRecordingUrl: text("PreSignedRecordingUrl"),
    details: readDetails(reader, wire, path)
  }, skipValidation)
  return reader.fault === undefined
    ? Either.right(call)
    : unexpected(options.format, reader.fault.path, reader.fault.detail)
}
