/**
 * Generators for property tests: calls, bodies in both formats and every wire format, scripts, and fault plans.
 *
 * @since 0.1.0
 */
import * as Call from "@effect-exotel/core/Call"
import type { CallSid } from "@effect-exotel/core/CallSid"
import * as ExotelConfig from "@effect-exotel/core/ExotelConfig"
import * as BigDecimal from "effect/BigDecimal"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as CallScript from "./CallScript.ts"
import * as FaultPlan from "./FaultPlan.ts"
import type { CallRecord, DetailsRecord } from "./internal/fake/records.ts"
import { encodeCall } from "./internal/wire/encode.ts"
import type { WireFormat } from "./WireFormat.ts"

const fc = FastCheck

const orEmpty = <A>(arbitrary: FastCheck.Arbitrary<A>): FastCheck.Arbitrary<A | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 })

/** 32 of `[0-9a-z]`, as Exotel's sids are. */
const sidArbitrary = fc.string({
  unit: fc.constantFrom(..."0123456789abcdefghijklmnopqrstuvwxyz"),
  minLength: 32,
  maxLength: 32
}).map((sid) => sid as CallSid)

/**
 * Calls' sids, in the form of Exotel's.
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const callSid: FastCheck.Arbitrary<CallSid> = sidArbitrary

/** With what an escape could go wrong on. */
const text = fc.string({
  unit: fc.constantFrom(..."abcXYZ 0189&<>'\"\\/;#é", "अ", "😀"),
  minLength: 1,
  maxLength: 24
}).map((value) => value.trim()).filter((value) => value !== "")

const digits = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: length, maxLength: length })

const number = fc.oneof(
  digits(10).map((tail) => `0${tail}`),
  digits(10).map((tail) => `+91${tail}`),
  digits(6).map((user) => `sip:agent${user}@fake.voip.exotel.com`)
)

/** Whole seconds after 1970, whose times all mean "none". */
const instant = fc.integer({ min: Date.UTC(1971, 0, 2) / 1000, max: Date.UTC(2098, 0, 1) / 1000 }).map((s) => s * 1000)

const seconds = fc.integer({ min: 0, max: 86_400 })

const price = fc.tuple(fc.integer({ min: 0, max: 1_000_000 }), fc.constantFrom("", ".5", ".75", ".500", ".001"))
  .map(([whole, fraction]) => `${whole}${fraction}`)

const status = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("queued", "ringing", "in-progress", "completed", "failed", "busy") },
  { weight: 2, arbitrary: fc.constantFrom("no-answer", "canceled") },
  { weight: 1, arbitrary: fc.constantFrom("transferring", "voicemail") }
)

const details: FastCheck.Arbitrary<DetailsRecord> = fc.record({
  conversationDuration: orEmpty(seconds),
  // One field at least: Exotel's `Details` are never quite empty.
  leg1Status: status,
  leg2Status: orEmpty(status),
  legs: fc.array(orEmpty(seconds), { maxLength: 2 }).map((legs) =>
    legs.map((onCallDuration, index) => ({ id: index + 1, onCallDuration }))
  )
})

const url = fc.webUrl({ withQueryParameters: true })

const record: FastCheck.Arbitrary<CallRecord> = fc.record({
  sid: sidArbitrary,
  accountSid: fc.constantFrom("acme1", "acme1m", "Acme-2"),
  parentCallSid: orEmpty(sidArbitrary),
  dateCreated: orEmpty(instant),
  dateUpdated: orEmpty(instant),
  to: number,
  from: number,
  phoneNumberSid: orEmpty(number),
  status,
  startTime: orEmpty(instant),
  endTime: orEmpty(instant),
  duration: orEmpty(seconds),
  price: orEmpty(price),
  direction: orEmpty(fc.constantFrom("inbound", "outbound-dial", "outbound-api", "sideways")),
  answeredBy: orEmpty(fc.constantFrom("human", "machine")),
  forwardedFrom: orEmpty(number),
  callerName: orEmpty(text),
  uri: orEmpty(fc.constant("/v1/Accounts/acme1m/Calls/abc.json")),
  recordingUrl: orEmpty(url),
  preSignedRecordingUrl: orEmpty(url),
  details: orEmpty(details)
})

