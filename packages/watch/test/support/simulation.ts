/**
 * Lives through hours of a program in one synchronous run: its own clock and its own scheduler, and not a turn of the
 * event loop. `TestClock` waits for three timers of Node before each sleep that it ends, and keeps the sleeps of fibers
 * that were interrupted; a thousand cases want neither, and whether a timer is left is one of the questions.
 */
import { ExotelCalls } from "@effect-exotel/core"
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import type { Scope } from "effect"
import { Clock, Duration, Effect, Exit, Random, Scheduler } from "effect"

/** Loads the XML parser, which the client does when the first XML arrives: real time must not pass in a simulation. */
await Effect.runPromise(
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const calls = yield* ExotelCalls.ExotelCalls
    yield* calls.get(yield* fake.place(CallScript.busy()))
  }).pipe(Effect.provide(FakeExotel.layer({ client: { format: "xml" } })))
)

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

/** Time that stands still until every fiber waits, and whose wall can be set while its sleeps go on as timers do. */
export class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  private elapsed = 0
  private offset: number
  private readonly sleepers: Array<Sleeper> = []

  constructor(startsAt: number) {
    this.offset = startsAt
  }

  unsafeCurrentTimeMillis(): number {
    return this.offset + this.elapsed
  }
  unsafeCurrentTimeNanos(): bigint {
    // Monotonic, as the hardware's: setting the clock does not change it.
    return BigInt(Math.round(this.elapsed * 1e6))
  }
  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const millis = Duration.toMillis(duration)
      // Timers know whole milliseconds.
      const sleeper = { at: this.elapsed + Math.max(0, Math.ceil(millis)), wake: () => resume(Effect.void) }
      const after = this.sleepers.findLastIndex(({ at }) => at <= sleeper.at)
      this.sleepers.splice(after + 1, 0, sleeper)
      return Effect.sync(() => {
        const index = this.sleepers.indexOf(sleeper)
        if (index !== -1) this.sleepers.splice(index, 1)
      })
    })
  }

  /** As if the machine's clock were set, or the machine woke from a long sleep: timers are not affected. */
  set(by: Duration.DurationInput, direction: "forward" | "back"): void {
    this.offset += (direction === "forward" ? 1 : -1) * Duration.toMillis(by)
  }

  /** How many timers are running. */
  get timers(): number {
    return this.sleepers.length
  }

  /** Ends the next sleep; false when no fiber sleeps. */
  advance(): boolean {
    const next = this.sleepers.shift()
    if (next === undefined) return false
    this.elapsed = Math.max(this.elapsed, next.at)
    next.wake()
    return true
  }
}

export interface Outcome<A, E> {
  readonly exit: Exit.Exit<A, E>
  /** Timers that the program left behind when it and its scope were over. */
  readonly timersLeft: number
}

const MAX_WAKES = 20_000

/** Year 2001 for the calendar of records; any instant would do. */
const STARTS_AT = Date.UTC(2001, 0, 1)

/**
 * Runs the program, and its scope, to the end. Dies if it waits for something that is not time, or never stops: both
 * are what a test wants to hear of, and neither hangs it.
 */
export const run = <A, E>(
  program: (clock: VirtualClock) => Effect.Effect<A, E, Scope.Scope>,
  options: { readonly seed?: number | undefined } = {}
): Outcome<A, E> => {
  const clock = new VirtualClock(STARTS_AT)
  const scheduler = new Scheduler.ControlledScheduler()
  const fiber = Effect.runFork(
    Effect.scoped(program(clock)).pipe(Effect.withClock(clock), Effect.withRandom(Random.make(options.seed ?? 1))),
    { scheduler }
  )
  const settle = () => {
    for (let steps = 0; scheduler.tasks.buckets.length > 0; steps++) {
      if (steps > MAX_WAKES) throw new Error("the program loops without time passing")
      scheduler.step()
    }
  }
  settle()
  for (let wakes = 0; fiber.unsafePoll() === null; wakes++) {
    if (wakes > MAX_WAKES) throw new Error("the program never stops waking up")
    if (!clock.advance()) throw new Error("the program hangs: it waits, and no timer is running")
    settle()
  }
  const exit = fiber.unsafePoll()
  return { exit: exit ?? Exit.die("unreachable"), timersLeft: clock.timers }
}

/** The program's result on virtual time; what it fails with fails the test. Nothing may be left of it. */
export const simulate = <A, E>(
  program: (clock: VirtualClock) => Effect.Effect<A, E, Scope.Scope>,
  options?: { readonly seed?: number | undefined }
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const { exit, timersLeft } = run(program, options)
    return timersLeft === 0 ? exit : Effect.dieMessage(`${timersLeft} timers were left running`)
  })
