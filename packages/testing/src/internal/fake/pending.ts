/** Explains an interrupted test: which requests and sleeps were waiting, until when, and whether the clock has moved. */
import * as Chunk from "effect/Chunk"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { TestClock } from "effect/TestClock"
import { renderEntry } from "../../Journal.ts"
import type { FakeState } from "./state.ts"

const MAX_SHOWN = 5
const MINUTE_MILLIS = 60_000

/** Recognised by its shape: the module of the test clock is loaded by tests only. */
const isTestClock = (clock: Clock.Clock): clock is TestClock => "sleeps" in clock && "adjust" in clock

const show = (millis: number): string => Duration.format(Duration.millis(millis))

const sleeping = (clock: TestClock, state: FakeState, now: number): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(clock.sleeps, (sleeps) => {
    const ends = [...new Set(Chunk.toReadonlyArray(sleeps))].filter((end) => end > now).sort((a, b) => a - b)
    if (ends.length === 0) return []
    const shown = ends.slice(0, MAX_SHOWN).map((end) => show(end - now)).join(", ")
    return [
      `sleeps on the TestClock end in ${shown}${ends.length > MAX_SHOWN ? ", …" : ""}`,
      now === state.began
        ? "the TestClock has not moved since the fake was made; fork the effect that waits, then call TestClock.adjust"
        : `the TestClock stands at ${show(now - state.began)} after the fake was made; call TestClock.adjust to move it`
    ]
  })

/** Lists everything that was pending; empty when there was nothing. `requestsPerMinute` is the limit of the client. */
export const pending = (state: FakeState, requestsPerMinute: number): Effect.Effect<ReadonlyArray<string>> =>
  Effect.clockWith((clock) => {
    const now = clock.unsafeCurrentTimeMillis()
    const journal = state.journal()
    const unanswered = journal
      .filter(({ outcome }) => outcome._tag === "Pending" || outcome._tag === "Aborted")
      .map((entry) => `a request without a complete response: ${renderEntry(entry)}`)
    const recent = journal.filter(({ at, operation }) =>
      operation !== "callback" && at.epochMillis > now - MINUTE_MILLIS
    ).length
    const budget = recent < requestsPerMinute ? [] : [
      `${recent} requests were made within a minute, the limit of the client: the next one waits for the request budget until the `
      + "clock moves; to lift the limit, set requestsPerMinute"
    ]
    return Effect.map(
      isTestClock(clock) ? sleeping(clock, state, now) : Effect.succeed([]),
      (sleeps) => [...unanswered.slice(-MAX_SHOWN), ...budget, ...sleeps]
    )
  })
