/**
 * Runs all watches of a layer: the agenda says which call is looked at next, a few workers ask, and one timer sleeps until
 * the next call is due. A watch that sleeps is a few objects and no fiber.
 */
import type { Call } from "@effect-exotel/core/Call"
import { isTerminal } from "@effect-exotel/core/Call"
import type { Found } from "@effect-exotel/core/CallQuery"
import type { CallSid } from "@effect-exotel/core/CallSid"
import type { ExotelError } from "@effect-exotel/core/ExotelError"
import * as Errors from "@effect-exotel/core/ExotelError"
import type * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { WatchError } from "../WatchError.ts"
import type { Order } from "./agenda.ts"
import { Agenda } from "./agenda.ts"
import { isSchedule, paceOf, waitOf } from "./cadence.ts"
import * as Meters from "./meters.ts"
import type { Pace } from "./pacing.ts"
import { Pacing } from "./pacing.ts"
import type { Listener } from "./watched.ts"
import { Watch, Watched } from "./watched.ts"
import type { Next, Step, WatchState } from "./watchState.ts"

export interface Engine {
  /**
   * Begins a watch. Closing the scope ends it, together with the poll under way if nobody else waits for that; when the
   * scope is closed, nothing of it is left.
   */
  readonly watch: (state: WatchState, listener: Listener) => Effect.Effect<void, never, Scope.Scope>
  /** As `watch`, for as many calls as `join` is called with; false for a call that the listener watches already. */
  readonly fleet: (
    listener: Listener,
    onPace: (pace: Pace) => void
  ) => Effect.Effect<(state: WatchState) => boolean, never, Scope.Scope>
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

/** How often the budget is asked what it leaves. */
const RATE_MILLIS = 1000

/** How soon it is looked again whether a request that nobody is in a hurry for is of use. */
const IDLE_MILLIS = 1000

/** After so many refused sweeps in a row, for what is no fault of a call of theirs, none is tried for a while. */
const REFUSED_SWEEPS = 3
const SWEEPLESS_MILLIS = 600_000

/** Those who look for endings, and those who have time. */
interface Lane {
  readonly priority: RequestBudget.Priority
  /** How many requests under way keep it from sending one more. */
  readonly concurrency: number
  /** The worker that waits for a turn. */
  waiting: Fiber.RuntimeFiber<unknown> | "starting" | undefined
  /** When it is worth asking again for something to do, which nobody else would tell. */
  idleUntil: number
  readonly next: (now: number) => Order | undefined
  readonly hasWork: () => boolean
}

export const make = (options: {
  readonly poll: (sid: CallSid, turn: RequestBudget.Turn) => Effect.Effect<Call, ExotelError>
  readonly sweep: (sids: ReadonlyArray<CallSid>, turn: RequestBudget.Turn) => Effect.Effect<Found, ExotelError>
  readonly budget: RequestBudget.Service
  /** How many requests may be under way at once. */
  readonly concurrency: number
  /** How many calls a sweep asks for at most. */
  readonly sweepSize: number
}): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { budget, concurrency } = options
    const clock = yield* Effect.clock
    // Begun uninterruptible, a fiber gets to its finalizer even when it is interrupted before its first step.
    const runFork = yield* Effect.uninterruptible(FiberSet.makeRuntime())
    const fork = (effect: Effect.Effect<void>): Fiber.RuntimeFiber<void> => runFork(effect, { immediate: false })
    const agenda = new Agenda(options.sweepSize)
    const { calls } = agenda
    const pacing = new Pacing()
    let running = 0
    let refusedSweeps = 0
    /** Until then Exotel wants to be left alone. */
    let pausedUntil = Number.NEGATIVE_INFINITY
    let latest = clock.unsafeCurrentTimeMillis()
    let rateAskedAt = Number.NEGATIVE_INFINITY
    /** Why no poll will come any more: the end of the layer, or a defect of ours. */
    let stopped: Cause.Cause<never> | undefined

    /** The time; should the machine's clock have been set back, everything due is moved back with it. */
    const time = (): number => {
      const now = clock.unsafeCurrentTimeMillis()
      const back = latest - now
      latest = now
      if (back > CLOCK_TOLERANCE_MILLIS) {
        pausedUntil -= back
        rateAskedAt -= back
        for (const lane of lanes) lane.idleUntil -= back
        pacing.shift(back)
        agenda.shift(back, now)
      }
      return now
    }

    const over = (call: Watched, watch: Watch, exit: Exit.Exit<void, WatchError>): void => {
      if (!call.delete(watch)) return
      Meters.over(exit)
      watch.listener.onOver(watch.state, exit)
    }

