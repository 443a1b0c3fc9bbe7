/** When polls are sent: the permits, the slots of the requests in flight, and the pause after a 401. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Fiber } from "effect"
import { count, follow, limited, policy } from "./support/fleets.ts"
import { failure, inScenario, interruptAfter, listen } from "./support/scenarios.ts"

const script = CallScript.answered({ talk: "1 hour" })

describe("a dispatcher that waits for a permit", () => {
  it.effect("stops when no call needs a poll any more, and starts again for the next watch", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* Effect.replicateEffect(scenario.fake.place(script), 2)
        yield* interruptAfter(
          Effect.forEach(sids, (sid) => scenario.watch.awaitEnd(sid), { concurrency: "unbounded" }),
          "5 seconds"
        )
        deepStrictEqual(yield* scenario.requests(), [0])
        assert.strictEqual(scenario.clock.timers, 0)
        yield* Effect.sleep("5 minutes")
        yield* interruptAfter(scenario.watch.awaitEnd(sids[0] ?? ""), "5 seconds")
        deepStrictEqual(yield* scenario.requests(), [0, 305])
      }), limited(1, { bulkSize: 1 })))

  it.effect("continues to wait for the calls that are left", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const [first = "", second = "", third = ""] = yield* Effect.replicateEffect(scenario.fake.place(script), 3)
        const others = yield* Effect.forEach([first, third], (sid) => Effect.fork(scenario.watch.awaitEnd(sid)))
        yield* interruptAfter(scenario.watch.awaitEnd(second), "5 seconds")
        yield* Effect.sleep("1 minute")
        deepStrictEqual(yield* scenario.requests(), [0, 60])
        yield* Fiber.interruptAll(others)
      }), limited(1)))
})

describe("reads of details", () => {
  it.effect("leave one slot to polls that are due", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const ended = yield* Effect.replicateEffect(scenario.fake.place(CallScript.busy({ ring: "1 second" })), 30)
        yield* Effect.sleep("10 seconds")
        yield* scenario.fake.faults(
          FaultPlan.all(...ended.map((sid) => FaultPlan.stalled().pipe(FaultPlan.forCall(sid)))).pipe(
            FaultPlan.optional
          )
        )
        const fleet = yield* Effect.fork(follow(scenario, scenario.watch.fleet(ended, { ...policy, details: true })))
        yield* Effect.sleep("1 minute")
        const inFlight = (yield* scenario.fake.journal).filter(({ outcome }) => outcome._tag === "Pending")
        assert.strictEqual(inFlight.length, 1)
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "2 seconds" }))
        const events = yield* listen(scenario, scenario.watch.events(sid, policy))
        assert.strictEqual(failure(events.exit), "success")
        yield* Fiber.interrupt(fleet)
      }), limited(60, { concurrency: 2, bulkDetails: false, client: { timeout: "1 hour" } })))
})

it.effect("one request in flight at a time is enough to read details", () =>
  inScenario((scenario) =>
    Effect.gen(function*() {
      const ended = yield* Effect.replicateEffect(scenario.fake.place(CallScript.busy({ ring: "1 second" })), 30)
      yield* Effect.sleep("1 minute")
      const emitted = yield* follow(
        scenario,
        scenario.watch.fleet(ended, { ...policy, details: true }),
        "10 minutes"
      )
      assert.strictEqual(count(emitted, "DetailsLoaded"), 30)
    }), limited(60, { concurrency: 1, bulkDetails: false })))

describe("the pause after a 401", () => {
  const rejected = FaultPlan.status(401)

  it.effect("ends by time, even if the rejected poll is repeated only later", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* Effect.replicateEffect(scenario.fake.place(script), 2)
        yield* scenario.fake.faults(rejected.pipe(FaultPlan.onRequest(1)))
        const watching = yield* Effect.forEach(sids, (sid) =>
          Effect.fork(scenario.watch.awaitEnd(sid, {
            cadence: WatchPolicy.every("1 hour"),
            errorBackoff: "10 minutes",
            authenticationGrace: "1 hour"
          })))
        yield* Effect.sleep("10 seconds")
        deepStrictEqual(yield* scenario.requests(), [0, 5])
        yield* Fiber.interruptAll(watching)
      }), { concurrency: 1, client: { regionProbe: "never" } }))

  it.effect("leaves no timer when the last watch ends during it", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        yield* scenario.fake.faults(rejected.pipe(FaultPlan.onRequest(1)))
        yield* interruptAfter(scenario.watch.awaitEnd(sid), "1 second")
        assert.strictEqual(scenario.clock.timers, 0)
      }), { client: { regionProbe: "never" } }))

  it.effect("holds the polls of all calls back", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* Effect.replicateEffect(scenario.fake.place(script), 4)
        yield* scenario.fake.faults(rejected.pipe(FaultPlan.between("2 seconds", "1 day")))
        const watching = yield* Effect.forEach(
          sids,
          (sid, i) => Effect.fork(Effect.delay(listen(scenario, scenario.watch.events(sid, policy)), `${i} seconds`))
        )
        yield* Effect.sleep("20 seconds")
        deepStrictEqual(yield* scenario.requests(), [0, 1, 2, 7, 12, 17])
        yield* Fiber.interruptAll(watching)
      }), { concurrency: 1, client: { regionProbe: "never" } }))
})
