/** Guarantee 7: any event's token resumes the watch in another process; anything else is rejected. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { WatchEvent, WatchPolicy, WatchToken } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Either, Exit, FastCheck, Schema, Stream } from "effect"
import { cases, eventLoopTurn } from "../../../scripts/lib/cases.mjs"
import type { Emitted } from "./support/scenarios.ts"
import { failure, inScenario, listen, openScenario, words } from "./support/scenarios.ts"
import { run } from "./support/simulation.ts"
import { answered, shown, transientCase, visibleAt } from "./support/timelines.ts"

const encode = Schema.encodeSync(WatchToken.FromJson)
const decode = Schema.decode(WatchToken.FromJson)

/** The token of an event by its index; negative indices count from the end. */
const tokenOf = ({ emitted }: Emitted<WatchEvent.WatchEvent, unknown>, index: number): WatchToken.WatchToken => {
  const event = emitted.at(index)
  if (event === undefined) throw new Error("the event was not emitted")
  return event.value.token
}

const cadence = WatchPolicy.every("10 seconds")

const script = CallScript.custom(
  [
    { status: "queued", duration: "25 seconds" },
    { status: "in-progress", duration: "60 seconds", parties: 2 }
  ],
  { status: "completed" },
  { settles: "40 seconds" }
)

/** Events of the call, as opposed to failures of the watch and what precedes it. */
const ofTheCall = WatchEvent.WatchEvent.$match({
  Placed: () => false,
  AnsweredHint: () => false,
  Observed: () => true,
  Changed: () => true,
  Ended: () => true,
  Settled: () => true,
  DetailsLoaded: () => true,
  DetailsUnavailable: () => true,
  PollFailed: () => false,
  Stalled: () => false
})

