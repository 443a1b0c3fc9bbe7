/** The same over loopback HTTP and the real clock, for what only sockets can show. */
import { CallScript, FakeExotel, FaultPlan, type Journal } from "@effect-exotel/testing"
import { CallWatch, WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Chunk, Duration, Effect, Exit, Fiber, Layer, Schedule, Stream } from "effect"

const layer = CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layerServer()))

const cadence = WatchPolicy.every("100 millis")

/** A socket needs an unknown number of iterations of the event loop. */
const until = (holds: (journal: ReadonlyArray<Journal.JournalEntry>) => boolean) =>
  Effect.flatMap(
    FakeExotel.FakeExotel,
    (fake) =>
      Effect.repeat(fake.journal, { until: holds, schedule: Schedule.spaced("2 millis") }).pipe(
        Effect.timeout("10 seconds"),
        Effect.orDie
      )
  )

/** Timers and sockets that keep this process alive, as Node counts them. */
const resources = Effect.sync(() =>
  process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap" || kind === "Timeout").length
)

const endless = CallScript.answered({ talk: "1 hour" })

describe("over loopback HTTP", () => {
  it.live("a call is watched to its end", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const watch = yield* CallWatch.CallWatch
      const sid = yield* fake.place(CallScript.answered({ ring: "200 millis", talk: "200 millis", stages: true }))
      const calls = yield* Stream.runCollect(watch.changes(sid, { cadence }))
      deepStrictEqual(Chunk.toReadonlyArray(calls).map(({ status }) => status), [
        "ringing",
        "in-progress",
        "completed"
      ])
    }).pipe(Effect.provide(layer)))

  for (
    const [name, fault, caught] of [
      ["sleeps", FaultPlan.none, "Answered"],
      ["waits for an answer", FaultPlan.stalled(), "Pending"],
      ["is in the middle of a body", FaultPlan.stalled({ at: "body" }), "Pending"],
      ["reads a body that drips", FaultPlan.slowBody({ bytes: 4, every: "50 millis" }), "Pending"],
      ["waits between two attempts", FaultPlan.status(503, { retryAfter: Duration.minutes(1) }), "Answered"]
    ] as const
  ) {
    it.live(`a watch that is interrupted while it ${name} leaves no request, no socket and no timer`, () =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const watch = yield* CallWatch.CallWatch
        const sid = yield* fake.place(endless)
        yield* fake.faults(fault)
        const before = yield* resources
        const watching = yield* Effect.fork(
          Stream.runDrain(watch.events(sid, { cadence: WatchPolicy.every("1 hour") }))
        )
        yield* until((journal) => journal[0]?.outcome._tag === caught)
        yield* Fiber.interrupt(watching)
        if (caught === "Pending") yield* until((journal) => journal[0]?.outcome._tag === "Aborted")
        const sent = (yield* fake.journal).length
        // An idle connection may be kept alive by the client's pool; a stalled one may not.
        const left = yield* Effect.repeat(resources, {
          until: (now) => now <= before + (caught === "Pending" ? 0 : 2),
          schedule: Schedule.intersect(Schedule.spaced("5 millis"), Schedule.recurs(400))
        }).pipe(Effect.andThen(resources))
        assert.isAtMost(left, before + (caught === "Pending" ? 0 : 2))
        yield* Effect.sleep("50 millis")
        assert.strictEqual((yield* fake.journal).length, sent)
      }).pipe(Effect.provide(layer)))
  }

  it.live("errors of real sockets pass, and the watch gets to the end", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const watch = yield* CallWatch.CallWatch
      yield* fake.faults(FaultPlan.all(
        FaultPlan.reset().pipe(FaultPlan.onRequest(1)),
        FaultPlan.reset("body").pipe(FaultPlan.onRequest(2)),
        FaultPlan.truncated().pipe(FaultPlan.onRequest(3)),
        FaultPlan.html.pipe(FaultPlan.onRequest(4))
      ))
      const sid = yield* fake.place(CallScript.busy({ ring: "10 millis" }))
      const events = yield* Stream.runCollect(
        watch.events(sid, { cadence, errorBackoff: "100 millis", maxErrorBackoff: 0 })
      )
      deepStrictEqual(Chunk.toReadonlyArray(events).map(({ _tag }) => _tag), [
        "PollFailed",
        "PollFailed",
        "PollFailed",
        "PollFailed",
        "Ended"
      ])
    }).pipe(Effect.provide(layer)))

  it.live("a closed layer ends the watches at once, a stalled one too", () =>
    Effect.gen(function*() {
      const watching = yield* Effect.scoped(Effect.gen(function*() {
        const context = yield* Layer.build(layer)
        return yield* Effect.gen(function*() {
          const fake = yield* FakeExotel.FakeExotel
          const watch = yield* CallWatch.CallWatch
          const sids = yield* Effect.replicateEffect(fake.place(endless), 5)
          yield* fake.faults(FaultPlan.stalled({ at: "body" }))
          const fibers = yield* Effect.forEach(sids, (sid) => Effect.forkDaemon(watch.awaitEnd(sid)))
          yield* until((journal) => journal.length === 5)
          return Fiber.all(fibers)
        }).pipe(Effect.provide(context))
      }))
      const exit = yield* Fiber.await(watching)
      assert.isTrue(Exit.isInterrupted(exit))
    }))
})
