/** Failures that a watch survives until its deadline, and those that end it: credentials, plan, region, unknown sids. */
import { CallScript, FaultPlan } from "@effect-exotel/testing"
import { type WatchPolicy, WatchToken } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Array, Effect, Logger, Stream } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { failure, inScenario, listen, openScenario, words } from "./support/scenarios.ts"
import { simulate } from "./support/simulation.ts"

const policy: WatchPolicy.Options = { cadence: "10 seconds", errorBackoff: "2 seconds", notFoundGrace: 0 }

const oddResponses = {
  "a proxy that asks for authentication": FaultPlan.status(407),
  "a timeout of a gateway": FaultPlan.status(408),
  "a misdirected request": FaultPlan.status(421),
  "a request that is too early": FaultPlan.status(425),
  "a JSON maintenance page": FaultPlan.body(`{"maintenance":true}`),
  "an empty list": FaultPlan.body("[]"),
  "a redirect": FaultPlan.status(302),
  "a body over the limit": FaultPlan.hugeBody(),
  "another call's record": FaultPlan.body(`{"Call":{"Sid":"another","Status":"completed"}}`),
  "a RestException without a status": FaultPlan.body("<TwilioResponse><RestException/></TwilioResponse>"),
  "a 404 of a gateway": FaultPlan.status(404)
}

describe("a watch of a call that was seen before", () => {
  for (const [name, fault] of Object.entries(oddResponses)) {
    it.effect(`continues after ${name}`, () =>
      inScenario((scenario) =>
        Effect.gen(function*() {
          const sid = yield* scenario.fake.place(CallScript.busy({ ring: "30 seconds" }))
          yield* scenario.fake.faults(fault.pipe(FaultPlan.onRequest(2, 3)))
          const emitted = yield* listen(scenario, scenario.watch.events(sid, policy))
          deepStrictEqual(
            emitted.emitted.map(({ value }) => value._tag),
            ["Observed", "PollFailed", "PollFailed", "Ended"]
          )
        }), { client: { regionProbe: "never" } }))
  }

  it.effect("ends at its deadline with the last error when such a response persists", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "30 seconds" }))
        yield* scenario.fake.faults(oddResponses["an empty list"].pipe(FaultPlan.between("1 second", "1 day")))
        const error = yield* Effect.flip(scenario.watch.awaitEnd(sid, { ...policy, deadline: "2 minutes" }))
        assert.isTrue(error._tag === "WatchTimeout" && error.lastError?._tag === "ResponseParseError")
        assert.strictEqual(scenario.now(), 120)
      })
    ))

  it.effect("fails at once when the account's plan does not allow the request", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "30 seconds" }))
        yield* scenario.fake.faults(FaultPlan.status(403).pipe(FaultPlan.onRequest(2)))
        assert.strictEqual((yield* Effect.flip(scenario.watch.awaitEnd(sid, policy)))._tag, "AccessDenied")
        assert.strictEqual(scenario.now(), 10)
      })
    ))
})