    /** Tells the step's events and lays down when the watch is due again; a schedule may take its time over that. */
    const follow = (call: Watched, watch: Watch, step: Step, now: number): Effect.Effect<void> | undefined => {
      watch.resting = step.next._tag === "WaitUntil"
      for (const event of step.events) {
        Meters.told(event, call.lastActiveAt)
        watch.listener.onEvent(event)
      }
      const { next } = step
      switch (next._tag) {
        case "Over":
          over(call, watch, Exit.void)
          return undefined
        case "Fail":
          over(call, watch, Exit.fail(next.error))
          return undefined
        case "WaitUntil":
          watch.dueAt = next.at
          return undefined
        case "Details":
          watch.dueAt = now
          return undefined
        case "Wait":
          return wait(call, watch, next, now)
      }
    }

    const wait = (
      call: Watched,
      watch: Watch,
      { cadence: which, progress }: Extract<Next, { readonly _tag: "Wait" }>,
      now: number
    ): Effect.Effect<void> | undefined => {
      const cadence = watch.state.policy[which]
      if (!isSchedule(cadence)) {
        watch.dueAt = now + waitOf(cadence, progress)
        return undefined
      }
      const pace = watch[which] ??= paceOf(cadence)
      // A poll for another watch's sake is no step of this one's schedule.
      if (pace === watch.pacedBy && watch.dueAt > call.lastPollAt) return undefined
      watch.pacedBy = pace
      return Effect.flatMap(pace.next(progress, now), (wait) => {
        if (Option.isSome(wait)) {
          watch.dueAt = now + wait.value
          return Effect.void
        }
        return follow(call, watch, watch.state.onScheduleEnd(now), now) ?? Effect.void
      })
    }

    /** A step of every watch of the call that has one to make. */
    const forEachWatch = (
      call: Watched,
      now: number,
      step: (watch: Watch) => Step | undefined
    ): Effect.Effect<void> | undefined => {
      let slow: Effect.Effect<void> | undefined
      for (const watch of call.watches) {
        // A defect of one policy's function is no concern of the others who watch the call.
        const onDefect = (cause: Cause.Cause<never>) => over(call, watch, Exit.failCause(cause))
        try {
          const made = step(watch)
          const rest = made === undefined ? undefined : follow(call, watch, made, now)
          if (rest !== undefined) {
            const caught = Effect.catchAllCause(rest, (cause) => Effect.sync(() => onDefect(cause)))
            slow = slow === undefined ? caught : Effect.zipRight(slow, caught)
          }
        } catch (defect) {
          onDefect(Cause.die(defect))
        }
      }
      return slow
    }

    const onSeen = (call: Watched, seen: Call): Effect.Effect<void> => {
      const now = time()
      call.readAt = now
      call.alone = false
      if (!isTerminal(seen)) call.lastActiveAt = now
      return forEachWatch(call, now, ({ state }) => state.onCall(seen, now)) ?? Effect.void
    }

    const onFound = (asked: ReadonlyArray<Watched>, found: Found): Effect.Effect<void> => {
      const now = time()
      refusedSweeps = 0
      // Whether Exotel minds the case of a sid is unknown.
      const ended = new Map(found.calls.map((call) => [call.sid.toLowerCase(), call]))
      const damaged = new Map(found.damaged.map((error) => [error.sid?.toLowerCase(), error]))
      const slow: Array<Effect.Effect<void>> = []
      for (const call of asked) {
        const sid = call.sid.toLowerCase()
        const record = ended.get(sid)
        // A record that cannot be read says that there is one: the call itself will tell.
        call.alone = record === undefined && damaged.has(sid)
        if (call.alone) continue
        const rest = forEachWatch(call, now, ({ state }) =>
          state.awaitsDetails
            ? undefined
            : record === undefined
            ? state.onMissing(now)
            : state.onSwept(record, now))
        if (record === undefined) call.lastActiveAt = now
        if (rest !== undefined) slow.push(rest)
      }
      Meters.swept(asked.length)
      return Effect.all(slow, { discard: true })
    }

