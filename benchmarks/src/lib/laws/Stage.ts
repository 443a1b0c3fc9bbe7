/** One run of one contender: a pretended Exotel of its own on loopback, and what it saw. */
import { CallScript, FakeExotel, Journal } from "@effect-exotel/testing"
import type { FaultPlan } from "@effect-exotel/testing"
import type { Duration, Exit, Option } from "effect"
import { Clock, DateTime, Effect, Fiber, Schedule } from "effect"
import type { Subject } from "./Contender.ts"

/** Milliseconds between two polls, unless a scenario needs more room. The watch takes nothing shorter. */
export const INTERVAL = 100

/** A scenario is paced by what its contender does, not by the time: whoever is slow sees no less. */
const READS = 4

/** For so long requests after the end are listened for: five polls' time. */
const QUIET = 500

export type Reads = ReadonlyArray<Journal.JournalEntry>

/** What came of an effect that was given so much time. */
export interface Outcome<A> {
  /** None when it was not over in time and had to be interrupted. */
  readonly exit: Option.Option<Exit.Exit<A, unknown>>
  /** Until it was over, or until its time was. */
  readonly millis: number
  readonly reads: Reads
  /** Requests that came when it was over. */
  readonly later: Reads
}

export interface Stage {
  /** A call that goes on in the first of these words until it is led on. */
  readonly place: (words: ReadonlyArray<string>, faults?: FaultPlan.FaultPlan) => Effect.Effect<Subject>
  /** Leads the call to its next word whenever it has been read four times more, and others with it, until it has ended. */
  readonly leadOn: (subject: Subject, ...others: ReadonlyArray<Subject>) => Effect.Effect<void>
  readonly reads: (subject: Subject) => Effect.Effect<Reads>
  /** What was planned for the run and did not come to pass. */
  readonly unstruck: Effect.Effect<ReadonlyArray<string>>
  /** Waits until the journal shows it, for five seconds at most. */
  readonly waitFor: (subject: Subject, shown: (reads: Reads) => boolean) => Effect.Effect<void>
  /** Runs it to its end, or until its time is up. */
  readonly observe: <A>(
    subject: Subject,
    effect: Effect.Effect<A, unknown>,
    limit: Duration.DurationInput
  ) => Effect.Effect<Outcome<A>>
  /** Runs it until the moment, and aborts it. */
  readonly abortWhen: (
    subject: Subject,
    effect: Effect.Effect<unknown, unknown>,
    moment: Effect.Effect<void>
  ) => Effect.Effect<Outcome<unknown>>
}

const make = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const reads = ({ sid }: Subject) => Effect.map(fake.journal, Journal.forCall(sid))

  const waitFor: Stage["waitFor"] = (subject, shown) =>
    reads(subject).pipe(
      Effect.repeat({ until: shown, schedule: Schedule.spaced("5 millis") }),
      Effect.timeoutOption("5 seconds"),
      Effect.asVoid
    )

  /** Runs it until the moment, interrupts what is left of it, and listens for what still comes. */
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
      // Taken only now: what became of a request may show late.
      const all = yield* reads(subject)
      return { exit, millis, reads: all.slice(0, length), later: all.slice(length) }
    })

  const stage: Stage = {
    place: (words, faults) =>
      Effect.gen(function*() {
        if (faults !== undefined) yield* fake.faults(faults)
        const phases = words.slice(0, -1).map((status) => ({ status, duration: 1 }))
        const script = CallScript.manual(CallScript.custom(phases, { status: words.at(-1) ?? "" }))
        const sid = yield* fake.place(script)
        return { sid, exotel: fake.options, intervalMillis: INTERVAL }
      }),
    leadOn: (subject, ...others) =>
      Effect.gen(function*() {
        while (!(yield* fake.state(subject.sid)).ended) {
          const { length } = yield* reads(subject)
          yield* waitFor(subject, (reads) => reads.length >= length + READS)
          yield* Effect.forEach([subject, ...others], ({ sid }) => fake.step(sid))
        }
      }),
    reads,
    unstruck: Effect.match(fake.verify, { onSuccess: () => [], onFailure: ({ problems }) => problems }),
    waitFor,
    observe: (subject, effect, limit) =>
      run(subject, effect, (fiber) => Effect.timeoutOption(Fiber.await(fiber), limit)),
    abortWhen: (subject, effect, moment) => run(subject, effect, () => moment)
  }
  return stage
})

/** Gives the run a world that no other run sees; it is gone afterwards, and with it whoever still asks. */
export const onStage = <A>(run: (stage: Stage) => Effect.Effect<A, unknown>): Effect.Effect<A, unknown> =>
  Effect.flatMap(make, run).pipe(
    Effect.provide(FakeExotel.layerServer({ requestsPerMinute: 1_000_000, verifyOnClose: false }))
  )

/** Milliseconds from each request to the next. */
export const gaps = (reads: Reads): ReadonlyArray<number> =>
  reads.slice(1).map(({ at }, i) => DateTime.distance(reads[i]?.at ?? at, at))
