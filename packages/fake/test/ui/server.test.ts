/** The endpoints of the page, over a real socket. */
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Ref, type Scope, TestClock } from "effect"
import * as Http from "node:http"
import { serve } from "../../src/ui/server.ts"
import { type Controls, makeReader } from "../../src/ui/updates.ts"
import type { CallView } from "../../src/ui/views.ts"
import { eventually } from "../support/command.ts"

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Http.IncomingHttpHeaders
}

const request = (base: string, method: string, path: string, body?: unknown, headers: Http.OutgoingHttpHeaders = {}) =>
  Effect.async<Answer>((resume) => {
    const request = Http.request(
      `${base}${path}`,
      { method, headers: { "content-type": "application/json", ...headers } },
      (response) => {
        let text = ""
        response.on("data", (chunk) => (text += String(chunk)))
        response.on(
          "end",
          () => resume(Effect.succeed({ status: response.statusCode ?? 0, body: text, headers: response.headers }))
        )
      }
    )
    request.end(typeof body === "string" ? body : body === undefined ? undefined : JSON.stringify(body))
  })

const json = (answer: Answer): unknown => JSON.parse(answer.body)

/** A page beside a fake, both on the real clock. */
const withPage = <A, E>(
  test: (
    page: { readonly base: string; readonly speeds: Ref.Ref<number>; readonly updates: Ref.Ref<number> }
  ) => Effect.Effect<A, E, FakeExotel.FakeExotel | Scope.Scope>
) =>
  Effect.gen(function*() {
    const speeds = yield* Ref.make(1)
    // Every update reads the speed.
    const updates = yield* Ref.make(0)
    const controls: Controls = {
      onFakeClock: (effect) => effect,
      speed: Effect.zipRight(Ref.update(updates, (n) => n + 1), Ref.get(speeds)),
      setSpeed: (speed) => Ref.set(speeds, speed),
      behavior: yield* Ref.make("manual")
    }
    return yield* test({ base: yield* serve(controls, 0), speeds, updates })
  }).pipe(Effect.scoped, Effect.provide(FakeExotel.layer({ verifyOnClose: false })))

const calls = (base: string) =>
  Effect.map(request(base, "GET", "/api/state"), (answer) => (json(answer) as { calls: ReadonlyArray<CallView> }).calls)