describe("a rejection of the credentials", () => {
  it.effect("that lasts eight seconds ends none of many watches, and costs few requests", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sids = yield* Effect.replicateEffect(
          scenario.fake.place(CallScript.busy({ ring: "1 minute" })),
          Math.max(100, cases(500))
        )
        yield* scenario.fake.faults(FaultPlan.status(401).pipe(FaultPlan.between("15 seconds", "23 seconds")))
        const ended = yield* Effect.forEach(
          sids,
          (sid) => Effect.exit(scenario.watch.awaitEnd(sid, policy)),
          { concurrency: "unbounded" }
        )
        deepStrictEqual(Array.dedupe(ended.map(failure)), ["success"])
        const during = (yield* scenario.requests()).filter((at) => at >= 15 && at < 23)
        assert.isAtMost(during.length, 16 + 2)
      }), { requestsPerMinute: 1_000_000 }))

  it.effect("ends a watch after the policy's grace", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "1 hour" }))
        yield* scenario.fake.faults(FaultPlan.status(401).pipe(FaultPlan.between("15 seconds", "1 day")))
        const emitted = yield* listen(
          scenario,
          scenario.watch.events(sid, { ...policy, authenticationGrace: "30 seconds" })
        )
        assert.strictEqual(failure(emitted.exit), "AuthenticationError")
        // The first rejection is that of the poll at 20 seconds.
        assert.strictEqual(emitted.endedAt, 50)
        assert.isTrue(words(emitted).slice(1).every((word) => word.includes("PollFailed AuthenticationError")))
      })
    ))

  it.effect("that was over in between begins a new grace", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "3 minutes" }))
        yield* scenario.fake.faults(FaultPlan.status(401).pipe(FaultPlan.onRequest(2, 4, 6, 8)))
        const emitted = yield* listen(
          scenario,
          scenario.watch.events(sid, { ...policy, authenticationGrace: "5 seconds" })
        )
        assert.strictEqual(failure(emitted.exit), "success")
      }), { client: { regionProbe: "never" } }))

  it.effect("ends a watch at once without a grace", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "3 minutes" }))
        yield* scenario.fake.faults(FaultPlan.status(401).pipe(FaultPlan.onRequest(2)))
        const error = yield* Effect.flip(scenario.watch.awaitEnd(sid, { ...policy, authenticationGrace: 0 }))
        assert.strictEqual(error._tag, "AuthenticationError")
        assert.strictEqual(scenario.now(), 10)
      })
    ))
})

