/** One run of one contender: a separate fake Exotel on loopback, and its journal. */
import { CallScript, FakeExotel, Journal } from "@effect-exotel/testing"
import type { FaultPlan } from "@effect-exotel/testing"
import type { Duration, Exit, Option } from "effect"
import { Clock, DateTime, Effect, Fiber, Schedule } from "effect"
import type { Subject } from "./Contender.ts"

/** Milliseconds between two polls, unless a scenario needs more. The watch accepts no shorter interval. */
export const INTERVAL = 100

/** Number of reads per status. A scenario advances with the reads of its contender, so a slow contender sees all statuses. */
const READS = 4

/** Milliseconds after the end during which further requests are counted: five polls. */
const QUIET = 500

export type Reads = ReadonlyArray<Journal.JournalEntry>

/** The result of an effect that ran with a time limit. */
export interface Outcome<A> {
  /** None if it did not end in time and was interrupted. */
  readonly exit: Option.Option<Exit.Exit<A, unknown>>
  /** Time until it ended or until its limit. */
  readonly millis: number
  readonly reads: Reads
  /** Requests that arrived after it ended. */
  readonly later: Reads
}

export interface Stage {
  /** Places a call that stays in the first of these statuses until it is advanced. */
  readonly place: (statuses: ReadonlyArray<string>, faults?: FaultPlan.FaultPlan) => Effect.Effect<Subject>
  /** Advances the call, and the others with it, each time it has been read four more times, until it has ended. */
  readonly advance: (subject: Subject, ...others: ReadonlyArray<Subject>) => Effect.Effect<void>
  readonly reads: (subject: Subject) => Effect.Effect<Reads>
  /** Faults that were planned for the run but not applied. */
  readonly unusedFaults: Effect.Effect<ReadonlyArray<string>>
  /** Waits until the journal satisfies the condition, at most five seconds. */
  readonly waitFor: (subject: Subject, until: (reads: Reads) => boolean) => Effect.Effect<void>
  /** Runs the effect until it ends or its time limit is reached. */
  readonly observe: <A>(
    subject: Subject,
    effect: Effect.Effect<A, unknown>,
    limit: Duration.DurationInput
  ) => Effect.Effect<Outcome<A>>
  /** Runs the effect until the given moment, then aborts it. */
  readonly abortWhen: (
    subject: Subject,
    effect: Effect.Effect<unknown, unknown>,
    moment: Effect.Effect<void>
  ) => Effect.Effect<Outcome<unknown>>
}

const make = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const reads = ({ sid }: Subject) => Effect.map(fake.journal, Journal.forCall(sid))

  const waitFor: Stage["waitFor"] = (subject, until) =>
    reads(subject).pipe(
      Effect.repeat({ until: until, schedule: Schedule.spaced("5 millis") }),
      Effect.timeoutOption("5 seconds"),
      Effect.asVoid
    )

  /** Runs the effect until the given moment, interrupts it, and records later requests. */
  const run = <A>(
    subject: Subject,
    effect: Effect.Effect<A, unknown>,
    moment: (fiber: Fiber.Fiber<A, unknown>) => Effect.Effect<unknown>
  ): Effect.Effect<Outcome<A>> =>
    Effect.gen(function*() {
      const begin = yield* Clock.currentTimeMillis
      const fiber = yield* Effect.fork(effect)
      yield* moment(fiber)
      const millis = (yield* Clock.currentTimeMillis) - begin
      const exit = yield* fiber.poll
      const { length } = yield* reads(subject)
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep(QUIET)
      // Read only now, because the outcome of a request may be recorded late.
      const all = yield* reads(subject)
      return { exit, millis, reads: all.slice(0, length), later: all.slice(length) }
    })

  const stage: Stage = {
    place: (statuses, faults) =>
      Effect.gen(function*() {
        if (faults !== undefined) yield* fake.faults(faults)
        const phases = statuses.slice(0, -1).map((status) => ({ status, duration: 1 }))
        const script = CallScript.manual(CallScript.custom(phases, { status: statuses.at(-1) ?? "" }))
        const sid = yield* fake.place(script)
        return { sid, exotel: fake.options, intervalMillis: INTERVAL }
      }),
    advance: (subject, ...others) =>
      Effect.gen(function*() {
        while (!(yield* fake.state(subject.sid)).ended) {
          const { length } = yield* reads(subject)
          yield* waitFor(subject, (reads) => reads.length >= length + READS)
          yield* Effect.forEach([subject, ...others], ({ sid }) => fake.step(sid))
        }
      }),
    reads,
    unusedFaults: Effect.match(fake.verify, { onSuccess: () => [], onFailure: ({ problems }) => problems }),
    waitFor,
    observe: (subject, effect, limit) =>
      run(subject, effect, (fiber) => Effect.timeoutOption(Fiber.await(fiber), limit)),
    abortWhen: (subject, effect, moment) => run(subject, effect, () => moment)
  }
  return stage
})

/** Runs with a separate fake Exotel, which is closed afterwards. */
export const onStage = <A>(run: (stage: Stage) => Effect.Effect<A, unknown>): Effect.Effect<A, unknown> =>
  Effect.flatMap(make, run).pipe(
    Effect.provide(FakeExotel.layerServer({ requestsPerMinute: 1_000_000, verifyOnClose: false }))
  )

/** Milliseconds from each request to the next. */
export const gaps = (reads: Reads): ReadonlyArray<number> =>
  reads.slice(1).map(({ at }, i) => DateTime.distance(reads[i]?.at ?? at, at))
