/** The campaign on the virtual clock, against fakes in which calls fail in each way. */
import { CallScript, ConnectPlan, FakeExotel, FaultPlan, Simulation } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Array, Chunk, Effect, Layer, Stream } from "effect"
import { Outcome, type Reminder, run, standard } from "../src/reminder-campaign/campaign.ts"
import * as People from "../src/reminder-campaign/people.ts"
import { table } from "../src/reminder-campaign/table.ts"

const settings = { ...standard, callerId: "08047123456", appId: "926" }
const toConnect = FaultPlan.forOperation("connect")

/** The results in the order of the reminders, and what the fake saw. */
const campaign = (reminders: ReadonlyArray<Reminder>, options: FakeExotel.Options) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const results = new Map(
      Array.map(Chunk.toReadonlyArray(yield* Stream.runCollect(run(reminders, settings))), (result) =>
        [result.id, result] as const)
    )
    return {
      results: reminders.flatMap(({ id }) =>
        results.get(id) ?? []
      ),
      placed: yield* fake.placed,
      figures: yield* People.figures
    }
  }).pipe(
    Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer({ strict: true, ...options })))),
    Simulation.run()
  )

const asha: Reminder = { id: "asha", number: "09000000001" }
const ravi: Reminder = { id: "ravi", number: "09000000002" }

/** The outcome and attempts of one reminder, and the minutes at which calls were placed. */
const one = (options: FakeExotel.Options) =>
  Effect.map(campaign([asha], options), ({ placed, results }) => {
    const first = placed[0]?.at.epochMillis ?? 0
    return {
      outcome: results[0]?.outcome,
      attempts: results[0]?.attempts,
      placed: placed.map(({ at }) => Math.floor((at.epochMillis - first) / 60_000))
    }
  })

describe("a reminder", () => {
  it.effect("is called up to three times, after a wait that depends on the outcome", () =>
    Effect.gen(function*() {
      deepStrictEqual(yield* one({ connect: CallScript.busy() }), {
        outcome: Outcome.NotReached({ status: "busy" }),
        attempts: 3,
        placed: [0, 5, 10]
      })
      const connect = { inOrder: [CallScript.noAnswer(), CallScript.busy(), CallScript.answered()] }
      deepStrictEqual(yield* one({ connect }), { outcome: Outcome.Reminded(), attempts: 3, placed: [0, 15, 21] })
    }))

  for (
    const [connect, outcome] of [
      [CallScript.answered(), Outcome.Reminded()],
      [CallScript.failed(), Outcome.NotReached({ status: "failed" })]
    ] as const
  ) {
    it.effect(`is not called again after ${outcome._tag}`, () =>
      Effect.gen(function*() {
        deepStrictEqual(yield* one({ connect }), { outcome, attempts: 1, placed: [0] })
      }))
  }

  it.effect("is not called again when its number must not be called", () =>
    Effect.gen(function*() {
      deepStrictEqual(yield* one({ connect: ConnectPlan.doNotDisturb }), {
        outcome: Outcome.NotPlaced({ error: "DoNotDisturb" }),
        attempts: 1,
        placed: []
      })
    }))

  for (
    const [what, fault] of [
      ["was reset", FaultPlan.reset()],
      ["is a 504", FaultPlan.status(504)],
      ["was cut off", FaultPlan.truncated()],
      ["never comes", FaultPlan.stalled()]
    ] as const
  ) {
    const faults = fault.pipe(toConnect, FaultPlan.onRequest(1))

    it.effect(`whose response ${what} has the outcome of the call that was placed`, () =>
      Effect.gen(function*() {
        deepStrictEqual(yield* one({ connect: CallScript.answered(), faults }), {
          outcome: Outcome.Reminded(),
          attempts: 1,
          placed: [0]
        })
        const busy = yield* one({ connect: { inOrder: [CallScript.busy(), CallScript.answered()] }, faults })
        deepStrictEqual([busy.outcome, busy.attempts], [Outcome.Reminded(), 2])
      }))

    it.effect(`whose response ${what} is reported and not called again when no call was placed`, () =>
      Effect.gen(function*() {
        deepStrictEqual(yield* one({ faults: FaultPlan.placesCall(faults, false), strict: false }), {
          outcome: Outcome.Unknown({ error: "CallOutcomeUnknown" }),
          attempts: 1,
          placed: []
        })
      }))
  }

  it.effect("follows the earlier one of the same person, in another form of the number, too", () =>
    Effect.gen(function*() {
      const again = { id: "asha again", number: "+919000000001" }
      const { figures, results } = yield* campaign([asha, ravi, again], {
        connect: {
          byNumber: { [asha.number]: [CallScript.busy({ ring: "20 seconds" }), CallScript.answered()] },
          default: CallScript.answered()
        }
      })
      deepStrictEqual(results.map(({ attempts, outcome }) => [outcome._tag, attempts]), [
        ["Reminded", 2],
        ["Reminded", 1],
        ["Reminded", 1]
      ])
      assert.strictEqual(figures.mostAtOnceToOnePerson, 1)
    }))

  it.effect("waits for the end of an earlier call whose watch failed", () =>
    Effect.gen(function*() {
      const again = { id: "asha again", number: asha.number }
      const { figures, results } = yield* campaign([asha, again], {
        connect: CallScript.answered({ ring: "30 seconds", talk: "2 minutes" }),
        faults: FaultPlan.status(401).pipe(FaultPlan.forOperation("read"))
      })
      const outcome = Outcome.Unknown({ error: "PlacedCallWatchFailed" })
      deepStrictEqual(results.map((result) => result.outcome), [outcome, outcome])
      deepStrictEqual([figures.placed, figures.mostAtOnceToOnePerson], [2, 1])
    }))

  for (const [length, talk] of [["a long", "2 minutes"], ["a short", "10 seconds"]] as const) {
    it.effect(`waits for the end of ${length} earlier call of unknown outcome, and does not take it for its own`, () =>
      Effect.gen(function*() {
        const again = { id: "asha again", number: "+919000000001" }
        const { figures, results } = yield* campaign([asha, again], {
          connect: { inOrder: [CallScript.answered({ ring: "20 seconds", talk }), CallScript.failed()] },
          faults: FaultPlan.reset().pipe(toConnect)
        })
        deepStrictEqual(results.map(({ outcome }) => outcome), [
          Outcome.Reminded(),
          Outcome.NotReached({ status: "failed" })
        ])
        deepStrictEqual([figures.placed, figures.mostAtOnceToOnePerson], [2, 1])
      }))
  }
})

describe("the campaign of the example", () => {
  it.effect("calls 200 people 30 times a minute, and never one of them twice at once", () =>
    Effect.gen(function*() {
      const { figures, placed, results } = yield* campaign(People.reminders, People.fake)
      assert.strictEqual(results.length, 200)
      deepStrictEqual([figures.mostPerMinute, figures.mostAtOnceToOnePerson], [30, 1])
      const attempts = results.reduce((sum, result) => sum + result.attempts, 0)
      const notPlaced = results.filter(({ outcome }) => outcome._tag === "NotPlaced" || outcome._tag === "Unknown")
      assert.strictEqual(placed.length, attempts - notPlaced.length)
      deepStrictEqual(results.filter(({ outcome }) => outcome._tag === "Unknown").length, 1)
      const [head, ...rows] = table(results, settings.attempts).split("\n")
      assert.match(head ?? "", /^ {2}outcome +reminders +1 attempt +2 +3$/)
      assert.match(rows.join("\n"), /^ {2}all +200 /m)
      for (const { number } of People.reminders) assert.notInclude(rows.join(), number.slice(-10))
    }), 120_000)
})
