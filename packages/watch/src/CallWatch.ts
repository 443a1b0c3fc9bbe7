/**
 * What becomes of a call: the service that streams a call's status until the call has ended.
 *
 * @since 0.1.0
 */
import type { Call, SettlingField, TerminalCall } from "@effect-exotel/core/Call"
import type { CallSid } from "@effect-exotel/core/CallSid"
import { isCallSid } from "@effect-exotel/core/CallSid"
import { ExotelCalls } from "@effect-exotel/core/ExotelCalls"
import { InvalidRequest } from "@effect-exotel/core/ExotelError"
import * as RetryPolicy from "@effect-exotel/core/RetryPolicy"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Engine from "./internal/engine.ts"
import { WatchState } from "./internal/watchState.ts"
import type { InvalidWatchToken, WatchError } from "./WatchError.ts"
import type { WatchEvent } from "./WatchEvent.ts"
import type { Options as PolicyOptions } from "./WatchPolicy.ts"
import * as WatchPolicy from "./WatchPolicy.ts"
import { fromUnknown } from "./WatchToken.ts"

/**
 * A call that has ended, and what its record still lacked when the time to settle was up; nothing, as a rule.
 *
 * @since 0.1.0
 * @category models
 */
export interface SettledCall {
  readonly call: TerminalCall
  readonly missing: ReadonlyArray<SettlingField>
}

/**
 * Watches calls. All watches of one sid share one poll, and all watches of a layer one engine, so a watch that sleeps
 * costs next to nothing. Each poll reads the call with its details, and is tried once: what fails is asked for again in
 * the watch's own time.
 *
 * Every policy may be given as a `WatchPolicy` or as the fields that should differ from `WatchPolicy.default`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * The call, each time that its status (or that of a leg) is another one. The first element is the first sight of it,
   * the last one is terminal, and no request follows that. With `until: "settled"` the complete record comes after the
   * terminal element, as one more. Fails only with what asking again cannot mend, or with `WatchTimeout` at the deadline.
   */
  readonly changes: (sid: string, policy?: PolicyOptions) => Stream.Stream<Call, WatchError>
  /** Everything that the watch sees, failed polls and stalls too. */
  readonly events: (sid: string, policy?: PolicyOptions) => Stream.Stream<WatchEvent, WatchError>
  /** Waits for the call to end. Busy, failed, canceled and not answered are results, not errors. */
  readonly awaitEnd: (sid: string, policy?: PolicyOptions) => Effect.Effect<TerminalCall, WatchError>
  /** Waits for the call to end and its record to be complete, or for `settleLimit` to pass. */
  readonly awaitSettled: (sid: string, policy?: PolicyOptions) => Effect.Effect<SettledCall, WatchError>
  /**
   * Says that something may have happened to the call, as a status callback does. A watch of it then looks, two
   * seconds after its last poll at the earliest; the hint itself is never believed. `false` if nobody watches the call.
   */
  readonly offer: (sid: string) => Effect.Effect<boolean>
  /**
   * Goes on from the token of an event, given as token, as its text or as parsed JSON: in another process, after a
   * restart. What was told before is not told again, and the deadline stays where it was: if it has passed, the call is
   * looked at once more. The token holds no policy; give the same one again.
   */
  readonly resume: (
    token: unknown,
    policy?: PolicyOptions
  ) => Stream.Stream<WatchEvent, WatchError | InvalidWatchToken>
}

/**
 * @since 0.1.0
 * @category services
 */
export class CallWatch extends Context.Tag("@effect-exotel/watch/CallWatch")<CallWatch, Service>() {}

/**
 * Settings of the engine behind all watches of a layer.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineOptions {
  /** How many polls may be under way at once, at least 1. Default: 16. */
  readonly concurrency?: number | undefined
}

const checkSid = (sid: string): Effect.Effect<CallSid, InvalidRequest> =>
  isCallSid(sid)
    ? Effect.succeed(sid)
    : Effect.fail(new InvalidRequest({ reason: "a call sid is made of letters and digits only" }))

/** Types keep what is no duration out; a policy read from JSON is not typed. */
const checkPolicy = (options: PolicyOptions): Effect.Effect<WatchPolicy.WatchPolicy, InvalidRequest> =>
  Effect.try({
    try: () => WatchPolicy.make(options),
    catch: () => new InvalidRequest({ reason: "the policy has a duration that is none; give one like \"90 seconds\"" })
  })