describe("a host that cannot be reached", () => {
  it.effect("ends a watch after firstAnswerWithin, with the last failure", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy())
        yield* scenario.fake.faults(FaultPlan.refused)
        const error = yield* Effect.flip(scenario.watch.awaitEnd(sid, policy))
        assert.isTrue(
          error._tag === "WatchTimeout" && error.reason === "NoAnswer" && error.lastError?._tag === "TransportError"
        )
        assert.strictEqual(scenario.now(), 120)
        assert.include(error.message, "Check the base URL, the network and the HTTP client")
      })
    ))

  it.effect("does not end a watch that receives a response in time, whatever its status", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "10 minutes" }))
        yield* scenario.fake.faults(FaultPlan.status(503).pipe(FaultPlan.onRequest(3)))
        yield* scenario.fake.faults(FaultPlan.refused.pipe(FaultPlan.between("0 seconds", "9 minutes")))
        const error = yield* Effect.exit(scenario.watch.awaitEnd(sid, policy))
        assert.strictEqual(failure(error), "success")
      })
    ))

  it.effect("does not end the watch of a new call while other calls were answered before", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const first = yield* scenario.fake.place(CallScript.busy())
        yield* scenario.watch.awaitEnd(first)
        const sid = yield* scenario.fake.place(CallScript.busy({ ring: "20 minutes" }))
        yield* scenario.fake.faults(FaultPlan.refused.pipe(FaultPlan.between("0 seconds", "20 minutes")))
        assert.strictEqual(failure(yield* Effect.exit(scenario.watch.awaitEnd(sid, policy))), "success")
      })
    ))

  it.effect("does not end a resumed watch whose call was seen before", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const token = new WatchToken.WatchToken({
          version: 1,
          sid: yield* scenario.fake.place(CallScript.busy({ ring: "20 minutes" })),
          startedAt: scenario.clock.unsafeCurrentTimeMillis(),
          deadlineAt: scenario.clock.unsafeCurrentTimeMillis() + 3_600_000,
          seen: {
            status: "in-progress",
            fingerprint: "in-progress  ",
            changedAt: scenario.clock.unsafeCurrentTimeMillis()
          }
        })
        yield* scenario.fake.faults(FaultPlan.refused.pipe(FaultPlan.between("0 seconds", "20 minutes")))
        const emitted = yield* listen(scenario, scenario.watch.resume(token, policy))
        assert.strictEqual(failure(emitted.exit), "success")
      })
    ))

  it.effect("is logged for a fleet at growing intervals as well, and not for each call", () => {
    const logged: Array<number> = []
    const logger = Logger.make(({ date }) => {
      logged.push(date.getTime())
    })
    return simulate((clock) =>
      Effect.gen(function*() {
        const scenario = yield* openScenario(clock)
        const sids = yield* Effect.replicateEffect(scenario.fake.place(CallScript.busy()), Math.max(4, cases(30)))
        yield* scenario.fake.faults(FaultPlan.refused)
        yield* Stream.runDrain(
          scenario.watch.fleet(sids, { ...policy, firstAnswerWithin: Infinity, deadline: "1 hour" })
        )
        assert.isAtLeast(logged.length, 2)
        assert.isAtMost(logged.length, 7)
      }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
    )
  })

  for (
    const [what, end, next] of [
      ["after polls have succeeded again", "58 minutes", FaultPlan.refused],
      ["of another kind", "60 minutes", FaultPlan.status(503)]
    ] as const
  ) {
    it.effect(`is logged soon when it is a failure ${what}, however long the earlier ones lasted`, () => {
      const logged: Array<number> = []
      const logger = Logger.make(({ date }) => {
        logged.push(date.getTime() / 1000)
      })
      return simulate((clock) =>
        Effect.gen(function*() {
          const scenario = yield* openScenario(clock)
          const start = scenario.clock.unsafeCurrentTimeMillis() / 1000 - scenario.now()
          const sid = yield* scenario.fake.place(CallScript.busy({ ring: "70 minutes" }))
          yield* scenario.fake.faults(FaultPlan.all(
            FaultPlan.refused.pipe(FaultPlan.between("0 seconds", end)),
            next.pipe(FaultPlan.between("60 minutes", "65 minutes"))
          ))
          yield* Effect.exit(
            scenario.watch.awaitEnd(sid, { ...policy, firstAnswerWithin: Infinity, deadline: "3 hours" })
          )
          const minutesLogged = logged.map((at) => (at - start) / 60)
          assert.isTrue(minutesLogged.some((minutes) => minutes >= 60 && minutes <= 62), minutesLogged.join(" "))
        }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      )
    })
  }

  it.effect("is logged after the first failures and then at growing intervals, without a phone number", () => {
    const logged: Array<{ readonly at: number; readonly text: string }> = []
    const logger = Logger.make((entry) => {
      logged.push({ at: entry.date.getTime() / 1000, text: JSON.stringify(Logger.structuredLogger.log(entry)) })
    })
    return simulate((clock) =>
      Effect.gen(function*() {
        const scenario = yield* openScenario(clock)
        const sid = yield* scenario.fake.place(CallScript.busy())
        yield* scenario.fake.faults(FaultPlan.refused)
        const began = logged.length
        yield* Effect.exit(scenario.watch.awaitEnd(sid, { ...policy, firstAnswerWithin: Infinity }))
        assert.strictEqual(began, 0)
        const [first = assert.fail()] = logged
        const start = scenario.clock.unsafeCurrentTimeMillis() / 1000 - scenario.now()
        assert.isAtMost(first.at - start, 30)
        for (const { text } of logged) {
          for (const part of [sid, "TransportError", "Check the base URL", "2001-01-01T00:00:00.000Z", "WARN"]) {
            assert.include(text, part)
          }
          assert.notMatch(text, /0900000|0800000/)
        }
        const waits = logged.slice(1).map(({ at }, i) => at - (logged[i]?.at ?? 0))
        assert.isAbove(waits.length, 2)
        assert.isTrue(waits.every((wait, i) => wait > (waits[i - 1] ?? 0)), String(waits))
        assert.isAtMost(logged.length, 12)
      }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
    )
  })
})
