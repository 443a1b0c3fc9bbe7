/** Many calls as one stream of events: each event of a call once, independent of the other calls. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { FleetState, type WatchPolicy, type WatchToken } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Chunk, Duration, Effect, Exit, Fiber, Option, Redacted, Schedule, Schema, Stream } from "effect"
import { count, endings, follow, ofCall, placeAll, policy, talking } from "./support/fleets.ts"
import { inScenario, interruptAfter, longAfter, makeWatch } from "./support/scenarios.ts"

describe("a fleet that is polled individually", () => {
  it.effect("emits for each call that it was added, its changes, and its end once and last", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const scripts = [talking(30), CallScript.busy(), CallScript.noAnswer(), CallScript.failed(), talking(61)]
        const sids = yield* Effect.forEach(scripts, (script) => scenario.fake.place(script))
        const emitted = yield* follow(scenario, scenario.watch.fleet(sids, policy))
        for (const [index, sid] of sids.entries()) {
          const own = emitted.filter(({ event }) => "sid" in event && event.sid === sid)
          assert.strictEqual(own[0]?.event._tag, "Added")
          deepStrictEqual(own.map(({ event }) => event.isFinal), own.map((_, i) => i === own.length - 1))
          const end = own.at(-1)
          const script = scripts[index] ?? assert.fail()
          assert.strictEqual<string | undefined>(
            end?.event._tag === "Ended" ? end.event.call.status : undefined,
            CallScript.stateAt(script, CallScript.duration(script)).status
          )
        }
      })
    ))

  it.effect("sends no request after the last call has ended", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [10, 20, 30])
        yield* follow(scenario, scenario.watch.fleet(new Set(sids), policy))
        const sent = (yield* scenario.requests()).length
        yield* longAfter
        assert.strictEqual((yield* scenario.requests()).length, sent)
      })
    ))

  it.effect("completes at once without calls", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        deepStrictEqual(yield* follow(scenario, scenario.watch.fleet([])), [])
        assert.strictEqual(scenario.now(), 0)
      })
    ))

  it.effect("adds calls from an unbounded stream while others are watched", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const coming = Stream.repeatEffectWithSchedule(scenario.fake.place(talking(12)), Schedule.spaced("7 seconds"))
        const emitted = yield* follow(scenario, scenario.watch.fleet(coming, policy), "5 minutes")
        assert.isAtLeast(count(emitted, "Ended"), 38)
        assert.strictEqual(count(emitted, "Added"), 43)
      })
    ))

  it.effect("continues after an unknown call, an invalid sid and a policy function that throws for one call", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const [good = ""] = yield* placeAll(scenario.fake, [40])
        const odd = yield* scenario.fake.place(CallScript.custom(
          [{ status: "mystery", duration: "40 seconds" }],
          { status: "completed" }
        ))
        const emitted = yield* follow(
          scenario,
          scenario.watch.fleet(["no sid!", "unknown1", odd, good], {
            notFoundGrace: "3 seconds",
            cadence: (progress) => {
              if (Option.contains(progress.status, "mystery")) throw new Error("never heard of that")
              return Duration.seconds(5)
            }
          })
        )
        deepStrictEqual(ofCall(emitted, "no sid!"), ["Failed"])
        assert.isTrue(emitted.every(({ event }) => event._tag !== "Failed" || event.isFinal))
        deepStrictEqual(
          emitted.flatMap(({ event }) => event._tag === "Failed" ? [`${event.sid} ${event.error._tag}`] : []).sort(),
          [`${odd} WatchDefect`, "no sid! InvalidRequest", "unknown1 CallNotFound"].sort()
        )
        assert.strictEqual(ofCall(emitted, good).at(-1), "Ended")
      }), { client: { regionProbe: "never" } }))

  it.effect("fails one call when the client throws for it before it returns an effect", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const [odd = "", good = ""] = yield* placeAll(scenario.fake, [40, 40])
        const watch = yield* makeWatch(scenario, {
          ...scenario.calls,
          getWithDetails: (sid) => {
            if (sid === odd) throw new Error("a bug of the client")
            return scenario.calls.getWithDetails(sid)
          }
        })
        const emitted = yield* follow(scenario, watch.fleet([odd, good], policy))
        const failed = emitted.flatMap(({ event }) => event._tag === "Failed" ? [[event.sid, event.error._tag]] : [])
        deepStrictEqual(failed, [[odd, "WatchDefect"]])
        assert.strictEqual(ofCall(emitted, good).at(-1), "Ended")
      })
    ))

  it.effect("gives each event the time at which it is emitted", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const began = scenario.clock.unsafeCurrentTimeMillis()
        const [sid = ""] = yield* placeAll(scenario.fake, [20])
        const emitted = yield* follow(scenario, scenario.watch.fleet(["no sid!", sid], policy))
        deepStrictEqual(
          emitted.map(({ event }) => (event.at.epochMillis - began) / 1000),
          emitted.map(({ at }) => at)
        )
        assert.includeMembers(emitted.map(({ event }) => event._tag), ["Failed", "Added", "Ended"])
      })
    ))

  it.effect("treats a string as one sid", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const [sid = ""] = yield* placeAll(scenario.fake, [20])
        const emitted = yield* follow(scenario, scenario.watch.fleet(sid, policy))
        deepStrictEqual([...new Set(emitted.map(({ event }) => "sid" in event && event.sid))], [sid])
        assert.strictEqual(ofCall(emitted, sid).at(-1), "Ended")
      })
    ))

  it.effect("watches a call that is given twice only once", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const [sid = ""] = yield* placeAll(scenario.fake, [20])
        const emitted = yield* follow(scenario, scenario.watch.fleet([sid, sid, sid], policy))
        assert.strictEqual(count(emitted, "Added"), 1)
        assert.strictEqual(count(emitted, "Ended"), 1)
      })
    ))

  it.effect("shares its polls with another fleet and with a watch of one of its calls, and each receives all events", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [30, 40])
        const [first, second, single] = yield* Effect.all([
          follow(scenario, scenario.watch.fleet(sids, policy)),
          follow(scenario, scenario.watch.fleet(sids, policy)),
          Stream.runCollect(scenario.watch.changes(sids[0] ?? "", policy))
        ], { concurrency: "unbounded" })
        deepStrictEqual(first, second)
        assert.strictEqual(Chunk.unsafeLast(single).status, "completed")
        assert.strictEqual((yield* scenario.requests()).length, 7 + 9)
      })
    ))

  it.effect("watches no more calls at once than maxActive", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [20, 20, 20, 20, 20])
        const emitted = yield* follow(scenario, scenario.watch.fleet(sids, policy, { maxActive: 1 }))
        const order = emitted.flatMap(({ event }) =>
          event._tag === "Added" || event._tag === "Ended" ? [event._tag] : []
        )
        deepStrictEqual(order, Array.from({ length: 10 }, (_, i) => i % 2 === 0 ? "Added" : "Ended"))
      })
    ))

  it.effect("adds no call while its consumer is busy", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        let taken = 0
        const source = Stream.fromIterable(yield* placeAll(scenario.fake, Array.from({ length: 50 }, () => 900))).pipe(
          Stream.rechunk(1),
          Stream.tap(() => Effect.sync(() => taken++))
        )
        const pull = yield* Stream.toPull(scenario.watch.fleet(source, policy, { buffer: 5 }))
        yield* pull
        yield* Effect.sleep("10 seconds")
        // Five that the consumer has received, at most five more, and one that waits to be added.
        const before = taken
        assert.isAtMost(before, 11)
        yield* Effect.sleep("10 minutes")
        assert.strictEqual(taken, before)
        yield* pull
        yield* Effect.sleep("10 seconds")
        assert.isAbove(taken, before)
        assert.isAtMost(taken, before + 6)
      })
    ))

  it.effect("fails at once when its source fails", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [600])
        const source = Stream.concat(
          Stream.fromIterable(sids),
          Stream.fromEffect(Effect.delay(Effect.fail("the queue is gone" as const), "20 seconds"))
        )
        const exit = yield* Effect.exit(follow(scenario, scenario.watch.fleet(source, policy)))
        deepStrictEqual(exit, Exit.fail("the queue is gone"))
        assert.strictEqual(scenario.now(), 20)
      })
    ))

  it.effect("fails for each call after the grace of its policy when the credentials are wrong", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, Array.from({ length: 30 }, () => 100))
        const emitted = yield* follow(scenario, scenario.watch.fleet(sids, policy))
        const errors = emitted.flatMap(({ event }) => event._tag === "Failed" ? [event.error] : [])
        deepStrictEqual(errors.map(({ _tag }) => _tag), Array.from({ length: 30 }, () => "AuthenticationError"))
        assert.isFalse(JSON.stringify(errors).includes("wrong-token"))
        assert.strictEqual(scenario.now(), 60)
      }), { client: { apiToken: Redacted.make("wrong-token") } }))

  it.effect("rejects an invalid policy before any request", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const wrong: WatchPolicy.Options = JSON.parse(`{"deadline":"soon"}`)
        const error = yield* Effect.flip(follow(scenario, scenario.watch.fleet(["call1"], wrong)))
        assert.strictEqual(error._tag, "InvalidRequest")
        deepStrictEqual(yield* scenario.requests(), [])
      })
    ))

  it.effect("leaves no fiber, timer or request when it is interrupted", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, Array.from({ length: 40 }, (_, i) => 100 + i))
        const exit = yield* interruptAfter(follow(scenario, scenario.watch.fleet(sids, policy)), "33 seconds")
        assert.isTrue(Exit.isInterrupted(exit))
        assert.strictEqual(scenario.clock.timers, 0)
        const sent = (yield* scenario.requests()).length
        yield* longAfter
        assert.strictEqual((yield* scenario.requests()).length, sent)
      })
    ))

  it.effect("aborts the request in progress when it is interrupted, unless another watch waits for it", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const [alone = "", shared = ""] = yield* placeAll(scenario.fake, [100, 100])
        yield* scenario.fake.faults(FaultPlan.stalled({ duration: "8 seconds" }).pipe(FaultPlan.optional))
        const other = yield* Effect.fork(Stream.runDrain(scenario.watch.changes(shared, policy)))
        yield* interruptAfter(follow(scenario, scenario.watch.fleet([alone, shared], policy)), "2 seconds")
        yield* Effect.sleep("1 second")
        deepStrictEqual(
          (yield* scenario.fake.journal).map(({ outcome, sid }) =>
            `${sid === alone ? "alone" : "shared"} ${outcome._tag}`
          )
            .sort(),
          ["alone Aborted", "shared Pending"]
        )
        yield* Fiber.interrupt(other)
      })
    ))

  it.effect("is interrupted when its layer is closed", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [600, 600])
        const scope = yield* Effect.scope
        const following = yield* Effect.scoped(Effect.gen(function*() {
          const watch = yield* makeWatch(scenario)
          const fiber = yield* Effect.forkIn(follow(scenario, watch.fleet(sids, policy)), scope)
          yield* Effect.sleep("20 seconds")
          return fiber
        }))
        assert.isTrue(Exit.isInterrupted(yield* Fiber.await(following)))
        assert.strictEqual(scenario.now(), 20)
      })
    ))
})

const encode = Schema.encode(FleetState.FromJson)
const decode = Schema.decode(FleetState.FromJson)

describe("the state of a fleet", () => {
  it.effect("resumes in another process with the events not yet emitted, after any event of the first one", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [22, 35, 48, 61])
        const whole = yield* follow(scenario, scenario.watch.fleet(sids, policy))
        const tags = (emitted: typeof whole, sid: string) =>
          ofCall(emitted, sid).filter((tag) => tag !== "PollFailed" && tag !== "Added")
        for (let stop = 1; stop < whole.length; stop++) {
          const again = yield* Effect.forEach([22, 35, 48, 61], (length) => scenario.fake.place(talking(length)))
          const state = yield* FleetState.make()
          const first = yield* follow(
            scenario,
            scenario.watch.fleet(again, policy).pipe(Stream.tap(state.update), Stream.take(stop))
          )
          const tokens = yield* decode(yield* encode(yield* state.tokens))
          // Calls that were not added are those that the process had not taken from its queue.
          const known = new Set(first.flatMap(({ event }) => event._tag === "Added" ? [event.sid as string] : []))
          const rest: ReadonlyArray<string | WatchToken.WatchToken> = [
            ...tokens,
            ...again.filter((sid) => !known.has(sid))
          ]
          const second = yield* follow(scenario, scenario.watch.fleet(rest, policy))
          for (const [index, sid] of sids.entries()) {
            const other = again[index] ?? ""
            deepStrictEqual([...tags(first, other), ...tags(second, other)].at(-1), "Ended")
            assert.strictEqual(
              [...tags(first, other), ...tags(second, other)].filter((tag) => tag === "Ended").length,
              1
            )
            assert.strictEqual(
              [...tags(first, other), ...tags(second, other)].filter((tag) => tag === "Observed").length,
              tags(whole, sid).filter((tag) => tag === "Observed").length
            )
          }
        }
      })
    ))

  it.effect("is rejected as a whole when its text was cut off", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [100, 100, 100])
        const state = yield* FleetState.make()
        yield* follow(scenario, Stream.tap(scenario.watch.fleet(sids, policy), state.update), "12 seconds")
        const text = yield* encode(yield* state.tokens)
        deepStrictEqual((yield* decode(text)).map(({ sid }) => sid as string), sids)
        for (let length = 0; length < text.length; length++) {
          assert.strictEqual((yield* Effect.flip(decode(text.slice(0, length))))._tag, "ParseError")
        }
      })
    ))

  it.effect("holds no token of a call whose watch is over", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [10, 20])
        const state = yield* FleetState.make()
        yield* follow(scenario, Stream.tap(scenario.watch.fleet([...sids, "no sid!"], policy), state.update))
        deepStrictEqual(yield* state.tokens, [])
      })
    ))
})

describe("details", () => {
  it.effect("are an event of their own, at once if the poll had them", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* placeAll(scenario.fake, [30])
        const emitted = yield* follow(scenario, scenario.watch.fleet(sids, { ...policy, details: true }))
        deepStrictEqual(ofCall(emitted, sids[0] ?? "").slice(-2), ["Ended", "DetailsLoaded"])
        const [ended, detailed] = emitted.slice(-2)
        assert.strictEqual(ended?.at, detailed?.at)
        deepStrictEqual([ended?.event.isFinal, detailed?.event.isFinal], [false, true])
        assert.strictEqual(endings(emitted).size, 1)
      })
    ))

  it.effect("that were not loaded yet are loaded by the process that resumes", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const [sid = ""] = yield* placeAll(scenario.fake, [30])
        const detailed = { ...policy, details: true }
        const emitted = yield* follow(
          scenario,
          scenario.watch.fleet([sid], detailed).pipe(Stream.takeUntil(({ _tag }) => _tag === "Ended"))
        )
        const ended = emitted.at(-1)?.event
        if (ended?._tag !== "Ended") return assert.fail()
        yield* Effect.sleep("1 hour")
        const sent = (yield* scenario.requests()).length
        const rest = yield* follow(scenario, scenario.watch.fleet([ended.token], detailed))
        deepStrictEqual(ofCall(rest, sid), ["Added", "DetailsLoaded"])
        const last = rest.at(-1)?.event
        if (last?._tag !== "DetailsLoaded") return assert.fail()
        deepStrictEqual(yield* follow(scenario, scenario.watch.fleet([last.token], detailed)), [])
        assert.strictEqual((yield* scenario.requests()).length, sent + 1)
        // Without `details` the watch is already finished.
        deepStrictEqual(yield* follow(scenario, scenario.watch.fleet([ended.token], policy)), [])
      })
    ))
})
