/** Helpers for tests of watches: a fake Exotel with an engine on virtual time, and recorded events. */
import { ExotelCalls, RequestBudget } from "@effect-exotel/core"
import { FakeExotel, Journal } from "@effect-exotel/testing"
import { CallWatch, type WatchEvent } from "@effect-exotel/watch"
import { Context, Duration, Effect, Exit, Fiber, Layer, Option, type Scope, Stream } from "effect"
import { simulate, type VirtualClock } from "./simulation.ts"

export interface Scenario {
  readonly clock: VirtualClock
  readonly fake: FakeExotel.Service
  readonly calls: ExotelCalls.Service
  readonly budget: RequestBudget.Service
  readonly watch: CallWatch.Service
  /** Seconds since the scenario began. */
  readonly now: () => number
  /** When requests were sent, in seconds since the scenario began. */
  readonly requests: (sid?: string) => Effect.Effect<ReadonlyArray<number>>
}

export interface Options extends FakeExotel.Options, CallWatch.EngineOptions {
  /** Of the engine's chance, not the scenario's. */
  readonly chance?: number | undefined
}

/** Longer than any watch of these tests sleeps. */
export const longAfter = Effect.sleep("30 days")

export const openScenario = (clock: VirtualClock, options: Options = {}): Effect.Effect<Scenario, never, Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.orDie(
      Layer.build(
        CallWatch.layerWith(options).pipe(Layer.provideMerge(FakeExotel.layer({
          ...options,
          // Only tests of the budget limit the client.
          client: { requestsPerMinute: Infinity, ...options.client }
        })))
      )
    )
    const fake = Context.get(context, FakeExotel.FakeExotel)
    const began = clock.unsafeCurrentTimeMillis()
    return {
      clock,
      fake,
      calls: Context.get(context, ExotelCalls.ExotelCalls),
      budget: Context.get(context, RequestBudget.RequestBudget),
      watch: Context.get(context, CallWatch.CallWatch),
      now: () => (clock.unsafeCurrentTimeMillis() - began) / 1000,
      requests: (sid) =>
        Effect.map(
          fake.journal,
          (journal) =>
            (sid === undefined ? journal : Journal.forCall(sid)(journal)).map(({ elapsed }) =>
              Duration.toSeconds(elapsed)
            )
        )
    }
  })

/** A second watch service over the same client, or over another one. */
export const makeWatch = (
  scenario: Scenario,
  calls: ExotelCalls.Service = scenario.calls,
  options: CallWatch.EngineOptions = {}
): Effect.Effect<CallWatch.Service, never, Scope.Scope> =>
  CallWatch.make(options).pipe(
    Effect.provideService(ExotelCalls.ExotelCalls, calls),
    Effect.provideService(RequestBudget.RequestBudget, scenario.budget)
  )

/** Runs a test with its own fake on virtual time, and fails if a timer is left. */
export const inScenario = <A, E>(
  use: (scenario: Scenario) => Effect.Effect<A, E, Scope.Scope>,
  options: Options = {}
): Effect.Effect<A, E> =>
  simulate((clock) => Effect.flatMap(openScenario(clock, options), use), { seed: options.chance })

/** The elements of a stream with their times in seconds, and the time and exit of its end. */
export interface Emitted<A, E> {
  readonly emitted: ReadonlyArray<{ readonly at: number; readonly value: A }>
  readonly exit: Exit.Exit<void, E>
  readonly endedAt: number
}

export const listen = <A, E>(scenario: Scenario, stream: Stream.Stream<A, E>): Effect.Effect<Emitted<A, E>> =>
  Effect.gen(function*() {
    const emitted: Array<{ readonly at: number; readonly value: A }> = []
    const exit = yield* Effect.exit(Stream.runForEach(stream, (value) =>
      Effect.sync(() => {
        emitted.push({ at: scenario.now(), value })
      })))
    return { emitted, exit, endedAt: scenario.now() }
  })

/** Events as text: `5 Changed in-progress`. */
export const words = ({ emitted }: Emitted<WatchEvent.WatchEvent, unknown>): ReadonlyArray<string> =>
  emitted.map(({ at, value }) => {
    switch (value._tag) {
      case "PollFailed":
        return `${at} PollFailed ${value.error._tag}`
      case "Stalled":
      case "DetailsUnavailable":
        return `${at} ${value._tag}`
      case "AnsweredHint":
        return `${at} AnsweredHint leg ${value.leg} ${Option.getOrElse(value.answeredBy, () => "")}`.trimEnd()
      case "Settled":
        return `${at} Settled ${value.missing.join(" ")}`.trimEnd()
      default:
        return `${at} ${value._tag} ${value.call.status}`
    }
  })

/** The tag of the failure, or the kind of another exit. */
export const failure = <E extends { readonly _tag: string }>(exit: Exit.Exit<unknown, E>): string =>
  Exit.match(exit, {
    onSuccess: () => "success",
    onFailure: (cause) =>
      cause._tag === "Fail" ? cause.error._tag : Exit.isInterrupted(exit) ? "interrupted" : cause._tag
  })

export const interruptAfter = <A, E>(
  program: Effect.Effect<A, E>,
  wait: Duration.DurationInput
): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(program)
    yield* Effect.sleep(wait)
    return yield* Fiber.interrupt(fiber)
  })

export const sidOf = (index: number): string => `call${index}`
