/** A call decodes equally from JSON and XML, in every form that occurs on the wire. */
import { Call } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { DateTime, Duration, Either, Equal, Hash, Option, Schema } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { read } from "./support/read.ts"
import { answered, fresh, plain, toCall, toJson, toXml, truth, unanswered, variant } from "./support/wire.ts"

const callOf = (body: string): Call.Call => Either.getOrThrowWith(read(body), (error) => new Error(error.message))

describe("decoding", () => {
  it.prop(
    "reads the same call from JSON and from XML, in every form of each value",
    [truth, variant, variant],
    ([truth, forJson, forXml]) => {
      const expected = toCall(truth)
      const json = callOf(toJson(truth, forJson))
      const xml = callOf(toXml(truth, forXml))
      deepStrictEqual(Schema.encodeSync(Call.Call)(json), Schema.encodeSync(Call.Call)(expected))
      deepStrictEqual(Schema.encodeSync(Call.Call)(xml), Schema.encodeSync(Call.Call)(expected))
      assert.isTrue(Equal.equals(json, xml))
      assert.isTrue(Equal.equals(json, expected))
      assert.strictEqual(Hash.hash(json), Hash.hash(xml))
    },
    { timeout: 60_000, fastCheck: { numRuns: cases(1500) } }
  )

  it.prop(
    "returns calls that satisfy the public schema and can be stored as JSON",
    [truth, variant],
    ([truth, variant]) => {
      const call = callOf(toXml(truth, variant))
      assert.isTrue(Schema.is(Call.Call)(call))
      const stored = JSON.stringify(Schema.encodeSync(Call.Call)(call))
      assert.isTrue(Equal.equals(Schema.decodeUnknownSync(Call.Call)(JSON.parse(stored)), call))
    },
    { timeout: 60_000, fastCheck: { numRuns: cases(1000) } }
  )

  for (const [name, sample] of Object.entries({ answered, fresh, unanswered })) {
    it(`reads the ${name} sample`, () => {
      assert.isTrue(Equal.equals(callOf(toJson(sample, plain())), toCall(sample)))
      assert.isTrue(Equal.equals(callOf(toXml(sample, plain())), toCall(sample)))
    })
  }

  it("keeps a number's zero and plus, a price's digits and an unknown status", () => {
    const call = callOf(toXml({ ...answered, status: "transferring" }, plain()))
    deepStrictEqual(call.to, Option.some("08012345678"))
    deepStrictEqual(call.from, Option.some("+918087654321"))
    assert.strictEqual(call.status, "transferring")
    assert.isFalse(Call.isTerminal(call))
    deepStrictEqual(Option.map(call.price, String), Option.some("BigDecimal(1.5)"))
  })

  it("distinguishes two calls that differ in one leg", () => {
    const other = { ...answered, details: { ...unanswered.details, legs: [] } } as typeof answered
    assert.isFalse(Equal.equals(toCall(other), toCall(answered)))
    assert.isFalse(Equal.equals(callOf(toJson(other, plain())), callOf(toJson(answered, plain()))))
  })

  it("reads a time as the wall clock of the account", () => {
    const start = Option.getOrThrow(callOf(toJson(answered, plain())).startTime)
    assert.strictEqual(DateTime.formatIsoZoned(start), "2026-11-02T10:00:01.000+05:30")
    assert.strictEqual(DateTime.toEpochMillis(start), Date.UTC(2026, 10, 2, 4, 30, 1))
  })

  it("has legs and talk time only for a call with details", () => {
    const call = callOf(toJson(answered, plain()))
    deepStrictEqual(Call.talkTime(call), Option.some(Duration.seconds(40)))
    deepStrictEqual(Call.legs(call).map((leg) => leg.id), [1, 2])
    const bare = callOf(toJson(fresh, plain()))
    deepStrictEqual(Call.talkTime(bare), Option.none())
    deepStrictEqual(Call.legs(bare), [])
  })

  it("ignores unknown fields and elements", () => {
    const json = JSON.stringify({ Meta: [1], Call: { Sid: "abc", Status: "busy", Custom: { a: [1] }, Flag: true } })
    const xml =
      "<TwilioResponse><Meta/><Call><Sid>abc</Sid><Custom><a>1</a><a>2</a></Custom><Status>busy</Status></Call></TwilioResponse>"
    assert.isTrue(Equal.equals(callOf(json), callOf(xml)))
  })

  it("ignores white space around the body", () => {
    for (const body of [toJson(answered, plain()), toXml(answered, plain())]) {
      assert.isTrue(Equal.equals(callOf(`\r\n\t ${body} \r\n`), toCall(answered)))
    }
  })
})