    const onFailure = (asked: ReadonlyArray<Watched>, error: ExotelError): Effect.Effect<void> =>
      Effect.flatMap(Random.next, (chance) => {
        const now = time()
        if (error._tag === "RateLimited") {
          const rest = Option.match(Errors.retryAfter(error), {
            onNone: () => THROTTLED_MILLIS,
            onSome: Duration.toMillis
          })
          // The limit is the account's: whichever call met it, all of them wait.
          const caps = asked.flatMap(({ watches }) =>
            watches.map(({ state }) => Duration.toMillis(state.policy.retryAfterCap))
          )
          pausedUntil = Math.max(pausedUntil, now + Math.min(rest, LONGEST_PAUSE_MILLIS, Math.max(...caps)))
        }
        const slow = asked.flatMap((call) =>
          forEachWatch(call, now, ({ state }) => state.onFailure(error, now, chance, pausedUntil)) ?? []
        )
        return Effect.all(slow, { discard: true })
      })

    /** What a sweep fails with need not be the fault of each of its calls; a read of each tells whose it is. */
    const onSweepFailure = (asked: ReadonlyArray<Watched>, error: ExotelError): Effect.Effect<void> => {
      if (error.isRetryable || error._tag === "AuthenticationError" || error._tag === "RegionMismatch") {
        return onFailure(asked, error)
      }
      for (const call of asked) call.alone = true
      refusedSweeps += 1
      if (refusedSweeps % REFUSED_SWEEPS !== 0) return Effect.void
      agenda.sweepsFrom = time() + SWEEPLESS_MILLIS
      return Effect.annotateLogs(
        Effect.logWarning("Exotel refuses bulk reads; calls are read one by one for ten minutes"),
        { error: error._tag }
      )
    }

    const endAll = (asked: ReadonlyArray<Watched>, cause: Cause.Cause<never>): void => {
      for (const call of asked) for (const watch of call.watches) over(call, watch, Exit.failCause(cause))
    }

    const ask = ({ by, calls: asked }: Order, turn: RequestBudget.Turn): Effect.Effect<void> => {
      const call = asked[0]
      if (call === undefined) return Effect.void
      return by === "read"
        ? Effect.matchEffect(Effect.interruptible(options.poll(call.sid, turn)), {
          onSuccess: (seen) => onSeen(call, seen),
          onFailure: (error) => onFailure(asked, error)
        })
        : Effect.matchEffect(Effect.interruptible(options.sweep(asked.map(({ sid }) => sid), turn)), {
          onSuccess: (found) => onFound(asked, found),
          onFailure: (error) => onSweepFailure(asked, error)
        })
    }

    const begin = (order: Order, now: number, fiber: Fiber.RuntimeFiber<void>): void => {
      const job = { ...order, wanted: order.calls.length, fiber }
      for (const call of order.calls) {
        const late = now - call.lookAt
        if (late >= 0) Meters.began(late)
        call.job = job
        call.lastPollAt = now
        agenda.place(call, now)
      }
    }

    const finish = (order: Order): void => {
      running -= 1
      const now = time()
      for (const call of order.calls) {
        call.job = undefined
        call.stage = "asleep"
        if (call.hinted) lookSoon(call, now)
        call.hinted = false
        agenda.place(call, now)
      }
    }

    const carryOut = (order: Order, turn: RequestBudget.Turn): Effect.Effect<void> =>
      Effect.withFiberRuntime<void>((fiber) => {
        running += 1
        begin(order, latest, fiber as Fiber.RuntimeFiber<void>)
        // Whoever comes next waits for the next turn meanwhile.
        dispatch()
        return ask(order, turn).pipe(
          // A defect, of a client say, must not leave anybody waiting. Our own interruption comes when nobody waits; should
          // somebody have joined meanwhile, the call is in line again.
          Effect.catchAllCause((cause) =>
            Effect.map(FiberRef.get(FiberRef.interruptedCause), (own) => {
              if (Cause.isEmpty(own)) endAll(order.calls, cause)
            })
          ),
          Effect.ensuring(Effect.sync(() => finish(order)))
        )
      })

    const learnRate: Effect.Effect<void> = Effect.suspend(() => {
      const now = latest
      if (now - rateAskedAt < RATE_MILLIS) return Effect.void
      rateAskedAt = now
      return Effect.map(budget.sparePerMinute, (perMinute) => {
        agenda.rate = perMinute / 60
      })
    })

    const lanes: ReadonlyArray<Lane> = [
      {
        priority: "watch",
        concurrency,
        waiting: undefined,
        idleUntil: Number.NEGATIVE_INFINITY,
        next: (now) => {
          const lag = agenda.lag(now)
          const order = agenda.nextLook(now)
          if (order !== undefined) pacing.served(order, agenda.isSweeping, lag, now)
          return order
        },
        hasWork: () => agenda.looksWaiting > 0
      },
      {
        priority: "background",
        // One is kept free for whoever is in a hurry.
        concurrency: Math.max(1, concurrency - 1),
        waiting: undefined,
        idleUntil: Number.NEGATIVE_INFINITY,
        next: (now) => agenda.nextSpare(now),
        hasWork: () => agenda.hasSpare
      }
    ]

