/** A call that is placed and watched in one: its first event, its token, its errors, and the callbacks that concern it. */
import { ConnectRequest, StatusCallback } from "@effect-exotel/core"
import { CallScript, ConnectPlan, FakeExotel, FaultPlan } from "@effect-exotel/testing"
import { CallWatch, StatusCallbackRoute, WatchMetrics, WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Clock, DateTime, Effect, Fiber, Layer, Logger, LogLevel, Metric, Option, Stream, TestClock } from "effect"
import { failure, inScenario, listen, makeWatch, type Options, type Scenario, words } from "./support/scenarios.ts"

const policy: WatchPolicy.Options = { cadence: WatchPolicy.every("1 minute") }

const script = CallScript.answered({ connect: "3 seconds", ring: "10 seconds", talk: "20 seconds" })

const numbers = { from: "+918012345678", to: "08087654321", callerId: "08047123456" }
const request = ConnectRequest.twoNumbers(numbers)

const operations = (scenario: Scenario) =>
  Effect.map(scenario.fake.journal, (journal) => journal.map(({ operation }) => operation))

const connects = (scenario: Scenario) =>
  Effect.map(operations(scenario), (all) => all.filter((operation) => operation === "connect").length)

const withScript: Options = { connect: script }

const answered = (sid: string, legs: ReadonlyArray<object>) =>
  StatusCallback.decode({
    contentType: "application/json",
    body: new TextEncoder().encode(JSON.stringify({ CallSid: sid, EventType: "answered", Legs: legs }))
  })

const leg1 = [{ Status: "in-progress", AnsweredBy: "HUMAN" }, { Status: "" }]
const leg2 = [{ Status: "in-progress", AnsweredBy: "Human" }, { Status: "in-progress", AnsweredBy: "Machine" }]

describe("a call that is placed and watched", () => {
  it.effect("begins with Placed and goes on as any watch", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const heard = yield* listen(scenario, scenario.watch.connect(request, policy))
        deepStrictEqual(words(heard), ["0 Placed in-progress", "0 Observed in-progress", "60 Ended completed"])
        assert.strictEqual(failure(heard.exit), "success")
        assert.deepInclude(heard.emitted[0]?.value, { isFinal: false })
        assert.strictEqual(heard.emitted.at(-1)?.value.isFinal, true)
        assert.strictEqual(yield* connects(scenario), 1)
      }), withScript))

  it.effect("is placed once, and watched on with the token of Placed by another process", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const [placed] = yield* Stream.runCollect(Stream.take(scenario.watch.connect(request, policy), 1))
        assert(placed?._tag === "Placed")
        const elsewhere = yield* makeWatch(scenario)
        const heard = yield* listen(scenario, elsewhere.resume(placed.token, policy))
        deepStrictEqual(words(heard), ["0 Observed in-progress", "60 Ended completed"])
        deepStrictEqual((yield* scenario.fake.placed).map(({ sid }) => sid), [placed.sid])
      }), withScript))

  it.effect("goes on when its consumer is interrupted, without further polls", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(Stream.runDrain(scenario.watch.connect(request, policy)))
        yield* Effect.sleep("5 seconds")
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(scenario.clock.timers, 0)
        const before = yield* operations(scenario)
        yield* Effect.sleep("10 minutes")
        deepStrictEqual(yield* operations(scenario), before)
        const [placed] = yield* scenario.fake.placed
        assert.strictEqual((yield* scenario.calls.get(placed?.sid ?? "")).status, "completed")
      }), withScript))

  it.effect("can be awaited to its end", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const call = yield* scenario.watch.connectAndAwaitEnd(request, { ...policy, until: "settled" })
        assert.strictEqual(call.status, "busy")
        assert.strictEqual(yield* connects(scenario), 1)
      }), { connect: CallScript.busy() }))

  it.effect("is not placed when the policy or the request is invalid", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const invalid = ConnectRequest.twoNumbers({ ...numbers, ringTimeout: "2 minutes" })
        for (
          const effect of [
            scenario.watch.connectAndAwaitEnd(request, { deadline: "-1 seconds" as never }),
            scenario.watch.connectAndAwaitEnd(invalid),
            Stream.runDrain(scenario.watch.connect(request, { stallAfter: Number.NaN })),
            Stream.runDrain(scenario.watch.connect(invalid))
          ]
        ) assert.strictEqual((yield* Effect.flip(effect))._tag, "InvalidRequest")
        deepStrictEqual(yield* scenario.fake.journal, [])
      })
    ))
})

