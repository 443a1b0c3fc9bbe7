/**
 * Measures the decoding of one call with details: the decoder of core with all its checks, compared with fast-xml-parser
 * or `JSON.parse` and a `Schema` of plain strings.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, DateTime, Effect, Either, Schema } from "effect"
import { XMLParser } from "fast-xml-parser"
// The decoder is internal to core and not exported. This benchmark measures the decoder, not the client.
import { parseBody } from "../../packages/core/src/internal/decode/body.ts"
import { callFromResponse, makeRecordDecoder } from "../../packages/core/src/internal/decode/callFromResponse.ts"
import { parseXml } from "../../packages/core/src/internal/decode/xml.ts"
import { interleave, median, ratio, smoke, table, timed } from "./lib/measure.ts"
import { call, json, xml } from "./lib/sample.ts"

const text = Schema.NullOr(Schema.String)
const Leg = Schema.Struct({ Id: text, OnCallDuration: text })
const plainCall = <A, I>(Legs: Schema.Schema<A, I>) =>
  Schema.Struct({
    Sid: text,
    ParentCallSid: text,
    DateCreated: text,
    DateUpdated: text,
    AccountSid: text,
    To: text,
    From: text,
    PhoneNumberSid: text,
    Status: text,
    StartTime: text,
    EndTime: text,
    Duration: text,
    Price: text,
    Direction: text,
    AnsweredBy: text,
    ForwardedFrom: text,
    CallerName: text,
    Uri: text,
    RecordingUrl: text,
    Details: Schema.Struct({ ConversationDuration: text, Leg1Status: text, Leg2Status: text, Legs })
  })

const decodeJson = Schema.decodeUnknownEither(
  Schema.Struct({ Call: plainCall(Schema.Array(Schema.Struct({ Leg }))) })
)
const decodeXml = Schema.decodeUnknownEither(
  Schema.Struct({
    TwilioResponse: Schema.Struct({ Call: plainCall(Schema.Struct({ Leg: Schema.Array(Leg) })) })
  })
)

const parser = new XMLParser({ parseTagValue: false, isArray: (name) => name === "Leg" })
const decodeRecord = makeRecordDecoder(DateTime.zoneMakeOffset(5.5 * 60 * 60 * 1000))
const core = (body: string) =>
  callFromResponse({ status: 200, retryAfter: undefined, body: parseBody(body, parseXml) }, {
    sid: call.sid,
    secrets: [],
    decodeRecord
  })

const operations = {
  "XML: core": () => core(xml),
  "XML: fast-xml-parser, validating, + Schema": () => decodeXml(parser.parse(xml, true)),
  "JSON: core": () => core(json),
  "JSON: JSON.parse + Schema": () => decodeJson(JSON.parse(json))
}

const program = Effect.gen(function*() {
  for (const [name, operation] of Object.entries(operations)) {
    if (!Either.isRight<unknown, unknown>(operation())) {
      return yield* Effect.dieMessage(`${name} cannot decode the sample`)
    }
  }
  const quick = yield* smoke
  const [rounds, millis] = quick ? [3, 40] : [41, 150]
  const each = (name: keyof typeof operations) => timed(operations[name], millis)
  const times = yield* interleave({
    "XML: core": each("XML: core"),
    "XML: fast-xml-parser, validating, + Schema": each("XML: fast-xml-parser, validating, + Schema"),
    "JSON: core": each("JSON: core"),
    "JSON: JSON.parse + Schema": each("JSON: JSON.parse + Schema")
  }, rounds)
  const rows = (Object.keys(operations) as Array<keyof typeof operations>).map((name) => [
    name,
    `${median(times[name]).toFixed(1)} µs`
  ])
  yield* Console.log(`Decoding one call with details, median of ${rounds} alternating rounds\n`)
  yield* Console.log(table(["", "one call"], rows))
  const xmlRatio = ratio(times["XML: core"], times["XML: fast-xml-parser, validating, + Schema"])
  const jsonRatio = ratio(times["JSON: core"], times["JSON: JSON.parse + Schema"])
  yield* Console.log(`
XML: ${xmlRatio.toFixed(2)} times the plain schema (target: at most 2)`)
  yield* Console.log(`JSON: ${jsonRatio.toFixed(2)} times the plain schema (target: at most 80 µs for one call)`)
})

NodeRuntime.runMain(program)
