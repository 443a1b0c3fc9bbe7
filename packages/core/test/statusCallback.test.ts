/** Status callbacks in their three content types, malformed and hostile ones included. */
import { StatusCallback } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Exit, FastCheck, Option, Schema } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"

const sid = "4kq0s7d2m9xv1c8h3j6n5b0r2t7w4y9z"

const form = (fields: Record<string, string>) => ({
  contentType: "application/x-www-form-urlencoded",
  body: new URLSearchParams(fields).toString()
})

const multipart = (fields: Record<string, string>) => ({
  contentType: "multipart/form-data; boundary=XX",
  body: Object.entries(fields)
    .map(([name, value]) => `--XX\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
    .join("") + "--XX--\r\n"
})

const json = (value: unknown) => ({ contentType: "application/json", body: JSON.stringify(value) })

const bytes = ({ body, contentType }: { contentType: string; body: string }) => ({
  contentType,
  body: new TextEncoder().encode(body)
})

const flat = {
  CallSid: sid,
  EventType: "terminal",
  Status: "completed",
  CustomField: "order 17",
  ConversationDuration: "12",
  RecordingUrl: "null",
  "Legs[0][OnCallDuration]": "20",
  "Legs[0][Status]": "completed",
  "Legs[1][OnCallDuration]": "12",
  "Legs[1][Status]": "completed"
}

const nested = {
  CallSid: sid,
  EventType: "terminal",
  Status: "completed",
  CustomField: "order 17",
  ConversationDuration: 12,
  Legs: [{ OnCallDuration: 20, Status: "completed" }, { OnCallDuration: "12", Status: "completed" }]
}

describe("StatusCallback.decode", () => {
  it.effect("reads the same callback from a form, a multipart form and JSON", () =>
    Effect.gen(function*() {
      for (const body of [form(flat), multipart(flat), json(nested)]) {
        const callback = yield* StatusCallback.decode(bytes(body))
        assert.strictEqual(callback.sid, sid)
        deepStrictEqual(callback.status, Option.some("completed"))
        deepStrictEqual(callback.customField, Option.some("order 17"))
        deepStrictEqual(Option.map(callback.conversationDuration, Duration.toSeconds), Option.some(12))
        deepStrictEqual(
          callback.legs.map((leg) => Option.map(leg.onCallDuration, Duration.toSeconds)),
          [Option.some(20), Option.some(12)]
        )
      }
    }))

  it.effect("reads the field names of pass-through applets, and the text null as no value", () =>
    Effect.gen(function*() {
      const callback = yield* StatusCallback.decode(
        bytes(form({ CallSid: sid, CallStatus: "busy", Direction: "incoming", CustomField: "null" }))
      )
      deepStrictEqual(callback.status, Option.some("busy"))
      deepStrictEqual(callback.direction, Option.some("incoming"))
      deepStrictEqual(callback.customField, Option.none())
    }))

  it.effect("rejects a callback without a valid sid", () =>
    Effect.gen(function*() {
      for (const body of [form({}), form({ CallSid: "../x" }), json([]), json({ CallSid: { a: 1 } }), json("x")]) {
        const error = yield* Effect.flip(StatusCallback.decode(bytes(body)))
        assert.strictEqual(error._tag, "InvalidCallback")
      }
    }))

  it.live("completes for a multipart body that was cut off at any position", () =>
    Effect.gen(function*() {
      const { body, contentType } = multipart(flat)
      for (let length = 0; length < body.length - 2; length++) {
        const exit = yield* StatusCallback.decode(bytes({ contentType, body: body.slice(0, length) })).pipe(
          Effect.timeout("1 second"),
          Effect.exit
        )
        const tag = Exit.isFailure(exit) && exit.cause._tag === "Fail" ? exit.cause.error._tag : exit._tag
        assert.include(["InvalidCallback", "Success"], tag, `cut off after ${length}`)
      }
    }))

  it.effect("never dies, whatever the body contains", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.constantFrom(
            "application/json",
            "multipart/form-data; boundary=XX",
            "multipart/form-data",
            "text/plain",
            ""
          ),
          FastCheck.oneof(
            FastCheck.uint8Array({ maxLength: 200 }),
            FastCheck.tuple(FastCheck.constantFrom(form(flat), multipart(flat), json(nested)), FastCheck.nat(400))
              .map(([{ body }, length]) => new TextEncoder().encode(body.slice(0, length)))
          ),
          async (contentType, body) => {
            const exit = await Effect.runPromiseExit(StatusCallback.decode({ contentType, body }))
            return Exit.isSuccess(exit) || exit.cause._tag === "Fail"
          }
        ),
        { numRuns: cases(500) }
      )
    ))

  it.effect("reads a multipart form with a preamble, an epilogue or bare line feeds", () =>
    Effect.gen(function*() {
      const { body, contentType } = multipart(flat)
      const bare = body.replaceAll("\r\n", "\n")
      for (
        const variant of [`preamble\r\n${body}`, `\r\n${body}`, `${body}epilogue\r\n`, bare, `preamble\n${bare}end`]
      ) {
        for (const type of [contentType, `multipart/form-data; charset=utf-8; boundary="XX"`]) {
          const callback = yield* StatusCallback.decode(bytes({ contentType: type, body: variant }))
          assert.strictEqual(callback.sid, sid)
          deepStrictEqual(callback.customField, Option.some("order 17"))
          assert.strictEqual(callback.legs.length, 2)
        }
      }
    }))

  it.effect("rejects a form that names two calls", () =>
    Effect.gen(function*() {
      const { body, contentType } = multipart(flat)
      const twice = [
        {
          contentType,
          body: body.replace("--XX", `--XX\r\nContent-Disposition: form-data; name="CallSid"\r\n\r\nb1\r\n--XX`)
        },
        { ...form(flat), body: `CallSid=b1&${form(flat).body}` }
      ]
      for (const request of twice) {
        const error = yield* Effect.flip(StatusCallback.decode(bytes(request)))
        assert.strictEqual(error.reason, "DuplicateSid")
      }
    }))

  it.effect("survives encoding and decoding by its schema", () =>
    Effect.gen(function*() {
      const callback = yield* StatusCallback.decode(bytes(json(nested)))
      const stored = JSON.stringify(yield* Schema.encode(StatusCallback.StatusCallback)(callback))
      deepStrictEqual(yield* Schema.decodeUnknown(StatusCallback.StatusCallback)(JSON.parse(stored)), callback)
    }))

  it.effect("reads whole seconds only, and trims texts", () =>
    Effect.gen(function*() {
      for (
        const [given, expected] of [["12", 12], [" 12 ", 12], ["12x", undefined], ["x12", undefined], [
          -1,
          undefined
        ]] as const
      ) {
        const callback = yield* StatusCallback.decode(
          bytes(json({ ...nested, ConversationDuration: given, CustomField: " a " }))
        )
        deepStrictEqual(callback.conversationDuration, Option.map(Option.fromNullable(expected), Duration.seconds))
        deepStrictEqual(callback.customField, Option.some("a"))
      }
    }))

  it.effect("keeps sixteen legs, of which those that cannot be read are empty", () =>
    Effect.gen(function*() {
      const leg = (status: string) => ({ Status: status })
      const many = Array.from({ length: 20 }, (_, i) => leg(`s${i}`))
      const statuses = ({ legs }: StatusCallback.StatusCallback) =>
        legs.map(({ status }) => Option.getOrElse(status, () => ""))
      const last = many.slice(0, 16).map(({ Status }) => Status)
      const form20 = form({
        CallSid: sid,
        ...Object.fromEntries(many.map(({ Status }, i) => [`Legs[${i}][Status]`, Status]))
      })
      deepStrictEqual(statuses(yield* StatusCallback.decode(bytes(json({ CallSid: sid, Legs: many })))), last)
      deepStrictEqual(statuses(yield* StatusCallback.decode(bytes(form20))), last)
      const odd = json({ CallSid: sid, Legs: [null, "x", ["Status"], leg("busy")] })
      deepStrictEqual(statuses(yield* StatusCallback.decode(bytes(odd))), ["", "", "", "busy"])
      const names = form({ CallSid: sid, "xLegs[0][Status]": "a", "Legs[0][Status]x": "b", "Legs[2][Status]": "c" })
      deepStrictEqual(statuses(yield* StatusCallback.decode(bytes(names))), ["", "", "c"])
      for (const Legs of [undefined, {}, "none"]) {
        deepStrictEqual((yield* StatusCallback.decode(bytes(json({ CallSid: sid, Legs })))).legs, [])
      }
    }))

  it.effect("says that a body is malformed, of each content type", () =>
    Effect.gen(function*() {
      const { body } = multipart(flat)
      for (
        const request of [
          { contentType: "application/json", body: " {\"CallSid\":" },
          { contentType: "multipart/form-data", body },
          { contentType: "multipart/form-data; boundary=YY", body },
          { contentType: "multipart/form-data; boundary=XX", body: `--XX\r\n${flat.CallSid}\r\n--XX--\r\n` }
        ]
      ) assert.strictEqual((yield* Effect.flip(StatusCallback.decode(bytes(request)))).reason, "Malformed")
    }))

  it.effect("ignores a file, and finds the format by the content if the type names another one", () =>
    Effect.gen(function*() {
      const { body, contentType } = multipart(flat)
      const file = `--XX\r\nContent-Disposition: form-data; name="CustomField"; filename="a"\r\n\r\nb\r\n`
      const received = [
        { contentType, body: file + body },
        { contentType: "text/plain; note=multipart/form-data", body: ` ${json(nested).body}` },
        { contentType: "text/plain; note=multipart/form-data", body: form(flat).body }
      ]
      for (const request of received) {
        deepStrictEqual((yield* StatusCallback.decode(bytes(request))).customField, Option.some("order 17"))
      }
    }))
})
