/** The route for status callbacks: it gives hints to watches, limits what it reads and keeps its secret. */
import { StatusCallback } from "@effect-exotel/core"
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { CallWatch, StatusCallbackRoute } from "@effect-exotel/watch"
import { HttpApp, HttpClient, HttpClientRequest, HttpMiddleware, HttpRouter, HttpServer } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Fiber, Layer, Logger, Option, Redacted, Stream, TestClock } from "effect"
import * as Http from "node:http"

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

/** The route as a server calls it, with a watch that records the hints. */
const serve = (options?: StatusCallbackRoute.Options) =>
  Effect.gen(function*() {
    const hints: Array<string> = []
    const never = () => Effect.never
    const watch = CallWatch.CallWatch.of({
      changes: () => Stream.never,
      events: () => Stream.never,
      awaitEnd: never,
      awaitSettled: never,
      connect: () => Stream.never,
      connectAndAwaitEnd: never,
      fleet: () => Stream.never,
      hint: never,
      hintFrom: ({ sid }) => Effect.sync(() => hints.push(sid) > 0),
      resume: () => Stream.never
    })
    const handler = HttpApp.toWebHandler(
      Effect.provideService(StatusCallbackRoute.app(options), CallWatch.CallWatch, watch)
    )
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

/** The status of the response to a body that stops before its declared length. */
const statusOfUnfinishedPost = (port: number): Effect.Effect<number | undefined> =>
  Effect.async((resume) => {
    const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": 1000 }
    const request = Http.request({ host: "127.0.0.1", port, method: "POST", headers })
    request.on("response", (response) => {
      resume(Effect.succeed(response.statusCode))
      request.destroy()
    })
    request.on("error", (error) => resume(Effect.die(error)))
    request.write(`CallSid=${sid}`)
    return Effect.sync(() => request.destroy())
  })

describe("StatusCallbackRoute.app", () => {
  it.effect("gives a hint and responds with 204, whether or not the call is watched", () =>
    Effect.gen(function*() {
      const { hints, post } = yield* serve()
      for (const body of [form(flat), multipart(flat), json(nested)]) {
        assert.strictEqual((yield* post("/exotel", body)).status, 204)
      }
      deepStrictEqual(hints, [sid, sid, sid])
    }))

  it.effect("responds with 404 and gives no hint when the secret is wrong", () =>
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

  it.effect("refuses a body that is too large, a body that is not a callback, and other methods than POST", () =>
    Effect.gen(function*() {
      const { hints, post } = yield* serve({ maxBodyBytes: 1000 })
      assert.strictEqual((yield* post("/", form({ ...flat, CustomField: "x".repeat(1000) }))).status, 413)
      assert.strictEqual((yield* post("/", json([]))).status, 400)
      assert.strictEqual((yield* post("/", form(flat), "GET")).status, 405)
      deepStrictEqual(hints, [])
    }))

  it.scopedLive("responds with 413 over a real socket, whether or not the length was declared, and logs no secret", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const collect = Logger.make((entry) => void logged.push(Logger.jsonLogger.log(entry)))
      yield* HttpServer.serveEffect(
        HttpRouter.empty.pipe(
          HttpRouter.post(
            "/:secret",
            StatusCallbackRoute.app({ maxBodyBytes: 1000, secret: Redacted.make("s3cretEnough") })
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

  it.scopedLive("responds with 408 over a real socket to a body that stalls", () =>
    Effect.gen(function*() {
      yield* HttpServer.serveEffect(
        Effect.provide(
          StatusCallbackRoute.app({ timeout: "50 millis" }),
          CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer()))
        )
      )
      const { address } = yield* HttpServer.HttpServer
      assert.strictEqual(address._tag === "TcpAddress" && (yield* statusOfUnfinishedPost(address.port)), 408)
    }).pipe(Effect.provide(NodeHttpServer.layerTest)))

  it.effect("passes the callback to onCallback", () =>
    Effect.gen(function*() {
      const seen: Array<Option.Option<string>> = []
      const { post } = yield* serve({ onCallback: ({ customField }) => Effect.sync(() => void seen.push(customField)) })
      yield* post("/", multipart(flat))
      deepStrictEqual(seen, [Option.some("order 17")])
    }))

  it.effect("passes it to a handler instead, without a CallWatch, if the secret is right", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const handler = HttpApp.toWebHandler(StatusCallbackRoute.appWith(
        ({ sid }) => Effect.sync(() => void seen.push(sid)),
        { secret: Redacted.make("right") }
      ))
      const statusOf = (path: string) =>
        Effect.promise(async () => {
          const { body, contentType } = multipart(flat)
          const headers = { "content-type": contentType }
          return (await handler(new Request(`http://127.0.0.1${path}`, { method: "POST", headers, body }))).status
        })
      deepStrictEqual([yield* statusOf("/wrong"), yield* statusOf("/right")], [404, 204])
      deepStrictEqual(seen, [sid])
    }))

  it.effect("makes a watch poll, and does not decide what the watch emits", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const call = yield* fake.place(CallScript.answered({ ring: "10 seconds", talk: "60 seconds" }))
      const watch = yield* CallWatch.CallWatch
      const ended = yield* Effect.fork(watch.awaitEnd(call, { cadence: () => Duration.minutes(10) }))
      yield* TestClock.adjust("20 seconds")
      // Forged: the call is still ongoing.
      const forged = yield* StatusCallback.decode(bytes(form({ CallSid: call, Status: "completed" })))
      assert.isTrue(yield* watch.hint(forged.sid))
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(ended)))
      // Genuine: the call has ended.
      yield* TestClock.adjust("60 seconds")
      yield* watch.hint(call)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(ended)).status, "completed")
      // The first poll, and one for each hint.
      assert.strictEqual((yield* fake.journal).length, 3)
    }).pipe(Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer())))))

  it.effect("is tested with the callbacks of the fake, which the route's watch uses itself", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.deliverCallbacks(StatusCallbackRoute.app({ secret: Redacted.make("s3cretEnough") }))
      const call = yield* fake.place(CallScript.answered({ ring: "10 seconds", talk: "60 seconds" }), {
        statusCallback: { url: "https://app.example/exotel/s3cretEnough" }
      })
      const watch = yield* CallWatch.CallWatch
      const ended = yield* Effect.fork(watch.awaitEnd(call, { cadence: "10 minutes" }))
      yield* TestClock.adjust("71 seconds")
      assert.strictEqual((yield* Fiber.join(ended)).status, "completed")
      deepStrictEqual((yield* fake.journal).map(({ operation }) => operation), ["read", "callback", "read"])
    }).pipe(Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer())))))
})