describe("the server of the page", () => {
  it.live("places an inbound call, and drives it to its end", () =>
    withPage(({ base }) =>
      Effect.gen(function*() {
        const placed = yield* request(base, "POST", "/api/calls", { from: "09000000005", exoPhone: "08000000001" })
        assert.strictEqual(placed.status, 201)
        const { sid } = json(placed) as { sid: string }
        const act = (body: unknown) => request(base, "POST", `/api/calls/${sid}/actions`, body)
        assert.strictEqual((yield* calls(base))[0]?.direction, "inbound")
        assert.strictEqual((yield* act({ action: "hangUp" })).status, 409)
        assert.strictEqual((yield* act({ action: "answer", leg: 1 })).status, 204)
        assert.strictEqual((yield* calls(base))[0]?.leg2, "ringing")
        assert.strictEqual((yield* act({ action: "busy", leg: 2 })).status, 204)
        assert.strictEqual((yield* calls(base))[0]?.status, "busy")
        assert.strictEqual((yield* act({ action: "settle" })).status, 204)
        assert.isTrue((yield* calls(base))[0]?.settled)
      })
    ))

  it.live("changes the plan of connect requests, the faults and the clock", () =>
    withPage(({ base, speeds }) =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        assert.strictEqual((yield* request(base, "PUT", "/api/connect", { behavior: "busy" })).status, 204)
        assert.strictEqual((yield* request(base, "PUT", "/api/clock", { speed: 0 })).status, 204)
        assert.strictEqual(yield* Ref.get(speeds), 0)
        const fault = { kind: "stalled", duration: "5 seconds", times: 2 }
        assert.strictEqual((yield* request(base, "POST", "/api/faults", fault)).status, 204)
        assert.deepInclude(json(yield* request(base, "GET", "/api/state")), {
          connect: "busy",
          speed: 0,
          faults: ["stalled for 5s, 2 more"]
        })
        assert.lengthOf((yield* fake.armedFaults).faults, 1)
        assert.strictEqual((yield* request(base, "DELETE", "/api/faults")).status, 204)
        assert.lengthOf((yield* fake.armedFaults).faults, 0)
      })
    ))

  it.live("explains what is wrong with a command", () =>
    withPage(({ base }) =>
      Effect.gen(function*() {
        const refused = (status: number, part: string, answer: Answer) => {
          assert.strictEqual(answer.status, status)
          assert.include(String((json(answer) as { error: string }).error), part)
        }
        refused(404, "no such call", yield* request(base, "POST", "/api/calls/unknown/actions", { action: "settle" }))
        refused(
          400,
          "action: must be one of answer, busy,",
          yield* request(base, "POST", "/api/calls/unknown/actions", { action: "dance" })
        )
        refused(400, "must be JSON", yield* request(base, "PUT", "/api/clock", "{"))
        refused(400, "speed", yield* request(base, "PUT", "/api/clock", { speed: -1 }))
        refused(400, "speeed", yield* request(base, "PUT", "/api/clock", { speed: 1, speeed: 2 }))
        refused(404, "no such page", yield* request(base, "GET", "/../package.json"))
        refused(403, "Host", yield* request(base, "GET", "/api/state", undefined, { host: "evil.example" }))
        refused(
          403,
          "origins",
          yield* request(base, "GET", "/api/events", undefined, { origin: "http://evil.example" })
        )
        const page = yield* request(base, "GET", "/")
        assert.include(page.headers["content-security-policy"], "default-src 'self'")
        assert.include(page.body, "<title>exotel-fake</title>")
      })
    ))

  it.live("closes while a page is open", () =>
    Effect.gen(function*() {
      let text = ""
      let isClosed = false
      yield* withPage(({ base }) => {
        const request = Http.get(`${base}/api/events`, (response) => {
          response.on("data", (chunk) => (text += String(chunk)))
          response.on("close", () => (isClosed = true))
          response.on("error", () => {})
        })
        request.on("error", () => {})
        return eventually(Effect.sync(() => text), (text) => text.includes("\"reset\":true"))
      })
      yield* eventually(Effect.sync(() => isClosed), (isClosed) => isClosed)
    }))

  it.live("ends the stream of updates when the page is closed", () =>
    withPage(({ base, updates }) =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        let text = ""
        const request = Http.get(
          `${base}/api/events`,
          (response) => response.on("data", (chunk) => (text += String(chunk)))
        )
        request.on("error", () => {})
        yield* eventually(Effect.sync(() => text), (text) => text.includes("\"reset\":true"))
        const sid = yield* fake.place(CallScript.answered())
        yield* eventually(Effect.sync(() => text), (text) => text.includes(sid))
        request.destroy()
        const after = Effect.delay(Ref.get(updates), "300 millis")
        const isIdle = Effect.zipWith(after, after, (one, other) => one === other)
        assert.isTrue(yield* eventually(isIdle, (isIdle) => isIdle))
      })
    ))
})

describe("the updates of a page", () => {
  it.effect("report each call when it changes, and not otherwise", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const read = yield* makeReader({
        onFakeClock: (effect) => effect,
        speed: Effect.succeed(1),
        setSpeed: () => Effect.void,
        behavior: yield* Ref.make("manual")
      })
      const statuses = Effect.map(read, ({ calls }) => calls.map(({ leg1, status }) => `${status} ${leg1}`))
      yield* fake.place(CallScript.answered({ ring: "8 seconds", talk: "40 seconds", settles: "20 seconds" }))
      deepStrictEqual(yield* statuses, ["in-progress ringing"])
      assert.isFalse((yield* read).changed)
      yield* TestClock.adjust("8 seconds")
      deepStrictEqual(yield* statuses, ["in-progress in-progress"])
      yield* TestClock.adjust("1 second")
      deepStrictEqual(yield* statuses, [])
      yield* TestClock.adjust("39 seconds")
      deepStrictEqual(yield* statuses, ["completed completed"])
      yield* TestClock.adjust("20 seconds")
      deepStrictEqual(yield* Effect.map(read, ({ calls }) => calls.map(({ settled }) => settled)), [true])
      yield* TestClock.adjust("1 hour")
      assert.isFalse((yield* read).changed)
    }).pipe(Effect.provide(FakeExotel.layer({ verifyOnClose: false }))))
})