describe("the error of a call that is placed and watched", () => {
  it.effect("is that of placing when no call was placed, and no poll follows", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const heard = yield* listen(scenario, scenario.watch.connect(request, policy))
        deepStrictEqual(words(heard), [])
        assert.strictEqual(failure(heard.exit), "DoNotDisturb")
        const exit = yield* Effect.exit(scenario.watch.connectAndAwaitEnd(request, policy))
        assert.strictEqual(failure(exit), "DoNotDisturb")
        deepStrictEqual(yield* operations(scenario), ["connect", "connect"])
      }), { connect: ConnectPlan.doNotDisturb }))

  it.effect("says that the outcome is unknown, without a second request, when the call was placed under a 504", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        yield* scenario.fake.faults(FaultPlan.status(504))
        const exit = yield* Effect.exit(scenario.watch.connectAndAwaitEnd(request, policy))
        assert.strictEqual(failure(exit), "CallOutcomeUnknown")
        assert.strictEqual((yield* scenario.fake.placed).length, 1)
        deepStrictEqual(yield* operations(scenario), ["connect"])
      }), withScript))

  for (
    const [what, reads, tag] of [
      ["a poll is denied", FaultPlan.status(403), "AccessDenied"],
      ["polls fail until the deadline", FaultPlan.status(503), "WatchTimeout"]
    ] as const
  ) {
    it.effect(`has the sid of the placed call when ${what}, so that it is not taken for a refusal`, () =>
      inScenario((scenario) =>
        Effect.gen(function*() {
          yield* scenario.fake.faults(FaultPlan.forOperation(reads, "read"))
          const short = { ...policy, deadline: "30 minutes" } as const
          const errors = [
            yield* Effect.flip(Stream.runDrain(scenario.watch.connect(request, short))),
            yield* Effect.flip(scenario.watch.connectAndAwaitEnd(request, short))
          ]
          const placed = yield* scenario.fake.placed
          for (const [i, error] of errors.entries()) {
            assert(error._tag === "PlacedCallWatchFailed")
            assert.strictEqual(error.sid, placed[i]?.sid)
            assert.strictEqual(error.error._tag, tag)
            assert.include(error.message, "do not place it again")
          }
        }).pipe(Logger.withMinimumLogLevel(LogLevel.None)), withScript))
  }
})

