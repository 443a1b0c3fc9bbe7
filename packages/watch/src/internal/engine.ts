/**
 * Runs all watches of a layer: one queue of due times, one fiber that sleeps until the next, and a bounded number of
 * polls under way. A watch that sleeps is a few objects and no fiber.
 */
import type { Call } from "@effect-exotel/core/Call"
import { isTerminal } from "@effect-exotel/core/Call"
import type { CallSid } from "@effect-exotel/core/CallSid"
import type { ExotelError } from "@effect-exotel/core/ExotelError"
import * as Errors from "@effect-exotel/core/ExotelError"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { WatchError } from "../WatchError.ts"
import type { WatchEvent } from "../WatchEvent.ts"
import type { Pace } from "./cadence.ts"
import { paceOf } from "./cadence.ts"
import type { Due } from "./dueQueue.ts"
import { DueQueue } from "./dueQueue.ts"
import * as Meters from "./meters.ts"
import type { Step, WatchState } from "./watchState.ts"

/** Where a watch tells what it sees. Called synchronously; must not throw. */
export interface Listener {
  readonly onEvent: (event: WatchEvent) => void
  /** Called once, last; not after an interruption. */
  readonly onOver: (exit: Exit.Exit<void, WatchError>) => void
}

/** One listener's watch of a call. */
class Watch {
  readonly state: WatchState
  readonly listener: Listener
  readonly pace: { readonly cadence: Pace; readonly settleCadence: Pace }
  /** The one that laid down `dueAt`. */
  pacedBy: Pace | undefined
  dueAt: number
  /** After an error Exotel is given the rest that the policy or `Retry-After` says, whatever hints come. */
  resting = false

  constructor(state: WatchState, listener: Listener, dueAt: number) {
    this.state = state
    this.listener = listener
    this.pace = { cadence: paceOf(state.policy.cadence), settleCadence: paceOf(state.policy.settleCadence) }
    this.dueAt = dueAt
  }
}

/** A call and everybody who watches it: they share its polls. */
class Watched implements Due {
  readonly sid: CallSid
  readonly watches = new Set<Watch>()
  wakeAt = Number.POSITIVE_INFINITY
  position = -1
  poll: "idle" | "waiting" | "running" = "idle"
  fiber: Fiber.RuntimeFiber<void> | undefined
  lastPollAt = Number.NEGATIVE_INFINITY
  /** When an answer last showed the call going on. */
  lastActiveAt: number | undefined
  /** A hint came while a poll was under way, which may have left before what the hint tells of. */
  hinted = false

  constructor(sid: CallSid) {
    this.sid = sid
  }
}

export interface Engine {
  /**
   * Begins a watch. Closing the scope ends it, together with the poll under way if nobody else waits for that; when the
   * scope is closed, nothing of it is left.
   */
  readonly watch: (state: WatchState, listener: Listener) => Effect.Effect<void, never, Scope.Scope>
  /** Has the call looked at soon. False if nobody watches it. */
  readonly hint: (sid: CallSid) => Effect.Effect<boolean>
}

/** However many hints come for a call, it is looked at no more often than this. */
const HINT_INTERVAL_MILLIS = 2000

/** After a 429 that names no time, no poll of the account is sent for so long. */
const THROTTLED_MILLIS = 5000

/** The longest rest of the whole account, whatever a policy grants to the watches that it was given for. */
const LONGEST_PAUSE_MILLIS = 300_000

/** What timers and the clock may differ by without anybody having set the clock. */
const CLOCK_TOLERANCE_MILLIS = 1000

/** The longest single sleep: a timer of Node's reaches 24 days, and the clock of a machine may be set meanwhile. */
const LONGEST_SLEEP_MILLIS = 3_600_000