/**
 * Every combination of the wire formats that occur and that keep the meaning of a record.
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const wireFormat: FastCheck.Arbitrary<WireFormat> = fc.record<WireFormat>({
  numbers: fc.constantFrom("number", "string"),
  jsonEmpty: fc.constantFrom("null", "empty string", "absent", "null text"),
  xmlEmpty: fc.constantFrom("self-closing", "pair", "absent", "null text"),
  endedStatus: fc.constant("present"),
  unsetTime: fc.constantFrom("empty", "1970-01-01 05:30:00", "0001-01-01T00:00:00Z", "0000-00-00 00:00:00"),
  escapedSlashes: fc.boolean(),
  prettyXml: fc.boolean(),
  xmlErrorRoot: fc.constantFrom("TwilioResponse", "RestException"),
  errorCode: fc.constantFrom("number", "string", "absent")
})

const option = Option.fromNullable
const optionSeconds = (value: number | undefined) => Option.map(option(value), Duration.seconds)

const callOf = (record: CallRecord, zone: DateTime.TimeZone): Call.Call => {
  const time = (millis: number | undefined) =>
    Option.map(option(millis), (at) => DateTime.unsafeMakeZoned(at, { timeZone: zone }))
  const { details } = record
  return new Call.Call({
    sid: record.sid as CallSid,
    parentCallSid: option(record.parentCallSid),
    accountSid: Option.some(record.accountSid),
    status: record.status,
    direction: option(record.direction),
    from: Option.some(record.from),
    to: Option.some(record.to),
    exoPhone: option(record.phoneNumberSid),
    dateCreated: time(record.dateCreated),
    dateUpdated: time(record.dateUpdated),
    startTime: time(record.startTime),
    endTime: time(record.endTime),
    duration: optionSeconds(record.duration),
    price: Option.flatMap(option(record.price), BigDecimal.fromString),
    answeredBy: option(record.answeredBy),
    forwardedFrom: option(record.forwardedFrom),
    callerName: option(record.callerName),
    uri: option(record.uri),
    recordingUrl: option(record.recordingUrl),
    preSignedRecordingUrl: option(record.preSignedRecordingUrl),
    details: details === undefined ? Option.none() : Option.some(
      new Call.CallDetails({
        conversationDuration: optionSeconds(details.conversationDuration),
        leg1Status: option(details.leg1Status),
        leg2Status: option(details.leg2Status),
        legs: Data.array(
          details.legs.map(({ id, onCallDuration }) =>
            new Call.Leg({ id, onCallDuration: optionSeconds(onCallDuration) })
          )
        )
      })
    )
  })
}

/**
 * A call, and how Exotel may write it.
 *
 * @since 0.1.0
 * @category models
 */
export interface WireCall {
  /** The call that either body decodes to, in the zone +05:30. */
  readonly call: Call.Call
  readonly json: string
  readonly xml: string
  /** The wire format of both bodies. */
  readonly wireFormat: WireFormat
}

/**
 * Calls with their bodies in JSON and XML, in any wire format.
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const wireCall: FastCheck.Arbitrary<WireCall> = fc.tuple(record, wireFormat).map(([record, wireFormat]) => {
  const zone = ExotelConfig.defaultTimeZone
  return {
    call: callOf(record, zone),
    json: encodeCall(record, "json", wireFormat, zone),
    xml: encodeCall(record, "xml", wireFormat, zone),
    wireFormat
  }
})

/**
 * Calls of every kind: known and unknown words, fields there and absent, with and without details.
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const call: FastCheck.Arbitrary<Call.Call> = record.map((record) => callOf(record, ExotelConfig.defaultTimeZone))

const upTo = (maxSeconds: number) => fc.integer({ min: 0, max: maxSeconds }).map(Duration.seconds)

const common = {
  settles: upTo(600),
  stages: fc.boolean(),
  queue: upTo(5),
  price: fc.option(price)
}

const unanswered = fc.record({ ...common, ring: upTo(60), leg: fc.constantFrom<1 | 2>(1, 2) })

const phase: FastCheck.Arbitrary<CallScript.CustomPhase> = fc.record({
  status: fc.constantFrom("queued", "ringing", "in-progress", "transferring"),
  duration: upTo(120),
  parties: fc.constantFrom<0 | 1 | 2>(0, 1, 2)
})

/**
 * Scripts that end, of every kind, up to some 40 minutes long; a few with undocumented statuses.
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const script: FastCheck.Arbitrary<CallScript.CallScript> = fc.oneof(
  fc.record({ ...common, ring: upTo(60), connect: upTo(30), talk: upTo(1800), legs: fc.constantFrom<1 | 2>(1, 2) })
    .map(CallScript.answered),
  fc.record({ ...common, ring: upTo(60), talk: upTo(1800) }).map(CallScript.inbound),
  unanswered.map(CallScript.busy),
  unanswered.map(CallScript.noAnswer),
  unanswered.map(CallScript.failed),
  unanswered.map(CallScript.canceled),
  fc.tuple(
    fc.array(phase, { maxLength: 6 }),
    fc.constantFrom("completed", "failed", "busy", "no-answer", "canceled"),
    upTo(600)
  )
    .map(([phases, status, settles]) => CallScript.custom(phases, { status }, { settles }))
)

const transient = fc.oneof(
  fc.constantFrom(429, 500, 502, 503, 504).map((status) => FaultPlan.status(status)),
  fc.integer({ min: 0, max: 20 }).map((s) => FaultPlan.status(429, { retryAfter: Duration.seconds(s) })),
  fc.constantFrom(FaultPlan.refused, FaultPlan.reset(), FaultPlan.reset("body")),
  fc.integer({ min: 1, max: 30 }).map((duration) => FaultPlan.stalled({ duration: Duration.seconds(duration) })),
  fc.constantFrom(FaultPlan.truncated(), FaultPlan.html, FaultPlan.garbage)
)

/**
 * Plans of faults that pass: up to five, each on some of the first twenty requests. Each may remain unused.
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const transientFaults: FastCheck.Arbitrary<FaultPlan.FaultPlan> = fc.array(
  fc.tuple(transient, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 }))
    .map(([plan, requests]) => plan.pipe(FaultPlan.onRequest(...requests), FaultPlan.optional)),
  { maxLength: 5 }
).map((plans) => FaultPlan.all(...plans))
