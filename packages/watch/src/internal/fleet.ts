/** Many calls as one stream of events: calls are added as fast as the events are consumed. */
import type { CallSid } from "@effect-exotel/core/CallSid"
import type { InvalidRequest } from "@effect-exotel/core/ExotelError"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { FleetEvent } from "../FleetEvent.ts"
import { WatchDefect } from "../WatchError.ts"
import type { WatchPolicy } from "../WatchPolicy.ts"
import { WatchToken } from "../WatchToken.ts"
import type { Engine } from "./engine/engine.ts"
import type { Listener } from "./engine/watchedCall.ts"
import { WatchState } from "./watch/watchState.ts"

export interface Settings {
  readonly policy: WatchPolicy
  /** The largest number of active watches. */
  readonly maxActive: number
  /** The number of waiting events from which no further call is added. */
  readonly buffer: number
  readonly checkSid: (sid: string) => Either.Either<CallSid, InvalidRequest>
}

export const fleet = <E, R>(
  engine: Engine,
  source: Stream.Stream<string | WatchToken, E, R>,
  settings: Settings
): Stream.Stream<FleetEvent, E, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const clock = yield* Effect.clock
    const mailbox = yield* Mailbox.make<FleetEvent, E>()
    const capacity = yield* Effect.makeLatch(true)
    let active = 0
    let waiting = 0
    let exhausted = false

    const now = () => DateTime.unsafeMake(clock.unsafeCurrentTimeMillis())
    const hasCapacity = () => active < settings.maxActive && waiting < settings.buffer
    const emit = (event: FleetEvent): void => {
      waiting += 1
      if (!hasCapacity()) capacity.unsafeClose()
      mailbox.unsafeOffer(event)
    }
    const endIfDone = (): void => {
      if (exhausted && active === 0) mailbox.unsafeDone(Exit.void)
    }

    const listener: Listener = {
      single: false,
      // `PollFailed` may repeat without limit, so a slow consumer does not get it; all other events are bounded for each call.
      onEvent: (event) => event._tag === "PollFailed" && waiting >= settings.buffer ? undefined : emit(event),
      onFinished: ({ sid }, exit) => {
        active -= 1
        if (hasCapacity()) capacity.unsafeOpen()
        if (Exit.isFailure(exit)) {
          if (Cause.isInterruptedOnly(exit.cause)) {
            mailbox.unsafeDone(Exit.interrupt(FiberId.none))
            return
          }
          const error = Option.getOrElse(
            Cause.failureOption(exit.cause),
            () => new WatchDefect({ sid, defect: Cause.squash(exit.cause) })
          )
          emit(FleetEvent.Failed({ sid, at: now(), error, isFinal: true }))
        }
        endIfDone()
      }
    }
    const addToEngine = yield* engine.fleet(listener, ({ mode, slowdown }) =>
      emit(FleetEvent.PollingChanged({ at: now(), mode, slowdown, isFinal: false })))

    const begin = (entry: string | WatchToken, at: number): Either.Either<WatchState, InvalidRequest> =>
      entry instanceof WatchToken
        ? Either.right(WatchState.resume(entry, settings.policy, at))
        : Either.map(settings.checkSid(entry), (sid) =>
          WatchState.begin(sid, settings.policy, at))

    const add = (entry: string | WatchToken): void => {
      const at = clock.unsafeCurrentTimeMillis()
      const state = begin(entry, at)
      if (Either.isLeft(state)) {
        const sid = entry instanceof WatchToken ? entry.sid : entry
        return emit(FleetEvent.Failed({ sid, at: now(), error: state.left, isFinal: true }))
      }
      // All events were emitted before it was resumed, or it is in the fleet already.
      if (state.right.isFinished || !addToEngine(state.right)) {
        return
      }
      active += 1
      emit(FleetEvent.Added({ sid: state.right.sid, at: now(), token: state.right.token, isFinal: false }))
    }

    const addAll = (entries: Chunk.Chunk<string | WatchToken>): Effect.Effect<void> => {
      let next = 0
      const addWhileCapacity = Effect.sync(() => {
        while (next < entries.length && hasCapacity()) {
          add(Chunk.unsafeGet(entries, next++))
        }
      })
      return Effect.whileLoop({
        while: () => next < entries.length,
        body: () => Effect.zipRight(capacity.await, addWhileCapacity),
        step: () => undefined
      })
    }

    yield* source.pipe(
      Stream.runForEachChunk(addAll),
      Effect.matchCause({
        onFailure: (cause) => void mailbox.unsafeDone(Exit.failCause(cause)),
        onSuccess: () => {
          exhausted = true
          endIfDone()
        }
      }),
      Effect.forkScoped
    )

    const release = (events: Chunk.Chunk<FleetEvent>): Chunk.Chunk<FleetEvent> => {
      waiting -= events.length
      if (hasCapacity()) capacity.unsafeOpen()
      return events
    }
    return Stream.repeatEffectChunkOption(
      Effect.matchEffect(mailbox.takeAll, {
        onFailure: (error) => Effect.fail(Option.some(error)),
        onSuccess: ([events, done]) =>
          done && events.length === 0 ? Effect.fail(Option.none()) : Effect.succeed(release(events))
      })
    )
  }))

/** Makes a stream of the calls. A string is one sid, although the compiler accepts it as a collection of characters. */
export const streamFrom = <A, E, R>(
  source: Iterable<A> | Stream.Stream<A, E, R>
): Stream.Stream<A | string, E, R> =>
  typeof source === "string"
    ? Stream.succeed(source)
    : Stream.StreamTypeId in source
    ? source
    : Stream.fromIterable(source)
