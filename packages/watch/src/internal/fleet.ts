/** Many calls as one stream: takes them in as fast as what they tell is taken away. */
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
  /** How many calls are watched at once at most. */
  readonly maxActive: number
  /** With so many events waiting to be taken, no further call is taken in. */
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
      // A consumer that has fallen behind is spared what is told again and again; all else happens once to a call.
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
    const join = yield* engine.fleet(listener, ({ at, mode, slowdown }) =>
      emit(FleetEvent.PollingChanged({ at: DateTime.unsafeMake(at), mode, slowdown, isFinal: false })))

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
      // Everything had been told before it was resumed, or it is watched already.
      if (state.right.isFinished || !join(state.right)) {
        return
      }
      active += 1
      emit(FleetEvent.Added({ sid: state.right.sid, at: now(), token: state.right.token, isFinal: false }))
    }

    const addAll = (entries: Chunk.Chunk<string | WatchToken>): Effect.Effect<void> => {
      let next = 0
      const takeWhileRoom = Effect.sync(() => {
        while (next < entries.length && hasCapacity()) {
          add(Chunk.unsafeGet(entries, next++))
        }
      })
      return Effect.whileLoop({
        while: () =>
          next < entries.length,
        body: () => Effect.zipRight(capacity.await, takeWhileRoom),
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

    const taken = (events: Chunk.Chunk<FleetEvent>): Chunk.Chunk<FleetEvent> => {
      waiting -= events.length
      if (hasCapacity()) capacity.unsafeOpen()
      return events
    }
    return Stream.repeatEffectChunkOption(
      Effect.matchEffect(mailbox.takeAll, {
        onFailure: (error) => Effect.fail(Option.some(error)),
        onSuccess: ([events, done]) =>
          done && events.length === 0 ? Effect.fail(Option.none()) : Effect.succeed(taken(events))
      })
    )
  }))

/** A collection is a stream as well; and a single sid is a collection of characters to nobody but the compiler. */
export const sourceOf = <A, E, R>(
  source: Iterable<A> | Stream.Stream<A, E, R>
): Stream.Stream<A | string, E, R> =>
  typeof source === "string"
    ? Stream.succeed(source)
    : Stream.StreamTypeId in source
    ? source
    : Stream.fromIterable(source)
