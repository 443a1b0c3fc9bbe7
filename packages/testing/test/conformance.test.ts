/** One suite against the fake wire, the loopback server, and the real service where the environment names one. */
import { CallScript, FakeExotel, WireFormat } from "@effect-exotel/testing"
import { FetchHttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Layer, Option, TestClock } from "effect"
import * as Conformance from "./support/conformance.ts"

/** Two calls that began two hours ago and have ended, and one that continues. */
const subject = (settle: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const completed = yield* fake.place(CallScript.answered({ connect: "3 seconds" }))
    const unanswered = yield* fake.place(CallScript.noAnswer())
    yield* settle
    const ongoing = yield* fake.place(CallScript.answered({ talk: "1 day" }))
    const callable = { from: "09876543210", to: "09123456789", callerId: "08012345678" }
    return { options: fake.options, completed, unanswered, ongoing, callable }
  })

const runAll = (
  name: string,
  checkIt: (check: Conformance.Check) => Effect.Effect<void, unknown>
) =>
  describe(name, () => {
    for (const check of Conformance.suite) it.effect(check.name, () => checkIt(check))
  })

runAll("the fake wire", (check) =>
  Effect.gen(function*() {
    yield* check.run(yield* subject(TestClock.adjust("2 hours")))
  }).pipe(Effect.provide(FakeExotel.layerHttpClient())))

runAll("the fake wire in the alternate format", (check) =>
  Effect.gen(function*() {
    yield* check.run(yield* subject(TestClock.adjust("2 hours")))
  }).pipe(
    Effect.provide(FakeExotel.layerHttpClient({ wireFormat: WireFormat.alternate, wrongRegion: 401, unknownCall: 400 }))
  ))

runAll("the loopback server", (check) =>
  Effect.gen(function*() {
    const known = yield* subject(TestClock.adjust("2 hours"))
    if (check.applies(known)) yield* check.run(known)
  }).pipe(Effect.provide(Layer.merge(FakeExotel.layerServer(), FetchHttpClient.layer))))

describe("the suite itself", () => {
  it.effect("reports each difference in a service that does not behave as Exotel", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const known = {
        options: fake.options,
        // Neither has ended.
        completed: yield* fake.place(CallScript.answered()),
        unanswered: yield* fake.place(CallScript.answered())
      }
      const failures = yield* Effect.forEach(
        Conformance.suite.filter((check) => check.applies(known)),
        (check) => Effect.flip(check.run(known)).pipe(Effect.map((failure) => failure.message), Effect.option)
      )
      deepStrictEqual(failures[0], Option.some("Expected the status completed, but found in-progress."))
      assert.isTrue(failures.filter(Option.isSome).length >= 5)
    }).pipe(Effect.provide(FakeExotel.layerHttpClient())))
})

const real = Effect.runSync(Effect.orDie(Conformance.fromEnv))

describe("the real service", () => {
  if (Option.isNone(real)) {
    // eslint-disable-next-line no-console -- a check that did not run must not look like one that passed
    console.warn("SKIPPED: the real Exotel; set EXOTEL_* and EXOTEL_CONFORMANCE_COMPLETED (see the package's README)")
  } else if (real.value.callable === undefined) {
    // eslint-disable-next-line no-console -- as above
    console.warn(
      "SKIPPED: placing calls with the real Exotel; set EXOTEL_CONFORMANCE_CALL_FROM, _CALL_TO and _CALLER_ID"
    )
  }
  for (const check of Conformance.suite) {
    const applies = Option.isSome(real) && check.applies(real.value)
    it.live.runIf(applies)(
      check.name,
      () => Effect.flatMap(real, check.run).pipe(Effect.provide(FetchHttpClient.layer)),
      30_000
    )
  }
})
