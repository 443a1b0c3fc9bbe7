/**
 * Those who ask: a worker takes turn after turn of the request budget, and chooses what to ask only when its turn has come.
 * In each of two lanes, for looks and for what may wait, one worker at most waits for a turn. A worker with nothing to do
 * rests until there is: to begin another would cost more than all else that is done for a poll.
 */
import type * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Job } from "./watchedCall.ts"

/** How soon it is looked again whether a request that nobody is in a hurry for is of use. */
const IDLE_MILLIS = 1000

export interface Lane {
  readonly priority: RequestBudget.Priority
  /** How many requests under way, of both lanes, keep it from sending one more. */
  readonly concurrency: number
  readonly hasWork: () => boolean
  /** What to ask now, and taken in hand; nothing when there is nothing of use. */
  readonly next: (now: number, worker: Fiber.RuntimeFiber<unknown>) => Job | undefined
}

interface LaneState extends Lane {
  /** The worker that waits for a turn, or is about to. */
  waiting: Fiber.RuntimeFiber<unknown> | "starting" | undefined
  /** How many workers it has, and those of them who rest. */
  poolSize: number
  readonly resting: Set<Resting>
  idleUntil: number
}

interface Resting {
  readonly wake: (nothing: Effect.Effect<void>) => void
}

export interface Options {
  readonly lanes: ReadonlyArray<Lane>
  readonly budget: RequestBudget.Service
  readonly fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  readonly time: () => number
  /** The time when it was last asked for: good enough where no wait depends on it. */
  readonly latest: () => number
  /** Before this time nothing is asked. */
  readonly readyAt: () => number
  readonly ask: (job: Job) => Effect.Effect<void>
  /** Runs a request with the permit that was acquired for it. */
  readonly withPermit: (work: Effect.Effect<void>, permit: RequestBudget.Permit) => Effect.Effect<void>
  /** Told when a worker has nothing to do any more. */
  readonly onIdle: () => void
  readonly onDefect: (cause: Cause.Cause<never>) => Effect.Effect<void>
}

export class Lanes {
  /** How many requests are under way. */
  private running = 0
  private readonly options: Options
  private readonly lanes: ReadonlyArray<LaneState>

  constructor(options: Options) {
    this.options = options
    this.lanes = options.lanes.map((lane) => ({
      ...lane,
      waiting: undefined,
      poolSize: 0,
      resting: new Set(),
      idleUntil: Number.NEGATIVE_INFINITY
    }))
  }

  /** When somebody who has something to ask may begin to wait for a turn; never while everybody does, or has nothing. */
  get wakeAt(): number {
    let at = Number.POSITIVE_INFINITY
    for (const lane of this.lanes) {
      if (lane.waiting === undefined && this.hasUse(lane)) {
        at = Math.min(at, Math.max(this.options.readyAt(), lane.idleUntil))
      }
    }
    return at
  }

  /** The workers that wait for a turn which they would not use. */
  get surplus(): ReadonlyArray<Fiber.RuntimeFiber<unknown>> {
    return this.lanes.flatMap(({ hasWork, waiting }) =>
      waiting === undefined || waiting === "starting" || hasWork() ? [] : [waiting]
    )
  }

  /** Has somebody wait for the next turn where there is something to ask. */
  dispatch(now: number): void {
    for (const lane of this.lanes) {
      if (lane.waiting !== undefined || !this.mayAsk(lane, now)) continue
      const [resting] = lane.resting
      if (resting === undefined && lane.poolSize >= lane.concurrency) continue
      lane.waiting = "starting"
      if (resting !== undefined) {
        lane.resting.delete(resting)
        resting.wake(Effect.void)
        continue
      }
      lane.poolSize += 1
      this.options.fork(this.worker(lane))
    }
  }

  shift(back: number): void {
    for (const lane of this.lanes) lane.idleUntil -= back
  }

  private hasUse(lane: LaneState): boolean {
    return this.running < lane.concurrency && lane.hasWork()
  }

  private mayAsk(lane: LaneState, now: number): boolean {
    return this.hasUse(lane) && now >= this.options.readyAt() && now >= lane.idleUntil
  }

  private worker(lane: LaneState): Effect.Effect<void> {
    const { budget, onDefect, onIdle, withPermit, time } = this.options
    return Effect.withFiberRuntime<void>((fiber) => {
      const worker = fiber as Fiber.RuntimeFiber<unknown>
      let goesOn = true
      let isAsking = false
      let resting: Resting | undefined

      const begin = Effect.sync(() => {
        goesOn = true
        resting = undefined
        if (lane.waiting === "starting") lane.waiting = undefined
      })

      const hasNothingToAsk = (): void => {
        goesOn = false
        lane.idleUntil = time() + IDLE_MILLIS
      }

      const takeTurn = Effect.matchCauseEffect(Effect.interruptible(budget.acquire(lane.priority)), {
        onFailure: (cause) => {
          lane.waiting = undefined
          // Whoever sends it away while it waits has seen that nothing is to be asked.
          if (!Cause.isInterruptedOnly(cause)) return Effect.failCause(cause)
          hasNothingToAsk()
          return Effect.void
        },
        onSuccess: (permit) => {
          lane.waiting = undefined
          const job = this.choose(lane, worker)
          if (job === undefined) {
            hasNothingToAsk()
            return budget.release(permit)
          }
          isAsking = true
          this.running += 1
          // Whoever comes next waits for the next turn meanwhile.
          this.dispatch(this.options.latest())
          return withPermit(this.options.ask(job), permit)
        }
      })

      const work = Effect.whileLoop({
        while: () => {
          // One is enough to wait for a turn; somebody who has yet to begin need not.
          const isAlone = lane.waiting === undefined || lane.waiting === "starting"
          if (!goesOn || !isAlone || !this.mayAsk(lane, this.options.latest())) return false
          lane.waiting = worker
          return true
        },
        body: () => takeTurn,
        step: () => {
          if (isAsking) this.running -= 1
          isAsking = false
        }
      })

      const rest = Effect.interruptible(Effect.async<void>((wake) => {
        resting = { wake }
        lane.resting.add(resting)
        onIdle()
      }))

      const beginWorkAndRest = begin.pipe(Effect.zipRight(work), Effect.zipRight(rest))
      const loop = Effect.whileLoop({ while: () => true, body: () => beginWorkAndRest, step: () => undefined })
      return loop.pipe(
        Effect.catchAllCause((cause) => Cause.isInterruptedOnly(cause) ? Effect.void : onDefect(cause)),
        Effect.ensuring(Effect.sync(() => {
          // Sent away while it rests, or when it has been woken and has yet to begin.
          const isWoken = resting !== undefined && !lane.resting.delete(resting)
          if (isWoken && lane.waiting === "starting") lane.waiting = undefined
          lane.poolSize -= 1
          onIdle()
        }))
      )
    })
  }

  private choose(lane: LaneState, worker: Fiber.RuntimeFiber<unknown>): Job | undefined {
    const now = this.options.time()
    if (now < this.options.readyAt() || this.running >= lane.concurrency) return undefined
    return lane.next(now, worker)
  }
}
