/** Callbacks in their three content types, forged, damaged and endless ones; none is ever believed. */
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { CallWatch, StatusCallback } from "@effect-exotel/watch"
import { HttpApp, HttpClient, HttpClientRequest, HttpMiddleware, HttpRouter, HttpServer } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Exit, FastCheck, Fiber, Layer, Logger, Option, Redacted, Stream, TestClock } from "effect"

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

/** The route as a server would call it, over a watch that counts the hints. */
const serve = (options?: StatusCallback.RouteOptions) =>
  Effect.gen(function*() {
    const hints: Array<string> = []
    const never = () => Effect.never
    const watch = CallWatch.CallWatch.of({
      changes: () => Stream.never,
      events: () => Stream.never,
      awaitEnd: never,
      awaitSettled: never,
      fleet: () => Stream.never,
      hint: (hinted) => Effect.sync(() => hints.push(hinted) > 0),
      resume: () => Stream.never
    })
    const handler = HttpApp.toWebHandler(Effect.provideService(StatusCallback.app(options), CallWatch.CallWatch, watch))
    const post = (path: string, { body, contentType }: { contentType: string; body: string }, method = "POST") =>
      Effect.promise(() =>
        handler(
          new Request(`http://127.0.0.1${path}`, {
            method,
            headers: { "content-type": contentType },
            ...(method === "GET" ? {} : { body })
          })
        )
      )
    return { hints, post }
  })

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

  it.effect("understands the words of pass-through applets, and their text null", () =>
    Effect.gen(function*() {
      const callback = yield* StatusCallback.decode(
        bytes(form({ CallSid: sid, CallStatus: "busy", Direction: "incoming", CustomField: "null" }))
      )
      deepStrictEqual(callback.status, Option.some("busy"))
      deepStrictEqual(callback.direction, Option.some("incoming"))
      deepStrictEqual(callback.customField, Option.none())
    }))

  it.effect("refuses a callback without a sid, or with one that is no sid", () =>
    Effect.gen(function*() {
      for (const body of [form({}), form({ CallSid: "../x" }), json([]), json({ CallSid: { a: 1 } }), json("x")]) {
        const error = yield* Effect.flip(StatusCallback.decode(bytes(body)))
        assert.strictEqual(error._tag, "InvalidCallback")
      }
    }))

  it.live("comes to an end with every part of a body that was cut off", () =>
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

  it.effect("never dies of a body, whatever is in it", () =>
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
        { numRuns: 500 }
      )
    ))
})

describe("StatusCallback.app", () => {
  it.effect("hints at the call and answers 204, whether or not somebody watches it", () =>
    Effect.gen(function*() {
      const { hints, post } = yield* serve()
      for (const body of [form(flat), multipart(flat), json(nested)]) {
        assert.strictEqual((yield* post("/exotel", body)).status, 204)
      }
      deepStrictEqual(hints, [sid, sid, sid])
    }))

  it.effect("answers 404 and hints at nothing when the secret is wrong", () =>
    Effect.gen(function*() {
      const { hints, post } = yield* serve({ secret: Redacted.make("s3cretEnough") })
      for (
        const path of [
          "/exotel",
          "/exotel/",
          "/exotel/s3cretEnoug",
          "/exotel/s3cretEnoughX",
          "/exotel/s3cretEnougX",
          "/s3cretEnough/x"
        ]
      ) {
        assert.strictEqual((yield* post(path, form(flat))).status, 404)
      }
      deepStrictEqual(hints, [])
      assert.strictEqual((yield* post("/exotel/s3cretEnough?x=1", form(flat))).status, 204)
      deepStrictEqual(hints, [sid])
    }))

  it.effect("refuses what is too large, no callback, or no POST", () =>
    Effect.gen(function*() {
      const { hints, post } = yield* serve({ maxBodyBytes: 1000 })
      assert.strictEqual((yield* post("/", form({ ...flat, CustomField: "x".repeat(1000) }))).status, 413)
      assert.strictEqual((yield* post("/", json([]))).status, 400)
      assert.strictEqual((yield* post("/", form(flat), "GET")).status, 405)
      deepStrictEqual(hints, [])
    }))

  it.scopedLive("answers 413 over a real socket, whether or not the length was declared, and logs no secret", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const collect = Logger.make((entry) => void logged.push(Logger.jsonLogger.log(entry)))
      yield* HttpServer.serveEffect(
        HttpRouter.empty.pipe(
          HttpRouter.post(
            "/:secret",
            StatusCallback.app({ maxBodyBytes: 1000, secret: Redacted.make("s3cretEnough") })
          ),
          HttpMiddleware.logger,
          Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer())))
        )
      ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, collect)))
      const client = yield* HttpClient.HttpClient
      const large = new TextEncoder().encode(`CallSid=${sid}&CustomField=${"x".repeat(100_000)}`)
      const type = "application/x-www-form-urlencoded"
      const declared = HttpClientRequest.bodyUint8Array(HttpClientRequest.post("/s3cretEnough"), large, type)
      const chunked = HttpClientRequest.bodyStream(
        HttpClientRequest.post("/s3cretEnough"),
        Stream.fromIterable(Array.from({ length: 100 }, (_, i) => large.slice(i * 1000, (i + 1) * 1000))),
        { contentType: type }
      )
      for (const request of [declared, chunked]) {
        assert.strictEqual((yield* client.execute(request)).status, 413)
      }
      assert.notInclude(logged.join(), "s3cretEnough")
    }).pipe(Effect.provide(NodeHttpServer.layerTest)))

  it.effect("gives the callback on, for what only a callback brings", () =>
    Effect.gen(function*() {
      const seen: Array<Option.Option<string>> = []
      const { post } = yield* serve({ onCallback: ({ customField }) => Effect.sync(() => void seen.push(customField)) })
      yield* post("/", multipart(flat))
      deepStrictEqual(seen, [Option.some("order 17")])
    }))

  it.effect("makes a watch look, and is not believed", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const call = yield* fake.place(CallScript.answered({ ring: "10 seconds", talk: "60 seconds" }))
      const watch = yield* CallWatch.CallWatch
      const ended = yield* Effect.fork(watch.awaitEnd(call, { cadence: () => Duration.minutes(10) }))
      yield* TestClock.adjust("20 seconds")
      // Forged: the call still goes on.
      const forged = yield* StatusCallback.decode(bytes(form({ CallSid: call, Status: "completed" })))
      assert.isTrue(yield* watch.hint(forged.sid))
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(ended)))
      // True: it has ended.
      yield* TestClock.adjust("60 seconds")
      yield* watch.hint(call)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(ended)).status, "completed")
      // The first sight, the forged hint and the true one.
      assert.strictEqual((yield* fake.journal).length, 3)
    }).pipe(Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer())))))
})
