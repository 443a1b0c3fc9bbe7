/** Guarantees of any fleet: any calls, consumers and faults, resumed by any number of processes. */
import { type ExotelCalls, ExotelError } from "@effect-exotel/core"
import { Arbitraries, CallScript, FaultPlan } from "@effect-exotel/testing"
import { type FleetEvent, FleetState, WatchPolicy, type WatchToken } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Cause, Duration, Effect, FastCheck, Fiber, Schedule, Stream } from "effect"
import { cases, eventLoopTurn } from "../../../scripts/lib/cases.mjs"
import { busiestMinute, seconds, talking } from "./support/fleets.ts"
import { makeWatch, openScenario } from "./support/scenarios.ts"
import { run } from "./support/simulation.ts"

/** Failures of a bulk poll. The calls do not cause them, so they must not end their watches. */
const troubles = [
  new ExotelError.InvalidRequest({ reason: "no" }),
  new ExotelError.AccessDenied({ status: 402 }),
  new ExotelError.AccessDenied({ status: 403 }),
  // The error of a bulk read for a 404, which may be that of a gateway.
  new ExotelError.AuthenticationError({ status: 404 }),
  new ExotelError.ServiceUnavailable({ status: 503 }),
  new ExotelError.TransportError({ reason: "Reset" }),
  new ExotelError.RateLimited({ status: 429, retryAfter: Duration.seconds(7) }),
  new ExotelError.ResponseParseError({ reason: "TooLarge", detail: "too large" }),
  new ExotelError.ResponseParseError({ reason: "Malformed", detail: "garbage" }),
  "a record cannot be read",
  "a record cannot be read, nor whose it is"
] as const

type Trouble = (typeof troubles)[number]

/** A client whose nth bulk read fails. */
const troubled = (calls: ExotelCalls.Service, plan: ReadonlyMap<number, Trouble>): ExotelCalls.Service => {
  let bulkPolls = 0
  return {
    ...calls,
    findEnded: (sids) =>
      Effect.suspend(() => {
        const trouble = plan.get(++bulkPolls)
        if (trouble === undefined) return calls.findEnded(sids)
        if (typeof trouble !== "string") return Effect.zipRight(calls.findEnded(sids), Effect.fail(trouble))
        return Effect.map(calls.findEnded(sids), ({ calls: [first, ...rest], malformed, missing }) => {
          if (first === undefined) return { calls: rest, malformed, missing }
          const error = { reason: "Unexpected", detail: "odd" } as const
          return trouble === "a record cannot be read"
            ? { calls: rest, missing, malformed: [new ExotelError.ResponseParseError({ ...error, sid: first.sid })] }
            : { calls: rest, missing: [...missing, first.sid], malformed: [new ExotelError.ResponseParseError(error)] }
        })
      })
  }
}

const rarely = <A>(often: A, ...others: ReadonlyArray<A>) =>
  FastCheck.oneof(
    { weight: 2, arbitrary: FastCheck.constant(often) },
    { weight: 1, arbitrary: FastCheck.constantFrom(often, ...others) }
  )

const runs = FastCheck.record({
  lengths: FastCheck.array(FastCheck.integer({ min: 2, max: 240 }), {
    minLength: 1,
    maxLength: Math.max(25, cases(60))
  }),
  odd: FastCheck.subarray(["no sid!", "", "unknown1", "unknown2"]),
  /** Seconds between two that the source gives. */
  every: rarely(0, 0.5, 3),
  perMinute: FastCheck.constantFrom(4, 15, 40, 120, 1000),
  bulkSize: FastCheck.constantFrom(1, 2, 7, 100),
  concurrency: FastCheck.constantFrom(1, 2, 16),
  bulkLag: rarely(0, 20, 90),
  maxActive: rarely<number | undefined>(undefined, 1, 5),
  buffer: rarely<number | undefined>(undefined, 1, 10),
  /** After each so many events, the consumer is away for so many seconds. */
  rest: FastCheck.record({ each: FastCheck.integer({ min: 1, max: 30 }), duration: rarely(0, 2, 40) }),
  details: FastCheck.boolean(),
  detailsLimit: FastCheck.constantFrom(0, 30, 300),
  until: FastCheck.constantFrom<"terminal" | "settled">("terminal", "settled"),
  scheduled: FastCheck.boolean(),
  troubles: FastCheck.array(
    FastCheck.tuple(FastCheck.integer({ min: 1, max: 12 }), FastCheck.constantFrom(...troubles)),
    { maxLength: 6 }
  ),
  faults: FastCheck.oneof(FastCheck.constant(FaultPlan.none), Arbitraries.transientFaults),
  /** How each process but the last one ends: after so many seconds, or events. */
  stops: FastCheck.array(
    FastCheck.record({
      by: FastCheck.constantFrom("interruption", "take", "closed layer"),
      after: FastCheck.integer({ min: 1, max: 90 })
    }),
    { maxLength: 3 }
  ),
  /** So many of the calls are watched individually as well, in another layer. */
  individual: rarely(0, 1, 4),
  hints: FastCheck.array(FastCheck.record({ call: FastCheck.nat(59), at: FastCheck.nat(200) }), { maxLength: 3 }),
  /** So many seconds the clock is set back, after 70 s. */
  back: rarely(0, 3),
  seed: FastCheck.nat(9999)
})

