/** Random calls, policies and faults, each run once with the real engine and the real client. */
import type { Call } from "@effect-exotel/core"
import { Arbitraries, CallScript, type FaultPlan, type Journal } from "@effect-exotel/testing"
import type { WatchError, WatchEvent } from "@effect-exotel/watch"
import { WatchPolicy } from "@effect-exotel/watch"
import { Cause, Duration, Effect, type Exit, FastCheck, Option } from "effect"
import { cases, eventLoopTurn } from "../../../../scripts/lib/cases.mjs"
import { listen, longAfter, openScenario } from "./scenarios.ts"
import { run } from "./simulation.ts"

export interface Case {
  readonly script: CallScript.CallScript
  readonly faults: FaultPlan.FaultPlan
  readonly policy: WatchPolicy.Options
  readonly seed: number
}

export interface Run {
  readonly sid: string
  /** With the second at which each was emitted. */
  readonly events: ReadonlyArray<{ readonly at: number; readonly value: WatchEvent.WatchEvent }>
  readonly exit: Exit.Exit<void, WatchError.WatchError>
  readonly endedAt: number
  /** The requests when the watch was over. */
  readonly journal: ReadonlyArray<Journal.JournalEntry>
  /** The requests in the month after that. */
  readonly later: ReadonlyArray<Journal.JournalEntry>
  readonly timersLeft: number
}

export const live = ({ faults, policy, script, seed }: Case): Run => {
  const { exit, timersLeft } = run((clock) =>
    Effect.gen(function*() {
      const scenario = yield* openScenario(clock, { faults, seed, requestsPerMinute: 1_000_000 })
      const sid = yield* scenario.fake.place(script)
      const { endedAt, exit, emitted: events } = yield* listen(scenario, scenario.watch.events(sid, policy))
      const sent = (yield* scenario.fake.journal).length
      yield* longAfter
      const journal = yield* scenario.fake.journal
      return { sid, events, exit, endedAt, journal: journal.slice(0, sent), later: journal.slice(sent) }
    }), { seed })
  if (exit._tag === "Failure") throw Cause.squash(exit.cause)
  return { ...exit.value, timersLeft }
}

const seconds = (min: number, max: number) => FastCheck.integer({ min, max }).map(Duration.seconds)

/** A cadence with few polls for a call of that duration, so that a thousand cases are fast enough. */
const cadence = (script: CallScript.CallScript) =>
  FastCheck.integer({ min: 1, max: 6 }).map((times) =>
    WatchPolicy.every(Duration.millis(Math.max(700, Duration.toMillis(CallScript.duration(script)) / times)))
  )

const policy = (script: CallScript.CallScript): FastCheck.Arbitrary<WatchPolicy.Options> =>
  FastCheck.record({
    cadence: cadence(script),
    deadline: FastCheck.oneof(
      { weight: 3, arbitrary: FastCheck.constant(Duration.hours(5)) },
      { weight: 1, arbitrary: seconds(0, 120) }
    ),
    stallAfter: seconds(0, 300),
    errorBackoff: FastCheck.constantFrom(Duration.seconds(1), Duration.seconds(8)),
    retryAfterCap: FastCheck.constantFrom(Duration.seconds(5), Duration.minutes(5))
  })

export const caseWith = (faults: FastCheck.Arbitrary<FaultPlan.FaultPlan>): FastCheck.Arbitrary<Case> =>
  Arbitraries.script.chain((script) =>
    FastCheck.record({ script: FastCheck.constant(script), faults, policy: policy(script), seed: FastCheck.nat(9999) })
  )

/** Every kind of transient fault, including those in the middle of a body. */
export const transientCase: FastCheck.Arbitrary<Case> = caseWith(Arbitraries.transientFaults)

/** Each case is run once, for all guarantees. */
const runs = new WeakMap<Case, Run>()
const sampled = new WeakMap<FastCheck.Arbitrary<Case>, ReadonlyArray<Case>>()

const SEED = 20_261_123

export const forEachRun = async (
  arbitrary: FastCheck.Arbitrary<Case>,
  check: (plan: Run, of: Case) => void,
  numRuns: number = cases(1000)
): Promise<void> => {
  const cases = sampled.get(arbitrary) ?? FastCheck.sample(arbitrary, { numRuns, seed: SEED })
  sampled.set(arbitrary, cases)
  let lived = 0
  for (const each of cases) {
    const plan = runs.get(each) ?? live(each)
    runs.set(each, plan)
    check(plan, each)
    if (++lived % 25 === 0) await eventLoopTurn()
  }
}

/** The journal entries of reads with a complete record. */
export const answered = (journal: ReadonlyArray<Journal.JournalEntry>): ReadonlyArray<Journal.JournalEntry> =>
  journal.filter(({ fault, operation, outcome }) =>
    operation === "read" && outcome._tag === "Answered" && outcome.status === 200 &&
    (fault === undefined || fault.startsWith("stalled"))
  )

/** The visible state: the status of the call and those of its legs. */
export const visible = (state: Pick<CallScript.State, "status" | "leg1Status" | "leg2Status">): string =>
  [state.status, state.leg1Status ?? "", state.leg2Status ?? ""].join(" ")

export const shown = (call: Call.Call): string => {
  const legs = Option.getOrUndefined(call.details)
  return visible({
    status: call.status,
    leg1Status: Option.getOrUndefined(
      Option.flatMapNullable(Option.fromNullable(legs), (legs) => Option.getOrUndefined(legs.leg1Status))
    ),
    leg2Status: Option.getOrUndefined(
      Option.flatMapNullable(Option.fromNullable(legs), (legs) => Option.getOrUndefined(legs.leg2Status))
    )
  })
}

/** The visible states at those reads, each once, up to the end, computed from the script alone. */
export const visibleAt = (
  script: CallScript.CallScript,
  reads: ReadonlyArray<Journal.JournalEntry>
): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const { elapsed } of reads) {
    const state = CallScript.stateAt(script, elapsed)
    if (found.at(-1) !== visible(state)) found.push(visible(state))
    if (state.ended) break
  }
  return found
}