describe("a resume token", () => {
  it("of any event resumes with exactly the events not yet emitted, and the same deadline", async () => {
    let resumed = 0
    await FastCheck.assert(
      FastCheck.asyncProperty(
        transientCase,
        FastCheck.boolean(),
        FastCheck.nat(1000),
        FastCheck.nat(60_000),
        async (of, settle, pick, pause) => {
          await eventLoopTurn()
          const policy: WatchPolicy.Options = {
            ...of.policy,
            until: settle ? "settled" : "terminal",
            settleCadence: WatchPolicy.every("1 minute"),
            settleLimit: "4 minutes"
          }
          const { exit } = run((clock) =>
            Effect.gen(function*() {
              const scenario = yield* openScenario(clock, { faults: of.faults, requestsPerMinute: 1_000_000 })
              const sid = yield* scenario.fake.place(of.script)
              // The first process stops after some event.
              const before = yield* listen(scenario, Stream.take(scenario.watch.events(sid, policy), 1 + pick % 6))
              const last = before.emitted.at(-1)
              if (last === undefined || before.emitted.length < 1 + pick % 6) return
              resumed++
              const sent = (yield* scenario.fake.journal).length
              yield* Effect.sleep(pause)
              const token = pick % 2 === 0 ? yield* Effect.orDie(decode(encode(last.value.token))) : last.value.token
              const after = yield* listen(scenario, scenario.watch.resume(token, policy))
              const journal = yield* scenario.fake.journal

              const calls = (emitted: typeof before.emitted) =>
                emitted.flatMap(({ value }) => "call" in value && value._tag !== "Settled" ? [shown(value.call)] : [])
              const known = calls(before.emitted)
              // As if it were one run that polled at those times.
              const expected = visibleAt(of.script, [
                ...answered(journal.slice(0, sent)),
                ...answered(journal.slice(sent))
              ])
              const ended = before.emitted.some(({ value }) => value._tag === "Ended")
              deepStrictEqual([...known, ...calls(after.emitted)], ended ? known : expected)
              for (const tag of ["Observed", "Ended", "Settled"]) {
                const times = [...before.emitted, ...after.emitted].filter(({ value }) => value._tag === tag).length
                assert.isAtMost(times, 1, tag)
              }
              // A stall is emitted once, by either process.
              const stalls = [...before.emitted, ...after.emitted].flatMap(({ value }) =>
                value._tag === "Stalled" ? [value.since.epochMillis] : []
              )
              assert.strictEqual(new Set(stalls).size, stalls.length)
              assert.strictEqual(
                last.value.token.deadlineAt,
                Math.round(
                  clock.unsafeCurrentTimeMillis() - scenario.now() * 1000
                    + Duration.toMillis(policy.deadline ?? Duration.zero)
                )
              )
              const deadline = Duration.toSeconds(policy.deadline ?? Duration.zero)
              const endings = [...before.emitted, ...after.emitted].filter(({ value }) => value._tag === "Ended")
              if (Exit.isFailure(after.exit) && failure(after.exit) === "WatchTimeout" && endings.length === 0) {
                assert.isAtMost(after.endedAt, Math.max(deadline, before.endedAt + pause / 1000) + 1e-6)
              }
              for (const { value } of after.emitted.filter(({ value }) => ofTheCall(value))) {
                assert.strictEqual(value.token.startedAt, last.value.token.startedAt)
              }
            }), { seed: of.seed })
          if (Exit.isFailure(exit)) throw new Error(String(exit))
        }
      ),
      { numRuns: cases(1000), seed: 7 }
    )
    assert.isAbove(resumed, cases(500))
  }, 120_000)

  it.effect("is equal after encoding and decoding, and holds only the sid, statuses and times", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const before = yield* listen(scenario, scenario.watch.events(sid, { cadence, until: "settled" }))
        assert.strictEqual(before.emitted.length, 4)
        for (const { value } of before.emitted) {
          const text = encode(value.token)
          deepStrictEqual(yield* decode(text), value.token)
          assert.notMatch(text.replace(sid, ""), /0900000|0800000|fake-api/)
        }
      })
    ))

  it.effect("of the last event ends at once, without a request", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const terminal = yield* listen(scenario, scenario.watch.events(sid, { cadence }))
        const settled = yield* listen(scenario, scenario.watch.events(sid, { cadence, until: "settled" }))
        const sent = (yield* scenario.requests()).length
        for (const before of [terminal, settled]) {
          const again = yield* listen(scenario, scenario.watch.resume(tokenOf(before, -1), { cadence }))
          deepStrictEqual(words(again), [])
          assert.strictEqual(failure(again.exit), "success")
        }
        const last = tokenOf(settled, -1)
        deepStrictEqual(words(yield* listen(scenario, scenario.watch.resume(last, { until: "settled" }))), [])
        assert.strictEqual((yield* scenario.requests()).length, sent)
      })
    ))

  it.effect("of an ended call can be resumed to wait for the record", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const before = yield* listen(scenario, scenario.watch.events(sid, { cadence }))
        const after = yield* listen(
          scenario,
          scenario.watch.resume(tokenOf(before, -1), { settleCadence: cadence, until: "settled" })
        )
        deepStrictEqual(words(after), ["130 Settled"])
      })
    ))

  it.effect("that is resumed long after the settling limit still reads the record once", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.answered({ price: null }))
        const before = yield* listen(
          scenario,
          Stream.take(scenario.watch.events(sid, { cadence, until: "settled" }), 3)
        )
        yield* Effect.sleep("1 hour")
        const after = yield* listen(scenario, scenario.watch.resume(tokenOf(before, -1), { until: "settled" }))
        deepStrictEqual(words(after), ["3650 Settled price"])
        assert.strictEqual((yield* scenario.requests()).at(-1), 3650)
      })
    ))

  it.effect("does not extend the deadline, and allows one poll after it", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(script)
        const policy = { cadence, deadline: "30 seconds" } as const
        const before = yield* listen(scenario, Stream.take(scenario.watch.events(sid, policy), 1))
        yield* Effect.sleep("15 seconds")
        const soon = yield* listen(
          scenario,
          scenario.watch.resume(tokenOf(before, 0), { ...policy, deadline: "1 day" })
        )
        assert.strictEqual(failure(soon.exit), "WatchTimeout")
        assert.strictEqual(soon.endedAt, 30)
        const sent = (yield* scenario.requests()).length
        const late = yield* listen(scenario, scenario.watch.resume(tokenOf(before, 0), policy))
        assert.strictEqual(failure(late.exit), "WatchTimeout")
        assert.strictEqual((yield* scenario.requests()).length, sent + 1)
      })
    ))

  it.effect("detects after the deadline that the call has ended meanwhile", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "20 seconds" }))
        const policy = { cadence, deadline: "30 seconds" } as const
        const before = yield* listen(scenario, Stream.take(scenario.watch.events(sid, policy), 1))
        yield* Effect.sleep("1 day")
        const late = yield* listen(scenario, scenario.watch.resume(tokenOf(before, 0), policy))
        assert.isTrue(Exit.isSuccess(late.exit))
        assert.include(words(late)[0], "Ended busy")
      })
    ))

  it.effect("of a stalled watch does not emit the stall again", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.answered({ ring: "0 seconds", talk: "2 minutes" }))
        const policy = { cadence, stallAfter: "30 seconds" } as const
        const before = yield* listen(scenario, Stream.take(scenario.watch.events(sid, policy), 2))
        assert.strictEqual(before.emitted[1]?.value._tag, "Stalled")
        const after = yield* listen(scenario, scenario.watch.resume(tokenOf(before, 1), policy))
        deepStrictEqual(words(after), ["120 Ended completed"])
      })
    ))
})

