/** The callbacks that a connect request asks for. */
import { StatusCallback } from "@effect-exotel/core"
import { type CallbackPlan, CallScript, type ConnectPlan, FakeExotel } from "@effect-exotel/testing"
import { HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Option, Ref, TestClock } from "effect"
import { flow, post, read, sidOf, twoNumbers } from "./support/connect.ts"

const StatusCallbackUrl = "https://app.example/hook"
const bothEvents = { "StatusCallbackEvents[0]": "terminal", "StatusCallbackEvents[1]": "answered" }

interface Received {
  readonly contentType: string
  readonly body: string
}

/** Places one call, lets it end, and returns the posted callbacks. */
const callbacksOf = (fields: Readonly<Record<string, string>>, options: FakeExotel.Options = {}) =>
  Effect.gen(function*() {
    const received = yield* Ref.make<ReadonlyArray<Received>>([])
    const app = Effect.gen(function*() {
      const request = yield* HttpServerRequest.HttpServerRequest
      const contentType = request.headers["content-type"] ?? ""
      const body = yield* request.text
      yield* Ref.update(received, (all) => [...all, { contentType, body }])
      return HttpServerResponse.empty()
    })
    return yield* Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.deliverCallbacks(app)
      const { text } = yield* post(fields)
      yield* TestClock.adjust("2 minutes")
      return { sid: sidOf(text), record: yield* read(sidOf(text)), received: yield* Ref.get(received) }
    }).pipe(Effect.provide(FakeExotel.layerHttpClient({
      connect: CallScript.answered({ connect: "3 seconds" }),
      ...options
    })))
  })

const decode = ({ body, contentType }: Received) =>
  StatusCallback.decode({ contentType, body: new TextEncoder().encode(body) })

const names = ({ body }: Received) => [...body.matchAll(/name="([^"]*)"/g)].map(([, name]) => name)
const plainNames = ["CallSid", "DateUpdated", "Status", "RecordingUrl"]

describe("the callbacks of a connect request", () => {
  it.effect("are none without StatusCallback, unless the fake has one for all calls", () =>
    Effect.gen(function*() {
      deepStrictEqual((yield* callbacksOf({ ...twoNumbers, ...bothEvents })).received, [])
      const statusCallback: CallbackPlan.CallbackPlan = { url: StatusCallbackUrl, contentType: "json" }
      const { received } = yield* callbacksOf(twoNumbers, { statusCallback })
      assert.strictEqual(received.length, 1)
      const own = yield* callbacksOf({ ...twoNumbers, StatusCallback: StatusCallbackUrl }, { statusCallback })
      deepStrictEqual(own.received.map(({ contentType }) => contentType.split(";")[0]), ["multipart/form-data"])
    }))

  it.effect("are one plain multipart form at the end without events", () =>
    Effect.gen(function*() {
      const { received, sid } = yield* callbacksOf({ ...twoNumbers, StatusCallback: StatusCallbackUrl })
      deepStrictEqual(received.map(names), [plainNames])
      const [callback] = yield* Effect.forEach(received, decode)
      assert.strictEqual(callback?.sid, sid)
      deepStrictEqual(callback?.status, Option.some("completed"))
    }))

  for (
    const [form, events] of [
      ["with indices", bothEvents],
      ["with brackets", { "StatusCallbackEvents[]": "answered" }]
    ] as const
  ) {
    it.effect(`have the requested events, written ${form}`, () =>
      Effect.gen(function*() {
        const fields = { ...twoNumbers, ...events, StatusCallback: StatusCallbackUrl, CustomField: "order 7" }
        const { received } = yield* callbacksOf(fields)
        const callbacks = yield* Effect.forEach(received, decode)
        const seen = callbacks.map(({ customField, eventType, legs }) =>
          [eventType, customField, ...legs.map(({ status }) => status)].map(Option.getOrElse(() => ""))
        )
        const expected = [
          ["answered", "", "in-progress", ""],
          ["answered", "", "in-progress", "in-progress"],
          ["terminal", "order 7", "completed", "completed"]
        ]
        deepStrictEqual(seen, events === bothEvents ? expected : expected.slice(0, 2))
      }))
  }

  it.effect("have the custom field, and the record has not", () =>
    Effect.gen(function*() {
      const fields = { ...twoNumbers, ...bothEvents, StatusCallback: StatusCallbackUrl, CustomField: "order-7" }
      const { received, record } = yield* callbacksOf(fields)
      deepStrictEqual(received.map(({ body }) => body.includes("order-7")), [false, false, true])
      assert.notInclude(record, "order-7")
    }))

  it.effect("are JSON on request", () =>
    Effect.gen(function*() {
      const { received } = yield* callbacksOf({
        ...twoNumbers,
        ...bothEvents,
        StatusCallback: StatusCallbackUrl,
        StatusCallbackContentType: "application/json"
      })
      deepStrictEqual(received.map(({ contentType }) => contentType), Array(3).fill("application/json"))
    }))

  it.effect("of a flow are plain, unless the fake is set to extended ones", () =>
    Effect.gen(function*() {
      const fields = { ...flow, "StatusCallbackEvents[0]": "terminal", StatusCallback: StatusCallbackUrl }
      deepStrictEqual((yield* callbacksOf(fields)).received.map(names), [plainNames])
      const extended = yield* callbacksOf(fields, { connectSettings: { flowCallbacks: "extended" } })
      assert.include(extended.received.flatMap(names), "EventType")
    }))

  it.effect("can be lost, late or doubled", () =>
    Effect.gen(function*() {
      const fields = { ...twoNumbers, StatusCallback: StatusCallbackUrl }
      const count = (connectSettings: ConnectPlan.Settings) =>
        Effect.map(callbacksOf(fields, { connectSettings }), ({ received }) => received.length)
      deepStrictEqual([
        yield* count({ callbackCopies: 0 }),
        yield* count({ callbackCopies: 2 }),
        yield* count({ callbackDelay: "5 minutes" })
      ], [0, 2, 0])
    }))
})
