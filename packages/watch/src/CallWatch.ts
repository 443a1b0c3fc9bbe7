/**
 * The service that streams the status of a call until the call has ended.
 *
 * @since 0.1.0
 */
import type { Call, SettlingField, TerminalCall } from "@effect-exotel/core/Call"
import type { CallSid } from "@effect-exotel/core/CallSid"
import { isCallSid } from "@effect-exotel/core/CallSid"
import type { ConnectError } from "@effect-exotel/core/ConnectError"
import type { ConnectRequest } from "@effect-exotel/core/ConnectRequest"
import type { Service as Calls } from "@effect-exotel/core/ExotelCalls"
import { ExotelCalls } from "@effect-exotel/core/ExotelCalls"
import { InvalidRequest } from "@effect-exotel/core/ExotelError"
import * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as RetryPolicy from "@effect-exotel/core/RetryPolicy"
import type { StatusCallback } from "@effect-exotel/core/StatusCallback"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as DefaultServices from "effect/DefaultServices"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { FleetEvent } from "./FleetEvent.ts"
import * as Engine from "./internal/engine/engine.ts"
import * as Meters from "./internal/engine/metrics.ts"
import * as Fleet from "./internal/fleet.ts"
import { AnsweredHints } from "./internal/watch/answeredHints.ts"
import { checkPolicy } from "./internal/watch/checkPolicy.ts"
import { WatchState } from "./internal/watch/watchState.ts"
import type { WatchError } from "./WatchError.ts"
import { PlacedCallWatchFailed } from "./WatchError.ts"
import { WatchEvent } from "./WatchEvent.ts"
import type { Options as PolicyOptions } from "./WatchPolicy.ts"
import type { WatchToken } from "./WatchToken.ts"

/**
 * A call that has ended, and the fields that its record still lacked after `settleLimit`; usually none.
 *
 * @since 0.1.0
 * @category models
 */
export interface SettledCall {
  readonly call: TerminalCall
  readonly missing: ReadonlyArray<SettlingField>
}

