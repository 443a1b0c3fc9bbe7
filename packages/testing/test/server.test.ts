/** The same fake over real sockets. Nothing here waits on the real clock for longer than a socket takes. */
import { Call, ExotelCalls } from "@effect-exotel/core"
import { CallScript, FakeExotel, FaultPlan } from "@effect-exotel/testing"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Context, Effect, Exit, Fiber, Layer, Option, Schedule, Scope, TestClock } from "effect"
import * as Net from "node:net"

const script = CallScript.answered({ ring: "8 seconds", talk: "40 seconds" })

const read = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const calls = yield* ExotelCalls.ExotelCalls
  return yield* calls.getWithDetails(yield* fake.place(script))
})

const connect = (baseUrl: string) =>
  Effect.async<Net.Socket, Error>((resume) => {
    const url = new URL(baseUrl)
    const socket = Net.connect(Number(url.port), url.hostname)
    socket.once("connect", () => resume(Effect.succeed(socket)))
    socket.once("error", (error) => resume(Effect.fail(error)))
  })

/** Whether a server listens there. */
const answers = (baseUrl: string) =>
  connect(baseUrl).pipe(Effect.match({
    onFailure: () => false,
    onSuccess: (socket) => {
      socket.destroy()
      return true
    }
  }))

/** Waits until the other side has hung up. */
const isClosed = (socket: Net.Socket) =>
  Effect.async<boolean>((resume) => {
    if (socket.closed) return resume(Effect.succeed(true))
    socket.once("close", () => resume(Effect.succeed(true)))
    socket.resume()
  })

const withFault = (faults: FaultPlan.FaultPlan) => FakeExotel.layerServer({ faults, client: { timeout: "2 seconds" } })

describe("FakeExotel.layerServer", () => {
  it.effect("answers over real HTTP by the clock of its builder, a TestClock too", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const calls = yield* ExotelCalls.ExotelCalls
      const sid = yield* fake.place(script)
      assert.strictEqual((yield* calls.get(sid)).status, "in-progress")
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Call.isTerminal(yield* calls.get(sid)))
    }).pipe(Effect.provide(FakeExotel.layerServer())))

  it.live("leaves no socket behind, not even that of a stalled answer", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(FakeExotel.layerServer(), scope)
      const fake = Context.get(context, FakeExotel.FakeExotel)
      const calls = Context.get(context, ExotelCalls.ExotelCalls)
      const sid = yield* fake.place(script)
      yield* calls.get(sid)
      yield* fake.faults(FaultPlan.stalled({ at: "body" }))
      const stalled = yield* Effect.fork(calls.get(sid))
      yield* Effect.repeat(fake.journal, {
        until: (journal) => journal.length === 2,
        // A real socket is waited for; without a pause no socket would get its turn.
        schedule: Schedule.spaced("2 millis")
      })
      assert.isTrue(yield* answers(fake.baseUrl))
      const idle = yield* connect(fake.baseUrl)
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(yield* answers(fake.baseUrl))
      assert.isTrue(yield* isClosed(idle))
      // The server cut the stalled answer off; the client is on its way to the next attempt.
      yield* Fiber.interrupt(stalled)
    }))

  it.live("answers 401 with WWW-Authenticate", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const response = yield* HttpClient.get(`${fake.baseUrl}/v1/Accounts/acme1m.json`)
      assert.strictEqual(response.status, 401)
      assert.strictEqual(response.headers["www-authenticate"], "Basic realm=\"Exotel API\"")
    }).pipe(Effect.provide([FakeExotel.layerServer(), NodeHttpClient.layerUndici])))

  for (
    const [method, path, contentType, message] of [
      ["GET", "Calls/abc.json/", "application/json", "trailing slash"],
      ["GET", "Calls/abc.xml", "application/xml", "suffix .xml"],
      ["POST", "Calls/abc.json", "application/json", "does not support POST"],
      ["POST", "Calls/Connect", "application/xml", "does not support POST"],
      ["HEAD", "Calls/abc.json", "application/json", ""]
    ] as const
  ) {
    it.live(`refuses ${method} ${path} with a 501 in Exotel's form and in the requested format`, () =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const request = HttpClientRequest.make(method)(`${fake.baseUrl}/v1/Accounts/acme1m/${path}`)
        const response = yield* HttpClient.execute(request)
        assert.strictEqual(response.status, 501)
        assert.strictEqual(response.headers["content-type"], contentType)
        const body = yield* response.text
        if (method === "HEAD") return assert.strictEqual(body, "")
        assert.include(body, "RestException")
        assert.include(body, message)
      }).pipe(Effect.provide([FakeExotel.layerServer({ verifyOnClose: false }), NodeHttpClient.layerUndici])))
  }

  it.live("resets in the middle of a body as a transport error, and the next attempt succeeds", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.faults(FaultPlan.reset("body").pipe(FaultPlan.onRequest(1)))
      const call = yield* read
      assert.isTrue(Option.isSome(call.dateCreated))
      const journal = yield* fake.journal
      deepStrictEqual(journal.map((entry) => entry.outcome._tag), ["Broken", "Answered"])
    }).pipe(Effect.provide(FakeExotel.layerServer())))

  for (
    const [name, plan, tag] of [
      ["a reset before the answer", FaultPlan.reset(), "TransportError"],
      ["a huge body", FaultPlan.hugeBody(), "ResponseParseError"],
      ["a truncated body", FaultPlan.truncated(), "ResponseParseError"],
      ["a web page", FaultPlan.html, "ResponseParseError"],
      ["a 403", FaultPlan.status(403), "AccessDenied"]
    ] as const
  ) {
    it.live(`shows ${name} as ${tag}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(read)
        assert.strictEqual(error._tag, tag)
      }).pipe(Effect.provide(withFault(plan))))
  }
})
