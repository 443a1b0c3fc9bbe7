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
import * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as RetryPolicy from "@effect-exotel/core/RetryPolicy"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { FleetEvent } from "./FleetEvent.ts"
import * as Engine from "./internal/engine/engine.ts"
import * as Fleet from "./internal/fleet.ts"
import { WatchState } from "./internal/watch/watchState.ts"
import type { WatchError } from "./WatchError.ts"
import type { WatchEvent } from "./WatchEvent.ts"
import type { Options as PolicyOptions } from "./WatchPolicy.ts"
import * as WatchPolicy from "./WatchPolicy.ts"
import type { WatchToken } from "./WatchToken.ts"

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
 * the watch's own time. Many calls that do not fit the request budget are looked after by sweeps: see `fleet`.
 *
 * Every policy may be given as a `WatchPolicy` or as the fields that should differ from `WatchPolicy.standard`.
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
   * Watches many calls: those of a collection, or of a stream that may go on for ever, given as sids or as tokens from
   * which to go on. A call that fails is an event, and so is what is no sid; a call that is in the fleet already is not
   * taken in twice. Calls are taken in as fast as the events are consumed. The stream ends when the source has ended and
   * every watch is over. It fails with an `InvalidRequest` for a policy that is none, or as the source fails, and then at
   * once: the tokens of the events say where to go on.
   *
   * When reads of each call would not fit the request budget, the engine sweeps: one request asks which of up to a
   * hundred calls have ended. A swept call's changes before its end are seen only when there are requests to spare.
   */
  readonly fleet: <E = never, R = never>(
    calls: Iterable<string | WatchToken> | Stream.Stream<string | WatchToken, E, R>,
    policy?: PolicyOptions,
    options?: FleetOptions
  ) => Stream.Stream<FleetEvent, E | InvalidRequest, R>
  /**
   * Says that something may have happened to the call, as a status callback does. A watch of it then looks, two
   * seconds after its last poll at the earliest; the hint itself is never believed. `false` if nobody watches the call.
   */
  readonly hint: (sid: string) => Effect.Effect<boolean>
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
  /** How many requests may be under way at once, at least 1. Default: 16. */
  readonly concurrency?: number | undefined
  /**
   * For how many calls a sweep asks at most: 1 to 100; Exotel recommends 20 and allows 100. With 1 there are no sweeps.
   * Default: 100.
   */
  readonly bulkSize?: number | undefined
}

/**
 * How a fleet takes in its calls.
 *
 * @since 0.1.0
 * @category models
 */
export interface FleetOptions {
  /** How many calls are watched at once at most; the source waits meanwhile. At least 1. Default: no limit. */
  readonly maxActive?: number | undefined
  /**
   * With so many events waiting for the consumer no further call is taken in, and `PollFailed` is not told any more. At
   * least 1. Default: 10,000.
   */
  readonly buffer?: number | undefined
}

const checkSid = (sid: string): Either.Either<CallSid, InvalidRequest> =>
  isCallSid(sid)
    ? Either.right(sid)
    : Either.left(new InvalidRequest({ reason: "a call sid is made of letters and digits only" }))

const decodePolicy = Schema.decodeUnknownEither(WatchPolicy.WatchPolicy, { onExcessProperty: "error" })

/** Rejects what types cannot: a NaN or negative duration, and the mistakes of a policy that was read from JSON. */
const checkPolicy = (options: PolicyOptions): Either.Either<WatchPolicy.WatchPolicy, InvalidRequest> =>
  Either.mapLeft(decodePolicy(options), (error) => {
    const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
    const field = issue?.path.join(".") ?? ""
    return new InvalidRequest({
      reason: field === ""
        ? "the watch policy is not an object; use fields of WatchPolicy"
        : issue?._tag === "Unexpected"
        ? `the watch policy has an unknown field "${field}"; remove it or correct its name`
        : `the watch policy has an invalid "${field}"; ${issue?.message ?? "correct it"}`
    })
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
      if (state.isFinished) return Stream.empty
      // What a watch tells is bounded by its policy, so a slow consumer holds nothing up and loses nothing.
      const mailbox = yield* Mailbox.make<WatchEvent, WatchError>()
      yield* engine.watch(state, {
        single: true,
        onEvent: (event) => mailbox.unsafeOffer(event),
        onFinished: (_, exit) => mailbox.unsafeDone(exit)
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
        single: true,
        onEvent: (event) => {
          const selected = select(event)
          if (Option.isSome(selected)) Deferred.unsafeDone(result, Exit.succeed(selected.value))
        },
        onFinished: (_, exit) => {
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
    fleet: (calls, policy = {}, options = {}) =>
      Stream.unwrap(Effect.map(checkPolicy(policy), (policy) =>
        Fleet.fleet(engine, Fleet.sourceOf(calls), {
          policy,
          checkSid,
          maxActive: atLeastOne(options.maxActive, Infinity),
          buffer: atLeastOne(options.buffer, 10_000)
        }))),
    hint: (sid) => isCallSid(sid) ? engine.hint(sid) : Effect.succeed(false),
    resume: (token, policy = {}) =>
      stream(Effect.map(
        Effect.all([checkPolicy(policy), Clock.currentTimeMillis]),
        ([checked, now]) => WatchState.resume(token, checked, now)
      ))
  }
}

/**
 * A span around what is asked, unless nobody would ever see it: it costs as much as all else that the engine does for a
 * poll.
 */
const spans = Effect.map(
  Effect.tracer,
  (tracer) => <A, E>(asked: Effect.Effect<A, E>, name: string, attributes: Record<string, unknown>) =>
    tracer === Context.get(DefaultServices.liveServices, Tracer.Tracer)
      ? asked
      : Effect.withSpan(asked, name, { captureStackTrace: false, attributes })
)

/** At least 1, whatever was given; `preset` when nothing was. */
const atLeastOne = (given: number | undefined, preset: number): number =>
  given === undefined ? preset : given >= 1 ? given : 1

/**
 * Makes the service; its engine runs until the scope is closed, which ends the watches that are left as interrupted.
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
      // What the engine asks is tried once, with the turn that it has taken: retries would not be in its order.
      withPermit: (work, permit) =>
        RequestBudget.withPermit(Effect.provideService(work, RetryPolicy.RetryPolicy, RetryPolicy.none), permit),
      poll: (sid) => span(calls.getWithDetails(sid), "CallWatch.poll", { "exotel.call.sid": sid }),
      bulkPoll: (sids) => span(calls.findEnded(sids), "CallWatch.bulkPoll", { "exotel.calls": sids.length })
    })
    return fromEngine(engine)
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
 * The service with settings of its engine.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (
  options: EngineOptions
): Layer.Layer<CallWatch, never, ExotelCalls | RequestBudget.RequestBudget> => Layer.scoped(CallWatch, make(options))