type Run = typeof runs extends FastCheck.Arbitrary<infer A> ? A : never

interface Emitted {
  /** In seconds, by a clock that is never set. */
  readonly at: number
  readonly process: number
  readonly event: FleetEvent.FleetEvent
}

const policyOf = (plan: Run): WatchPolicy.Options => ({
  cadence: plan.scheduled ? Schedule.spaced("5 seconds") : WatchPolicy.every("5 seconds"),
  details: plan.details,
  detailsLimit: Duration.seconds(plan.detailsLimit),
  until: plan.until,
  settleLimit: "2 minutes",
  deadline: "2 days"
})

const live = (plan: Run) =>
  run((clock) =>
    Effect.gen(function*() {
      const scenario = yield* openScenario(clock, {
        requestsPerMinute: 100_000,
        client: { requestsPerMinute: plan.perMinute, regionProbe: "never" },
        bulkLag: Duration.seconds(plan.bulkLag),
        faults: plan.faults,
        verifyOnClose: false,
        seed: plan.seed
      })
      const calls = troubled(scenario.calls, new Map(plan.troubles))
      const policy = policyOf(plan)
      const scripts = plan.lengths.map((length) => length % 11 === 0 ? CallScript.busy() : talking(length))
      const sids = yield* Effect.forEach(
        scripts,
        (script, index) => scenario.fake.place(script, { startsIn: Duration.seconds(index * plan.every) })
      )
      const entries: ReadonlyArray<string> = [...sids, ...plan.odd]

      let setBack = 0
      yield* Effect.fork(Effect.delay(
        Effect.sync(() => {
          clock.set(Duration.seconds(plan.back), "back")
          setBack = plan.back
        }),
        "70 seconds"
      ))
      yield* Effect.forEach(
        plan.hints,
        ({ at, call }) => Effect.fork(Effect.delay(scenario.watch.hint(sids[call] ?? "unknown"), Duration.seconds(at)))
      )
      const individual = yield* Effect.forEach(sids.slice(0, plan.individual), (sid, index) =>
        Effect.fork(Effect.delay(
          scenario.watch.awaitEnd(sid, { ...policy, details: false }),
          Duration.seconds(index * plan.every + 1)
        )))

      const emitted: Array<Emitted> = []
      const known = new Set<string>()
      let tokens: ReadonlyArray<WatchToken.WatchToken> = []
      for (const [process, stop] of [...plan.stops, undefined].entries()) {
        const state = yield* FleetState.make(tokens)
        const fresh = Stream.fromIterable(entries.filter((entry) => !known.has(entry))).pipe(
          Stream.rechunk(1),
          plan.every === 0
            ? (all) => all
            : Stream.tap(() => Effect.sleep(Duration.seconds(plan.every)))
        )
        yield* Effect.scoped(Effect.gen(function*() {
          const layer = yield* Effect.scope
          const watch = yield* makeWatch(scenario, calls, plan)
          let consumed = 0
          const fleet = watch.fleet(Stream.concat(Stream.fromIterable(tokens), fresh), policy, plan).pipe(
            Stream.tap(() =>
              Effect.sleep(Duration.seconds(++consumed % plan.rest.each === 0 ? plan.rest.duration : 0))
            ),
            Stream.tap((event) =>
              // Both or neither, wherever the process stops.
              Effect.uninterruptible(Effect.suspend(() => {
                emitted.push({ at: scenario.now() + setBack, process, event })
                if ("sid" in event) known.add(event.sid)
                return state.update(event)
              }))
            )
          )
          if (stop === undefined) return yield* Stream.runDrain(fleet)
          if (stop.by === "take") return yield* Stream.runDrain(Stream.take(fleet, stop.after))
          const fiber = yield* Effect.forkIn(Stream.runDrain(fleet), layer)
          yield* Effect.sleep(Duration.seconds(stop.after))
          if (stop.by === "interruption") yield* Fiber.interrupt(fiber)
        }))
        tokens = yield* state.tokens
        if (plan.individual > 0) continue
        const sent = yield* scenario.fake.journal
        assert.isFalse(sent.some(({ outcome }) => outcome._tag === "Pending"), "a request is still under way")
        yield* Effect.sleep("20 seconds")
        assert.strictEqual((yield* scenario.fake.journal).length, sent.length, "a request was sent after the end")
      }
      deepStrictEqual(tokens, [])
      for (const [index, single] of individual.entries()) {
        assert.strictEqual((yield* single).status, statusOf(scripts[index]), "a single call")
      }
      const sent = yield* scenario.requests()
      yield* Effect.sleep("30 days")
      assert.strictEqual((yield* scenario.requests()).length, sent.length, "requests continue for ever")
      if (plan.back === 0) assert.isAtMost(busiestMinute(sent), plan.perMinute)

      for (const [index, sid] of sids.entries()) {
        checkCall(
          plan,
          scripts[index],
          index * plan.every,
          emitted.filter(({ event }) => "sid" in event && event.sid === sid)
        )
      }
      for (const odd of plan.odd) {
        deepStrictEqual(
          emitted.flatMap(({ event }) => event._tag === "Failed" && event.sid === odd ? [event.error._tag] : []),
          [odd.startsWith("unknown") ? "CallNotFound" : "InvalidRequest"]
        )
      }
    }), { seed: plan.seed })

