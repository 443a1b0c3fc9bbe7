/** Records and stored bodies, decoded by the public schemas. */
import { Call, CallDecoder, CallStatus, ExotelCalls, ExotelMetrics } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import {
  BigDecimal,
  DateTime,
  Effect,
  Either,
  Equal,
  FastCheck as fc,
  Layer,
  Metric,
  type MetricState,
  Option,
  Schema
} from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { leaks, phones, printed } from "./support/canary.ts"
import { credentials, sid } from "./support/clients.ts"
import { stub } from "./support/stub.ts"
import { answered, plain, toCall, toJson, toXml, truth, variant } from "./support/wire.ts"

const decode = Schema.decodeUnknownSync(CallDecoder.FromWire())

/** The record in a JSON body. */
const recordOf = (...args: Parameters<typeof toJson>): Record<string, unknown> => JSON.parse(toJson(...args)).Call

/** Each optional field with values that it cannot have, and the path that is then listed. */
const odd: ReadonlyArray<readonly [field: string, values: ReadonlyArray<unknown>]> = [
  ["Duration", ["17.5", 17.5, "00:00:17", "-1", true, [], {}, Infinity]],
  ["Price", ["INR 1.50", "1,50", "1e999", [], {}]],
  ["EndTime", ["2026-02-30 10:00:00", "2026-01-01 10:00:00+99:99", "soon", 17, []]],
  // Of a number from 2^53 on, `JSON.parse` may have lost digits.
  ["To", [["080"], { a: 1 }, false, "080\u0000", 2 ** 53, 1e21, Infinity, NaN]],
  ["Status", [{ a: 1 }, "x".repeat(65), ["busy"]]],
  ["Direction", ["x".repeat(65), {}]],
  ["Details", [[], "none", 7, { "#text": "a lost tag" }]]
]
const oddField = fc.constantFrom(...odd.flatMap(([field, values]) => values.map((value) => [field, value] as const)))

describe("a record", () => {
  it.prop(
    "with an unreadable optional field is the call without that field, whose path is listed",
    [truth, variant, oddField],
    ([truth, variant, [field, value]]) => {
      const record = recordOf(truth, variant)
      const call = decode({ ...record, [field]: value })
      const without = decode({ ...record, [field]: null })
      deepStrictEqual([...call.unreadable], [field])
      deepStrictEqual([...without.unreadable], [])
      deepStrictEqual(
        Schema.encodeSync(Call.Call)(call),
        { ...Schema.encodeSync(Call.Call)(without), unreadable: [field] }
      )
      assert.isTrue(Schema.is(Call.Call)(call))
    },
    { fastCheck: { numRuns: cases(1000) } }
  )

  it("keeps the legs and fields of its details that can be read", () => {
    const call = decode({
      Sid: "abc",
      Status: "completed",
      Details: {
        ConversationDuration: "soon",
        Leg1Status: "completed",
        Leg2Status: [],
        Legs: [{ Leg: { OnCallDuration: 1 } }, { Leg: { Id: 2, OnCallDuration: "long" } }, null, { Id: "3" }]
      }
    })
    deepStrictEqual([...call.unreadable], [
      "Details.ConversationDuration",
      "Details.Leg2Status",
      "Details.Legs[0].Id",
      "Details.Legs[1].OnCallDuration",
      "Details.Legs[2]"
    ])
    deepStrictEqual(Call.legs(call).map(({ id }) => id), [2, 3])
    deepStrictEqual(Option.getOrThrow(call.details).leg1Status, Option.some("completed"))
  })

  it("reads the whole text of a number, or none of it", () => {
    const legs = (Id: unknown) => Call.legs(decode({ Sid: "abc", Details: { Legs: [{ Id }] } })).map(({ id }) => id)
    deepStrictEqual([legs("12"), legs(12), legs("12x"), legs("x12"), legs(1.5)], [[12], [12], [], [], []])
    const price = (Price: unknown) => Option.map(decode({ Sid: "abc", Price }).price, BigDecimal.format)
    deepStrictEqual([price("-0.75"), price(1e-12), price("1e-9")].map(Option.isSome), [true, true, true])
    deepStrictEqual([price("1e-x"), price("1e-123"), price("1.5.0")].map(Option.isSome), [false, false, false])
  })

  it("reads a text of digits, a number and a status of at most 64 characters", () => {
    const { from, status, to } = decode({ Sid: "abc", To: 2 ** 53 - 1, From: -0.5, Status: "x".repeat(64) })
    deepStrictEqual([to, from, status], [Option.some("9007199254740991"), Option.some("-0.5"), "x".repeat(64)])
  })

  it("cannot be encoded", () => {
    const result = Schema.encodeEither(CallDecoder.FromWire())(decode({ Sid: "abc" }))
    assert.include(String(Either.getOrThrow(Either.flip(result))), "can be decoded, not encoded")
  })

  it("without a status has the status unknown, which is not terminal", () => {
    for (const Status of [undefined, null, "", " ", "null"]) {
      const call = decode({ Sid: "abc", Status })
      assert.strictEqual(call.status, CallStatus.unknown)
      assert.isFalse(Call.isTerminal(call))
      deepStrictEqual([...call.unreadable], [])
    }
    assert.strictEqual(decode({ Sid: "abc" }).status, "unknown")
  })

  it("lists an unreadable ExoPhone under the name that the record has", () => {
    deepStrictEqual([...decode({ Sid: "abc", PhoneNumberSid: [] }).unreadable], ["PhoneNumberSid"])
    const call = decode({ Sid: "abc", PhoneNumberSid: [], PhoneNumber: "080" })
    deepStrictEqual(call.exoPhone, Option.some("080"))
  })

  it("has its times in the given zone", () => {
    const timeZone = DateTime.zoneUnsafeMakeNamed("Asia/Dubai")
    const call = Schema.decodeUnknownSync(CallDecoder.FromWire({ timeZone }))(recordOf(answered, plain()))
    assert.strictEqual(
      DateTime.formatIsoZoned(Option.getOrThrow(call.startTime)),
      "2026-11-02T10:00:01.000+04:00[Asia/Dubai]"
    )
    assert.isTrue(Equal.equals(decode(recordOf(answered, plain())), toCall(answered)))
  })

  it.effect("without a valid sid fails with an error that shows no value", () =>
    Effect.gen(function*() {
      for (
        const record of [phones[0], [phones[0]], null, {}, { Sid: phones[1], To: phones[0] }, { Sid: [phones[1]] }]
      ) {
        const error = yield* Effect.flip(Schema.decodeUnknown(CallDecoder.FromWire())(record))
        deepStrictEqual(leaks(printed(error)), [])
      }
    }))

  it("cannot be encoded", () => {
    assert.strictEqual(Schema.encodeUnknownEither(CallDecoder.FromWire())(toCall(answered))._tag, "Left")
  })
})