/**
 * Watches calls. All watches of one sid share its polls, and all watches of a layer share one engine, so that a sleeping
 * watch costs a few objects. An individual poll reads the call with its details. A failed poll is not retried by the
 * client: the watch polls again after a backoff.
 *
 * A policy is given as a `WatchPolicy` or as the fields that differ from `WatchPolicy.standard`. An invalid policy fails
 * with an `InvalidRequest` that names the field.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Emits the call at its first poll and whenever its status, or that of a leg, has changed. The last element is terminal;
   * no request follows it. With `until: "settled"` the complete record follows as one more element. Fails only with errors
   * that the account or the caller has to fix, and with `WatchTimeout`.
   */
  readonly changes: (sid: string, policy?: PolicyOptions) => Stream.Stream<Call, WatchError>
  /** Emits all events of the watch, including failed polls and stalls. */
  readonly events: (sid: string, policy?: PolicyOptions) => Stream.Stream<WatchEvent, WatchError>
  /**
   * Waits for the call to end. Busy, failed, canceled and not answered are results, not errors. `until` is not used: for
   * the talk time or the price, which are known later, use {@link awaitSettled}.
   */
  readonly awaitEnd: (sid: string, policy?: PolicyOptions) => Effect.Effect<TerminalCall, WatchError>
  /** Waits for the call to end and its record to be complete, or for `settleLimit` to pass. */
  readonly awaitSettled: (sid: string, policy?: PolicyOptions) => Effect.Effect<SettledCall, WatchError>
  /**
   * Places a call and watches it. The first event is `Placed`; its token resumes the watch elsewhere. Any error but
   * `CallOutcomeUnknown` and `PlacedCallWatchFailed` proves that no call was placed (see `ExotelCalls.connect`). An
   * invalid policy fails before the call is placed.
   *
   * Each run of the stream places a call: do not retry or repeat it. If its consumer is interrupted after the request was
   * sent, the call goes on; so handle `Placed` first, by storing its token.
   */
  readonly connect: (
    request: ConnectRequest,
    policy?: PolicyOptions
  ) => Stream.Stream<WatchEvent, ConnectError | PlacedCallWatchFailed>
  /**
   * Places a call and waits for it to end; with the errors of {@link connect}. Busy, failed, canceled and not answered are
   * results. `until` is not used: for the talk time, follow it with {@link awaitSettled}. If it is interrupted after the request
   * was sent, the call goes on, and its sid is not known.
   */
  readonly connectAndAwaitEnd: (
    request: ConnectRequest,
    policy?: PolicyOptions
  ) => Effect.Effect<TerminalCall, ConnectError | PlacedCallWatchFailed>
  /**
   * Watches many calls, given as a collection or an unbounded stream of sids, and of tokens to resume from. The error of
   * one call is an event (`Failed`), as is an invalid sid; a sid that is in the fleet already is ignored. Calls are added
   * as fast as the events are consumed. The stream completes when the source has ended and every watch is over. It fails
   * with an `InvalidRequest` for an invalid policy, and immediately when the source fails; the tokens of the events say
   * where to resume.
   *
   * The engine polls calls individually while that fits the request budget, otherwise in bulk requests of up to 100 calls
   * that return the calls that have ended. While polling in bulk, earlier changes are emitted only as the budget allows.
   */
  readonly fleet: <E = never, R = never>(
    calls: Iterable<string | WatchToken> | Stream.Stream<string | WatchToken, E, R>,
    policy?: PolicyOptions,
    options?: FleetOptions
  ) => Stream.Stream<FleetEvent, E | InvalidRequest, R>
  /**
   * Makes the watches of a call poll soon, for example after a status callback: at most once in two seconds, and not
   * during a backoff. Returns `false` if the call is not watched.
   */
  readonly hint: (sid: string) => Effect.Effect<boolean>
  /**
   * As {@link hint}, with a status callback. If that says that a leg was answered, the streams of `events`, `connect` and
   * `resume` of this call also emit an `AnsweredHint`. `StatusCallbackRoute` does so for each callback.
   */
  readonly hintFrom: (callback: StatusCallback) => Effect.Effect<boolean>
  /**
   * Resumes a watch from the token of one of its events, for example in another process after a restart. Events before
   * the token are not emitted again. The deadline is unchanged; if it has passed, the call is polled once more. The token
   * holds no policy: pass the same one again. See `WatchToken.FromJson` to store a token.
   */
  readonly resume: (token: WatchToken, policy?: PolicyOptions) => Stream.Stream<WatchEvent, WatchError>
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
  /** The largest number of concurrent requests, at least 1. Default: 16. */
  readonly concurrency?: number | undefined
  /**
   * The largest number of calls in a bulk poll: 1 to 100; Exotel recommends 20 and allows 100. With 1 there are no bulk
   * polls. Default: 100.
   */
  readonly bulkSize?: number | undefined
}

/**
 * Limits of a fleet.
 *
 * @since 0.1.0
 * @category models
 */
export interface FleetOptions {
  /** The largest number of active watches; the source waits meanwhile. At least 1. Default: no limit. */
  readonly maxActive?: number | undefined
  /**
   * The number of events waiting for the consumer from which no further call is added and `PollFailed` is not emitted. At
   * least 1. Default: 10,000.
   */
  readonly buffer?: number | undefined
}

const checkSid = (sid: string): Either.Either<CallSid, InvalidRequest> =>
  isCallSid(sid)
    ? Either.right(sid)
    : Either.left(
      new InvalidRequest({ reason: "the sid has characters other than letters and digits; use the Sid of a call" })
    )

const callFromEvent = (event: WatchEvent): Option.Option<Call> =>
  "call" in event ? Option.some(event.call) : Option.none()