    const mayStart = (lane: Lane, now: number): boolean =>
      stopped === undefined && lane.waiting === undefined && running < lane.concurrency
      && now >= pausedUntil && now >= lane.idleUntil && lane.hasWork()

    /** The next turn; the one who waits for it can be sent away. */
    const takeTurn = (lane: Lane): Effect.Effect<RequestBudget.Turn> =>
      Effect.withFiberRuntime<RequestBudget.Turn>((fiber) => {
        lane.waiting = fiber as Fiber.RuntimeFiber<RequestBudget.Turn>
        return Effect.ensuring(
          Effect.interruptible(Effect.zipRight(learnRate, budget.take(lane.priority))),
          Effect.sync(() => {
            lane.waiting = undefined
          })
        )
      })

    /** Takes turn after turn as long as there is something to ask. What is asked is chosen when the turn has come. */
    const work = (lane: Lane): Effect.Effect<void> =>
      Effect.suspend(() =>
        mayStart(lane, latest)
          ? Effect.flatMap(takeTurn(lane), (turn) => {
            const now = time()
            const order = now >= pausedUntil && running < lane.concurrency ? lane.next(now) : undefined
            if (order === undefined) {
              lane.idleUntil = now + IDLE_MILLIS
              return budget.giveBack(turn)
            }
            Meters.backlog(agenda.detailsWaiting)
            return Effect.zipRight(carryOut(order, turn), work(lane))
          })
          : Effect.void
      )

    /** Has somebody wait for the next turn where there is something to ask. */
    const dispatch = (): void => {
      for (const lane of lanes) {
        if (!mayStart(lane, latest)) continue
        lane.waiting = "starting"
        fork(
          Effect.suspend(() => {
            lane.waiting = undefined
            return work(lane)
          }).pipe(
            Effect.catchAllCause((cause) => Cause.isInterruptedOnly(cause) ? Effect.void : stop(cause)),
            Effect.ensuring(Effect.sync(news))
          )
        )
      }
    }

    /** What a call whose time has come needs: its watches' ends, or its place in line. */
    const wake = (call: Watched, now: number): void => {
      for (const watch of call.watches) {
        if (watch.state.limit <= now) forOne(call, watch, now)
      }
      agenda.place(call, now)
      abandon(call)
    }

    const forOne = (call: Watched, watch: Watch, now: number): void => {
      follow(call, watch, watch.state.onLimit(now), now)
    }

    /** Ends the request under way if nobody waits for any of its calls any more. */
    const abandon = (call: Watched): Fiber.RuntimeFiber<void> | undefined => {
      const { job } = call
      if (job === undefined || call.isWatched) return undefined
      call.job = undefined
      job.wanted -= 1
      if (job.wanted > 0) return undefined
      job.fiber.unsafeInterruptAsFork(FiberId.none)
      return job.fiber
    }

    const round = (): void => {
      const now = time()
      for (let call = agenda.woken(now); call !== undefined; call = agenda.woken(now)) wake(call, now)
      dispatch()
      arm(now)
    }

    const timer: { fiber: Fiber.RuntimeFiber<void> | undefined; at: number } = { fiber: undefined, at: Infinity }

    /** Sets the timer to when something has to be done next. */
    const arm = (now: number): void => {
      let at = agenda.wakeAt
      for (const lane of lanes) {
        if (lane.waiting === undefined && running < lane.concurrency && lane.hasWork()) {
          at = Math.min(at, Math.max(pausedUntil, lane.idleUntil))
        }
      }
      if (timer.fiber !== undefined) {
        // A timer that comes too early does no harm, one that comes for nothing does.
        if (timer.at <= at && at !== Number.POSITIVE_INFINITY) return
        timer.fiber.unsafeInterruptAsFork(FiberId.none)
        timer.fiber = undefined
      }
      if (at === Number.POSITIVE_INFINITY || stopped !== undefined) return
      // Rounded up: to wake a fraction of a millisecond early would be to go round and round until it has passed.
      const sleep = Math.min(Math.ceil(Math.max(at - now, 1)), LONGEST_SLEEP_MILLIS)
      timer.at = at
      const fiber = fork(Effect.flatMap(
        Effect.interruptible(Effect.sleep(sleep)),
        () =>
          orStop(() => {
            if (timer.fiber !== fiber) return
            timer.fiber = undefined
            // So long has passed, whatever the clock will say.
            latest = Math.max(latest, now + sleep)
            round()
          })
      ))
      timer.fiber = fiber
    }

