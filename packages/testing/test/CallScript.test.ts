/** Scripts by themselves, and that their course depends on the time alone. */
import type { Call } from "@effect-exotel/core"
import { ExotelCalls } from "@effect-exotel/core"
import { Arbitraries, CallScript, FakeExotel } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Clock, Duration, Effect, Equal, FastCheck } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"

const seconds = (script: CallScript.CallScript, at: number) => CallScript.stateAt(script, Duration.seconds(at))

/** A clock that stands where it is put: a `TestClock` takes milliseconds for each of the thousands of steps below. */
const handClock = () => {
  let now = 0
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
    sleep: () => Effect.never
  }
  return { clock, setTo: (seconds: number) => Effect.sync(() => void (now = seconds * 1000)) }
}

/** The results of a poller with this interval, by the second of the read. */
const storyOf = (script: CallScript.CallScript, interval: number, until: number) => {
  const { clock, setTo } = handClock()
  return Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const calls = yield* ExotelCalls.ExotelCalls
    const sid = yield* fake.place(script)
    const story = new Map<number, Call.Call>()
    for (let at = 0; at <= until; at += interval) {
      yield* setTo(at)
      story.set(at, yield* calls.getWithDetails(sid))
    }
    return story
  }).pipe(Effect.provide(FakeExotel.layer()), Effect.withClock(clock))
}

describe("CallScript", () => {
  it("an answered call is in progress from its creation, and says of its legs how far it is", () => {
    const script = CallScript.answered({ ring: "8 seconds", connect: "4 seconds", talk: "40 seconds" })
    deepStrictEqual(
      [0, 8, 12, 52].map((at) => [seconds(script, at).status, seconds(script, at).leg1Status]),
      [["in-progress", "ringing"], ["in-progress", "in-progress"], ["in-progress", "in-progress"], [
        "completed",
        "completed"
      ]]
    )
    deepStrictEqual(CallScript.connectedTime(script, 1), Duration.seconds(44))
    deepStrictEqual(CallScript.connectedTime(script, 2), Duration.seconds(40))
    deepStrictEqual(CallScript.duration(script), Duration.seconds(52))
  })

  it("with stages a call is queued and rings before it is in progress", () => {
    const script = CallScript.answered({ stages: true, queue: "2 seconds", ring: "8 seconds" })
    deepStrictEqual([0, 2, 10].map((at) => seconds(script, at).status), ["queued", "ringing", "in-progress"])
  })

  it("an ended call settles as long after its end as the script says", () => {
    const script = CallScript.busy({ ring: "3 seconds", settles: "30 seconds" })
    assert.deepInclude(seconds(script, 32), { status: "busy", ended: true, settled: false })
    assert.deepInclude(seconds(script, 33), { status: "busy", ended: true, settled: true })
  })

  it("scripts compose: a call that was busy is placed again and answered", () => {
    const script = CallScript.busy({ ring: "3 seconds" }).pipe(CallScript.followedBy(CallScript.answered()))
    assert.isFalse(seconds(script, 3).ended)
    assert.strictEqual(seconds(script, 51).status, "completed")
  })

  it("continues with another script from the moment at which it is cut", () => {
    const rings = CallScript.manual(CallScript.answered())
    const rejected = CallScript.until(rings, "7 seconds").pipe(
      CallScript.followedBy(CallScript.custom([], { status: "busy", leg1Status: "busy" }))
    )
    assert.strictEqual(seconds(rejected, 6).ended, false)
    assert.strictEqual(seconds(rejected, 7).status, "busy")
    assert.strictEqual(CallScript.until(CallScript.busy(), "1 hour").phases.length, CallScript.busy().phases.length)
    assert.isEmpty(CallScript.until(CallScript.busy(), 0).phases)
  })

  it("a phase that is held lasts until it is stepped, and the next one begins there", () => {
    const held = CallScript.manual(CallScript.busy())
    assert.strictEqual(seconds(held, 1_000_000).ended, false)
    const stepped = CallScript.advanceAt(held, "90 seconds")
    assert.strictEqual(seconds(stepped, 89).ended, false)
    assert.strictEqual(seconds(stepped, 90).ended, true)
  })

  it.effect.prop(
    "watched every 1, 5 and 30 seconds, a script has the same course",
    [Arbitraries.script, FastCheck.constantFrom(60, 90)],
    ([script, until]) =>
      Effect.gen(function*() {
        const [every1, every5, every30] = yield* Effect.forEach([1, 5, 30], (s) => storyOf(script, s, until))
        const agree = (some?: ReadonlyMap<number, Call.Call>, more?: ReadonlyMap<number, Call.Call>) => {
          for (const [at, call] of some ?? []) assert.isTrue(Equal.equals(call, more?.get(at)), `at ${at} s`)
        }
        agree(every5, every1)
        agree(every30, every5)
        const last = every30?.get(until)
        assert.strictEqual(last?.status, CallScript.stateAt(script, Duration.seconds(until)).status)
      }),
    { fastCheck: { numRuns: cases(10) }, timeout: 60_000 }
  )
})
