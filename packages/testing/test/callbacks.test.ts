/** Callbacks: at which time, in which form, and how they go astray. */
import { CallbackPlan, CallScript, FakeExotel, Journal } from "@effect-exotel/testing"
import { HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Layer, Ref, TestClock } from "effect"

/** A route that keeps what is posted to it, and a fake that posts there. */
const withRoute = <A, E>(
  test: (received: Effect.Effect<ReadonlyArray<string>>) => Effect.Effect<A, E, FakeExotel.FakeExotel>,
  options?: FakeExotel.Options
) =>
  Effect.gen(function*() {
    const received = yield* Ref.make<ReadonlyArray<string>>([])
    const app = Effect.gen(function*() {
      const request = yield* HttpServerRequest.HttpServerRequest
      const body = yield* request.text
      yield* Ref.update(received, (bodies) => [...bodies, body])
      return HttpServerResponse.empty()
    })
    const callbackClient = yield* CallbackPlan.clientFromApp(app)
    return yield* Effect.provide(test(Ref.get(received)), FakeExotel.layer({ callbackClient, ...options }))
  })

const script = CallScript.answered({ ring: "8 seconds", talk: "40 seconds" })
const url = "https://app.example/hooks/secret"

describe("a status callback", () => {
  for (
    const [contentType, status] of [
      ["json", /"Status":"completed"/],
      ["form", /(^|&)Status=completed(&|$)/],
      ["multipart", /name="Status"\r\n\r\ncompleted\r\n/]
    ] as const
  ) {
    it.effect(`is posted as ${contentType} when the call ends, and not before`, () =>
      withRoute((received) =>
        Effect.gen(function*() {
          const fake = yield* FakeExotel.FakeExotel
          yield* fake.place(script, { statusCallback: { url, contentType } })
          yield* TestClock.adjust("47 seconds")
          deepStrictEqual(yield* received, [])
          yield* TestClock.adjust("1 second")
          const bodies = yield* received
          assert.strictEqual(bodies.length, 1)
          assert.match(bodies[0] ?? "", status)
        })
      ))
  }

  it.effect("reports the answer of each leg, too, when asked to", () =>
    withRoute((received) =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const events = ["answered", "terminal"] as const
        const script = CallScript.answered({ ring: "8 seconds", connect: "5 seconds", talk: "40 seconds" })
        yield* fake.place(script, { statusCallback: { url, contentType: "json", events, customField: "order 7" } })
        const callbacks = Effect.map(
          received,
          (bodies) =>
            bodies.map((body) =>
              [
                ...body.matchAll(/"(?:EventType|Status|CustomField|EndTime)":"([^"]*)"/g)
              ].map(([, value]) => value)
            )
        )
        yield* TestClock.adjust("8 seconds")
        deepStrictEqual(yield* callbacks, [["in-progress", "answered", "in-progress", ""]])
        yield* TestClock.adjust("5 seconds")
        deepStrictEqual((yield* callbacks).slice(1), [["in-progress", "answered", "in-progress", "in-progress"]])
        yield* TestClock.adjust("40 seconds")
        deepStrictEqual((yield* callbacks).slice(2), [
          ["completed", "terminal", "2026-01-01 05:30:53", "order 7", "completed", "completed"]
        ])
      })
    ))

  it.effect("reports no answer of a leg that did not answer", () =>
    withRoute((received) =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const events = ["answered", "terminal"] as const
        yield* fake.place(CallScript.noAnswer({ leg: 2 }), { statusCallback: { url, contentType: "json", events } })
        yield* fake.place(CallScript.busy(), { statusCallback: { url, contentType: "json", events } })
        yield* TestClock.adjust("1 minute")
        const answered = (yield* received).filter((body) => body.includes("\"EventType\":\"answered\""))
        assert.strictEqual(answered.length, 1)
        assert.strictEqual((yield* received).length, 3)
      })
    ))

  it.effect("can be lost, late or doubled", () =>
    withRoute((received) =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        yield* fake.place(script, { statusCallback: { url, copies: 0 } })
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* received).length, 0)
        yield* fake.place(script, { statusCallback: { url, copies: 2, delay: "1 minute" } })
        yield* TestClock.adjust("107 seconds")
        assert.strictEqual((yield* received).length, 0)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* received).length, 2)
      })
    ))

  it.effect("of a call that is led by hand comes with the step that ends it, once", () =>
    withRoute((received) =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const sid = yield* fake.place(CallScript.manual(CallScript.busy()))
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* received).length, 0)
        yield* fake.step(sid)
        yield* TestClock.adjust("1 second")
        yield* fake.step(sid)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* received).length, 1)
      }), { statusCallback: { url } }))

  it.effect("stands in the journal without the path, which may be a secret, and without numbers", () =>
    withRoute(() =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const sid = yield* fake.place(script, { statusCallback: { url } })
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(
          Journal.render(yield* fake.journal),
          `#1 +48s POST https://app.example/… 204 (callback for ${sid})`
        )
      })
    ))

  it.effect("that nothing can carry fails the test", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      yield* fake.place(script, { statusCallback: { url } })
      yield* TestClock.adjust("1 minute")
      assert.include((yield* Effect.flip(fake.verify)).message, "there is no callbackClient")
    }).pipe(Effect.provide(FakeExotel.layer({ verifyOnClose: false }))))

  it.live("is posted over a real socket by a server, which passes it to onRequest", () =>
    Effect.gen(function*() {
      const receiver = yield* FakeExotel.FakeExotel
      const logged: Array<Journal.JournalEntry> = []
      const events = yield* Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const sid = yield* fake.place(CallScript.manual(CallScript.busy()), {
          statusCallback: { url: `${receiver.baseUrl}/hook` }
        })
        yield* fake.step(sid)
        return yield* Effect.repeat(Effect.zipLeft(fake.journal, Effect.sleep("2 millis")), {
          until: ([first]) => first !== undefined && first.outcome._tag !== "Pending"
        })
      }).pipe(Effect.provide(Layer.fresh(FakeExotel.layerServer({
        onRequest: (entry) => Effect.sync(() => void logged.push(entry))
      }))))
      deepStrictEqual(logged.map(({ operation, outcome }) => [operation, outcome]), [
        ["callback", { _tag: "Answered", status: 501 }]
      ])
      // The receiver is a fake Exotel, too, and has no such path.
      deepStrictEqual(events[0]?.outcome, { _tag: "Answered", status: 501 })
    }).pipe(Effect.provide(FakeExotel.layerServer({ verifyOnClose: false }))))
})