const callFromEnd = (event: WatchEvent): Option.Option<TerminalCall> =>
  event._tag === "Ended" ? Option.some(event.call) : Option.none()

const failedAfterPlacing = (error: WatchError, { sid }: WatchState) => new PlacedCallWatchFailed({ sid, error })

/** A watch that begins, and the events that precede those of the engine. */
interface Beginning {
  readonly state: WatchState
  readonly events: ReadonlyArray<WatchEvent>
}

const fromEngine = (engine: Engine.Engine, place: Calls["connect"]): Service => {
  const answered = new AnsweredHints()

  const begin = (sid: string, options: PolicyOptions): Effect.Effect<Beginning, InvalidRequest> =>
    Effect.map(
      Effect.all([checkSid(sid), checkPolicy(options), Clock.currentTimeMillis]),
      ([checked, policy, now]) => ({ state: WatchState.begin(checked, policy, now), events: [] })
    )

  const placeAndBegin = (request: ConnectRequest, options: PolicyOptions): Effect.Effect<Beginning, ConnectError> =>
    Effect.gen(function*() {
      const policy = yield* checkPolicy(options)
      const call = yield* place(request)
      const at = yield* DateTime.now
      const state = WatchState.begin(call.sid, policy, DateTime.toEpochMillis(at))
      const placed = WatchEvent.Placed({ sid: call.sid, at, token: state.token, isFinal: false, call })
      Meters.emitted(placed, Number.NaN)
      return { state, events: [placed] }
    })

  const stream = <E, E2>(
    begin: Effect.Effect<Beginning, E>,
    mapError: (error: WatchError, state: WatchState) => E2
  ): Stream.Stream<WatchEvent, E | E2> =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const { events, state } = yield* begin
      if (state.isFinished) return Stream.empty
      // The policy bounds the number of events, so a slow consumer needs no backpressure and loses nothing.
      const mailbox = yield* Mailbox.make<WatchEvent, WatchError>()
      mailbox.unsafeOfferAll(events)
      const emit = (event: WatchEvent) => mailbox.unsafeOffer(event)
      yield* engine.watch(state, {
        single: true,
        onEvent: emit,
        onFinished: (_, exit) => mailbox.unsafeDone(exit)
      })
      yield* Effect.acquireRelease(
        Effect.sync(() => answered.add(state, emit)),
        (remove) => Effect.sync(remove)
      )
      return Stream.mapError(Mailbox.toStream(mailbox), (error) => mapError(error, state))
    }))

  /** Waits for the selected event, without the cost of a stream. */
  const first = <A, E, E2>(
    begin: Effect.Effect<Beginning, E>,
    mapError: (error: WatchError, state: WatchState) => E2,
    select: (event: WatchEvent) => Option.Option<A>
  ): Effect.Effect<A, E | E2> =>
    Effect.scoped(Effect.gen(function*() {
      const { state } = yield* begin
      const result = yield* Deferred.make<A, WatchError>()
      yield* engine.watch(state, {
        single: true,
        onEvent: (event) => {
          const selected = select(event)
          if (Option.isSome(selected)) Deferred.unsafeDone(result, Exit.succeed(selected.value))
        },
        onFinished: (_, exit) => {
          if (Exit.isFailure(exit)) Deferred.unsafeDone(result, Exit.failCause(exit.cause))
        }
      })
      return yield* Effect.mapError(Deferred.await(result), (error) => mapError(error, state))
    }))

  const events: Service["events"] = (sid, policy = {}) => stream(begin(sid, policy), identity)
  const terminal = (policy: PolicyOptions = {}): PolicyOptions => ({ ...policy, until: "terminal" })

  return {
    events,
    // If the record is complete at the end, `Ended` and `Settled` have the same call: one element, not two.
    changes: (sid, policy) => Stream.changes(Stream.filterMap(events(sid, policy), callFromEvent)),
    awaitEnd: (sid, policy) => first(begin(sid, terminal(policy)), identity, callFromEnd),
    awaitSettled: (sid, policy) =>
      first(
        begin(sid, { ...policy, until: "settled" }),
        identity,
        (event) => event._tag === "Settled" ? Option.some({ call: event.call, missing: event.missing }) : Option.none()
      ),
    connect: (request, policy = {}) => stream(placeAndBegin(request, policy), failedAfterPlacing),
    connectAndAwaitEnd: (request, policy) =>
      first(placeAndBegin(request, terminal(policy)), failedAfterPlacing, callFromEnd),
    fleet: (calls, policy = {}, options = {}) =>
      Stream.unwrap(Effect.map(checkPolicy(policy), (policy) =>
        Fleet.fleet(engine, Fleet.streamFrom(calls), {
          policy,
          checkSid,
          maxActive: atLeastOne(options.maxActive, Infinity),
          buffer: atLeastOne(options.buffer, 10_000)
        }))),
    hint: (sid) => isCallSid(sid) ? engine.hint(sid) : Effect.succeed(false),
    hintFrom: (callback) =>
      Effect.zipRight(
        Effect.map(Clock.currentTimeMillis, (now) => answered.deliver(callback, now)),
        engine.hint(callback.sid)
      ),
    resume: (token, policy = {}) =>
      stream(
        Effect.map(
          Effect.all([checkPolicy(policy), Clock.currentTimeMillis]),
          ([checked, now]) => ({ state: WatchState.resume(token, checked, now), events: [] })
        ),
        identity
      )
  }
}