describe("a stored body", () => {
  it.effect("is decoded from JSON and from XML", () =>
    Effect.gen(function*() {
      for (const body of [toJson(answered, plain()), toXml(answered, plain())]) {
        assert.isTrue(Equal.equals(yield* CallDecoder.fromBody(body), toCall(answered)))
      }
    }))

  it.effect("that holds no call fails with a ResponseParseError that names the path and no value", () =>
    Effect.gen(function*() {
      const bodies = [
        ["", "Malformed", undefined],
        [toJson(answered, plain()).slice(0, -1), "Malformed", undefined],
        [toXml(answered, plain()).slice(0, -1), "Malformed", undefined],
        [JSON.stringify({ Call: { Sid: phones[1] } }), "Unexpected", "Call.Sid"],
        [JSON.stringify({ Metadata: {}, Calls: [] }), "Unexpected", "Calls"],
        [JSON.stringify({ RestException: { Status: 404, Message: phones[0] } }), "Unexpected", "RestException"]
      ] as const
      for (const [body, reason, path] of bodies) {
        const error = yield* Effect.flip(CallDecoder.fromBody(body))
        assert.strictEqual(error._tag, "ResponseParseError")
        deepStrictEqual([error.reason, error.path], [reason, path])
        deepStrictEqual(leaks(printed(error)), [])
      }
    }))
})

it.effect("counts unreadable fields by name, of single and of bulk reads", () =>
  Effect.gen(function*() {
    const count = (field: string) =>
      Effect.map(
        Metric.value(Metric.tagged(ExotelMetrics.unreadableFields, "field", field)),
        (state: MetricState.MetricState.Counter<number>) => state.count
      )
    const fields = ["Duration", "Details.Legs.OnCallDuration"]
    const before = yield* Effect.forEach(fields, count)
    const record = {
      Sid: sid,
      Duration: "soon",
      Details: { Legs: Array.from({ length: 11 }, (_, Id) => ({ Leg: { Id, OnCallDuration: "long" } })) }
    }
    const wire = stub((url) =>
      new Response(
        JSON.stringify(url.pathname.endsWith("/Calls.json") ? { Metadata: {}, Calls: [record] } : { Call: record })
      )
    )
    yield* Effect.gen(function*() {
      const calls = yield* ExotelCalls.ExotelCalls
      yield* calls.getWithDetails(sid)
      yield* calls.findEnded([sid], { details: true })
    }).pipe(
      Effect.provide(Layer.provide(ExotelCalls.layer({ ...credentials, region: "mumbai" }), wire.layer))
    )
    const after = yield* Effect.forEach(fields, count)
    deepStrictEqual(after.map((n, i) => n - (before[i] ?? 0)), [2, 22])
  }))