    let isNews = false
    /** Has what is due looked after, once, however much is new. */
    const news = (): void => {
      if (isNews || stopped !== undefined) return
      isNews = true
      fork(orStop(() => {
        isNews = false
        round()
      }))
    }

    /** A defect of ours must not leave anybody waiting. */
    const orStop = (what: () => void): Effect.Effect<void> => Effect.catchAllCause(Effect.sync(what), stop)

    const stop = (cause: Cause.Cause<never>): Effect.Effect<void> =>
      Effect.sync(() => {
        stopped = cause
        endAll([...calls.values()], cause)
        calls.clear()
      })

    yield* Effect.addFinalizer(() => stop(Cause.interrupt(FiberId.none)))

    const join = (state: WatchState, listener: Listener): { readonly call: Watched; readonly watch: Watch } => {
      const now = time()
      const call = calls.get(state.sid) ?? new Watched(state.sid, now)
      calls.set(state.sid, call)
      const watch = new Watch(state, listener, now)
      call.add(watch)
      Meters.joined()
      agenda.place(call, now)
      news()
      return { call, watch }
    }

    /** The request that was left with nobody to wait for it, if there is one. */
    const leave = (call: Watched, watch: Watch): Fiber.RuntimeFiber<void> | undefined => {
      if (!call.delete(watch)) return undefined
      Meters.left()
      agenda.place(call, latest)
      return abandon(call)
    }

    /** Waits for abandoned requests to be given up, and for a turn that nobody will use. */
    const cleanUp = (abandoned: ReadonlyArray<Fiber.RuntimeFiber<unknown>>): Effect.Effect<void> =>
      Effect.suspend(() => {
        const fibers = new Set<Fiber.RuntimeFiber<unknown>>(abandoned)
        for (const { hasWork, waiting } of lanes) {
          if (waiting !== undefined && waiting !== "starting" && !hasWork()) fibers.add(waiting)
        }
        // With nothing left to wait for, the engine puts its timer away.
        if (calls.size === 0) arm(latest)
        return Fiber.interruptAll(fibers)
      })

    const lookSoon = (call: Watched, now: number): void => {
      const at = Math.max(now, call.lastPollAt + HINT_INTERVAL_MILLIS)
      for (const watch of call.watches) {
        if (!watch.resting && !watch.state.awaitsDetails) watch.dueAt = Math.min(watch.dueAt, at)
      }
    }

    /** The listener is told at once when there will be no poll any more. */
    const isStopped = (state: WatchState, listener: Listener): boolean => {
      if (stopped !== undefined) listener.onOver(state, Exit.failCause(stopped))
      return stopped !== undefined
    }

    return {
      watch: (state, listener) =>
        Effect.suspend(() =>
          isStopped(state, listener)
            ? Effect.void
            : Effect.asVoid(Effect.acquireRelease(
              Effect.sync(() => join(state, listener)),
              ({ call, watch }) =>
                Effect.suspend(() => {
                  const abandoned = leave(call, watch)
                  return cleanUp(abandoned === undefined ? [] : [abandoned])
                })
            ))
        ),
      fleet: (listener, onPace) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const stopListening = pacing.listen(onPace)
            return {
              stopListening,
              join: (state: WatchState) => {
                if (isStopped(state, listener)) return true
                const watches = calls.get(state.sid)?.watches ?? []
                if (watches.some((watch) => watch.listener === listener)) return false
                join(state, listener)
                return true
              }
            }
          }),
          ({ stopListening }) =>
            Effect.suspend(() => {
              stopListening()
              const abandoned: Array<Fiber.RuntimeFiber<void>> = []
              for (const call of [...calls.values()]) {
                for (const watch of call.watches) {
                  if (watch.listener !== listener) continue
                  const fiber = leave(call, watch)
                  if (fiber !== undefined) abandoned.push(fiber)
                }
              }
              return cleanUp(abandoned)
            })
        ).pipe(Effect.map(({ join }) => join)),
      hint: (sid) =>
        Effect.sync(() => {
          const call = calls.get(sid)
          if (call === undefined) return false
          const now = time()
          call.hinted = call.stage === "running"
          if (!call.hinted) lookSoon(call, now)
          agenda.place(call, now)
          news()
          return true
        })
    }
  })