/** Adds a span, unless no tracer is installed: a span costs as much as the rest of a poll in the engine. */
const spans = Effect.map(
  Effect.tracer,
  (tracer) => <A, E>(request: Effect.Effect<A, E>, name: string, attributes: Record<string, unknown>) =>
    tracer === Context.get(DefaultServices.liveServices, Tracer.Tracer)
      ? request
      : Effect.withSpan(request, name, { captureStackTrace: false, attributes })
)

/** At least 1; `preset` if absent. */
const atLeastOne = (given: number | undefined, preset: number): number =>
  given === undefined ? preset : given >= 1 ? given : 1

/**
 * Makes the service. Its engine runs until the scope closes, which interrupts the remaining watches.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: EngineOptions = {}
): Effect.Effect<Service, never, ExotelCalls | RequestBudget.RequestBudget | Scope.Scope> =>
  Effect.gen(function*() {
    const calls = yield* ExotelCalls
    const span = yield* spans
    const engine = yield* Engine.make({
      budget: yield* RequestBudget.RequestBudget,
      concurrency: atLeastOne(options.concurrency, 16),
      bulkSize: Math.min(100, Math.floor(atLeastOne(options.bulkSize, 100))),
      withPermit: RequestBudget.withPermit,
      // A client may throw before it returns an effect.
      poll: (sid) =>
        span(Effect.suspend(() => calls.getWithDetails(sid)), "CallWatch.poll", { "exotel.call.sid": sid }),
      bulkPoll: (sids, details) =>
        span(Effect.suspend(() => calls.findEnded(sids, details ? { details } : {})), "CallWatch.bulkPoll", {
          "exotel.calls": sids.length
        })
      // The engine sends each request once, with the permit that it has acquired; it decides itself what to poll next.
    }).pipe(Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none))
    return fromEngine(engine, calls.connect)
  })

/**
 * The service over the `ExotelCalls` and the `RequestBudget` in the context; `ExotelCalls.layer` provides both.
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
export const layer: Layer.Layer<CallWatch, never, ExotelCalls | RequestBudget.RequestBudget> = Layer.scoped(
  CallWatch,
  make()
)

/**
 * The service with settings for its engine.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (
  options: EngineOptions
): Layer.Layer<CallWatch, never, ExotelCalls | RequestBudget.RequestBudget> => Layer.scoped(CallWatch, make(options))