export const make = (options: {
  readonly poll: (sid: CallSid) => Effect.Effect<Call, ExotelError>
  /** How many polls may be under way at once. */
  readonly concurrency: number
}): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const clock = yield* Effect.clock
    const calls = new Map<CallSid, Watched>()
    const queue = new DueQueue<Watched>()
    /** Due, and waiting for one of the polls under way to be over; the longest due first. */
    const waiting = new Set<Watched>()
    const news = Effect.unsafeMakeLatch(false)
    let running = 0
    /** Until then Exotel wants to be left alone. */
    let pausedUntil = Number.NEGATIVE_INFINITY
    let latest = clock.unsafeCurrentTimeMillis()
    /** Why no poll will come any more: the end of the layer, or a defect of ours. */
    let stopped: Cause.Cause<never> | undefined

    /** The time; should the machine's clock have been set back, everything due is moved back with it. */
    const time = (): number => {
      const now = clock.unsafeCurrentTimeMillis()
      const back = latest - now
      if (back > CLOCK_TOLERANCE_MILLIS) {
        pausedUntil -= back
        for (const call of calls.values()) {
          call.lastPollAt -= back
          for (const watch of call.watches) watch.dueAt -= back
          reschedule(call)
        }
      }
      latest = now
      return now
    }

    /** Puts the call where its next due time belongs, or forgets it when nobody watches it any more. */
    const reschedule = (call: Watched): void => {
      if (call.watches.size === 0) {
        queue.remove(call)
        waiting.delete(call)
        // Its poll may end after the call is watched anew.
        if (calls.get(call.sid) === call) calls.delete(call.sid)
        return
      }
      let wakeAt = Number.POSITIVE_INFINITY
      for (const { dueAt, state } of call.watches) {
        wakeAt = Math.min(wakeAt, state.limit, call.poll === "idle" ? dueAt : Number.POSITIVE_INFINITY)
      }
      call.wakeAt = wakeAt
      queue.set(call)
    }

    const over = (call: Watched, watch: Watch, exit: Exit.Exit<void, WatchError>): void => {
      if (!call.watches.delete(watch)) return
      Meters.over(exit)
      watch.listener.onOver(exit)
    }

    /** Tells the step's events and lays down when the watch is due again. */
    const follow = (call: Watched, watch: Watch, step: Step, now: number): Effect.Effect<void> => {
      watch.resting = step.next._tag === "WaitUntil"
      for (const event of step.events) {
        Meters.told(event, call.lastActiveAt)
        watch.listener.onEvent(event)
      }
      const { next } = step
      switch (next._tag) {
        case "Over":
          return Effect.sync(() => over(call, watch, Exit.void))
        case "Fail":
          return Effect.sync(() => over(call, watch, Exit.fail(next.error)))
        case "WaitUntil":
          watch.dueAt = next.at
          return Effect.void
        case "Wait": {
          const pace = watch.pace[next.cadence]
          // A poll for another watch's sake is no step of this one's schedule.
          if (pace.counts && pace === watch.pacedBy && watch.dueAt > call.lastPollAt) return Effect.void
          watch.pacedBy = pace
          return Effect.flatMap(pace.next(next.progress, now), (wait) => {
            if (Option.isNone(wait)) return follow(call, watch, watch.state.onScheduleEnd(now), now)
            watch.dueAt = now + wait.value
            return Effect.void
          })
        }
      }
    }

    const forEachWatch = (call: Watched, step: (watch: Watch, now: number) => Step): Effect.Effect<void> =>
      Effect.suspend(() => {
        const now = time()
        return Effect.forEach(
          [...call.watches],
          (watch) =>
            Effect.suspend(() => follow(call, watch, step(watch, now), now)).pipe(
              // A defect of one policy's function is no concern of the others who watch the call.
              Effect.catchAllCause((cause) => Effect.sync(() => over(call, watch, Exit.failCause(cause))))
            ),
          { discard: true }
        )
      })

    const onFailure = (call: Watched, error: ExotelError): Effect.Effect<void> =>
      Effect.flatMap(Random.next, (chance) => {
        if (error._tag === "RateLimited") {
          const rest = Option.match(Errors.retryAfter(error), {
            onNone: () => THROTTLED_MILLIS,
            onSome: Duration.toMillis
          })
          // The limit is the account's: whichever call met it, all of them wait.
          const caps = Array.from(call.watches, ({ state }) => Duration.toMillis(state.policy.retryAfterCap))
          pausedUntil = Math.max(pausedUntil, time() + Math.min(rest, LONGEST_PAUSE_MILLIS, ...caps))
        }
        return forEachWatch(call, (watch, now) => watch.state.onFailure(error, now, chance, pausedUntil))
      })

    const endAll = (call: Watched, cause: Cause.Cause<never>): void => {
      for (const watch of [...call.watches]) over(call, watch, Exit.failCause(cause))
    }

    const afterPoll = (call: Watched): void => {
      running -= 1
      call.poll = "idle"
      call.fiber = undefined
      if (call.hinted) lookSoon(call)
      call.hinted = false
      reschedule(call)
      news.unsafeOpen()
    }

    const runPoll = (call: Watched): Effect.Effect<void> =>
      Effect.matchEffect(Effect.interruptible(options.poll(call.sid)), {
        onSuccess: (seen) =>
          Effect.zipRight(
            forEachWatch(call, (watch, now) => watch.state.onCall(seen, now)),
            Effect.sync(() => {
              if (!isTerminal(seen)) call.lastActiveAt = latest
            })
          ),
        onFailure: (error) => onFailure(call, error)
      }).pipe(
        // A defect, of a client say, must not leave anybody waiting.
        Effect.catchAllCause((cause) => Effect.sync(() => endAll(call, cause))),
        Effect.ensuring(Effect.sync(() => afterPoll(call)))
      )

    const startPoll = (call: Watched, now: number): Effect.Effect<void> => {
      waiting.delete(call)
      running += 1
      call.poll = "running"
      call.lastPollAt = now
      Meters.began(now - Math.min(...Array.from(call.watches, ({ dueAt }) => dueAt)))
      reschedule(call)
      // Begun uninterruptible, the fiber gets to its finalizer even when it is interrupted before its first step.
      return Effect.flatMap(Effect.uninterruptible(Effect.forkIn(runPoll(call), scope)), (fiber) => {
        if (call.poll === "running") call.fiber = fiber
        // Whoever watched may have left meanwhile, and found no fiber to interrupt.
        return call.watches.size === 0 ? Fiber.interruptFork(fiber) : Effect.void
      })
    }

    /** What a call whose time has come needs: its watches' ends, or a poll. */
    const wake = (call: Watched, now: number): Effect.Effect<void> =>
      Effect.map(
        Effect.forEach(
          [...call.watches].filter(({ state }) => state.limit <= now),
          (watch) => follow(call, watch, watch.state.onLimit(now), now),
          { discard: true }
        ),
        () => {
          if (call.poll === "idle" && [...call.watches].some(({ dueAt }) => dueAt <= now)) {
            call.poll = "waiting"
            waiting.add(call)
          }
          reschedule(call)
        }
      )

    const round = Effect.gen(function*() {
      news.unsafeClose()
      const now = time()
      for (let call = queue.peek(); call !== undefined && call.wakeAt <= now; call = queue.peek()) {
        yield* wake(call, now)
        if (call.watches.size === 0 && call.fiber !== undefined) yield* Fiber.interruptFork(call.fiber)
      }
      if (now >= pausedUntil) {
        for (const call of waiting) {
          if (running >= options.concurrency) break
          yield* startPoll(call, now)
        }
      }
      const blocked = waiting.size > 0 && running < options.concurrency ? pausedUntil : Number.POSITIVE_INFINITY
      const until = Math.min(queue.peek()?.wakeAt ?? Number.POSITIVE_INFINITY, blocked)
      if (until === Number.POSITIVE_INFINITY) return yield* news.await
      // Rounded up: to wake a fraction of a millisecond early would be to go round and round until it has passed.
      const sleep = Math.min(Math.ceil(Math.max(until - now, 1)), LONGEST_SLEEP_MILLIS)
      // So long has passed, whatever the clock will say.
      if (Option.isNone(yield* Effect.timeoutOption(news.await, sleep))) latest += sleep
    })

    const stop = (cause: Cause.Cause<never>): Effect.Effect<void> =>
      Effect.sync(() => {
        stopped = cause
        for (const call of [...calls.values()]) endAll(call, cause)
        calls.clear()
      })

    yield* Effect.addFinalizer(() => stop(Cause.interrupt(FiberId.none)))
    // Whoever builds the layer in an uninterruptible region must be able to close it all the same.
    yield* Effect.forkIn(Effect.interruptible(Effect.catchAllCause(Effect.forever(round), stop)), scope)

    const join = (state: WatchState, listener: Listener) =>
      Effect.sync(() => {
        const now = time()
        const call = calls.get(state.sid) ?? new Watched(state.sid)
        calls.set(state.sid, call)
        const watch = new Watch(state, listener, now)
        call.watches.add(watch)
        Meters.joined()
        reschedule(call)
        news.unsafeOpen()
        return { call, watch }
      })

    const leave = ({ call, watch }: { readonly call: Watched; readonly watch: Watch }) =>
      Effect.suspend(() => {
        if (!call.watches.delete(watch)) return Effect.void
        Meters.left()
        reschedule(call)
        // With nothing left to wait for, the engine puts its timer away.
        if (queue.size === 0) news.unsafeOpen()
        return call.watches.size === 0 && call.fiber !== undefined ? Fiber.interrupt(call.fiber) : Effect.void
      })

    const lookSoon = (call: Watched): void => {
      const at = Math.max(time(), call.lastPollAt + HINT_INTERVAL_MILLIS)
      for (const watch of call.watches) if (!watch.resting) watch.dueAt = Math.min(watch.dueAt, at)
    }

    return {
      watch: (state, listener) =>
        Effect.suspend(() => {
          if (stopped === undefined) return Effect.asVoid(Effect.acquireRelease(join(state, listener), leave))
          listener.onOver(Exit.failCause(stopped))
          return Effect.void
        }),
      hint: (sid) =>
        Effect.sync(() => {
          const call = calls.get(sid)
          if (call === undefined) return false
          call.hinted = call.poll === "running"
          if (!call.hinted) lookSoon(call)
          reschedule(call)
          news.unsafeOpen()
          return true
        })
    }
  })