describe("a value that is not a token", () => {
  const good = {
    version: 1,
    sid: "b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f",
    startedAt: 978_307_200_000,
    deadlineAt: 978_325_200_000,
    seen: { status: "in-progress", fingerprint: "in-progress  ", changedAt: 978_307_200_000 }
  }

  for (
    const [name, value] of [
      ["nothing", undefined],
      ["an empty text", ""],
      ["cut off JSON", JSON.stringify(good).slice(0, 60)],
      ["a list", [good]],
      ["a later version", { ...good, version: 2 }],
      ["a sid that is a path", { ...good, sid: "../../x" }],
      ["a time that is a text", { ...good, startedAt: "978307200000" }],
      ["a time that is no number", { ...good, deadlineAt: NaN }],
      ["a time of more digits than a number holds", { ...good, deadlineAt: 1e300 }],
      ["an end of a call that goes on", { ...good, endedAt: good.startedAt }],
      ["a settled call that goes on", { ...good, settled: true }],
      ["a settled call that was never seen", { ...good, seen: undefined, settled: true }]
    ] as const
  ) {
    it.effect(`is rejected when it is ${name}`, () =>
      Effect.gen(function*() {
        const input: string = typeof value === "string" ? value : JSON.stringify(value) ?? ""
        assert.isTrue(Either.isLeft(yield* Effect.either(decode(input))))
        assert.isTrue(Either.isLeft(yield* Effect.either(Schema.decodeUnknown(WatchToken.WatchToken)(value))))
      }))
  }

  /** A token of which one part, somewhere, was replaced. */
  const damaged = FastCheck.tuple(
    FastCheck.constantFrom(
      ["version"],
      ["sid"],
      ["startedAt"],
      ["deadlineAt"],
      ["seen"],
      ["seen", "status"],
      ["seen", "fingerprint"],
      ["seen", "changedAt"],
      ["endedAt"],
      ["settled"],
      ["stalled"]
    ),
    FastCheck.oneof(
      FastCheck.jsonValue(),
      FastCheck.maxSafeInteger(),
      FastCheck.constantFrom(-9e15, 9e15, 8.64e15 + 1, -0, "completed", true)
    )
  ).map(([[field, inner], value]) => {
    const token: Record<string, unknown> = structuredClone(good)
    const seen = token["seen"]
    if (field === undefined) return token
    if (inner === undefined) token[field] = value
    else if (typeof seen === "object") token[field] = { ...seen, [inner]: value }
    return token
  })

  it("is rejected with a typed error, or resumes the watch that it describes without a defect", async () => {
    const seen = { rejected: 0, resumed: 0 }
    await FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.oneof(
          damaged.map((token) => JSON.stringify(token)),
          FastCheck.tuple(FastCheck.nat(250), FastCheck.string({ maxLength: 3 })).map(([at, text]) =>
            JSON.stringify(good).slice(0, at) + text + JSON.stringify(good).slice(at + 1)
          ),
          FastCheck.anything().map((value) => JSON.stringify(value) ?? "")
        ),
        FastCheck.constantFrom<"terminal" | "settled">("terminal", "settled"),
        async (text, until) => {
          await eventLoopTurn()
          Effect.runSync(inScenario((scenario) =>
            Effect.gen(function*() {
              yield* scenario.fake.place(CallScript.busy({ ring: "20 seconds" }), { sid: good.sid })
              yield* scenario.fake.faults(FaultPlan.status(503).pipe(FaultPlan.onRequest(1), FaultPlan.optional))
              const token = yield* Effect.either(decode(text))
              if (Either.isLeft(token)) {
                seen.rejected++
                return
              }
              const emitted = yield* listen(
                scenario,
                scenario.watch.resume(token.right, { cadence, until, stallAfter: "1 second", deadline: "1 day" })
              )
              assert.include(["success", "WatchTimeout", "CallNotFound"], failure(emitted.exit))
              seen.resumed++
            })
          ))
        }
      ),
      { numRuns: cases(1000), seed: 8 }
    )
    assert.isAbove(seen.rejected, cases(100))
    assert.isAbove(seen.resumed, cases(100))
  }, 120_000)
})