const statusOf = (script: CallScript.CallScript | undefined): string | undefined =>
  script === undefined ? undefined : CallScript.stateAt(script, CallScript.duration(script)).status

const checkCall = (
  plan: Run,
  script: CallScript.CallScript | undefined,
  startsAt: number,
  emitted: ReadonlyArray<Emitted>
): void => {
  const tags = emitted.map(({ event }) => event._tag)
  const times = (...some: ReadonlyArray<string>) => tags.filter((tag) => some.includes(tag)).length
  const words = tags.join(" ")
  const ended = emitted.find(({ event }) => event._tag === "Ended")
  assert.strictEqual(times("Ended"), 1, words)
  assert.strictEqual(ended?.event._tag === "Ended" ? ended.event.call.status : undefined, statusOf(script))
  assert.isAtLeast(ended?.at ?? NaN, startsAt + (script === undefined ? NaN : seconds(script)), "before it ended")
  assert.isAtMost(times("Observed"), 1, words)
  assert.notMatch(words, /Ended.*(Observed|Changed|Stalled)/)
  assert.strictEqual(times("DetailsLoaded", "DetailsUnavailable"), plan.details ? 1 : 0, words)
  deepStrictEqual(
    emitted.map(({ event }) => event.isFinal),
    emitted.map((_, index) => index === emitted.length - 1),
    words
  )
  for (const process of new Set(emitted.map(({ process }) => process))) {
    deepStrictEqual(
      emitted.flatMap((each, index) => each.process === process && each.event._tag === "Added" ? [index] : []),
      [emitted.findIndex((each) => each.process === process)],
      words
    )
  }
  // A process that resumes an ended call and never reads it has no record to emit when the settling limit passes.
  const gaveUp = times("Failed") === 1 && ended !== undefined && ended.process !== emitted.at(-1)?.process
  assert.strictEqual(times("Settled", "Failed"), plan.until === "settled" ? 1 : 0, words)
  assert.isTrue(gaveUp || times("Failed") === 0, words)
}

describe("a fleet", () => {
  it("emits each event of each call once, and stays within its budget", async () => {
    for (const [index, plan] of FastCheck.sample(runs, { numRuns: cases(200), seed: 11 }).entries()) {
      const { exit, timersLeft } = live(plan)
      if (exit._tag === "Failure") assert.fail(`life ${index} ${JSON.stringify(plan)}: ${Cause.pretty(exit.cause)}`)
      assert.strictEqual(timersLeft, 0)
      if (index % 10 === 0) await eventLoopTurn()
    }
  }, 120_000)
})