describe("the callbacks of a call that is placed and watched", () => {
  // The route reads bodies with promises of the runtime, which virtual time does not wait for.
  it.effect("wake the watch, and pass on which leg was answered", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const watch = yield* CallWatch.CallWatch
      yield* fake.deliverCallbacks(StatusCallbackRoute.app())
      const calledBack = ConnectRequest.twoNumbers({
        ...numbers,
        statusCallback: { url: "https://app.example/exotel/status", events: ["answered", "terminal"] }
      })
      const began = yield* Clock.currentTimeMillis
      const heard: Array<string> = []
      const listening = yield* Effect.fork(
        Stream.runForEach(
          watch.connect(calledBack, { cadence: WatchPolicy.every("1 hour"), deadline: "3 hours" }),
          (event) =>
            Effect.sync(() => {
              const leg = event._tag === "AnsweredHint"
                ? ` leg ${event.leg} ${Option.getOrElse(event.answeredBy, () => "")}`
                : ""
              heard.push(`${(DateTime.toEpochMillis(event.at) - began) / 1000} ${event._tag}${leg}`)
            })
        )
      )
      for (let second = 0; second <= 33; second++) yield* TestClock.adjust("1 second")
      yield* Fiber.join(listening)
      deepStrictEqual(heard.filter((event) => !event.includes("Changed")), [
        "0 Placed",
        "0 Observed",
        "10 AnsweredHint leg 1 human",
        "13 AnsweredHint leg 2 human",
        "33 Ended"
      ])
      // The first poll, and one for each callback.
      deepStrictEqual((yield* fake.journal).filter(({ operation }) => operation === "read").length, 4)
    }).pipe(Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer({ connect: script }))))))

  const whileWatched = (
    use: (scenario: Scenario, sid: string) => Effect.Effect<void, StatusCallback.InvalidCallback>
  ) =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const listening = yield* Effect.fork(listen(scenario, scenario.watch.connect(request, policy)))
        yield* Effect.sleep("1 second")
        const [placed] = yield* scenario.fake.placed
        yield* use(scenario, placed?.sid ?? "")
        return words(yield* Fiber.join(listening)).filter((word) => word.includes("AnsweredHint"))
      }), withScript)

  it.effect("pass on each leg once, however often and late they are repeated", () =>
    Effect.gen(function*() {
      const heard = yield* whileWatched((scenario, sid) =>
        Effect.gen(function*() {
          for (const legs of [leg1, leg1, leg2, leg1, leg2, []]) {
            assert.isTrue(yield* scenario.watch.hintFrom(yield* answered(sid, legs)))
          }
        })
      )
      deepStrictEqual(heard, ["1 AnsweredHint leg 1 human", "1 AnsweredHint leg 2 machine"])
    }))

  it.effect("name who answered in the words that Exotel documents, and in no other", () =>
    Effect.gen(function*() {
      for (
        const [word, expected] of [["NotSure", "unsure"], ["machine", "machine"], ["NA", ""], ["+918012345678", ""]]
      ) {
        const heard = yield* whileWatched((scenario, sid) =>
          Effect.flatMap(answered(sid, [{ Status: "in-progress", AnsweredBy: word }]), scenario.watch.hintFrom)
        )
        deepStrictEqual(heard, [`1 AnsweredHint leg 1 ${expected}`.trimEnd()])
      }
    }))

  it.effect("reach every stream of the call, also one of events, and none of another call or after its end", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const other = yield* scenario.fake.place(script)
        const streams = [sid, sid, other].map((sid) => listen(scenario, scenario.watch.events(sid, policy)))
        const listening = yield* Effect.fork(Effect.all(streams, { concurrency: "unbounded" }))
        yield* Effect.sleep("1 second")
        yield* scenario.watch.hintFrom(yield* answered(sid, leg2))
        const heard = yield* Fiber.join(listening)
        deepStrictEqual(heard.map((one) => words(one).filter((word) => word.includes("AnsweredHint"))), [
          ["1 AnsweredHint leg 2 machine"],
          ["1 AnsweredHint leg 2 machine"],
          []
        ])
        assert.isFalse(yield* scenario.watch.hintFrom(yield* answered(sid, leg2)))
      })
    ))

  it.effect("are no events once the stream has been interrupted", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const emitted = Metric.value(Metric.tagged(WatchMetrics.events, "event", "AnsweredHint"))
        const sid = yield* scenario.fake.place(script)
        const fiber = yield* Effect.fork(Stream.runDrain(scenario.watch.events(sid, policy)))
        yield* Effect.sleep("1 second")
        yield* scenario.watch.hintFrom(yield* answered(sid, leg1))
        const before = yield* emitted
        yield* Fiber.interrupt(fiber)
        assert.isFalse(yield* scenario.watch.hintFrom(yield* answered(sid, leg2)))
        deepStrictEqual(yield* emitted, before)
      })
    ))

  it.effect("reach a consumer that is still busy with Placed", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const slow = Stream.tap(
          scenario.watch.connect(request, policy),
          (event) => event._tag === "Placed" ? Effect.sleep("20 seconds") : Effect.void
        )
        const listening = yield* Effect.fork(listen(scenario, slow))
        yield* Effect.sleep("5 seconds")
        const [placed] = yield* scenario.fake.placed
        yield* scenario.watch.hintFrom(yield* answered(placed?.sid ?? "", leg1))
        assert.include(words(yield* Fiber.join(listening)), "20 AnsweredHint leg 1 human")
      }), withScript))

  it.effect("cannot end a watch or change what it reports, whatever they contain", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const listening = yield* Effect.fork(listen(scenario, scenario.watch.connect(request, policy)))
        yield* Effect.sleep("1 second")
        const [placed] = yield* scenario.fake.placed
        assert(placed !== undefined)
        const forged = new StatusCallback.StatusCallback({
          sid: placed.sid,
          eventType: Option.some("terminal"),
          status: Option.some("completed"),
          direction: Option.none(),
          customField: Option.none(),
          conversationDuration: Option.none(),
          legs: []
        })
        yield* scenario.watch.hintFrom(forged)
        deepStrictEqual(words(yield* Fiber.join(listening)), [
          "0 Placed in-progress",
          "0 Observed in-progress",
          "62 Ended completed"
        ])
      }), withScript))
})