/** The call that an event of `changes` shows, if it shows one. */
const shownCall = (event: WatchEvent): Option.Option<Call> => "call" in event ? Option.some(event.call) : Option.none()

const fromEngine = (engine: Engine.Engine): Service => {
  const begin = (sid: string, options: PolicyOptions): Effect.Effect<WatchState, InvalidRequest> =>
    Effect.map(
      Effect.all([checkSid(sid), checkPolicy(options), Clock.currentTimeMillis]),
      ([checked, policy, now]) => WatchState.begin(checked, policy, now)
    )

  const stream = <E>(begin: Effect.Effect<WatchState, E>): Stream.Stream<WatchEvent, E | WatchError> =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const state = yield* begin
      if (state.isOver) return Stream.empty
      // What a watch tells is bounded by its policy, so a slow consumer holds nothing up and loses nothing.
      const mailbox = yield* Mailbox.make<WatchEvent, WatchError>()
      yield* engine.watch(state, {
        onEvent: (event) => mailbox.unsafeOffer(event),
        onOver: (exit) => mailbox.unsafeDone(exit)
      })
      return Mailbox.toStream(mailbox)
    }))

  /** Waits for the event that the selector picks, without a stream in between. */
  const first = <A>(
    sid: string,
    options: PolicyOptions,
    select: (event: WatchEvent) => Option.Option<A>
  ): Effect.Effect<A, WatchError> =>
    Effect.scoped(Effect.gen(function*() {
      const state = yield* begin(sid, options)
      const result = yield* Deferred.make<A, WatchError>()
      yield* engine.watch(state, {
        onEvent: (event) => {
          const selected = select(event)
          if (Option.isSome(selected)) Deferred.unsafeDone(result, Exit.succeed(selected.value))
        },
        onOver: (exit) => {
          if (Exit.isFailure(exit)) Deferred.unsafeDone(result, Exit.failCause(exit.cause))
        }
      })
      return yield* Deferred.await(result)
    }))

  const events: Service["events"] = (sid, policy = {}) => stream(begin(sid, policy))

  return {
    events,
    // A record that was complete when the end was seen is one element, not two.
    changes: (sid, policy) => Stream.changes(Stream.filterMap(events(sid, policy), shownCall)),
    awaitEnd: (sid, policy) =>
      first(
        sid,
        { ...policy, until: "terminal" },
        (event) => event._tag === "Ended" ? Option.some(event.call) : Option.none()
      ),
    awaitSettled: (sid, policy) =>
      first(
        sid,
        { ...policy, until: "settled" },
        (event) => event._tag === "Settled" ? Option.some({ call: event.call, missing: event.missing }) : Option.none()
      ),
    offer: (sid) => isCallSid(sid) ? engine.hint(sid) : Effect.succeed(false),
    resume: (token, policy = {}) =>
      stream(Effect.map(
        Effect.all([fromUnknown(token), checkPolicy(policy), Clock.currentTimeMillis]),
        ([known, checked, now]) => WatchState.resume(known, checked, now)
      ))
  }
}

const atLeastOne = (concurrency: number): number => concurrency >= 1 ? concurrency : 1

/**
 * Makes the service; its engine runs until the scope is closed, which ends the watches that are left as interrupted.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: EngineOptions = {}): Effect.Effect<Service, never, ExotelCalls | Scope.Scope> =>
  Effect.gen(function*() {
    const calls = yield* ExotelCalls
    const engine = yield* Engine.make({
      concurrency: atLeastOne(options.concurrency ?? 16),
      poll: (sid) =>
        calls.getWithDetails(sid).pipe(
          // The watch asks again in its own time: retries inside of a poll would not be in anybody's budget.
          Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none),
          Effect.withSpan("CallWatch.poll", { captureStackTrace: false, attributes: { "exotel.call.sid": sid } })
        )
    })
    return fromEngine(engine)
  })

/**
 * The service over the `ExotelCalls` in the context.
 *
 * @example
 * ```ts
 * import { CallWatch } from "@effect-exotel/watch"
 * import { Console, Effect, Stream } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const watch = yield* CallWatch.CallWatch
 *   yield* watch.changes("b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f").pipe(
 *     Stream.runForEach((call) => Console.log(call.status))
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<CallWatch, never, ExotelCalls> = Layer.scoped(CallWatch, make())

/**
 * The service with settings of its engine.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (options: EngineOptions): Layer.Layer<CallWatch, never, ExotelCalls> =>
  Layer.scoped(CallWatch, make(options))
